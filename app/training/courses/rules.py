"""Courses: legal moves, what a review needs, whether media carries the hours. Pure rules.

Clauses: CC-4.3.1, CC-4.3.3, CC-4.3.7, CC-4.4
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

ISBN_LENGTH = 13
_ISBN_CHECK = 10


class CourseStatus(StrEnum):
    """Where a course stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    PUBLISHED = "published"
    TAKEN_DOWN = "taken_down"

    @property
    def label(self) -> str:
        """The status in Chinese."""
        return _LABELS[self]


_LABELS = {
    CourseStatus.DRAFT: "草稿",
    CourseStatus.IN_REVIEW: "审核中",
    CourseStatus.APPROVED: "审核通过",
    CourseStatus.REJECTED: "审核未通过",
    CourseStatus.PUBLISHED: "已发布",
    CourseStatus.TAKEN_DOWN: "已下架",
}

MOVES: Mapping[CourseStatus, frozenset[CourseStatus]] = {
    CourseStatus.DRAFT: frozenset({CourseStatus.IN_REVIEW}),
    CourseStatus.IN_REVIEW: frozenset({CourseStatus.APPROVED, CourseStatus.REJECTED}),
    CourseStatus.REJECTED: frozenset({CourseStatus.IN_REVIEW}),
    CourseStatus.APPROVED: frozenset({CourseStatus.PUBLISHED, CourseStatus.REJECTED}),
    CourseStatus.PUBLISHED: frozenset({CourseStatus.TAKEN_DOWN}),
    CourseStatus.TAKEN_DOWN: frozenset(),
}
"""Every legal move of a course; a course taken down keeps its evidence and never comes back."""

EDITABLE = frozenset({CourseStatus.DRAFT, CourseStatus.REJECTED})
"""What is reviewed or published no longer changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonFigures:
    """A lesson as far as hours are concerned; `duration_ms` is measured, None without usable media."""

    position: int
    title: str
    hours: int
    duration_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFigures:
    """A course as far as a class is concerned."""

    organization_id: UUID
    trade_code: str
    level: str
    is_demo: bool
    status: str
    lessons: tuple[LessonFigures, ...]

    @property
    def hours(self) -> int:
        """Online hours of all its lessons."""
        return sum(lesson.hours for lesson in self.lessons)


def is_isbn(text: str) -> bool:
    """Tell whether `text` (hyphens and blanks do not matter) is an ISBN-13 with the right check digit."""
    digits = text.replace("-", "").replace(" ", "")
    if len(digits) != ISBN_LENGTH or not (digits.isascii() and digits.isdecimal()):
        return False
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return digits[:3] in {"978", "979"} and weighted % _ISBN_CHECK == 0


def short_lessons(lessons: Sequence[LessonFigures], *, hour_length_s: int) -> list[str]:
    """List the lessons whose media does not carry their hours: lesson, what it has, what it needs.

    Clauses:
        CC-4.3.3.
    """
    problems = []
    for lesson in lessons:
        needed_ms = lesson.hours * hour_length_s * 1000
        if lesson.duration_ms is None:
            problems.append(f"第{lesson.position}课“{lesson.title}”还没有处理完成的视频课件")
        elif lesson.duration_ms < needed_ms:
            problems.append(
                f"第{lesson.position}课“{lesson.title}”：{lesson.hours}学时至少需要{in_minutes(needed_ms)}，"
                f"课件只有{in_minutes(lesson.duration_ms)}"
            )
    return problems


def in_minutes(milliseconds: int) -> str:
    """Write a duration as minutes and seconds; a started second does not count."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    if minutes and seconds:
        return f"{minutes}分{seconds}秒"
    return f"{seconds}秒" if seconds else f"{minutes}分钟"
