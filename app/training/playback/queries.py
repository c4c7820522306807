"""Read enrolments, lessons and sessions; what a trainee reads is scoped to that trainee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from app.training.classes.models import Enrollment, TrainingClass
from app.training.courses.models import Lesson
from app.training.errors import EnrollmentNotFound, SessionNotFound
from app.training.frozen_rules import thaw
from app.training.media.models import MediaAsset
from app.training.playback.models import LessonProgress, PlaybackSession
from app.training.playback.record import LIVE, milliseconds
from app.training.playback.rules import Terms, is_stale


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How far an enrolment is.

    Attributes:
        hours_done: Hours of completed lessons.
        credited_ms: Credit in all lessons, running ones included.
    """

    lessons_total: int = 0
    lessons_done: int = 0
    hours_total: int = 0
    hours_done: int = 0
    credited_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A trainee's place in a class, and how far they are."""

    enrollment: Enrollment
    training_class: TrainingClass
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonState:
    """A lesson of a trainee; `credited_ms` includes a running session."""

    progress: LessonProgress
    title: str
    credited_ms: int
    needed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """A playback session with what its page shows."""

    session: PlaybackSession
    progress: LessonProgress
    training_class: TrainingClass
    play_key: str | None
    terms: Terms


def places_of(session: Session, person_id: UUID) -> list[Place]:
    """List a person's places in classes, newest first; those a later roster took away are left out."""
    rows = session.execute(
        select(Enrollment, TrainingClass)
        .join(TrainingClass, TrainingClass.id == Enrollment.class_id)
        .where(Enrollment.person_id == person_id, Enrollment.removed_at.is_(None))
        .order_by(TrainingClass.start_on.desc(), Enrollment.id)
    ).all()
    totals = totals_of(session, [enrollment.id for enrollment, _ in rows])
    return [
        Place(enrollment=enrollment, training_class=found, totals=totals.get(enrollment.id, Totals()))
        for enrollment, found in rows
    ]


def get_place(session: Session, enrollment_id: UUID, *, person_id: UUID) -> Place:
    """Find one of a person's own places.

    Raises:
        EnrollmentNotFound: There is none, or it is someone else's.
    """
    for place in places_of(session, person_id):
        if place.enrollment.id == enrollment_id:
            return place
    raise EnrollmentNotFound


def totals_of(session: Session, enrollment_ids: Sequence[UUID]) -> Mapping[UUID, Totals]:
    """Add up the lessons of enrolments; those without lessons are absent."""
    is_done = LessonProgress.status == "completed"
    rows = session.execute(
        select(
            LessonProgress.enrollment_id,
            func.count(),
            func.count().filter(is_done),
            func.sum(LessonProgress.hours),
            func.coalesce(func.sum(LessonProgress.hours).filter(is_done), 0),
            func.sum(func.coalesce(_running_credit(), LessonProgress.credited_ms)),
        )
        .where(LessonProgress.enrollment_id.in_(enrollment_ids))
        .group_by(LessonProgress.enrollment_id)
    )
    return {
        enrollment_id: Totals(
            lessons_total=total,
            lessons_done=done,
            hours_total=int(hours),
            hours_done=int(hours_done),
            credited_ms=int(credited),
        )
        for enrollment_id, total, done, hours, hours_done, credited in rows
    }


def _running_credit() -> ScalarSelect[int]:
    """Credit of the live session of a lesson, or NULL."""
    return (
        select(PlaybackSession.credited_ms)
        .where(
            PlaybackSession.progress_id == LessonProgress.id,
            PlaybackSession.round == LessonProgress.round,
            PlaybackSession.phase.in_(LIVE),
        )
        .scalar_subquery()
    )


def lessons_of(session: Session, place: Place) -> list[LessonState]:
    """List the lessons of a place in order."""
    rules = thaw(place.training_class.lesson_rules)
    rows = session.execute(
        select(LessonProgress, Lesson.title, func.coalesce(_running_credit(), LessonProgress.credited_ms))
        .join(Lesson, Lesson.id == LessonProgress.lesson_id)
        .where(LessonProgress.enrollment_id == place.enrollment.id)
        .order_by(LessonProgress.position)
    )
    return [
        LessonState(
            progress=progress,
            title=title,
            credited_ms=credited_ms,
            needed_ms=Terms(rules=rules, duration_ms=progress.duration_ms, hours=progress.hours).needed_ms,
        )
        for progress, title, credited_ms in rows
    ]


def get_session(session: Session, session_id: UUID, *, person_id: UUID) -> SessionState:
    """Find one of a person's own playback sessions, as it stands now.

    Raises:
        SessionNotFound: There is none, or it is someone else's.
    """
    row = session.execute(
        select(PlaybackSession, LessonProgress, TrainingClass, MediaAsset.play_key)
        .join(LessonProgress, LessonProgress.id == PlaybackSession.progress_id)
        .join(TrainingClass, TrainingClass.id == PlaybackSession.class_id)
        .join(Lesson, Lesson.id == LessonProgress.lesson_id)
        .join(MediaAsset, MediaAsset.id == Lesson.media_id)
        .where(PlaybackSession.id == session_id, PlaybackSession.person_id == person_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise SessionNotFound
    found, progress, training_class, play_key = row
    terms = Terms(
        rules=thaw(training_class.lesson_rules),
        duration_ms=found.duration_ms,
        hours=found.hours,
        plan=tuple(found.plan),
    )
    return SessionState(session=found, progress=progress, training_class=training_class, play_key=play_key, terms=terms)


def online_enrollments(session: Session, *, class_id: UUID, now: datetime) -> frozenset[UUID]:
    """List the enrolments of a class whose player is open and in contact right now."""
    rows = session.execute(
        select(LessonProgress.enrollment_id, PlaybackSession.contact_ms, TrainingClass.lesson_rules)
        .join(PlaybackSession, PlaybackSession.progress_id == LessonProgress.id)
        .join(TrainingClass, TrainingClass.id == PlaybackSession.class_id)
        .where(PlaybackSession.class_id == class_id, PlaybackSession.phase.in_(LIVE))
    )
    now_ms = milliseconds(now)
    return frozenset(
        enrollment_id
        for enrollment_id, contact_ms, rules in rows
        if not is_stale(contact_ms, now_ms=now_ms, rules=thaw(rules))
    )
