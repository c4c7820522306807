"""Open a class with a course, close it after its last day, and keep its seed.

Clauses: CC-4.0b, CC-4.3.3, CC-5.3.2e, CC-5.3.2f, CC-A2-4.3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.chance import commitment_of, new_seed
from app.core.clock import local_date
from app.core.work import Work
from app.training.classes.models import Enrollment, TrainingClass
from app.training.classes.moves import class_figures, learner_of, lock_class, missing_of, remind, transition
from app.training.classes.rules import ClassFigures, too_many_online_hours, unsuitable
from app.training.courses.queries import course_figures
from app.training.courses.rules import CourseFigures, short_lessons
from app.training.errors import (
    ClassMoveRefused,
    ClassNotFound,
    ClassNotStartable,
    CourseUnsuitable,
    LessonTooShort,
    TooManyOnlineHours,
)
from app.training.events import ClassClosed, ClassOpened
from app.training.playback.completion import add_progress

T = TypeVar("T")

SEED = "class-seed"


def open_class(work: Work, *, class_id: UUID, course_id: UUID) -> TrainingClass:
    """Open a startable class with a published course: draw its seed, lay out the lessons, tell the trainees.

    Args:
        work: The unit of work; its actor belongs to the institution that holds the class.
        class_id: The class.
        course_id: A published course of the same organisation, trade and level.

    Raises:
        ClassNotFound: There is no such class, or it is another organisation's.
        ClassNotStartable: Approval, roster or supervision profile is missing.
        CourseUnsuitable: The course cannot serve the class.
        TooManyOnlineHours: Beyond half of the total hours, or beyond the plan.
        LessonTooShort: A lesson's media is too short for the class's lesson hour.

    Clauses:
        CC-4.0b, CC-4.3.3, CC-5.3.2e, CC-5.3.2f, CC-A2-4.3.
    """
    found = lock_class(work.session, class_id)
    if found.organization_id != work.actor.organization_id:
        raise ClassNotFound
    if found.status in {"open", "closed"}:
        raise ClassMoveRefused("班级已经开课或结班，不能重复开课")
    _check_startable(work, found)
    course, title = course_figures(work.session, course_id)
    _check_course(course, class_figures(found))
    seed = new_seed()
    found.course_id, found.opened_at, found.opened_by = course_id, work.now, work.actor.account_id
    found.seed_enc = work.vault.encrypt(seed.hex(), purpose=SEED)
    found.seed_commitment = commitment_of(seed)
    if found.status == "imported":
        transition(work, found, "startable", details={})
    transition(work, found, "open", details={"course_id": str(course_id), "seed_commitment": found.seed_commitment})
    learners = _on_roster(work.session, class_id)
    add_progress(work.session, enrollment_ids=[row.id for row in learners], course_id=course_id)
    audit.record(work, "open_class", subject_kind="class", subject_id=class_id, course_id=str(course_id))
    work.publish(_opened(found, title, learners))
    remind(work, found, learners)
    return found


def _check_startable(work: Work, found: TrainingClass) -> None:
    missing = missing_of(work, found)
    if missing:
        raise ClassNotStartable(f"班级还不能开课，缺少：{'；'.join(missing)}", missing=missing)


def _check_course(course: CourseFigures, figures: ClassFigures) -> None:
    problems = unsuitable(course, figures)
    if problems:
        raise CourseUnsuitable(f"该课程不能用于本班级：{'；'.join(problems)}", problems=problems)
    if (too_many := too_many_online_hours(course.hours, figures)) is not None:
        raise TooManyOnlineHours(too_many)
    short = short_lessons(course.lessons, hour_length_s=figures.rules.hour_length_s)
    if short:
        raise LessonTooShort("；".join(short), problems=short)


def _opened(found: TrainingClass, course_title: str, learners: Sequence[Enrollment]) -> ClassOpened:
    return ClassOpened(
        class_id=found.id,
        code=found.code,
        name=found.name,
        organization_id=found.organization_id,
        region=found.region,
        pack_ref=found.pack_ref,
        is_claimable=found.is_claimable,
        trade_code=found.trade_code,
        trade_name=found.trade_name,
        trade_class=found.trade_class,
        is_urgent=found.is_urgent,
        level=found.level,
        planned_hours=found.planned_hours,
        online_hours=found.online_hours,
        start_on=found.start_on,
        end_on=found.end_on,
        application_at=found.application_at,
        approved_at=_known(found.approved_at),
        approval_no=_known(found.approval_no),
        roster_sha256=_known(found.roster_sha256),
        supervision_profile=_known(found.supervision_profile),
        source=found.source,
        course_id=_known(found.course_id),
        course_title=course_title,
        seed_commitment=_known(found.seed_commitment),
        opened_at=_known(found.opened_at),
        learners=tuple(map(learner_of, learners)),
    )


def _on_roster(session: Session, class_id: UUID) -> Sequence[Enrollment]:
    return session.scalars(
        select(Enrollment)
        .where(Enrollment.class_id == class_id, Enrollment.removed_at.is_(None))
        .order_by(Enrollment.learner_ref)
    ).all()


def close_class(work: Work, *, class_id: UUID) -> None:
    """Close an open class after its last day and reveal its seed.

    Raises:
        ClassNotFound: There is no such class.
        ClassMoveRefused: It is not open, or its last day is not over.
    """
    found = lock_class(work.session, class_id)
    if found.status != "open" or local_date(work.now) <= found.end_on:
        raise ClassMoveRefused("班级尚未开课，或培训期还没有结束，不能结班")
    seed = get_seed(work, class_id)
    found.closed_at = work.now
    transition(work, found, "closed", details={})
    work.publish(
        ClassClosed(
            class_id=found.id,
            code=found.code,
            seed=seed.hex(),
            seed_commitment=_known(found.seed_commitment),
            closed_at=work.now,
        )
    )


def get_seed(work: Work, class_id: UUID) -> bytes:
    """Open the secret seed of a class: 32 bytes, only to draw with.

    Raises:
        ClassNotFound: There is no such class, or it was never opened.
    """
    sealed = work.session.scalars(select(TrainingClass.seed_enc).where(TrainingClass.id == class_id)).one_or_none()
    if sealed is None:
        raise ClassNotFound
    return bytes.fromhex(work.vault.decrypt(sealed, purpose=SEED))


def _known(value: T | None) -> T:
    """Return what the table's own constraint guarantees for an open class."""
    if value is None:
        raise ValueError("an open class lacks a member")
    return value
