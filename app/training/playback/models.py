"""Tables of progress, playback sessions and heartbeats.

See Note [Where the running state lies] at the end.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json, Sha256, UuidKey


class LessonProgress(Base):
    """One trainee in one lesson; its id is the subject of the lesson's check-ins.

    `credited_ms` and `furthest_ms` are brought up to date when a session begins, stops or ends; while one runs the
    newest figures lie in `playback_session`.
    """

    __tablename__ = "lesson_progress"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "lesson_id"),
        CheckConstraint("status IN ('locked', 'open', 'watched', 'completed')", name="status_known"),
        CheckConstraint("round > 0", name="round_positive"),
    )

    id: Mapped[UuidKey]
    enrollment_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("enrollment.id"))
    lesson_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("lesson.id"))
    position: Mapped[int]
    hours: Mapped[int]
    duration_ms: Mapped[int]
    round: Mapped[int] = mapped_column(default=1)
    status: Mapped[str]
    furthest_ms: Mapped[int] = mapped_column(default=0)
    credited_ms: Mapped[int] = mapped_column(default=0)
    check_plan: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    watched_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class PlaybackSession(Base):
    """One player of one trainee in one round of a lesson, with the running state of the round.

    At most one live session per person: the newest. Times that the rules compute with are milliseconds since 1970.
    """

    __tablename__ = "playback_session"
    __table_args__ = (
        CheckConstraint("phase IN ('awaiting_sign_in', 'active', 'stopped', 'replaced', 'ended')", name="phase_known"),
        Index(
            "uq_playback_session_person_id_live",
            "person_id",
            unique=True,
            postgresql_where=text("phase IN ('awaiting_sign_in', 'active', 'stopped')"),
        ),
        Index("ix_playback_session_progress_id_round", "progress_id", "round"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[UuidKey]
    progress_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("lesson_progress.id"))
    class_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("training_class.id"))
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    round: Mapped[int]
    opened_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    device_hash: Mapped[Sha256]
    ip: Mapped[str | None]
    user_agent_class: Mapped[str | None]
    duration_ms: Mapped[int]
    hours: Mapped[int]
    plan: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    # What the rules compute with, see `rules.State`
    phase: Mapped[str]
    outstanding: Mapped[str | None]
    last_seq: Mapped[int] = mapped_column(Integer)
    last_body: Mapped[str | None]
    beat_ms: Mapped[int] = mapped_column(default=0)
    contact_ms: Mapped[int]
    carry_ms: Mapped[int] = mapped_column(Integer)
    covered: Mapped[list[Any]]
    base: Mapped[list[Any]]
    excluded: Mapped[Json]
    credited_ms: Mapped[int]
    checks_due: Mapped[int] = mapped_column(Integer)
    day_no: Mapped[int] = mapped_column(Integer)
    day_ms: Mapped[int]
    hidden_ms: Mapped[int]
    max_rate_milli: Mapped[int] = mapped_column(Integer)
    fact_no: Mapped[int] = mapped_column(Integer)


class Heartbeat(Base):
    """One heartbeat as it came, and what it earned; append-only.

    No foreign key: rows are only written under the row lock of their session, and the check would cost the hot path
    a lookup per row.
    """

    __tablename__ = "heartbeat"

    session_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    fact_no: Mapped[int] = mapped_column(Integer)
    at_ms: Mapped[int]
    intervals: Mapped[list[Any]]
    position_ms: Mapped[int]
    rate_milli: Mapped[int] = mapped_column(Integer)
    is_hidden: Mapped[bool]
    is_muted: Mapped[bool]
    is_playing: Mapped[bool]
    client_at: Mapped[str | None]
    body: Mapped[str]
    granted_ms: Mapped[int] = mapped_column(Integer)
    excluded: Mapped[list[Any] | None]


class PlayStep(Base):
    """What happened in a round between the heartbeats; append-only. `fact_no` is its place among them."""

    __tablename__ = "play_step"
    __table_args__ = (UniqueConstraint("session_id", "fact_no"),)

    id: Mapped[UuidKey]
    session_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("playback_session.id"))
    fact_no: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    at_ms: Mapped[int]
    from_phase: Mapped[str | None]
    to_phase: Mapped[str]
    reason: Mapped[str | None]
    day_ms: Mapped[int]


# Note [Where the running state lies]
# Every fact of a round moves one row, that of the round's present session: the heartbeat writer locks, reads and writes
# only `playback_session`. A new session takes the state over from the one before it. The row is a cache for the
# trainee's screen; hours are settled from `heartbeat` and `play_step`, which only grow.
