"""Tables of courses and lessons."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, UuidKey


class Course(Base):
    """A course of one organisation; seen and used by that organisation only.

    `is_demo` courses are measured by the demonstration rules and can never serve a class that may be claimed.
    """

    __tablename__ = "course"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'in_review', 'approved', 'rejected', 'published', 'taken_down')", name="status_known"
        ),
        CheckConstraint("source IN ('purchased', 'own')", name="source_known"),
        CheckConstraint(
            "status NOT IN ('approved', 'published') OR (reviewed_by IS NOT NULL AND reviewed_by <> created_by)",
            name="reviewed_by_another",
        ),
        CheckConstraint(
            "status <> 'published' OR (published_by IS NOT NULL AND published_by <> created_by)",
            name="published_by_another",
        ),
    )

    id: Mapped[UuidKey]
    organization_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("organization.id"), index=True)
    title: Mapped[str]
    trade_code: Mapped[str]
    level: Mapped[str]
    standard_code: Mapped[str]
    textbook_title: Mapped[str]
    textbook_isbn: Mapped[str]
    source: Mapped[str]
    teacher_name: Mapped[str | None]
    teacher_qualification: Mapped[str | None]
    is_demo: Mapped[bool]
    status: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(Uuid, ForeignKey("account.id"))
    created_at: Mapped[datetime]
    reviewed_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None]
    review_note: Mapped[str | None]
    published_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    published_at: Mapped[datetime | None]


class CourseStep(Base):
    """One move of a course from status to status; append-only."""

    __tablename__ = "course_step"

    id: Mapped[UuidKey]
    course_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("course.id"), index=True)
    at: Mapped[datetime]
    from_status: Mapped[str]
    to_status: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    note: Mapped[str | None]
    checks: Mapped[Json]


class Lesson(Base):
    """A lesson: some hours of one recorded video. Fixed once its course is published."""

    __tablename__ = "lesson"
    __table_args__ = (
        UniqueConstraint("course_id", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("hours BETWEEN 1 AND 8", name="hours_sane"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("kind IN ('live', 'vod', 'interactive', 'document')", name="kind_known"),
    )

    id: Mapped[UuidKey]
    course_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("course.id"))
    position: Mapped[int]
    title: Mapped[str]
    kind: Mapped[str]
    hours: Mapped[int]
    media_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("media_asset.id"))
