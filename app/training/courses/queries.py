"""Read courses; scoped by the organisation that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.training.courses.models import Course, CourseStep, Lesson
from app.training.courses.rules import CourseFigures, LessonFigures
from app.training.errors import CourseNotFound
from app.training.media.models import MediaAsset


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonLine:
    """A lesson with its media, if it has any."""

    lesson: Lesson
    media: MediaAsset | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseDetail:
    """A course with its lessons in order and its history."""

    course: Course
    lessons: tuple[LessonLine, ...]
    steps: tuple[CourseStep, ...]


def list_courses(session: Session, *, organization_id: UUID | None) -> Sequence[Course]:
    """List an organisation's courses, newest first; of all organisations when `organization_id` is None."""
    query = select(Course).order_by(Course.created_at.desc(), Course.id)
    if organization_id is not None:
        query = query.where(Course.organization_id == organization_id)
    return session.scalars(query).all()


def get_course(session: Session, course_id: UUID, *, organization_id: UUID | None) -> CourseDetail:
    """Find a course with everything.

    Raises:
        CourseNotFound: There is none, or it is another organisation's.
    """
    course = session.get(Course, course_id)
    if course is None or (organization_id is not None and course.organization_id != organization_id):
        raise CourseNotFound
    steps = session.scalars(select(CourseStep).where(CourseStep.course_id == course_id).order_by(CourseStep.id))
    return CourseDetail(course=course, lessons=lesson_lines(session, course_id), steps=tuple(steps))


def lesson_lines(session: Session, course_id: UUID) -> tuple[LessonLine, ...]:
    """List the lessons of a course with their media, in order."""
    rows = session.execute(
        select(Lesson, MediaAsset)
        .outerjoin(MediaAsset, MediaAsset.id == Lesson.media_id)
        .where(Lesson.course_id == course_id)
        .order_by(Lesson.position)
    )
    return tuple(LessonLine(lesson=lesson, media=media) for lesson, media in rows)


def course_figures(session: Session, course_id: UUID) -> tuple[CourseFigures, str]:
    """Say of a course what rules ask for, and its title.

    Raises:
        CourseNotFound: There is none.
    """
    course = session.get(Course, course_id)
    if course is None:
        raise CourseNotFound
    figures = CourseFigures(
        organization_id=course.organization_id,
        trade_code=course.trade_code,
        level=course.level,
        is_demo=course.is_demo,
        status=course.status,
        lessons=tuple(_figures(line) for line in lesson_lines(session, course_id)),
    )
    return figures, course.title


def _figures(line: LessonLine) -> LessonFigures:
    is_ready = line.media is not None and line.media.status == "ready"
    return LessonFigures(
        position=line.lesson.position,
        title=line.lesson.title,
        hours=line.lesson.hours,
        duration_ms=line.media.duration_ms if is_ready and line.media else None,
    )
