"""Tables of storage: what lies in the object store, and what is on its way there.

`stored_object` rows are facts: the database refuses to change what was sealed and to delete a row (see the
migration). Only retention, hold and tombstone move.

Clauses: CC-5.3.3c
"""

from __future__ import annotations

from datetime import datetime
from typing import NewType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256, UuidKey

StoredObjectId = NewType("StoredObjectId", UUID)
UploadId = NewType("UploadId", UUID)


class StoredObject(Base):
    """The record of one object, kept also after the object's bytes were deleted."""

    __tablename__ = "stored_object"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("size_bytes >= 0", name="size_bytes"),
        CheckConstraint("NOT legal_hold OR legal_hold_reason IS NOT NULL", name="legal_hold_reason"),
        CheckConstraint("NOT (legal_hold AND deleted_at IS NOT NULL)", name="held_is_not_deleted"),
        CheckConstraint("(deleted_at IS NULL) = (deletion_reason IS NULL)", name="deletion_reason"),
        CheckConstraint("purged_at IS NULL OR deleted_at IS NOT NULL", name="purged_after_deleted"),
        Index(
            "ix_stored_object_due",
            "retain_until",
            postgresql_where=text("deleted_at IS NULL AND NOT legal_hold AND retain_until IS NOT NULL"),
        ),
        Index(
            "ix_stored_object_purge",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND purged_at IS NULL"),
        ),
        Index("ix_stored_object_sha256", "sha256"),
    )

    id: Mapped[UuidKey]
    key: Mapped[str] = mapped_column(String(512))
    version_id: Mapped[str | None]
    sha256: Mapped[Sha256]
    size_bytes: Mapped[int]
    media_type: Mapped[str]
    kind: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    retention: Mapped[str] = mapped_column(String(40))
    retain_until: Mapped[datetime | None]
    legal_hold: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    legal_hold_reason: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    deletion_reason: Mapped[str | None]
    purged_at: Mapped[datetime | None]


class Upload(Base):
    """A file on its way, in parts."""

    __tablename__ = "upload"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('open', 'completed', 'aborted', 'expired')", name="state"),
        CheckConstraint("size_bytes > 0", name="size_bytes"),
        CheckConstraint("part_size_bytes > 0", name="part_size_bytes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("(state = 'completed') = (stored_object_id IS NOT NULL)", name="completed_is_stored"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_at"),
        Index("ix_upload_owner_id_open", "owner_id", postgresql_where=text("state = 'open'")),
        Index("ix_upload_expires_at_open", "expires_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UuidKey]
    owner_id: Mapped[UUID]
    purpose: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    part_size_bytes: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(512))
    multipart_id: Mapped[str]
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    stored_object_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_object.id"))


class UploadPart(Base):
    """A part that its sender has confirmed; sent again, it replaces itself."""

    __tablename__ = "upload_part"
    __table_args__ = (
        CheckConstraint("number BETWEEN 1 AND 10000", name="number"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_hex"),
        CheckConstraint("size_bytes > 0", name="size_bytes"),
    )

    upload_id: Mapped[UUID] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    size_bytes: Mapped[int]
    sha256: Mapped[Sha256]
    received_at: Mapped[datetime]
