"""Tables of courseware files."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256, UuidKey


class MediaAsset(Base):
    """One courseware file: what was uploaded, what was measured, and what is played.

    Durations are measured, never typed. `mean_volume_db_milli` is in thousandths of dBFS, `black_micro` the share of
    black pictures in millionths. `play_key` names the mp4 that phones and computers play.
    """

    __tablename__ = "media_asset"
    __table_args__ = (
        CheckConstraint("status IN ('processing', 'ready', 'rejected')", name="status_known"),
        CheckConstraint(
            "status <> 'ready' OR num_nulls(play_key, play_sha256, duration_ms, container) = 0",
            name="ready_is_measured",
        ),
        CheckConstraint("status <> 'rejected' OR problem IS NOT NULL", name="rejected_has_reason"),
    )

    id: Mapped[UuidKey]
    organization_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("organization.id"), index=True)
    upload_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    source_key: Mapped[str]
    source_sha256: Mapped[Sha256]
    file_name: Mapped[str]
    size_bytes: Mapped[int]
    status: Mapped[str]
    container: Mapped[str | None]
    duration_ms: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    video_codec: Mapped[str | None]
    audio_codec: Mapped[str | None]
    has_audio: Mapped[bool | None]
    mean_volume_db_milli: Mapped[int | None]
    black_micro: Mapped[int | None]
    is_transcoded: Mapped[bool | None]
    warnings: Mapped[list[Any]]
    problem: Mapped[str | None]
    play_key: Mapped[str | None]
    play_sha256: Mapped[str | None]
    play_bytes: Mapped[int | None]
    created_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    created_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
