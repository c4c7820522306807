"""Tables of classes and enrolments."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, UuidKey


class TrainingClass(Base):
    """A class (班级) as the authority approved it, and what the institution opened it with.

    `lesson_rules` are the rules of a lesson hour in force for the class; they stay with it. The seed of all draws is
    kept encrypted, its commitment is public from the opening on. `online_max_share` is `[numerator, denominator]`.
    """

    __tablename__ = "training_class"
    __table_args__ = (
        CheckConstraint("status IN ('imported', 'startable', 'open', 'closed')", name="status_known"),
        CheckConstraint("end_on >= start_on", name="dates_ordered"),
        CheckConstraint("planned_hours > 0 AND online_hours >= 0", name="hours_sane"),
        CheckConstraint(
            "opened_at IS NULL OR num_nulls(course_id, seed_enc, seed_commitment, approved_at, roster_sha256) = 0",
            name="open_is_complete",
        ),
        CheckConstraint("(opened_at IS NOT NULL) = (status IN ('open', 'closed'))", name="open_has_instant"),
        CheckConstraint("opened_at >= approved_at", name="opened_after_approval"),
    )

    id: Mapped[UuidKey]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organization_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("organization.id"), index=True)
    region: Mapped[str]
    trade_code: Mapped[str]
    trade_name: Mapped[str]
    trade_class: Mapped[str]
    is_urgent: Mapped[bool]
    level: Mapped[str]
    pack_ref: Mapped[str]
    is_claimable: Mapped[bool]
    lesson_rules: Mapped[Json]
    planned_hours: Mapped[int]
    online_hours: Mapped[int]
    online_max_share: Mapped[list[Any]]
    start_on: Mapped[date]
    end_on: Mapped[date]
    application_at: Mapped[datetime]
    approval_no: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    supervision_profile: Mapped[Json | None]
    source: Mapped[Json]
    status: Mapped[str]
    roster_sha256: Mapped[str | None]
    roster_at: Mapped[datetime | None]
    imported_at: Mapped[datetime]
    course_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("course.id"))
    seed_enc: Mapped[str | None]
    seed_commitment: Mapped[str | None]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    closed_at: Mapped[datetime | None]


class ClassStep(Base):
    """One move of a class, or one import that changed it; append-only."""

    __tablename__ = "class_step"

    id: Mapped[UuidKey]
    class_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("training_class.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    details: Mapped[Json]


class Enrollment(Base):
    """A trainee on the roster of a class; `removed_at` when a later roster no longer names them."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("class_id", "learner_ref"),
        UniqueConstraint("class_id", "person_id"),
        Index("ix_enrollment_person_id", "person_id"),
    )

    id: Mapped[UuidKey]
    class_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("training_class.id"))
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    learner_ref: Mapped[str]
    category_code: Mapped[str]
    enrolled_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
