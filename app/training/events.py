"""What training tells the other rooms. Times are instants; durations are integers in the unit of their name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.core.db import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledLearner:
    """A trainee of an opened class."""

    enrollment_id: UUID
    person_id: UUID
    learner_ref: str
    category_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOpened:
    """An institution opened a class with a published course.

    Attributes:
        source: The authority's own words on the class (theory and practice hours, teachers and so on).
        seed_commitment: Hash of the secret seed all draws of the class come from.
        learners: Everybody on the roster.
    """

    class_id: UUID
    code: str
    name: str
    organization_id: UUID
    region: str
    pack_ref: str
    is_claimable: bool
    trade_code: str
    trade_name: str
    trade_class: str
    is_urgent: bool
    level: str
    planned_hours: int
    online_hours: int
    start_on: date
    end_on: date
    application_at: datetime
    approved_at: datetime
    approval_no: str
    roster_sha256: str
    supervision_profile: Json
    source: Json
    course_id: UUID
    course_title: str
    seed_commitment: str
    opened_at: datetime
    learners: tuple[EnrolledLearner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChanged:
    """A later import changed the roster of a class that is open."""

    class_id: UUID
    roster_sha256: str
    added: tuple[EnrolledLearner, ...]
    removed: tuple[EnrolledLearner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReminded:
    """A trainee is to be told that the class begins; the one event per trainee and class.

    Clauses: CC-A2-4.3
    """

    class_id: UUID
    class_name: str
    enrollment_id: UUID
    person_id: UUID
    start_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassClosed:
    """A class has ended; its seed may be revealed."""

    class_id: UUID
    code: str
    seed: str
    seed_commitment: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseMoved:
    """A course went from one status to another."""

    course_id: UUID
    organization_id: UUID
    from_status: str
    to_status: str
    account_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaProcessed:
    """A courseware file was measured: it is `ready`, or `rejected` for a reason."""

    media_id: UUID
    organization_id: UUID
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPlace:
    """Where in the training something happened; part of every event of a lesson.

    Attributes:
        progress_id: The trainee's progress in the lesson; the subject of its check-ins.
        round: Which time the trainee studies the lesson, from 1.
    """

    progress_id: UUID
    enrollment_id: UUID
    lesson_id: UUID
    class_id: UUID
    person_id: UUID
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """A player was opened and waits for the sign-in."""

    place: LearningPlace
    session_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLeft:
    """A player is no longer live: replaced by a newer one, ended, or silent for too long.

    Attributes:
        phase: `replaced` or `ended`.
        reason: `newer_player`, `trainee`, `watched` or `idle`.
    """

    place: LearningPlace
    session_id: UUID
    phase: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundBegun:
    """The first sign-in of a round is passed; its check-ins are to be drawn now (`set_check_in_plan`).

    Attributes:
        hours: Lesson hours of the lesson.
        hour_length_ms: Credited media that makes one hour.
    """

    place: LearningPlace
    hours: int
    hour_length_ms: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInFellDue:
    """Credit reached the moment of a planned check-in and stands still until it is passed.

    Attributes:
        index: Which of the round's check-ins, from 0.
        planned_ms: Its moment on the credited clock.
        media_position_ms: Where in the media the credit stands.
    """

    place: LearningPlace
    session_id: UUID
    index: int
    planned_ms: int
    media_position_ms: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonWatched:
    """All of a lesson was watched; its quiz opens."""

    place: LearningPlace
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRestarted:
    """The quiz was not passed: the lesson is studied again, with new check-ins; `place.round` is the new round."""

    place: LearningPlace
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpan:
    """One player of a completed round."""

    session_id: UUID
    start: datetime
    end: datetime
    ip: str | None
    device_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonCompleted:
    """A lesson is completed; everything its record needs, computed from the recorded facts.

    Attributes:
        hours_granted: Whole lesson hours.
        media_s: Distinct media seconds credited.
        wall_s: Wall seconds of all players.
        watched_intervals: Credited media in milliseconds.
        max_rate: Fastest playback rate claimed, as text such as `1.0`.
        hidden_s: Wall seconds the page was hidden.
        checks_planned: Random check-ins drawn for the round.
        sessions: The players.
        excluded_s: Seconds that earned nothing, by reason.
        heartbeats_sha256: Hash over the canonical list of the round's heartbeats.
        algorithm_version: Version of the rules that computed it.
        is_last: Whether all lessons of the class are completed now.
    """

    place: LearningPlace
    lesson_no: int
    lesson_title: str
    hours_granted: int
    media_s: int
    wall_s: int
    watched_intervals: tuple[tuple[int, int], ...]
    max_rate: str
    hidden_s: int
    checks_planned: int
    sessions: tuple[SessionSpan, ...]
    excluded_s: dict[str, int]
    heartbeat_count: int
    heartbeats_sha256: str
    algorithm_version: str
    is_last: bool
    at: datetime
