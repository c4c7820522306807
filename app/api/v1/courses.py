"""Courses and lessons of an organisation: write, hand in, review, publish; and the catalogue of trades.

Clauses: CC-2.3a, CC-4.3.1, CC-4.3.2, CC-4.3.3, CC-4.3.7, CC-4.4
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.deps import AUDITOR, AUTHOR, OPERATOR, REVIEWER, PlatformDep, WorkDep, allow
from app.api.v1.media import MediaView, media_view
from app.core.errors import Conflict
from app.core.work import Work
from app.policy.parameters import lesson_rules
from app.training.catalogue import Trade, load_trades, search_trades
from app.training.courses import authoring, queries, review
from app.training.courses.authoring import CourseSpec
from app.training.courses.models import Course, CourseStep
from app.training.courses.queries import LessonLine
from app.training.courses.rules import CourseStatus
from app.training.parameters import LessonRules
from app.training.vocabulary import Level
from app.wiring import Platform

router = APIRouter(tags=["课程"])

STAFF = (AUTHOR, REVIEWER)
MAX_TRADES = 200


class NoRules(Conflict):
    """No policy pack of that kind is installed."""

    slug = "no-rules"
    title = "没有可用的政策规则，请联系平台管理员"


class CourseIn(BaseModel):
    """What an author writes of a course."""

    title: str = Field(max_length=200)
    trade_code: str = Field(max_length=20)
    level: str = Field(max_length=2)
    standard_code: str = Field(max_length=200)
    textbook_title: str = Field(max_length=200)
    textbook_isbn: str = Field(max_length=30)
    source: Literal["purchased", "own"]
    teacher_name: str | None = Field(None, max_length=60, description="自制课程必填")
    teacher_qualification: str | None = Field(None, max_length=200, description="自制课程必填，如职业资格证书")
    is_demo: bool = Field(False, description="演示课程按演示规则计时，不能用于可申领补贴的班级")


class LessonIn(BaseModel):
    """A lesson to add."""

    title: str = Field(max_length=200)
    hours: int = Field(ge=1, le=8)
    position: int | None = Field(None, ge=1, le=500)
    kind: Literal["live", "vod", "interactive", "document"] = "vod"


class LessonChange(BaseModel):
    """What to change of a lesson; what is left out stays."""

    title: str | None = Field(None, max_length=200)
    hours: int | None = Field(None, ge=1, le=8)
    media_id: UUID | None = None


class ReviewChecks(BaseModel):
    """What the reviewer confirms."""

    standard: bool = Field(False, description="符合国家职业技能标准")
    textbook: bool = Field(False, description="使用人社部规范教材")
    content: bool = Field(False, description="内容不违反国家法律法规")


class ReviewIn(BaseModel):
    """A reviewer's decision."""

    decision: Literal["approve", "reject"]
    note: str = Field("", max_length=1000)
    checks: ReviewChecks = Field(default_factory=ReviewChecks)


class TakeDown(BaseModel):
    """Why a course is taken down."""

    reason: str = Field(min_length=1, max_length=1000)


class LessonOut(BaseModel):
    """A lesson with its courseware."""

    id: UUID
    position: int
    title: str
    kind: str
    hours: int
    media: MediaView | None


class StepOut(BaseModel):
    """One move of a course."""

    at: datetime
    from_status: str
    to_status: str
    title: str
    by_me: bool
    note: str | None


class CourseOut(BaseModel):
    """A course."""

    id: UUID
    title: str
    trade_code: str
    trade: str
    level: str
    level_title: str
    standard_code: str
    textbook_title: str
    textbook_isbn: str
    source: str
    teacher_name: str | None
    teacher_qualification: str | None
    is_demo: bool
    status: str
    status_title: str
    mine: bool
    review_note: str | None
    created_at: datetime
    published_at: datetime | None


class CourseDetailOut(CourseOut):
    """A course with its lessons and history."""

    hours: int
    lesson_minutes: int = Field(description="每学时的最短教学时长（分钟）")
    lessons: list[LessonOut]
    steps: list[StepOut]


class CourseList(BaseModel):
    """Courses of my organisation."""

    items: list[CourseOut]
    next_cursor: None = None


class TradeOut(BaseModel):
    """A trade of the catalogue."""

    code: str
    name: str
    group: str
    trade_class: str | None
    is_urgent: bool


class TradeList(BaseModel):
    """Trades found."""

    items: list[TradeOut]
    next_cursor: None = None


@router.get("/trades", dependencies=[allow(AUTHOR, REVIEWER, AUDITOR, OPERATOR)])
def list_trades(_work: WorkDep, q: Annotated[str, Query(max_length=60)] = "") -> TradeList:
    """Search the catalogue of subsidised trades."""
    found = search_trades(q, trades=load_trades().values())[:MAX_TRADES]
    return TradeList(
        items=[
            TradeOut(
                code=one.code, name=one.name, group=one.group, trade_class=one.trade_class, is_urgent=one.is_urgent
            )
            for one in found
        ]
    )


@router.get("/courses", dependencies=[allow(*STAFF)])
def list_courses(work: WorkDep) -> CourseList:
    """List the courses of my organisation, newest first."""
    found = queries.list_courses(work.session, organization_id=work.actor.organization_id)
    trades = load_trades()
    return CourseList(items=[_course(work, one, trades) for one in found])


@router.post("/courses", dependencies=[allow(AUTHOR)], status_code=201)
def create_course(body: CourseIn, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Begin a course."""
    made = authoring.create_course(work, CourseSpec(**body.model_dump()), trades=load_trades())
    return _detail(work, platform, made.id)


@router.get("/courses/{course_id}", dependencies=[allow(*STAFF)])
def read_course(course_id: UUID, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Show a course of my organisation with its lessons and history."""
    return _detail(work, platform, course_id)


@router.put("/courses/{course_id}", dependencies=[allow(AUTHOR)])
def change_course(course_id: UUID, body: CourseIn, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Write a draft anew."""
    authoring.change_course(work, CourseSpec(**body.model_dump()), course_id=course_id, trades=load_trades())
    return _detail(work, platform, course_id)


@router.post("/courses/{course_id}/lessons", dependencies=[allow(AUTHOR)], status_code=201)
def add_lesson(course_id: UUID, body: LessonIn, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Add a lesson to a draft."""
    authoring.add_lesson(work, course_id=course_id, **body.model_dump())
    return _detail(work, platform, course_id)


@router.patch("/lessons/{lesson_id}", dependencies=[allow(AUTHOR)])
def change_lesson(lesson_id: UUID, body: LessonChange, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Change a lesson of a draft, or give it its courseware."""
    lesson = authoring.change_lesson(work, lesson_id=lesson_id, **body.model_dump())
    return _detail(work, platform, lesson.course_id)


@router.delete("/lessons/{lesson_id}", dependencies=[allow(AUTHOR)], status_code=204)
def remove_lesson(lesson_id: UUID, work: WorkDep) -> None:
    """Take a lesson out of a draft."""
    authoring.remove_lesson(work, lesson_id=lesson_id)


@router.post("/courses/{course_id}/submit", dependencies=[allow(AUTHOR)])
def submit_course(course_id: UUID, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Hand a course in for review."""
    review.submit_course(work, course_id=course_id)
    return _detail(work, platform, course_id)


@router.post("/courses/{course_id}/review", dependencies=[allow(REVIEWER)])
def review_course(course_id: UUID, body: ReviewIn, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Approve or reject a course somebody else made."""
    review.review_course(
        work,
        course_id=course_id,
        approve=body.decision == "approve",
        note=body.note,
        checks=body.checks.model_dump(),
    )
    return _detail(work, platform, course_id)


@router.post("/courses/{course_id}/publish", dependencies=[allow(REVIEWER)])
def publish_course(course_id: UUID, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Publish an approved course somebody else made; from then on it is fixed."""
    course = queries.get_course(work.session, course_id, organization_id=work.actor.organization_id).course
    review.publish_course(work, course_id=course_id, rules=_rules(platform, is_demo=course.is_demo))
    return _detail(work, platform, course_id)


@router.post("/courses/{course_id}/take-down", dependencies=[allow(REVIEWER)])
def take_down_course(course_id: UUID, body: TakeDown, work: WorkDep, platform: PlatformDep) -> CourseDetailOut:
    """Take a published course down; running classes go on, evidence stays."""
    review.take_down_course(work, course_id=course_id, reason=body.reason)
    return _detail(work, platform, course_id)


def _rules(platform: Platform, *, is_demo: bool) -> LessonRules:
    """Choose what a course is measured by: the longest lesson hour of this region's packs of its kind.

    Raises:
        NoRules: There is no such pack.
    """
    region = platform.settings.region
    packs = [pack for pack in platform.packs.values() if pack.claimable != is_demo]
    packs = [pack for pack in packs if pack.region == region] or packs
    if not packs:
        raise NoRules
    return max(map(lesson_rules, packs), key=lambda rules: rules.hour_length_s)


def _course(work: Work, course: Course, trades: Mapping[str, Trade]) -> CourseOut:
    return CourseOut(
        id=course.id,
        title=course.title,
        trade_code=course.trade_code,
        trade=trades[course.trade_code].name if course.trade_code in trades else course.trade_code,
        level=course.level,
        level_title=Level(course.level).label,
        standard_code=course.standard_code,
        textbook_title=course.textbook_title,
        textbook_isbn=course.textbook_isbn,
        source=course.source,
        teacher_name=course.teacher_name,
        teacher_qualification=course.teacher_qualification,
        is_demo=course.is_demo,
        status=course.status,
        status_title=CourseStatus(course.status).label,
        mine=course.created_by == work.actor.account_id,
        review_note=course.review_note,
        created_at=course.created_at,
        published_at=course.published_at,
    )


def _detail(work: Work, platform: Platform, course_id: UUID) -> CourseDetailOut:
    found = queries.get_course(work.session, course_id, organization_id=work.actor.organization_id)
    rules = _rules(platform, is_demo=found.course.is_demo)
    return CourseDetailOut(
        **_course(work, found.course, load_trades()).model_dump(),
        hours=sum(line.lesson.hours for line in found.lessons),
        lesson_minutes=rules.hour_length_s // 60,
        lessons=[_lesson(work, platform, line) for line in found.lessons],
        steps=[_step(work, step) for step in found.steps],
    )


def _lesson(work: Work, platform: Platform, line: LessonLine) -> LessonOut:
    return LessonOut(
        id=line.lesson.id,
        position=line.lesson.position,
        title=line.lesson.title,
        kind=line.lesson.kind,
        hours=line.lesson.hours,
        media=media_view(work, platform, line.media) if line.media else None,
    )


def _step(work: Work, step: CourseStep) -> StepOut:
    return StepOut(
        at=step.at,
        from_status=step.from_status,
        to_status=step.to_status,
        title=CourseStatus(step.to_status).label,
        by_me=step.account_id == work.actor.account_id,
        note=step.note,
    )
