"""Gate quizzes of the signed-in trainee."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, WorkDep, allow
from app.api.v1.attempts import OptionView
from app.api.v1.check_ins import own_person
from app.wiring import sittings
from exam import gates
from exam.models import GateAttempt

router = APIRouter(prefix="/me", tags=["随堂测验"])


class GateQuestion(BaseModel):
    """One question of a quiz; never with its answer."""

    no: int
    kind: str
    stem: str
    options: list[OptionView]


class GateView(BaseModel):
    """A quiz as its trainee sees it."""

    id: UUID
    questions: list[GateQuestion]
    pass_score: int
    pass_text: str


class GateAnswer(BaseModel):
    """The answer to one question."""

    no: int = Field(ge=1, le=1000)
    value: list[Annotated[str, Field(max_length=1)]] = Field(max_length=6)


class GateAnswers(BaseModel):
    """The answers to a quiz."""

    answers: list[GateAnswer] = Field(max_length=100)


class GateResult(BaseModel):
    """What became of a quiz."""

    passed: bool
    score: int
    total: int
    pass_score: int
    next: str = Field(description="advance 进入下一课，restudy 返回重新学习")
    message: str


@router.post("/enrollments/{enrollment_id}/lessons/{lesson_id}/gate", dependencies=[allow(TRAINEE)])
def open_gate(enrollment_id: UUID, lesson_id: UUID, work: WorkDep) -> GateView:
    """Open the quiz after a lesson that was watched; an open one is shown again."""
    gate = sittings.open_gate(work, enrollment_id, lesson_id=lesson_id, person_id=own_person(work))
    return GateView(
        id=gate.id,
        questions=[GateQuestion.model_validate(question) for question in gate.questions],
        pass_score=gate.pass_score,
        pass_text=f"共 {len(gate.questions)} 题，答对 {gate.pass_score} 题及以上通过",
    )


@router.post("/gates/{gate_id}/submit", dependencies=[allow(TRAINEE)])
def submit_gate(gate_id: UUID, body: GateAnswers, work: WorkDep) -> GateResult:
    """Hand the quiz in: pass to go on, fail to study the lesson again."""
    gate = gates.submit(work, gate_id, person_id=own_person(work), answers={one.no: one.value for one in body.answers})
    return _result(gate)


def _result(gate: GateAttempt) -> GateResult:
    passed = bool(gate.passed)
    total = len(gate.questions)
    return GateResult(
        passed=passed,
        score=gate.score or 0,
        total=total,
        pass_score=gate.pass_score,
        next="advance" if passed else "restudy",
        message=(
            f"答对 {gate.score} 题，通过，可以进入下一步"
            if passed
            else f"答对 {gate.score} 题，未达到 {gate.pass_score} 题，请重新学习本课时后再测"
        ),
    )
