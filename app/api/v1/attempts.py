"""The trainee's final exam: enter, see the paper, hand in, read the result."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.deps import TRAINEE, PlatformDep, WorkDep, allow
from app.api.v1.check_ins import CheckInView, own_person, view
from app.core.work import Work
from app.wiring import sittings
from exam import attempts, design
from exam.models import Attempt
from exam.vocabulary import GRADED, OUTCOME_TITLES
from proctoring.models import EXAM_IDENTITY
from proctoring.queries import latest_of

router = APIRouter(prefix="/me", tags=["结业考核"])


class OptionView(BaseModel):
    """One option as shown."""

    key: str
    text: str


class QuestionView(BaseModel):
    """One question as shown; never with its answer."""

    no: int
    kind: str
    stem: str
    options: list[OptionView]
    score: int


class PaperView(BaseModel):
    """The frozen paper."""

    questions: list[QuestionView]


class AnswerView(BaseModel):
    """The saved answer of one question."""

    no: int
    value: list[str]
    seq: int


class ResultView(BaseModel):
    """The result."""

    score: int
    total: int
    pass_score: int
    passed: bool
    outcome: str
    title: str


class AttemptView(BaseModel):
    """An attempt as its trainee sees it."""

    id: UUID
    title: str
    state: str
    check_in: CheckInView | None
    paper: PaperView | None
    answers: list[AnswerView]
    last_seq: int
    started_at: datetime | None
    deadline_at: datetime | None
    server_time: datetime
    duration_s: int
    submitted_at: datetime | None
    mode: str | None
    result: ResultView | None
    pdf_ready: bool
    claimable: bool


@router.post("/enrollments/{enrollment_id}/exam/start", dependencies=[allow(TRAINEE)])
def start(enrollment_id: UUID, work: WorkDep, platform: PlatformDep) -> AttemptView:
    """Enter the exam room; the one attempt, however often this is called. Identity comes next."""
    attempt = sittings.start(work, enrollment_id, person_id=own_person(work), packs=platform.packs)
    return _view(work, attempt)


@router.get("/attempts/{attempt_id}", dependencies=[allow(TRAINEE)])
def read_attempt(attempt_id: UUID, work: WorkDep) -> AttemptView:
    """Show my attempt: the paper while it runs, the result when it is marked."""
    attempt = attempts.get_own(work, attempt_id, person_id=own_person(work), lock=True)
    attempts.finish_if_over(work, attempt.id)
    return _view(work, attempt)


@router.post("/attempts/{attempt_id}/submit", dependencies=[allow(TRAINEE)])
def submit(attempt_id: UUID, work: WorkDep) -> AttemptView:
    """Hand in; handing in twice gives the same result."""
    return _view(work, attempts.submit(work, attempt_id, person_id=own_person(work)))


def _view(work: Work, attempt: Attempt) -> AttemptView:
    exam = design.get_exam(work, attempt.exam_id)
    paper = attempts.paper_of(work, attempt)
    final = attempts.final_answers(attempts.answers_of(work, attempt.id))
    check_in = latest_of(work.session, attempt.id, purpose=EXAM_IDENTITY)
    return AttemptView(
        id=attempt.id,
        title=exam.title,
        state=attempt.state,
        check_in=view(work, check_in) if check_in else None,
        paper=None if paper is None else PaperView.model_validate({"questions": paper.questions}),
        answers=[AnswerView(no=no, value=list(record.value), seq=record.seq) for no, record in sorted(final.items())],
        last_seq=max((record.seq for record in final.values()), default=0),
        started_at=attempt.started_at,
        deadline_at=attempt.deadline_at,
        server_time=work.now,
        duration_s=exam.duration_s,
        submitted_at=attempt.submitted_at,
        mode=attempt.mode,
        result=_result(attempt, exam.pass_score),
        pdf_ready=sittings.has_paper_pdf(work.session, attempt),
        claimable=sittings.is_claimable(work.session, attempt.enrollment_id),
    )


def _result(attempt: Attempt, pass_score: int) -> ResultView | None:
    if attempt.state != GRADED or attempt.outcome is None:
        return None
    return ResultView(
        score=attempt.score or 0,
        total=attempt.total or 0,
        pass_score=pass_score,
        passed=attempt.outcome == "passed",
        outcome=attempt.outcome,
        title=OUTCOME_TITLES[attempt.outcome],
    )
