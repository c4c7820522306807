"""Which version answers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app import VERSION
from app.api.deps import PlatformDep, WorkDep
from app.core.canonical import sha256_hex

router = APIRouter(prefix="/version", tags=["平台"])


class Version(BaseModel):
    """The program's version, and the fingerprint by which its evidence packs are known."""

    name: str
    version: str
    key_fingerprint: str = Field(description="证据包签名公钥的指纹（SHA-256），供 verify.py --key 核对")


@router.get("")
def read_version(_work: WorkDep, platform: PlatformDep) -> Version:
    """Tell name, version and the fingerprint of the signing key; public."""
    return Version(name="证学", version=VERSION, key_fingerprint=sha256_hex(platform.vault.public_key))
