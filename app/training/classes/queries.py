"""Read classes; scoped by the organisation that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.training.classes.models import ClassStep, Enrollment, TrainingClass
from app.training.classes.rules import missing_to_start
from app.training.errors import ClassNotFound
from app.training.playback.queries import Totals, totals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLine:
    """A class with the size of its roster."""

    training_class: TrainingClass
    headcount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraineeLine:
    """A trainee of a class and how far they are."""

    enrollment: Enrollment
    totals: Totals


def list_classes(session: Session, *, organization_id: UUID | None) -> list[ClassLine]:
    """List an organisation's classes, newest first; of all organisations when `organization_id` is None."""
    query = (
        select(TrainingClass, func.count(Enrollment.id))
        .outerjoin(Enrollment, (Enrollment.class_id == TrainingClass.id) & Enrollment.removed_at.is_(None))
        .group_by(TrainingClass.id)
        .order_by(TrainingClass.start_on.desc(), TrainingClass.code)
    )
    if organization_id is not None:
        query = query.where(TrainingClass.organization_id == organization_id)
    return [ClassLine(training_class=found, headcount=count) for found, count in session.execute(query)]


def get_class(session: Session, class_id: UUID, *, organization_id: UUID | None) -> TrainingClass:
    """Find a class.

    Raises:
        ClassNotFound: There is none, or it is another organisation's.
    """
    found = session.get(TrainingClass, class_id)
    if found is None or (organization_id is not None and found.organization_id != organization_id):
        raise ClassNotFound
    return found


def trainees_of(session: Session, class_id: UUID) -> list[TraineeLine]:
    """List the trainees of a class by their number, with their progress."""
    rows = session.scalars(
        select(Enrollment)
        .where(Enrollment.class_id == class_id, Enrollment.removed_at.is_(None))
        .order_by(Enrollment.learner_ref)
    ).all()
    totals = totals_of(session, [row.id for row in rows])
    return [TraineeLine(enrollment=row, totals=totals.get(row.id, Totals())) for row in rows]


def steps_of(session: Session, class_id: UUID) -> Sequence[ClassStep]:
    """List what happened to a class, oldest first."""
    return session.scalars(select(ClassStep).where(ClassStep.class_id == class_id).order_by(ClassStep.id)).all()


def missing_for_start(found: TrainingClass, *, now: datetime) -> list[str]:
    """List what a class lacks to be opened, in plain Chinese; empty when it lacks nothing."""
    return missing_to_start(
        approval_no=found.approval_no,
        approved_at=found.approved_at,
        roster_sha256=found.roster_sha256,
        has_profile=bool(found.supervision_profile),
        now=now,
    )
