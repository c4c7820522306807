"""Which version answers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from app import VERSION
from app.api.deps import WorkDep

router = APIRouter(prefix="/version", tags=["平台"])


class Version(BaseModel):
    """The program's version."""

    name: str
    version: str


@router.get("")
def read_version(_work: WorkDep) -> Version:
    """Tell name and version; public."""
    return Version(name="证学", version=VERSION)
