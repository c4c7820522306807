"""Courseware files: hand in an upload, see what was measured, look at it.

Clauses: CC-4.3.3, CC-4.3.4
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.deps import AUTHOR, REVIEWER, PlatformDep, WorkDep, allow
from app.core.errors import Conflict
from app.core.work import Work
from app.training.media import intake
from app.training.media.models import MediaAsset
from app.wiring import Platform
from storage import uploads
from storage.models import StoredObject
from storage.service import ref_of

router = APIRouter(prefix="/media", tags=["课件"])

LINK_LIFETIME = timedelta(minutes=30)
PURPOSE = "media"


class UploadNotComplete(Conflict):
    """The upload is not complete, or is none of courseware."""

    slug = "upload-not-complete"
    title = "文件尚未传完，请完成上传后再提交"


class MediaIn(BaseModel):
    """A completed upload of purpose `media`."""

    upload_id: UUID


class MediaWarning(BaseModel):
    """What a reviewer should look at."""

    code: str
    text: str


class MediaView(BaseModel):
    """A courseware file; everything in it was measured, nothing typed."""

    id: UUID
    status: str
    file_name: str
    size_bytes: int
    container: str | None
    duration_s: float | None
    height: int | None
    width: int | None
    video_codec: str | None
    audio_codec: str | None
    has_audio: bool | None
    mean_volume_db: float | None
    black_ratio: float | None
    is_transcoded: bool | None
    warnings: list[MediaWarning]
    problem: str | None
    play_url: str | None
    created_at: datetime


@router.post("", dependencies=[allow(AUTHOR)], status_code=202)
def hand_in(body: MediaIn, work: WorkDep, platform: PlatformDep) -> MediaView:
    """Hand a completed upload in as courseware; it is measured and made playable by a job."""
    found = uploads.resume(work.session, body.upload_id, owner_id=_account(work))
    if found.stored_object_id is None or found.purpose != PURPOSE:
        raise UploadNotComplete
    source = ref_of(work.session.get_one(StoredObject, found.stored_object_id))
    media = intake.register_media(work, upload_id=body.upload_id, source=source, file_name=found.file_name)
    return media_view(work, platform, media)


@router.get("/{media_id}", dependencies=[allow(AUTHOR, REVIEWER)])
def read_media(media_id: UUID, work: WorkDep, platform: PlatformDep) -> MediaView:
    """Show a courseware file of my organisation."""
    media = intake.get_media(work.session, media_id, organization_id=work.actor.organization_id)
    return media_view(work, platform, media)


def _account(work: Work) -> UUID:
    if work.actor.account_id is None:
        raise UploadNotComplete
    return work.actor.account_id


def media_view(work: Work, platform: Platform, media: MediaAsset) -> MediaView:
    """Show a courseware file, with a link of minutes when it can be played."""
    play_url = None
    if media.play_key is not None:
        play_url = platform.store.presign_get(media.play_key, now=work.now, expires_in=LINK_LIFETIME)
    return MediaView(
        id=media.id,
        status=media.status,
        file_name=media.file_name,
        size_bytes=media.size_bytes,
        container=media.container,
        duration_s=None if media.duration_ms is None else media.duration_ms / 1000,
        height=media.height,
        width=media.width,
        video_codec=media.video_codec,
        audio_codec=media.audio_codec,
        has_audio=media.has_audio,
        mean_volume_db=None if media.mean_volume_db_milli is None else media.mean_volume_db_milli / 1000,
        black_ratio=None if media.black_micro is None else media.black_micro / 1_000_000,
        is_transcoded=media.is_transcoded,
        warnings=[MediaWarning(**warning) for warning in media.warnings],
        problem=media.problem,
        play_url=play_url,
        created_at=media.created_at,
    )
