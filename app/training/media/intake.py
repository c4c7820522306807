"""Take courseware files in after their upload, and find them again.

Clauses: CC-4.3.4
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.core.work import Work
from app.training.errors import MediaNotFound
from app.training.media.models import MediaAsset
from app.training.media.processing import MEDIA_JOB
from storage.service import ObjectRef


def register_media(work: Work, *, upload_id: UUID, source: ObjectRef, file_name: str) -> MediaAsset:
    """Take in an uploaded file and have it prepared; harmless when repeated.

    Args:
        work: The unit of work; its actor belongs to the organisation.
        upload_id: The completed upload.
        source: Where its bytes lie.
        file_name: For display.
    """
    found = work.session.scalars(select(MediaAsset).where(MediaAsset.upload_id == upload_id)).one_or_none()
    if found is not None:
        return found
    made = MediaAsset(
        id=new_id(),
        organization_id=work.actor.organization_id,
        upload_id=upload_id,
        source_key=source.key,
        source_sha256=source.sha256,
        file_name=file_name,
        size_bytes=source.size_bytes,
        status="processing",
        warnings=[],
        created_by=work.actor.account_id,
        created_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    work.jobs.defer(work.session, MEDIA_JOB, queueing_lock=f"media:{made.id}", media_id=str(made.id))
    return made


def get_media(session: Session, media_id: UUID, *, organization_id: UUID | None) -> MediaAsset:
    """Find a courseware file.

    Raises:
        MediaNotFound: There is none, or it is another organisation's.
    """
    found = session.get(MediaAsset, media_id)
    if found is None or (organization_id is not None and found.organization_id != organization_id):
        raise MediaNotFound
    return found
