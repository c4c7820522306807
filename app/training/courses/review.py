"""Hand in, review, publish and take down courses; the author decides nothing of their own course.

Clauses: CC-4.3.1, CC-4.3.3, CC-4.3.7, CC-4.4
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.work import Work
from app.training.courses.models import Course
from app.training.courses.moves import lock_course, move_course
from app.training.courses.queries import course_figures
from app.training.courses.rules import CourseStatus, short_lessons
from app.training.errors import AuthorMayNotReview, CourseIncomplete, CourseRefused, LessonTooShort
from app.training.parameters import LessonRules

REVIEW_CHECKS = ("standard", "textbook", "content")
_CHECK_TITLES = {
    "standard": "符合国家职业技能标准",
    "textbook": "使用人社部规范教材",
    "content": "内容不违反国家法律法规",
}


def submit_course(work: Work, *, course_id: UUID) -> Course:
    """Hand a course in for review.

    Raises:
        CourseIncomplete: Lessons, media or the teacher's record are missing; `problems` lists them.
        CourseMoveRefused: It was handed in before.

    Clauses:
        CC-4.3.1, CC-4.4.
    """
    course = lock_course(work, course_id)
    problems = _problems(work.session, course)
    if problems:
        raise CourseIncomplete(f"还不能提交审核：{'；'.join(problems)}", problems=problems)
    move_course(work, course, CourseStatus.IN_REVIEW)
    return course


def _problems(session: Session, course: Course) -> list[str]:
    problems = []
    if course.source == "own" and not (course.teacher_name and course.teacher_qualification):
        problems.append("自制课程须登记授课教师姓名和资质")
    figures, _ = course_figures(session, course.id)
    if not figures.lessons:
        problems.append("课程还没有课时")
    problems += [
        f"第{lesson.position}课“{lesson.title}”还没有处理完成的视频课件"
        for lesson in figures.lessons
        if lesson.duration_ms is None
    ]
    return problems


def review_course(work: Work, *, course_id: UUID, approve: bool, note: str, checks: Mapping[str, bool]) -> Course:
    """Approve or reject a course; every check must be ticked to approve.

    Args:
        work: The unit of work; its actor is not the author.
        course_id: A course under review.
        approve: The decision.
        note: Why; needed to reject.
        checks: `standard`, `textbook` and `content`: whether the reviewer confirms each.

    Raises:
        AuthorMayNotReview: The actor made the course.
        CourseRefused: A check is not ticked, or a rejection has no reason.
        CourseMoveRefused: It is not under review.

    Clauses:
        CC-4.3.1, CC-4.3.7.
    """
    course = lock_course(work, course_id)
    _check_other_person(work, course)
    missing = [_CHECK_TITLES[name] for name in REVIEW_CHECKS if not checks.get(name)]
    if approve and missing:
        raise CourseRefused(f"审核通过前须逐项确认：{'、'.join(missing)}", pointers={"/checks": "须全部确认"})
    if not approve and not note.strip():
        raise CourseRefused("请写明不通过的原因，便于制作人修改", pointers={"/note": "请填写原因"})
    ticked = {name: bool(checks.get(name)) for name in REVIEW_CHECKS}
    course.reviewed_by, course.reviewed_at, course.review_note = work.actor.account_id, work.now, note.strip()
    move_course(
        work, course, CourseStatus.APPROVED if approve else CourseStatus.REJECTED, note=note.strip(), checks=ticked
    )
    return course


def publish_course(work: Work, *, course_id: UUID, rules: LessonRules) -> Course:
    """Publish an approved course; from then on it is fixed.

    Args:
        work: The unit of work; its actor is not the author.
        course_id: An approved course.
        rules: Rules of a lesson hour that the course is measured by ;
            for a demonstration course those of demonstrations.

    Raises:
        AuthorMayNotReview: The actor made the course.
        LessonTooShort: A lesson has no ready media, or media shorter than its hours; the message says by how much.
        CourseMoveRefused: It is not approved.

    Clauses:
        CC-4.3.3, CC-4.3.7.
    """
    course = lock_course(work, course_id)
    _check_other_person(work, course)
    if course.is_demo == rules.claimable:
        raise CourseRefused("演示课程与正式课程使用的规则不能混用")
    figures, _ = course_figures(work.session, course_id)
    short = short_lessons(figures.lessons, hour_length_s=rules.hour_length_s)
    if short or not figures.lessons:
        raise LessonTooShort("；".join(short) or "课程还没有课时", problems=short)
    course.published_by, course.published_at = work.actor.account_id, work.now
    move_course(work, course, CourseStatus.PUBLISHED)
    audit.record(work, "publish_course", subject_kind="course", subject_id=course_id)
    return course


def take_down_course(work: Work, *, course_id: UUID, reason: str) -> Course:
    """Take a published course down; classes that use it go on, their evidence stays.

    Raises:
        CourseRefused: No reason is given.
        CourseMoveRefused: It is not published.

    Clauses:
        CC-4.3.7.
    """
    course = lock_course(work, course_id)
    if not reason.strip():
        raise CourseRefused("请写明下架原因", pointers={"/reason": "请填写原因"})
    move_course(work, course, CourseStatus.TAKEN_DOWN, note=reason.strip())
    audit.record(work, "take_down_course", subject_kind="course", subject_id=course_id, reason=reason.strip())
    return course


def _check_other_person(work: Work, course: Course) -> None:
    if work.actor.account_id is None or work.actor.account_id == course.created_by:
        raise AuthorMayNotReview("您是本课程的制作人，请由本单位另一位审核人员操作")
