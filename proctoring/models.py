"""Tables of supervision: face templates, check-ins, and every answer given to one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, Sha256, UuidKey

LESSON = "lesson"
EXAM_ATTEMPT = "exam_attempt"

SIGN_IN = "sign_in"
RANDOM = "random"
MAKE_UP = "make_up"
EXAM_IDENTITY = "exam_identity"

PLANNED = "planned"
DUE = "due"
PASSED = "passed"
FAILED = "failed"
MISSED = "missed"
CANCELED = "canceled"

FACE = "face"
PASSKEY = "passkey"


class FaceEnrolment(Base):
    """A trainee's face on file. Personal data: `template` is encrypted, its photos are evidence files."""

    __tablename__ = "face_enrolment"
    __table_args__ = (
        CheckConstraint("state IN ('collecting', 'complete', 'withdrawn')", name="state_known"),
        Index(
            "uq_face_enrolment_person_id_current",
            "person_id",
            unique=True,
            postgresql_where="state <> 'withdrawn'",
        ),
    )

    id: Mapped[UuidKey]
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    state: Mapped[str]
    template: Mapped[bytes | None] = mapped_column(LargeBinary)
    photos_averaged: Mapped[int] = mapped_column(default=0)
    engine: Mapped[Json]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class FacePhoto(Base):
    """One accepted enrolment photo. Personal data: `embedding` is encrypted."""

    __tablename__ = "face_photo"

    id: Mapped[UuidKey]
    face_enrolment_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("face_enrolment.id"))
    taken_at: Mapped[datetime]
    frame_sha256: Mapped[Sha256]
    file_sha256: Mapped[Sha256]
    turn_e4: Mapped[int]
    reading: Mapped[bytes | None] = mapped_column(LargeBinary)


class CheckIn(Base):
    """One demand to prove who is there."""

    __tablename__ = "check_in"
    __table_args__ = (
        CheckConstraint("status IN ('planned', 'due', 'passed', 'failed', 'missed', 'canceled')", name="status_known"),
        CheckConstraint("purpose IN ('sign_in', 'random', 'make_up', 'exam_identity')", name="purpose_known"),
        CheckConstraint("(status = 'planned') = (due_at IS NULL) OR status = 'canceled'", name="due_when_opened"),
        Index("ix_check_in_subject_id_status", "subject_id", "status"),
        Index("ix_check_in_expires_at_due", "expires_at", postgresql_where="status = 'due'"),
        UniqueConstraint("subject_id", "round", "planned_ms"),
    )

    id: Mapped[UuidKey]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    round: Mapped[int]
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    purpose: Mapped[str]
    status: Mapped[str]
    methods: Mapped[list[Any]]
    planned_ms: Mapped[int | None]
    window_s: Mapped[int]
    max_tries: Mapped[int]
    due_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    nonce_hash: Mapped[Sha256 | None]
    nonce_expires_at: Mapped[datetime | None]
    replaces_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("check_in.id"))


class CheckInTry(Base):
    """One answer to a check-in: what was measured, against what, by which engine."""

    __tablename__ = "check_in_try"
    __table_args__ = (
        CheckConstraint("outcome IN ('pending', 'pass', 'unsure', 'fail', 'aborted')", name="outcome_known"),
        UniqueConstraint("check_in_id", "try_no"),
    )

    id: Mapped[UuidKey]
    check_in_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("check_in.id"))
    try_no: Mapped[int]
    method: Mapped[str]
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str]
    verdict: Mapped[Json]
    frame_hashes: Mapped[list[Any]]
    files: Mapped[list[Any]]
