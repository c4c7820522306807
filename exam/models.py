"""Tables of question bank, papers and sittings."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, Sha256, UuidKey


class QuestionBank(Base):
    """The bank of one course."""

    __tablename__ = "question_bank"

    id: Mapped[UuidKey]
    course_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    organization_id: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime]


class Question(Base):
    """One question; `content_hash` is equal for near-identical wording, which counts once."""

    __tablename__ = "question"
    __table_args__ = (
        CheckConstraint("kind IN ('single', 'multiple', 'true_false')", name="kind_known"),
        CheckConstraint("status IN ('draft', 'approved', 'rejected')", name="status_known"),
        Index("ix_question_bank_id_status_kind", "bank_id", "status", "kind"),
        UniqueConstraint("bank_id", "content_hash"),
    )

    id: Mapped[UuidKey]
    bank_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("question_bank.id"))
    kind: Mapped[str]
    stem: Mapped[str]
    options: Mapped[list[Any]]
    answer: Mapped[list[Any]]
    knowledge_point: Mapped[str]
    difficulty: Mapped[str]
    explanation: Mapped[str]
    content_hash: Mapped[Sha256]
    status: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(Uuid, ForeignKey("account.id"))
    created_at: Mapped[datetime]
    reviewed_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None]


class Exam(Base):
    """The final exam of one course: its blueprint."""

    __tablename__ = "exam"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'published')", name="status_known"),
        CheckConstraint("duration_s > 0", name="duration_positive"),
        CheckConstraint("published_by IS DISTINCT FROM designed_by", name="second_person"),
    )

    id: Mapped[UuidKey]
    course_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    bank_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("question_bank.id"))
    title: Mapped[str]
    counts: Mapped[Json]
    scores: Mapped[Json]
    pass_score: Mapped[int]
    duration_s: Mapped[int]
    status: Mapped[str]
    designed_by: Mapped[UUID] = mapped_column(Uuid, ForeignKey("account.id"))
    designed_at: Mapped[datetime]
    published_by: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("account.id"))
    published_at: Mapped[datetime | None]


class Paper(Base):
    """One person's paper, drawn and frozen. `key` holds the right answers and never leaves the server."""

    __tablename__ = "paper"

    id: Mapped[UuidKey]
    exam_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("exam.id"))
    enrollment_id: Mapped[UUID] = mapped_column(Uuid)
    questions: Mapped[list[Any]]
    key: Mapped[Json]
    paper_hash: Mapped[Sha256]
    bank_count: Mapped[int]
    drawn_at: Mapped[datetime]


class Attempt(Base):
    """The one attempt of an enrolment at an exam; the database refuses a second row."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("exam_id", "enrollment_id"),
        CheckConstraint("state IN ('identity_pending', 'running', 'graded')", name="state_known"),
        CheckConstraint("outcome IN ('passed', 'failed', 'identity_unverified')", name="outcome_known"),
        CheckConstraint("(state = 'identity_pending') = (deadline_at IS NULL)", name="deadline_when_running"),
        CheckConstraint("(state = 'graded') = (outcome IS NOT NULL)", name="outcome_when_graded"),
        Index("ix_attempt_deadline_at_running", "deadline_at", postgresql_where="state = 'running'"),
    )

    id: Mapped[UuidKey]
    exam_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("exam.id"))
    enrollment_id: Mapped[UUID] = mapped_column(Uuid)
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    paper_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("paper.id"))
    shape: Mapped[list[Any]]
    state: Mapped[str]
    grace_s: Mapped[int]
    identity_min: Mapped[int]
    identity_check_count: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    mode: Mapped[str | None]
    score: Mapped[int | None]
    total: Mapped[int | None]
    outcome: Mapped[str | None]
    marks: Mapped[list[Any]]
    graded_at: Mapped[datetime | None]


class AnswerRecord(Base):
    """One change of one answer; append-only. The highest `seq` of a question is its answer."""

    __tablename__ = "answer_record"

    attempt_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("attempt.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    question_no: Mapped[int]
    value: Mapped[list[Any]]
    received_at: Mapped[datetime]
    client_at: Mapped[str | None]


class GateAttempt(Base):
    """One gate quiz after a lesson."""

    __tablename__ = "gate_attempt"
    __table_args__ = (
        UniqueConstraint("progress_id", "attempt_no"),
        Index("uq_gate_attempt_progress_id_open", "progress_id", unique=True, postgresql_where="submitted_at IS NULL"),
    )

    id: Mapped[UuidKey]
    enrollment_id: Mapped[UUID] = mapped_column(Uuid)
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    lesson_id: Mapped[UUID] = mapped_column(Uuid)
    progress_id: Mapped[UUID] = mapped_column(Uuid)
    round: Mapped[int]
    attempt_no: Mapped[int]
    questions: Mapped[list[Any]]
    key: Mapped[Json]
    pass_score: Mapped[int]
    started_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    answers: Mapped[Json]
    score: Mapped[int | None]
    passed: Mapped[bool | None]
