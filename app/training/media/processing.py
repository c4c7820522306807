"""Prepare courseware files in a job: ready or rejected.

Clauses: CC-4.3.3, CC-4.3.4
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from app.core.work import Work
from app.training.events import MediaProcessed
from app.training.media.models import MediaAsset
from app.training.media.ports import MediaWorkshop, Prepared
from app.training.media.rules import MediaRefused, warnings_of
from storage.ports import CHUNK_BYTES, ObjectStore
from storage.rules import RetentionClass
from storage.service import SealedBytes, record_sealed, store_bytes

MEDIA_JOB = "process_media"
KIND = "courseware"

Unit = Callable[[], AbstractContextManager[Work]]
"""Opens one unit of work and commits it at its end."""


def process_media(
    unit: Unit, store: ObjectStore, media_id: UUID, *, workshop: MediaWorkshop, scratch: Path | None = None
) -> None:
    """Prepare one file, for a job; done twice it does the work once. No transaction is open while it works.

    Args:
        unit: Opens units of work.
        store: Where files lie.
        media_id: The file.
        workshop: Measures and encodes.
        scratch: Folder for temporary files; the system's when None.

    Raises:
        StoreUnavailable: The store does not answer; the job is tried again.
    """
    with unit() as work:
        media = work.session.get(MediaAsset, media_id)
        if media is None or media.status != "processing":
            return
        source_key, source_sha256 = media.source_key, media.source_sha256
    with tempfile.TemporaryDirectory(prefix="zx-media-", dir=scratch) as folder:
        source, target = Path(folder) / "source", Path(folder) / "playable.mp4"
        try:
            _download(store, source_key, source, sha256=source_sha256)
            prepared = workshop.prepare(source, target)
        except MediaRefused as refused:
            with unit() as work:
                _reject(work, media_id, str(refused))
            return
        with unit() as work:
            now = work.now
        with target.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            sealed = store_bytes(
                store,
                file,
                kind=KIND,
                media_type="video/mp4",
                retention=RetentionClass.COURSEWARE,
                now=now,
                sha256=sha256,
            )
    with unit() as work:
        _finish(work, media_id, prepared, sealed)


def _download(store: ObjectStore, key: str, target: Path, *, sha256: str) -> None:
    """Copy an object to a file and compare its hash."""
    digest = hashlib.sha256()
    with store.open_range(key) as stream, target.open("wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != sha256:
        raise MediaRefused("存储的文件与上传时不一致，请重新上传")


def _locked(work: Work, media_id: UUID) -> MediaAsset | None:
    found = work.session.get(MediaAsset, media_id, with_for_update=True)
    return found if found is not None and found.status == "processing" else None


def _reject(work: Work, media_id: UUID, problem: str) -> None:
    media = _locked(work, media_id)
    if media is None:
        return
    media.status, media.problem, media.processed_at = "rejected", problem, work.now
    work.session.flush()
    work.publish(MediaProcessed(media_id=media.id, organization_id=media.organization_id, status=media.status))


def _finish(work: Work, media_id: UUID, prepared: Prepared, sealed: SealedBytes) -> None:
    media = _locked(work, media_id)
    if media is None:
        return
    facts = prepared.facts
    record_sealed(work.session, sealed, now=work.now, created_by=media.created_by)
    media.status, media.processed_at = "ready", work.now
    media.container, media.duration_ms = facts.container, facts.duration_ms
    media.width, media.height = facts.width, facts.height
    media.video_codec, media.audio_codec = facts.video_codec, facts.audio_codec
    media.has_audio = facts.audio_codec is not None
    media.mean_volume_db_milli, media.black_micro = facts.mean_volume_db_milli, facts.black_micro
    media.is_transcoded, media.warnings = prepared.is_transcoded, list(warnings_of(facts))
    media.play_key, media.play_sha256, media.play_bytes = sealed.ref.key, sealed.ref.sha256, sealed.ref.size_bytes
    work.session.flush()
    work.publish(MediaProcessed(media_id=media.id, organization_id=media.organization_id, status=media.status))
