"""How a class moves from status to status, and what every step shares."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Json
from app.core.ids import new_id
from app.core.work import Work
from app.training.classes.models import ClassStep, Enrollment, TrainingClass
from app.training.classes.rules import ClassFigures, missing_to_start
from app.training.errors import ClassMoveRefused, ClassNotFound
from app.training.events import ClassReminded, EnrolledLearner
from app.training.frozen_rules import thaw

MOVES = {
    ("imported", "startable"),
    ("startable", "imported"),
    ("startable", "open"),
    ("open", "closed"),
}
"""Every legal move of a class."""


def lock_class(session: Session, class_id: UUID) -> TrainingClass:
    """Find and lock a class.

    Raises:
        ClassNotFound: There is no such class.
    """
    found = session.scalars(select(TrainingClass).where(TrainingClass.id == class_id).with_for_update()).one_or_none()
    if found is None:
        raise ClassNotFound
    return found


def missing_of(work: Work, found: TrainingClass) -> list[str]:
    """List what a class lacks to be startable, in plain Chinese."""
    return missing_to_start(
        approval_no=found.approval_no,
        approved_at=found.approved_at,
        roster_sha256=found.roster_sha256,
        has_profile=bool(found.supervision_profile),
        now=work.now,
    )


def judge(work: Work, found: TrainingClass) -> None:
    """Move between `imported` and `startable` as the last import demands."""
    if found.status in {"open", "closed"}:
        return
    wanted = "imported" if missing_of(work, found) else "startable"
    if found.status != wanted:
        transition(work, found, wanted, details={})


def transition(work: Work, found: TrainingClass, to_status: str, *, details: Json) -> None:
    """Move a class; the one way to change its status.

    Raises:
        ClassMoveRefused: There is no such move.
    """
    before = found.status
    if (before, to_status) not in MOVES:
        raise ClassMoveRefused
    found.status = to_status
    note(work, found, "moved", before=before, details=details)


def note(work: Work, found: TrainingClass, kind: str, *, before: str | None, details: Json) -> None:
    """Write one step into the history of a class."""
    work.session.add(
        ClassStep(
            id=new_id(),
            class_id=found.id,
            at=work.now,
            kind=kind,
            from_status=before,
            to_status=found.status,
            account_id=work.actor.account_id,
            details=details,
        )
    )
    work.session.flush()


def class_figures(found: TrainingClass) -> ClassFigures:
    """Say of a class what rules ask for."""
    return ClassFigures(
        organization_id=found.organization_id,
        trade_code=found.trade_code,
        level=found.level,
        is_claimable=found.is_claimable,
        planned_hours=found.planned_hours,
        online_hours=found.online_hours,
        online_max_share=Fraction(*found.online_max_share),
        rules=thaw(found.lesson_rules),
    )


def learner_of(row: Enrollment) -> EnrolledLearner:
    """Say of an enrolment what events carry."""
    return EnrolledLearner(
        enrollment_id=row.id, person_id=row.person_id, learner_ref=row.learner_ref, category_code=row.category_code
    )


def remind(work: Work, found: TrainingClass, learners: Sequence[Enrollment]) -> None:
    """Tell each trainee once that the class begins."""
    for row in learners:
        if row.reminded_at is not None:
            continue
        row.reminded_at = work.now
        work.publish(
            ClassReminded(
                class_id=found.id,
                class_name=found.name,
                enrollment_id=row.id,
                person_id=row.person_id,
                start_on=found.start_on,
            )
        )
    work.session.flush()
