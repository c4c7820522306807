"""Gate quizzes: pass to go on, fail to study again; right answers never leave the server.

Clauses: CC-A2-4.4
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from uuid import UUID

from sqlalchemy import func, select

from app.core.canonical import canonical_hash
from app.core.chance import Draw
from app.core.errors import Unprocessable
from app.core.work import Work
from exam import attempts
from exam import bank as banks
from exam.errors import BankTooSmall, GateNotFound, NoSuchQuestion
from exam.events import GateEvaluated
from exam.models import GateAttempt, Question
from exam.rules.paper import DrawnPaper, draw_paper, is_possible, mark_paper
from exam.vocabulary import APPROVED, KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Which lesson a quiz stands after.

    Attributes:
        enrollment_id: Whose.
        person_id: The trainee.
        lesson_id: The lesson.
        progress_id: Its progress.
        round: Round of the lesson.
        course_id: The course, whose bank is asked.
    """

    enrollment_id: UUID
    person_id: UUID
    lesson_id: UUID
    progress_id: UUID
    round: int
    course_id: UUID


def open_gate(work: Work, gate: Gate, *, seed: bytes, question_count: int, pass_ratio: Fraction) -> GateAttempt:
    """Open the quiz of a lesson; one that is open already is given back.

    Args:
        work: The unit of work.
        gate: Which quiz.
        seed: The class's committed seed.
        question_count: Questions to ask.
        pass_ratio: Share of right answers needed; reaching it is enough.

    Raises:
        BankNotFound: The course has no bank.
        BankTooSmall: It has too few approved questions.
    """
    found = work.session.scalars(
        select(GateAttempt)
        .where(GateAttempt.progress_id == gate.progress_id, GateAttempt.submitted_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if found is not None:
        return found
    number = 1 + (
        work.session.scalar(
            select(func.count()).select_from(GateAttempt).where(GateAttempt.progress_id == gate.progress_id)
        )
        or 0
    )
    drawn = _draw(work, gate, number, seed=seed, question_count=question_count)
    made = GateAttempt(
        enrollment_id=gate.enrollment_id,
        person_id=gate.person_id,
        lesson_id=gate.lesson_id,
        progress_id=gate.progress_id,
        round=gate.round,
        attempt_no=number,
        questions=drawn.questions,
        key=drawn.key,
        pass_score=ceil(question_count * pass_ratio),
        started_at=work.now,
        answers={},
    )
    work.session.add(made)
    work.session.flush()
    return made


def _draw(work: Work, gate: Gate, number: int, *, seed: bytes, question_count: int) -> DrawnPaper:
    bank = banks.find_bank(work, gate.course_id)
    rows = work.session.scalars(
        select(Question).where(Question.bank_id == bank.id, Question.status == APPROVED).order_by(Question.id)
    )
    pool = [attempts.as_bank_question(row) for row in rows]
    if len(pool) < question_count:
        raise BankTooSmall("题库中已审核的题目不够出随堂测验，请联系培训机构", available=len(pool))
    draw = Draw(seed, "gate", str(gate.enrollment_id), str(gate.lesson_id), str(number))
    chosen = draw.sample(pool, question_count)
    counts = {kind: sum(one.kind == kind for one in chosen) for kind in KINDS}
    return draw_paper(chosen, counts=counts, scores=dict.fromkeys(KINDS, 1), draw=draw)


def submit(work: Work, gate_id: UUID, *, person_id: UUID, answers: Mapping[int, Sequence[str]]) -> GateAttempt:
    """Hand a quiz in and mark it; doing it again gives the same result.

    Raises:
        GateNotFound: It is not this person's.
        NoSuchQuestion: An answer does not belong to the quiz.
        Unprocessable: Not every question was answered.
    """
    gate = get_own(work, gate_id, person_id=person_id, lock=True)
    if gate.submitted_at is not None:
        return gate
    shape = [[question["kind"], len(question["options"])] for question in gate.questions]
    if any(not is_possible(shape, no, value) for no, value in answers.items()):
        raise NoSuchQuestion
    if sum(bool(value) for value in answers.values()) < len(gate.questions):
        raise Unprocessable("还有题目没有作答，请答完再提交", pointers={"/answers": "还有题目没有作答"})
    marks = mark_paper(gate.questions, gate.key, answers)
    gate.answers = {str(no): list(value) for no, value in answers.items()}
    gate.score, gate.submitted_at = sum(mark.score for mark in marks), work.now
    gate.passed = gate.score >= gate.pass_score
    work.session.flush()
    work.publish(
        GateEvaluated(
            gate_id=gate.id,
            enrollment_id=gate.enrollment_id,
            lesson_id=gate.lesson_id,
            progress_id=gate.progress_id,
            round=gate.round,
            attempt_no=gate.attempt_no,
            questions_sha256=canonical_hash(gate.questions),
            score=gate.score,
            total=len(gate.questions),
            pass_score=gate.pass_score,
            passed=gate.passed,
            started_at=gate.started_at,
            submitted_at=gate.submitted_at,
        )
    )
    return gate


def get_own(work: Work, gate_id: UUID, *, person_id: UUID, lock: bool = False) -> GateAttempt:
    """Find a person's own quiz.

    Raises:
        GateNotFound: There is none, or it is somebody else's.
    """
    query = select(GateAttempt).where(GateAttempt.id == gate_id, GateAttempt.person_id == person_id)
    gate = work.session.scalars(query.with_for_update() if lock else query).one_or_none()
    if gate is None:
        raise GateNotFound
    return gate
