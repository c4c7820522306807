"""Passkeys of the signed-in trainee: register a device, list the registered ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.deps import TRAINEE, PlatformDep, WorkDep, allow
from app.core.work import Work
from app.identity import passkeys
from app.identity.errors import PersonNotFound
from app.identity.queries import passkeys_of

router = APIRouter(prefix="/me/passkeys", tags=["通行密钥"], dependencies=[allow(TRAINEE)])


class CredentialIn(BaseModel):
    """What the browser's `navigator.credentials.create()` gave, as JSON."""

    credential: dict[str, Any]


class PasskeyOut(BaseModel):
    """A registered passkey."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


class Passkeys(BaseModel):
    """All my passkeys, oldest first."""

    items: list[PasskeyOut]
    next_cursor: None = None


@router.post("/options")
def make_options(work: WorkDep, platform: PlatformDep) -> dict[str, Any]:
    """Give my browser the options to create a passkey."""
    return passkeys.registration_options(work, person_id=_person(work), rp=platform.relying_party)


@router.post("", status_code=201)
def register(body: CredentialIn, work: WorkDep, platform: PlatformDep) -> PasskeyOut:
    """Register the passkey my browser created."""
    person_id = _person(work)
    made = passkeys.register_passkey(work, person_id=person_id, credential=body.credential, rp=platform.relying_party)
    return next(item for item in _all(work, person_id) if item.id == made.id)


@router.get("")
def read_passkeys(work: WorkDep) -> Passkeys:
    """List my passkeys."""
    return Passkeys(items=_all(work, _person(work)))


def _all(work: Work, person_id: UUID) -> list[PasskeyOut]:
    return [
        PasskeyOut(id=view.id, name=f"通行密钥 {number}", created_at=view.created_at, used_at=view.used_at)
        for number, view in enumerate(passkeys_of(work.session, person_id), start=1)
    ]


def _person(work: Work) -> UUID:
    if work.actor.person_id is None:
        raise PersonNotFound
    return work.actor.person_id
