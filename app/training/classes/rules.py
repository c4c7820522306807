"""When a class may start, and whether a course fits it: pure rules.

Clauses: CC-4.0b, CC-4.3.3, CC-5.3.2e, CC-5.3.2f
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from app.training.courses.rules import CourseFigures
from app.training.parameters import LessonRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFigures:
    """A class as far as its start and its course are concerned."""

    organization_id: UUID
    trade_code: str
    level: str
    is_claimable: bool
    planned_hours: int
    online_hours: int
    online_max_share: Fraction
    rules: LessonRules


def missing_to_start(
    *,
    approval_no: str | None,
    approved_at: datetime | None,
    roster_sha256: str | None,
    has_profile: bool,
    now: datetime,
) -> list[str]:
    """List what a class lacks to be startable, in plain Chinese; empty when it lacks nothing.

    Clauses:
        CC-5.3.2e, CC-5.3.2f.
    """
    missing = []
    if not approval_no or approved_at is None:
        missing.append("人社部门的开班批准（未经批准开展的培训不能申领补贴）")
    elif approved_at > now:
        missing.append("人社部门的开班批准尚未生效")
    if roster_sha256 is None:
        missing.append("实名制系统的学员名册")
    if not has_profile:
        missing.append("实名制系统的监管要求")
    return missing


def unsuitable(course: CourseFigures, training_class: ClassFigures) -> list[str]:
    """List why a course cannot serve a class; empty when it can.

    Clauses:
        CC-4.3.2, CC-4.3.7.
    """
    problems = []
    if course.organization_id != training_class.organization_id:
        problems.append("课程属于其他单位")
    if course.status != "published":
        problems.append("课程尚未发布，请先完成审核和发布")
    if course.is_demo and training_class.is_claimable:
        problems.append("演示课程不能用于可申领补贴的班级")
    if not course.is_demo and not training_class.is_claimable:
        problems.append("演示班级只能使用演示课程")
    if course.trade_code != training_class.trade_code:
        problems.append("课程的工种与班级的工种不同")
    if course.level != training_class.level:
        problems.append("课程的等级与班级的等级不同")
    if not course.lessons:
        problems.append("课程没有课时")
    return problems


def too_many_online_hours(course_hours: int, training_class: ClassFigures) -> str | None:
    """Say why the online hours are too many, or None; reaching the limit is allowed.

    Clauses:
        CC-4.0b.
    """
    share = training_class.online_max_share
    if training_class.online_hours > share * training_class.planned_hours:
        return (
            f"批准的线上学时{training_class.online_hours}超过总学时{training_class.planned_hours}的"
            f"{_percent(share)}，请先在实名制系统更正"
        )
    if course_hours > training_class.online_hours:
        return f"课程共{course_hours}学时，超过班级批准的线上学时{training_class.online_hours}，请更换课程"
    return None


def _percent(share: Fraction) -> str:
    return f"{share.numerator * 100 // share.denominator}%"
