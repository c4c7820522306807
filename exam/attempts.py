"""The one sitting: opened once, started by a proven identity, ended by the server's clock, marked at once.

States: `identity_pending` (in the room, paper not shown) -> `running` (paper frozen, clock runs) -> `graded`.

Clauses: CC-4.1.4a, CC-5.3.4b, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.canonical import canonical_hash
from app.core.chance import Draw
from app.core.clock import china_iso
from app.core.ids import new_id
from app.core.work import Work
from exam.errors import AttemptClosed, AttemptNotFound, ExamNotPublished
from exam.events import AttemptOpened, ExamGraded, ExamStarted, ExamSubmitted
from exam.models import AnswerRecord, Attempt, Exam, Paper, Question
from exam.parameters import ExamRules
from exam.rules.paper import BankQuestion, Mark, draw_paper, mark_paper
from exam.vocabulary import (
    APPROVED,
    BY_LEARNER,
    BY_TIMEOUT,
    FAILED,
    GRADED,
    IDENTITY_PENDING,
    PASSED,
    PUBLISHED,
    RUNNING,
    UNVERIFIED,
)

FINISH_JOB = "finish_attempt"

_TRANSITIONS = {IDENTITY_PENDING: RUNNING, RUNNING: GRADED}


def transition(attempt: Attempt, state: str) -> None:
    """Move an attempt to its next state; the only door.

    Raises:
        AttemptClosed: The move is not legal.
    """
    if _TRANSITIONS.get(attempt.state) != state:
        raise AttemptClosed(state=attempt.state)
    attempt.state = state


def open_attempt(work: Work, exam: Exam, *, enrollment_id: UUID, person_id: UUID, rules: ExamRules) -> Attempt:
    """Enter the exam room: the one attempt of this enrolment, made once however often this is called.

    Raises:
        ExamNotPublished: The exam is a draft.
    """
    if exam.status != PUBLISHED:
        raise ExamNotPublished
    made = work.session.execute(
        insert(Attempt)
        .values(
            id=new_id(),
            exam_id=exam.id,
            enrollment_id=enrollment_id,
            person_id=person_id,
            shape=[],
            marks=[],
            state=IDENTITY_PENDING,
            grace_s=rules.grace_s,
            identity_min=rules.biometric_min,
            identity_check_count=0,
            opened_at=work.now,
        )
        .on_conflict_do_nothing()
        .returning(Attempt.id)
    ).scalar_one_or_none()
    attempt = work.session.scalars(
        select(Attempt).where(Attempt.exam_id == exam.id, Attempt.enrollment_id == enrollment_id).with_for_update()
    ).one()
    if made is not None:
        work.publish(
            AttemptOpened(attempt_id=attempt.id, exam_id=exam.id, enrollment_id=enrollment_id, person_id=person_id)
        )
    return attempt


def confirm_identity(work: Work, attempt_id: UUID, *, seed: bytes) -> Attempt:
    """Count a passed identity check; the first one draws and freezes the paper and starts the clock.

    Args:
        work: The unit of work.
        attempt_id: The attempt.
        seed: The class's committed seed.
    """
    attempt = _locked(work, attempt_id)
    if attempt.state == GRADED:
        return attempt
    attempt.identity_check_count += 1
    if attempt.state == IDENTITY_PENDING:
        _start(work, attempt, seed)
    work.session.flush()
    return attempt


def submit(work: Work, attempt_id: UUID, *, person_id: UUID) -> Attempt:
    """Hand in; doing it again gives the same result.

    Raises:
        AttemptNotFound: It is not this person's.
        AttemptClosed: It was never started.
    """
    attempt = get_own(work, attempt_id, person_id=person_id, lock=True)
    if attempt.state == IDENTITY_PENDING:
        raise AttemptClosed("还没有开始考试，请先完成身份验证")
    if attempt.state == RUNNING:
        _finish(work, attempt)
    return attempt


def finish_if_over(work: Work, attempt_id: UUID) -> bool:
    """Hand in for a candidate whose time is up; True when that happened now."""
    attempt = _locked(work, attempt_id)
    if attempt.state != RUNNING or attempt.deadline_at is None:
        return False
    if work.now <= attempt.deadline_at + timedelta(seconds=attempt.grace_s):
        return False
    _finish(work, attempt)
    return True


def overdue(work: Work) -> Sequence[UUID]:
    """List running attempts whose time, grace included, is up."""
    rows = work.session.execute(
        select(Attempt.id, Attempt.deadline_at, Attempt.grace_s).where(
            Attempt.state == RUNNING, Attempt.deadline_at < work.now
        )
    )
    return [row.id for row in rows if row.deadline_at + timedelta(seconds=row.grace_s) < work.now]


def get_own(work: Work, attempt_id: UUID, *, person_id: UUID, lock: bool = False) -> Attempt:
    """Find a person's own attempt.

    Raises:
        AttemptNotFound: There is none, or it is somebody else's.
    """
    query = select(Attempt).where(Attempt.id == attempt_id, Attempt.person_id == person_id)
    attempt = work.session.scalars(query.with_for_update() if lock else query).one_or_none()
    if attempt is None:
        raise AttemptNotFound
    return attempt


def find_attempt(work: Work, exam_id: UUID, enrollment_id: UUID) -> Attempt | None:
    """Find the attempt of an enrolment at an exam."""
    return work.session.scalars(
        select(Attempt).where(Attempt.exam_id == exam_id, Attempt.enrollment_id == enrollment_id)
    ).one_or_none()


def paper_of(work: Work, attempt: Attempt) -> Paper | None:
    """Find the frozen paper of an attempt; None before it started."""
    return work.session.get(Paper, attempt.paper_id) if attempt.paper_id else None


def answers_of(work: Work, attempt_id: UUID) -> Sequence[AnswerRecord]:
    """List every answer record of an attempt in order of sequence."""
    return work.session.scalars(
        select(AnswerRecord).where(AnswerRecord.attempt_id == attempt_id).order_by(AnswerRecord.seq)
    ).all()


def final_answers(records: Sequence[AnswerRecord]) -> dict[int, AnswerRecord]:
    """Find each question's answer: the record with its highest sequence number."""
    return {record.question_no: record for record in sorted(records, key=lambda one: one.seq)}


def _locked(work: Work, attempt_id: UUID) -> Attempt:
    attempt = work.session.scalars(
        select(Attempt).where(Attempt.id == attempt_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if attempt is None:
        raise AttemptNotFound
    return attempt


def _start(work: Work, attempt: Attempt, seed: bytes) -> None:
    exam = work.session.get_one(Exam, attempt.exam_id)
    bank = _bank(work, exam.bank_id)
    drawn = draw_paper(
        bank,
        counts=exam.counts,
        scores=exam.scores,
        draw=Draw(seed, "paper", str(exam.id), str(attempt.enrollment_id)),
    )
    paper = Paper(
        exam_id=exam.id,
        enrollment_id=attempt.enrollment_id,
        questions=drawn.questions,
        key=drawn.key,
        paper_hash=drawn.paper_hash,
        bank_count=len(bank),
        drawn_at=work.now,
    )
    work.session.add(paper)
    work.session.flush()
    transition(attempt, RUNNING)
    attempt.paper_id, attempt.shape, attempt.started_at = paper.id, drawn.shape, work.now
    attempt.deadline_at = work.now + timedelta(seconds=exam.duration_s)
    work.session.flush()
    work.jobs.defer(
        work.session,
        FINISH_JOB,
        run_at=attempt.deadline_at + timedelta(seconds=attempt.grace_s + 1),
        attempt_id=str(attempt.id),
    )
    work.publish(
        ExamStarted(
            attempt_id=attempt.id,
            exam_id=exam.id,
            enrollment_id=attempt.enrollment_id,
            paper_id=paper.id,
            paper_sha256=paper.paper_hash,
            question_count=len(drawn.questions),
            bank_count=len(bank),
            duration_s=exam.duration_s,
            started_at=work.now,
            deadline_at=attempt.deadline_at,
        )
    )


def _bank(work: Work, bank_id: UUID) -> list[BankQuestion]:
    rows = work.session.scalars(
        select(Question).where(Question.bank_id == bank_id, Question.status == APPROVED).order_by(Question.id)
    )
    return [as_bank_question(row) for row in rows]


def as_bank_question(row: Question) -> BankQuestion:
    """Show a stored question to the draw."""
    return BankQuestion(
        id=str(row.id),
        kind=row.kind,
        content_hash=row.content_hash,
        stem=row.stem,
        options=tuple((option["key"], option["text"]) for option in row.options),
        answer=tuple(row.answer),
    )


def _finish(work: Work, attempt: Attempt) -> None:
    paper = paper_of(work, attempt)
    if paper is None or attempt.started_at is None or attempt.deadline_at is None:
        raise AttemptClosed(state=attempt.state)
    records = answers_of(work, attempt.id)
    final = final_answers(records)
    marks = mark_paper(paper.questions, paper.key, {no: record.value for no, record in final.items()})
    exam = work.session.get_one(Exam, attempt.exam_id)
    is_late = work.now > attempt.deadline_at
    transition(attempt, GRADED)
    attempt.mode = BY_TIMEOUT if is_late else BY_LEARNER
    attempt.submitted_at = min(work.now, attempt.deadline_at)
    attempt.graded_at = work.now
    _grade(attempt, marks, pass_score=exam.pass_score)
    work.session.flush()
    work.publish(
        ExamSubmitted(
            attempt_id=attempt.id,
            enrollment_id=attempt.enrollment_id,
            mode=attempt.mode,
            answered_count=sum(bool(record.value) for record in final.values()),
            answer_count=len(records),
            answers_sha256=canonical_hash([answer_document(record) for record in records]),
            submitted_at=attempt.submitted_at,
            elapsed_s=int((attempt.submitted_at - attempt.started_at).total_seconds()),
        )
    )
    _publish_grade(work, attempt, pass_score=exam.pass_score)


def _grade(attempt: Attempt, marks: Sequence[Mark], *, pass_score: int) -> None:
    attempt.score, attempt.total = sum(mark.score for mark in marks), sum(mark.max_score for mark in marks)
    attempt.marks = [asdict(mark) for mark in marks]
    if attempt.identity_check_count < attempt.identity_min:
        attempt.outcome = UNVERIFIED
    else:
        attempt.outcome = PASSED if attempt.score >= pass_score else FAILED


def _publish_grade(work: Work, attempt: Attempt, *, pass_score: int) -> None:
    work.publish(
        ExamGraded(
            attempt_id=attempt.id,
            exam_id=attempt.exam_id,
            enrollment_id=attempt.enrollment_id,
            score=attempt.score or 0,
            total=attempt.total or 0,
            pass_score=pass_score,
            outcome=attempt.outcome or FAILED,
            identity_check_count=attempt.identity_check_count,
            graded_at=attempt.graded_at or work.now,
        )
    )


def answer_document(record: AnswerRecord) -> dict[str, Any]:
    """Write an answer record as it is hashed and kept in evidence."""
    return {
        "seq": record.seq,
        "no": record.question_no,
        "value": list(record.value),
        "received_at": china_iso(record.received_at),
        "client_at": record.client_at,
    }
