"""What reports remember: which document belongs to which attempt."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256


class SealedPaper(Base):
    """The one document of an attempt; append-only. `sha256` is that of the PDF in clear."""

    __tablename__ = "sealed_paper"
    __table_args__ = (
        CheckConstraint("size_bytes > 0 AND page_count > 0", name="not_empty"),
        Index("ix_sealed_paper_enrollment_id", "enrollment_id"),
    )

    attempt_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("attempt.id"), primary_key=True)
    enrollment_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("enrollment.id"))
    sha256: Mapped[Sha256]
    size_bytes: Mapped[int]
    page_count: Mapped[int]
    content_sha256: Mapped[Sha256]
    template_version: Mapped[str]
    sealed_at: Mapped[datetime]
