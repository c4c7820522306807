"""How supervision and exam of a class's trainees stand, and which classes an auditor may see.

Clauses: CC-6.2
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.work import Actor
from app.identity.models import Organization
from app.oversight.scope import is_in_scope, prefix_of
from app.training.models import LessonProgress, TrainingClass
from exam.models import Attempt
from exam.vocabulary import OUTCOME_TITLES
from proctoring.models import LESSON, MAKE_UP, PASSED, RANDOM, CheckIn

NO_EXAM = "未考"
IN_EXAM = "考试中"
NOT_PASSED = ("failed", "missed")


@dataclass(frozen=True, slots=True)
class CheckInTotals:
    """Check-ins of a trainee in all lessons and rounds, sign-ins apart.

    Attributes:
        passed: Passed, made-up ones included.
        missed: Ran out or failed.
    """

    passed: int = 0
    missed: int = 0


def check_ins_of(session: Session, enrollment_ids: Collection[UUID]) -> Mapping[UUID, CheckInTotals]:
    """Count the check-ins of each enrolment; one without any is left out."""
    rows = session.execute(
        select(
            LessonProgress.enrollment_id,
            func.count().filter(CheckIn.status == PASSED),
            func.count().filter(CheckIn.status.in_(NOT_PASSED)),
        )
        .join(CheckIn, (CheckIn.subject_id == LessonProgress.id) & (CheckIn.subject_kind == LESSON))
        .where(LessonProgress.enrollment_id.in_(enrollment_ids), CheckIn.purpose.in_((RANDOM, MAKE_UP)))
        .group_by(LessonProgress.enrollment_id)
    )
    return {enrollment_id: CheckInTotals(passed, missed) for enrollment_id, passed, missed in rows}


def exams_of(session: Session, enrollment_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Say how the exam of each enrolment went, in Chinese; one that was not begun is left out."""
    rows = session.scalars(select(Attempt).where(Attempt.enrollment_id.in_(enrollment_ids)))
    return {row.enrollment_id: _exam(row) for row in rows}


def _exam(attempt: Attempt) -> str:
    if attempt.outcome is None:
        return IN_EXAM
    return f"{OUTCOME_TITLES[attempt.outcome]}，{attempt.score} 分"


def organizations_of(session: Session, classes: Sequence[TrainingClass]) -> Mapping[UUID, str]:
    """Find the names of the institutions that hold some classes."""
    ids = {found.organization_id for found in classes}
    rows = session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
    return {found_id: name for found_id, name in rows}  # noqa: C416 - dict() does not know that a row is a pair


def in_region(session: Session, actor: Actor, classes: Sequence[TrainingClass]) -> list[TrainingClass]:
    """Keep the classes of an auditor's region; none for who has no region."""
    prefix = prefix_of(session, actor)
    return [found for found in classes if is_in_scope(found.region, prefix)]
