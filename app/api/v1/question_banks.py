"""The question bank of a course and its final exam: import, approval, blueprint, publication."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from app.api.deps import AUTHOR, REVIEWER, PlatformDep, UnitDep, WorkDep, allow, allow_unit
from app.api.v1.attempts import OptionView
from app.core.work import Work
from app.policy.parameters import exam_rules
from app.policy.rules import Pack
from app.training.courses.queries import get_course
from exam import bank, design
from exam.adapters.workbook import MAX_FILE_BYTES, read_workbook, write_template
from exam.design import Blueprint
from exam.errors import ExamNotFound, FileRefused
from exam.models import Exam, Question
from exam.parameters import ExamRules
from exam.vocabulary import KINDS

router = APIRouter(tags=["题库与考核"])

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STAFF = (AUTHOR, REVIEWER)


class CellError(BaseModel):
    """What is wrong in one cell."""

    row: int
    column: str
    message: str


class ImportReport(BaseModel):
    """What became of a workbook."""

    rows: int
    good: int
    imported: int
    errors: list[CellError]


class BankQuestionView(BaseModel):
    """A question as its institution sees it."""

    id: UUID
    kind: str
    stem: str
    options: list[OptionView]
    answer: list[str]
    knowledge_point: str
    difficulty: str
    explanation: str
    status: str
    mine: bool


class BankView(BaseModel):
    """A bank with one page of its questions."""

    total: int
    approved: int
    drafts: int
    by_kind: dict[str, int]
    items: list[BankQuestionView]
    next_cursor: str | None


class Approval(BaseModel):
    """Which questions to approve or reject; none named means all drafts of other people."""

    question_ids: list[UUID] | None = Field(None, max_length=5000)
    approve: bool = True


class Approved(BaseModel):
    """How many questions were decided."""

    count: int


class BlueprintBody(BaseModel):
    """What an exam consists of."""

    title: str = Field(min_length=1, max_length=100)
    counts: dict[str, Annotated[int, Field(ge=0, le=200)]]
    scores: dict[str, Annotated[int, Field(ge=1, le=100)]]
    pass_score: int = Field(ge=1, le=20_000)
    duration_minutes: int = Field(ge=1, le=300)


class ExamView(BaseModel):
    """An exam with what its bank is good for."""

    id: UUID
    title: str
    counts: dict[str, int]
    scores: dict[str, int]
    total_score: int
    pass_score: int
    duration_minutes: int
    status: str
    needed: int
    available: int
    missing: int
    feasible: bool
    message: str


@router.get(
    "/question-bank/template.xlsx",
    dependencies=[allow(*STAFF)],
    response_class=Response,
    responses={200: {"content": {XLSX: {}}}},
)
def template(_work: WorkDep) -> Response:
    """Download the workbook in which questions are filled in."""
    example = [
        "单选题",
        "为老年人洗手后，首先应做什么？",
        "擦干双手",
        "继续操作",
        "",
        "",
        "",
        "",
        "A",
        "1",
        "手卫生",
        "易",
        "",
    ]
    headers = {"Content-Disposition": 'attachment; filename="question-bank-template.xlsx"'}
    return Response(write_template([example]), media_type=XLSX, headers=headers)


@router.post("/courses/{course_id}/question-bank/import", dependencies=[allow_unit(AUTHOR)])
def import_questions(
    course_id: UUID,
    unit: UnitDep,
    workbook: Annotated[UploadFile, File(description="XLSX 题库文件")],
    *,
    dry_run: Annotated[bool, Query(description="只检查，不导入")] = True,
) -> ImportReport:
    """Check a workbook, or take its good rows in; every bad cell is named by row and column."""
    data = workbook.file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise FileRefused("文件超过 10 MB，请分成几个文件上传")
    rows = read_workbook(data)
    with unit() as work:
        organization_id = _own_course(work, course_id)
        result = bank.import_rows(work, course_id, organization_id=organization_id, rows=rows, dry_run=dry_run)
        return ImportReport(
            rows=result.row_count,
            good=result.good_count,
            imported=result.imported_count,
            errors=[CellError(row=one.row, column=one.column, message=one.message) for one in result.errors],
        )


@router.get("/courses/{course_id}/question-bank", dependencies=[allow(*STAFF)])
def read_bank(
    course_id: UUID,
    work: WorkDep,
    cursor: Annotated[UUID | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> BankView:
    """Show a bank, its numbers and one page of questions."""
    _own_course(work, course_id)
    page = bank.page_of(work, course_id, after=cursor, limit=limit)
    return BankView(
        total=page.total,
        approved=page.approved,
        drafts=page.drafts,
        by_kind=dict(page.by_kind),
        items=[_question(work, row) for row in page.rows],
        next_cursor=str(page.rows[-1].id) if len(page.rows) == limit else None,
    )


@router.post("/courses/{course_id}/question-bank/approve", dependencies=[allow(REVIEWER)])
def approve(course_id: UUID, body: Approval, work: WorkDep) -> Approved:
    """Approve or reject questions that somebody else entered."""
    _own_course(work, course_id)
    return Approved(count=bank.review(work, course_id, question_ids=body.question_ids, approve=body.approve))


@router.get("/courses/{course_id}/exam", dependencies=[allow(*STAFF)])
def read_exam(course_id: UUID, work: WorkDep, platform: PlatformDep) -> ExamView:
    """Show the exam of a course and whether its bank carries it."""
    _own_course(work, course_id)
    exam = design.find_exam(work, course_id)
    if exam is None:
        raise ExamNotFound
    return _exam(work, exam, strictest(platform.packs.values()))


@router.put("/courses/{course_id}/exam", dependencies=[allow(AUTHOR)])
def put_exam(course_id: UUID, body: BlueprintBody, work: WorkDep, platform: PlatformDep) -> ExamView:
    """Write the blueprint; may be repeated until it is published."""
    _own_course(work, course_id)
    blueprint = Blueprint(
        title=body.title,
        counts={kind: body.counts.get(kind, 0) for kind in KINDS},
        scores={kind: body.scores.get(kind, 1) for kind in KINDS},
        pass_score=body.pass_score,
        duration=timedelta(minutes=body.duration_minutes),
    )
    exam = design.put_blueprint(work, course_id, blueprint)
    return _exam(work, exam, strictest(platform.packs.values()))


@router.post("/courses/{course_id}/exam/publish", dependencies=[allow(REVIEWER)])
def publish_exam(course_id: UUID, work: WorkDep, platform: PlatformDep) -> ExamView:
    """Publish the exam; refused while the bank is smaller than five times the paper."""
    _own_course(work, course_id)
    rules = strictest(platform.packs.values())
    return _exam(work, design.publish(work, course_id, rules=rules), rules)


def strictest(packs: Any) -> ExamRules:
    """Take the rules of the pack that asks for the largest bank: a course may serve classes of any pack."""
    found: list[Pack] = list(packs)
    return max((exam_rules(pack) for pack in found), key=lambda rules: rules.bank_ratio)


def _own_course(work: Work, course_id: UUID) -> UUID:
    detail = get_course(work.session, course_id, organization_id=work.actor.organization_id)
    return detail.course.organization_id


def _question(work: Work, row: Question) -> BankQuestionView:
    return BankQuestionView(
        id=row.id,
        kind=row.kind,
        stem=row.stem,
        options=[OptionView.model_validate(option) for option in row.options],
        answer=list(row.answer),
        knowledge_point=row.knowledge_point,
        difficulty=row.difficulty,
        explanation=row.explanation,
        status=row.status,
        mine=row.created_by == work.actor.account_id,
    )


def _exam(work: Work, exam: Exam, rules: ExamRules) -> ExamView:
    found = design.feasibility_of(work, exam, rules=rules)
    total = sum(exam.counts[kind] * exam.scores[kind] for kind in KINDS)
    return ExamView(
        id=exam.id,
        title=exam.title,
        counts=exam.counts,
        scores=exam.scores,
        total_score=total,
        pass_score=exam.pass_score,
        duration_minutes=exam.duration_s // 60,
        status=exam.status,
        needed=found.needed,
        available=found.available,
        missing=found.missing,
        feasible=found.is_feasible,
        message=found.message,
    )
