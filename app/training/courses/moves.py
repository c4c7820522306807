"""How a course moves from status to status."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select

from app.core.ids import new_id
from app.core.work import Work
from app.training.courses.models import Course, CourseStep
from app.training.courses.rules import EDITABLE, MOVES, CourseStatus
from app.training.errors import CourseMoveRefused, CourseNotFound
from app.training.events import CourseMoved


def lock_course(work: Work, course_id: UUID) -> Course:
    """Find and lock a course of the actor's organisation.

    Raises:
        CourseNotFound: There is none, or it is another organisation's.
    """
    course = work.session.scalars(
        select(Course).where(Course.id == course_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if course is None or course.organization_id != work.actor.organization_id:
        raise CourseNotFound
    return course


def lock_editable(work: Work, course_id: UUID) -> Course:
    """Find and lock a course that may still be changed.

    Raises:
        CourseMoveRefused: It is under review, or later.
    """
    course = lock_course(work, course_id)
    if course.status not in EDITABLE:
        label = CourseStatus(course.status).label
        raise CourseMoveRefused(f"课程{label}，不能修改；请新建课程，或等待审核退回后再改")
    return course


def move_course(
    work: Work,
    course: Course,
    to_status: CourseStatus,
    *,
    note: str | None = None,
    checks: Mapping[str, bool] | None = None,
) -> None:
    """Move a course; the one way to change its status."""
    before = CourseStatus(course.status)
    if to_status not in MOVES[before]:
        raise CourseMoveRefused(f"课程目前为“{before.label}”，不能改为“{to_status.label}”")
    course.status = to_status.value
    work.session.add(
        CourseStep(
            id=new_id(),
            course_id=course.id,
            at=work.now,
            from_status=before.value,
            to_status=to_status.value,
            account_id=work.actor.account_id,
            note=note,
            checks=dict(checks or {}),
        )
    )
    work.session.flush()
    work.publish(
        CourseMoved(
            course_id=course.id,
            organization_id=course.organization_id,
            from_status=before.value,
            to_status=to_status.value,
            account_id=work.actor.account_id,
        )
    )
