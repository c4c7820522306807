"""Classes of an organisation: what the city approved, opening, and how far the trainees are.

Clauses: CC-4.0b, CC-5.3.2e, CC-5.3.2f
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.deps import AUDITOR, AUTHOR, REVIEWER, PlatformDep, UnitDep, WorkDep, allow, allow_unit
from app.core.db import Json
from app.core.work import Work
from app.identity.queries import PersonCard, confirmed_enrollments, person_cards
from app.oversight.class_progress import NO_EXAM, CheckInTotals, check_ins_of, exams_of, in_region, organizations_of
from app.realname.pull import pull
from app.training.classes import opening, queries
from app.training.classes.models import TrainingClass
from app.training.classes.queries import TraineeLine
from app.training.courses.models import Course
from app.training.errors import ClassNotFound
from app.training.playback.queries import online_enrollments
from app.training.vocabulary import Level, PersonCategory
from app.wiring.supervision import class_terms

router = APIRouter(prefix="/classes", tags=["班级"])

STATUS_TITLES = {"imported": "等待开班条件", "startable": "可以开课", "open": "培训中", "closed": "已结班"}
STEP_TITLES = {"imported": "从实名制系统同步", "changed": "信息变更", "roster": "名册更新", "moved": "状态变化"}


class ClassOut(BaseModel):
    """A class as the city approved it."""

    id: UUID
    code: str
    name: str
    organization: str
    trade_code: str
    trade: str
    level: str
    claimable: bool
    pack: str
    planned_hours: int
    online_hours: int
    start_on: date
    end_on: date
    approval_no: str | None
    approved_at: datetime | None
    status: str
    status_title: str
    missing: list[str]
    headcount: int
    course_id: UUID | None
    opened_at: datetime | None


class TraineeOut(BaseModel):
    """A trainee's line in the progress table; masked."""

    enrollment_id: UUID
    learner_ref: str
    name_masked: str
    phone_masked: str
    category: str
    real_name_confirmed: bool
    online: bool
    lessons_done: int
    lessons_total: int
    hours_done: int
    hours_total: int
    credited_s: float
    check_ins_passed: int
    check_ins_missed: int
    exam: str = Field(description="结业考核的情况")


class ClassStepOut(BaseModel):
    """One step of a class."""

    at: datetime
    title: str
    to_status: str
    details: Json


class ClassDetailOut(ClassOut):
    """A class with its trainees and history."""

    course_title: str | None
    roster_sha256: str | None
    seed_commitment: str | None
    supervision_profile: Json | None
    trainees: list[TraineeOut]
    steps: list[ClassStepOut]


class ClassList(BaseModel):
    """Classes of my organisation; of its region for the bureau."""

    items: list[ClassOut]
    next_cursor: None = None


class OpenClass(BaseModel):
    """The course to open a class with."""

    course_id: UUID


class PullOut(BaseModel):
    """My classes after the pull, and those of them that could not be brought up to date, with the reason."""

    class_count: int
    refused: dict[str, str]


@router.get("", dependencies=[allow(AUTHOR, REVIEWER, AUDITOR)])
def list_classes(work: WorkDep) -> ClassList:
    """List the classes of my organisation, newest first; the bureau sees those of its region."""
    found = queries.list_classes(work.session, organization_id=_scope(work))
    shown = [line.training_class for line in found]
    if work.actor.kind == AUDITOR:
        shown = in_region(work.session, work.actor, shown)
    names = organizations_of(work.session, shown)
    counts = {line.training_class.id: line.headcount for line in found}
    return ClassList(items=[ClassOut(**_class(work, one, counts[one.id], names[one.organization_id])) for one in shown])


@router.post("/pull", dependencies=[allow_unit(AUTHOR)])
def pull_now(unit: UnitDep, platform: PlatformDep) -> PullOut:
    """Ask the real-name system now, instead of waiting for the next regular pull."""
    pulled = pull(unit=platform.unit, city=platform.city, terms=class_terms(platform.packs))
    with unit() as work:
        mine = queries.list_classes(work.session, organization_id=work.actor.organization_id)
    codes = {line.training_class.code for line in mine}
    return PullOut(
        class_count=len(mine), refused={code: reason for code, reason in pulled.refused.items() if code in codes}
    )


@router.get("/{class_id}", dependencies=[allow(AUTHOR, REVIEWER, AUDITOR)])
def read_class(class_id: UUID, work: WorkDep) -> ClassDetailOut:
    """Show a class with the progress of its trainees."""
    found = queries.get_class(work.session, class_id, organization_id=_scope(work))
    if work.actor.kind == AUDITOR and not in_region(work.session, work.actor, [found]):
        raise ClassNotFound
    return _detail(work, found)


@router.post("/{class_id}/open", dependencies=[allow(AUTHOR)])
def open_class(class_id: UUID, body: OpenClass, work: WorkDep) -> ClassDetailOut:
    """Open a class with a published course."""
    return _detail(work, opening.open_class(work, class_id=class_id, course_id=body.course_id))


def _scope(work: Work) -> UUID | None:
    return None if work.actor.kind == AUDITOR else work.actor.organization_id


def _class(work: Work, found: TrainingClass, headcount: int, organization: str) -> Json:
    is_waiting = found.status in {"imported", "startable"}
    return {
        "id": found.id,
        "code": found.code,
        "name": found.name,
        "organization": organization,
        "trade_code": found.trade_code,
        "trade": found.trade_name,
        "level": Level(found.level).label if found.level in set(Level) else found.level,
        "claimable": found.is_claimable,
        "pack": found.pack_ref,
        "planned_hours": found.planned_hours,
        "online_hours": found.online_hours,
        "start_on": found.start_on,
        "end_on": found.end_on,
        "approval_no": found.approval_no,
        "approved_at": found.approved_at,
        "status": found.status,
        "status_title": STATUS_TITLES[found.status],
        "missing": queries.missing_for_start(found, now=work.now) if is_waiting else [],
        "headcount": headcount,
        "course_id": found.course_id,
        "opened_at": found.opened_at,
    }


def _detail(work: Work, found: TrainingClass) -> ClassDetailOut:
    trainees = queries.trainees_of(work.session, found.id)
    cards = person_cards(work.session, work.vault, [line.enrollment.person_id for line in trainees])
    online = online_enrollments(work.session, class_id=found.id, now=work.now)
    course = work.session.get(Course, found.course_id) if found.course_id else None
    names = organizations_of(work.session, [found])
    enrollment_ids = [line.enrollment.id for line in trainees]
    checks, exams = check_ins_of(work.session, enrollment_ids), exams_of(work.session, enrollment_ids)
    return ClassDetailOut(
        **_class(work, found, len(trainees), names[found.organization_id]),
        course_title=course.title if course else None,
        roster_sha256=found.roster_sha256,
        seed_commitment=found.seed_commitment,
        supervision_profile=found.supervision_profile,
        trainees=[
            _trainee(
                work,
                line,
                cards[line.enrollment.person_id],
                online=line.enrollment.id in online,
                checks=checks.get(line.enrollment.id, CheckInTotals()),
                exam=exams.get(line.enrollment.id, NO_EXAM),
            )
            for line in trainees
        ],
        steps=[
            ClassStepOut(at=step.at, title=STEP_TITLES[step.kind], to_status=step.to_status, details=step.details)
            for step in queries.steps_of(work.session, found.id)
        ],
    )


def _trainee(
    work: Work, line: TraineeLine, card: PersonCard, *, online: bool, checks: CheckInTotals, exam: str
) -> TraineeOut:
    enrollment, totals = line.enrollment, line.totals
    category = enrollment.category_code
    return TraineeOut(
        enrollment_id=enrollment.id,
        learner_ref=enrollment.learner_ref,
        name_masked=card.name_masked,
        phone_masked=card.phone_masked,
        category=PersonCategory(category).label if category in set(PersonCategory) else category,
        real_name_confirmed=enrollment.id in confirmed_enrollments(work.session, enrollment.person_id),
        online=online,
        lessons_done=totals.lessons_done,
        lessons_total=totals.lessons_total,
        hours_done=totals.hours_done,
        hours_total=totals.hours_total,
        credited_s=totals.credited_ms / 1000,
        check_ins_passed=checks.passed,
        check_ins_missed=checks.missed,
        exam=exam,
    )
