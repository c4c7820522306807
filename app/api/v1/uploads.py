"""Resumable uploads of staff: addresses for parts, confirmation, completion.

Clauses: CC-4.3.4
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.deps import AUTHOR, PlatformDep, UnitDep, allow_unit
from app.core.errors import Unprocessable
from app.core.work import Work
from app.wiring import Platform
from storage import uploads
from storage.rules import MIB, RetentionClass, UploadRule
from storage.uploads import MAX_URLS, UploadView

router = APIRouter(prefix="/uploads", tags=["上传"])

GIB = 1024 * MIB
Purpose = Literal["media", "question_bank", "proof"]
SHA256 = r"^[0-9a-f]{64}$"

RULES: dict[str, UploadRule] = {
    "media": UploadRule(
        purpose="media", max_bytes=8 * GIB, media_types=frozenset({"video/mp4", "video/x-flv"}), part_bytes=8 * MIB
    ),
    "question_bank": UploadRule(
        purpose="question_bank",
        max_bytes=20 * MIB,
        media_types=frozenset({"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}),
    ),
    "proof": UploadRule(
        purpose="proof", max_bytes=20 * MIB, media_types=frozenset({"image/jpeg", "image/png", "application/pdf"})
    ),
}
"""What may be uploaded for which purpose."""

KEPT = {
    "media": ("courseware_source", RetentionClass.COURSEWARE),
    "question_bank": ("question_bank", RetentionClass.WORKING),
    "proof": ("proof", RetentionClass.IDENTITY_DOCUMENT),
}
"""Kind of record and retention of each purpose."""


class UploadOpen(BaseModel):
    """The file to upload."""

    purpose: Purpose
    file_name: str = Field(min_length=1, max_length=300)
    size_bytes: int = Field(ge=1)
    media_type: str = Field(max_length=120)


class PartOut(BaseModel):
    """Where to PUT a part."""

    no: int
    url: str
    method: str = "PUT"


class UploadOut(BaseModel):
    """An upload with addresses for the next missing parts (at most 100 at a time)."""

    id: UUID
    state: str
    file_name: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    parts: list[PartOut]
    received: dict[int, str] = Field(description="已收到的分片及其 SHA-256")
    missing: list[int]
    expires_at: datetime
    object_id: UUID | None


class PartDone(BaseModel):
    """A part that has been sent."""

    no: int = Field(ge=1, le=10_000)
    sha256: str = Field(pattern=SHA256)
    etag: str | None = Field(None, max_length=200)


class UploadComplete(BaseModel):
    """The hash of the whole file, where the browser could compute it."""

    sha256: str | None = Field(None, pattern=SHA256)


class Completed(BaseModel):
    """The stored file."""

    id: UUID
    state: str
    object_id: UUID
    sha256: str
    size_bytes: int


@router.post("", dependencies=[allow_unit(AUTHOR)], status_code=201)
def open_upload(body: UploadOpen, unit: UnitDep, platform: PlatformDep) -> UploadOut:
    """Begin an upload; the answer says how long the parts are and where the first ones go."""
    with unit() as work:
        owner_id, now = _owner(work), work.now
    opened = uploads.open_upload(
        platform.database.transaction,
        platform.store,
        RULES[body.purpose],
        owner_id=owner_id,
        file_name=body.file_name,
        size_bytes=body.size_bytes,
        media_type=body.media_type,
        now=now,
    )
    with unit() as work:
        return _view(work, platform, opened)


@router.get("/{upload_id}", dependencies=[allow_unit(AUTHOR)])
def resume(upload_id: UUID, unit: UnitDep, platform: PlatformDep) -> UploadOut:
    """Tell how far my upload has come, with fresh addresses for the missing parts."""
    with unit() as work:
        return _view(work, platform, uploads.resume(work.session, upload_id, owner_id=_owner(work)))


@router.post("/{upload_id}/parts", dependencies=[allow_unit(AUTHOR)])
def record_part(upload_id: UUID, body: PartDone, unit: UnitDep, platform: PlatformDep) -> UploadOut:
    """Note that a part has been sent; sent again, it replaces itself."""
    with unit() as work:
        owner_id = _owner(work)
        uploads.record_part(work.session, upload_id, body.no, owner_id=owner_id, sha256=body.sha256, now=work.now)
        return _view(work, platform, uploads.resume(work.session, upload_id, owner_id=owner_id))


@router.post("/{upload_id}/complete", dependencies=[allow_unit(AUTHOR)])
def complete(upload_id: UUID, body: UploadComplete, unit: UnitDep, platform: PlatformDep) -> Completed:
    """Join the parts and check the file; harmless when repeated."""
    with unit() as work:
        owner_id, now = _owner(work), work.now
        purpose = uploads.resume(work.session, upload_id, owner_id=owner_id).purpose
    kind, retention = KEPT[purpose]
    ref = uploads.complete_upload(
        platform.database.transaction,
        platform.store,
        upload_id,
        owner_id=owner_id,
        kind=kind,
        retention=retention,
        now=now,
        sha256=body.sha256,
    )
    return Completed(id=upload_id, state="completed", object_id=ref.id, sha256=ref.sha256, size_bytes=ref.size_bytes)


def _owner(work: Work) -> UUID:
    if work.actor.account_id is None:
        raise Unprocessable
    return work.actor.account_id


def _view(work: Work, platform: Platform, found: UploadView) -> UploadOut:
    urls = {}
    if found.state == "open" and found.missing:
        urls = uploads.part_urls(
            work.session,
            platform.store,
            found.id,
            owner_id=_owner(work),
            numbers=list(found.missing)[:MAX_URLS],
            now=work.now,
        )
    return UploadOut(
        id=found.id,
        state=found.state,
        file_name=found.file_name,
        size_bytes=found.size_bytes,
        part_size_bytes=found.part_size_bytes,
        part_count=found.part_count,
        parts=[PartOut(no=number, url=url) for number, url in urls.items()],
        received=dict(found.received),
        missing=list(found.missing),
        expires_at=found.expires_at,
        object_id=found.stored_object_id,
    )
