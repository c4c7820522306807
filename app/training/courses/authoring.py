"""Write courses and lessons, until they are handed in for review.

Clauses: CC-4.3.1, CC-4.3.2, CC-4.4
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.core.work import Work
from app.training.catalogue import Trade
from app.training.courses.models import Course, Lesson
from app.training.courses.moves import lock_editable
from app.training.courses.rules import CourseStatus, is_isbn
from app.training.errors import CourseRefused, LessonNotFound, MediaNotFound
from app.training.media.models import MediaAsset
from app.training.vocabulary import LessonKind, Level

MAX_TITLE = 120
MAX_LESSON_HOURS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseSpec:
    """What an author writes of a course.

    Attributes:
        trade_code: Code of the trade in the catalogue.
        level: Level of the trade, `5` to `1`.
        standard_code: Code of the national occupational standard.
        textbook_title: Title of the ministry's textbook.
        textbook_isbn: Its ISBN-13.
        source: `purchased` or `own`.
        teacher_name: Who teaches; needed for `own`.
        teacher_qualification: What qualifies them; needed for `own`.
        is_demo: Whether it serves demonstrations only.
    """

    title: str
    trade_code: str
    level: str
    standard_code: str
    textbook_title: str
    textbook_isbn: str
    source: str
    teacher_name: str | None = None
    teacher_qualification: str | None = None
    is_demo: bool = False


def create_course(work: Work, spec: CourseSpec, *, trades: Mapping[str, Trade]) -> Course:
    """Begin a course of the actor's organisation.

    Raises:
        CourseRefused: A member is wrong; `errors` says which.

    Clauses:
        CC-4.3.1, CC-4.4.
    """
    _check_spec(spec, trades=trades)
    course = Course(
        id=new_id(),
        organization_id=work.actor.organization_id,
        status=CourseStatus.DRAFT.value,
        created_by=work.actor.account_id,
        created_at=work.now,
        **_columns(spec),
    )
    work.session.add(course)
    work.session.flush()
    return course


def change_course(work: Work, spec: CourseSpec, *, course_id: UUID, trades: Mapping[str, Trade]) -> Course:
    """Write a course anew while it is a draft or was rejected.

    Raises:
        CourseMoveRefused: It is under review, or later.
        CourseRefused: A member is wrong.
    """
    course = lock_editable(work, course_id)
    _check_spec(spec, trades=trades)
    for name, value in _columns(spec).items():
        setattr(course, name, value)
    work.session.flush()
    return course


def _columns(spec: CourseSpec) -> dict[str, str | bool | None]:
    return {
        "title": spec.title.strip(),
        "trade_code": spec.trade_code,
        "level": spec.level,
        "standard_code": spec.standard_code.strip(),
        "textbook_title": spec.textbook_title.strip(),
        "textbook_isbn": spec.textbook_isbn.replace("-", "").replace(" ", ""),
        "source": spec.source,
        "teacher_name": (spec.teacher_name or "").strip() or None,
        "teacher_qualification": (spec.teacher_qualification or "").strip() or None,
        "is_demo": spec.is_demo,
    }


def _check_spec(spec: CourseSpec, *, trades: Mapping[str, Trade]) -> None:
    pointers = {}
    for name, text in (
        ("title", spec.title),
        ("standard_code", spec.standard_code),
        ("textbook_title", spec.textbook_title),
    ):
        if not 1 <= len(text.strip()) <= MAX_TITLE:
            pointers[f"/{name}"] = f"请填写，最多{MAX_TITLE}个字"
    if spec.trade_code not in trades:
        pointers["/trade_code"] = "补贴性工种目录中没有这个工种"
    if spec.level not in set(Level):
        pointers["/level"] = "等级只能是 5（初级工）至 1（高级技师）"
    if not is_isbn(spec.textbook_isbn):
        pointers["/textbook_isbn"] = "ISBN 应为 13 位，且校验位正确，请核对教材封底"
    if spec.source not in {"purchased", "own"}:
        pointers["/source"] = "只能是 purchased（购买）或 own（自制）"
    if pointers:
        raise CourseRefused(next(iter(pointers.values())), pointers=pointers)


def add_lesson(
    work: Work, *, course_id: UUID, title: str, hours: int, position: int | None = None, kind: str = LessonKind.VOD
) -> Lesson:
    """Add a lesson to a draft, at a position or at the end; later ones move back.

    Raises:
        CourseMoveRefused: The course is under review, or later.
        CourseRefused: Title, hours or kind are wrong.
    """
    course = lock_editable(work, course_id)
    _check_lesson(title=title, hours=hours)
    if kind != LessonKind.VOD:
        raise CourseRefused("目前只支持录播课（vod）计学时，请上传教学视频", pointers={"/kind": "只能是 vod"})
    lessons = _lessons(work.session, course.id)
    place = min(max(1, position or len(lessons) + 1), len(lessons) + 1)
    for lesson in lessons[place - 1 :]:
        lesson.position += 1
    made = Lesson(id=new_id(), course_id=course.id, position=place, title=title.strip(), kind=kind, hours=hours)
    work.session.add(made)
    work.session.flush()
    return made


def change_lesson(
    work: Work,
    *,
    lesson_id: UUID,
    title: str | None = None,
    hours: int | None = None,
    media_id: UUID | None = None,
) -> Lesson:
    """Change a lesson of a draft; what is None stays.

    Raises:
        LessonNotFound: There is none, or it is another organisation's.
        MediaNotFound: The courseware is not the organisation's.
        CourseMoveRefused: The course is under review, or later.
        CourseRefused: Title or hours are wrong.
    """
    lesson = work.session.get(Lesson, lesson_id)
    if lesson is None:
        raise LessonNotFound
    course = lock_editable(work, lesson.course_id)
    lesson.title = title.strip() if title is not None else lesson.title
    lesson.hours = hours if hours is not None else lesson.hours
    _check_lesson(title=lesson.title, hours=lesson.hours)
    if media_id is not None:
        media = work.session.get(MediaAsset, media_id)
        if media is None or media.organization_id != course.organization_id:
            raise MediaNotFound
        lesson.media_id = media_id
    work.session.flush()
    return lesson


def remove_lesson(work: Work, *, lesson_id: UUID) -> None:
    """Take a lesson out of a draft; later ones move up.

    Raises:
        LessonNotFound: There is none, or it is another organisation's.
        CourseMoveRefused: The course is under review, or later.
    """
    lesson = work.session.get(Lesson, lesson_id)
    if lesson is None:
        raise LessonNotFound
    course = lock_editable(work, lesson.course_id)
    work.session.delete(lesson)
    work.session.flush()
    for place, left in enumerate(_lessons(work.session, course.id), start=1):
        left.position = place
    work.session.flush()


def _check_lesson(*, title: str, hours: int) -> None:
    pointers = {}
    if not 1 <= len(title.strip()) <= MAX_TITLE:
        pointers["/title"] = f"请填写课时名称，最多{MAX_TITLE}个字"
    if not 1 <= hours <= MAX_LESSON_HOURS:
        pointers["/hours"] = f"学时应为 1 至 {MAX_LESSON_HOURS} 的整数"
    if pointers:
        raise CourseRefused(next(iter(pointers.values())), pointers=pointers)


def _lessons(session: Session, course_id: UUID) -> list[Lesson]:
    return list(session.scalars(select(Lesson).where(Lesson.course_id == course_id).order_by(Lesson.position)))
