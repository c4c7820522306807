"""Answers on their way in: the hot path of an exam, written many at a time.

Every change of an answer is one append-only record under the client's sequence number. The same record again is
acknowledged again; another one under the same number is refused. The server's clock decides what is too late.

Clauses: CC-4.1.4a, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, tuple_
from sqlalchemy.orm import Session

from app.core.errors import DomainError
from exam.errors import AnswerConflict, AttemptClosed, AttemptNotFound, NoSuchQuestion, TimeIsUp
from exam.models import AnswerRecord, Attempt
from exam.rules.paper import is_possible
from exam.vocabulary import RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One change of one answer, as it arrived.

    Attributes:
        attempt_id: The attempt.
        person_id: Who sent it.
        seq: The client's number of this change, from 1, ever larger.
        no: Number of the question on the paper.
        value: Keys of the chosen options; empty takes the answer back.
        client_at: The client's own time, kept and never used.
        received_at: The server's time of arrival.
    """

    attempt_id: UUID
    person_id: UUID
    seq: int
    no: int
    value: tuple[str, ...]
    client_at: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """An acknowledgement; given only after the commit.

    Attributes:
        seq: The record that is safe.
        saved_at: When it arrived.
        deadline_at: End of the exam.
    """

    seq: int
    saved_at: datetime
    deadline_at: datetime


def record_answers(session: Session, batch: Sequence[Answer]) -> list[Saved | DomainError]:
    """Write a batch; one answer per record, in order, failures as values.

    Locks the attempts in the order of their ids, so that a hand-in waits for answers that are being written, and
    batches of several processes cannot wait for each other.
    """
    attempts = {
        row.id: row
        for row in session.execute(
            select(Attempt.id, Attempt.person_id, Attempt.state, Attempt.deadline_at, Attempt.grace_s, Attempt.shape)
            .where(Attempt.id.in_({answer.attempt_id for answer in batch}))
            .order_by(Attempt.id)
            .with_for_update()
        )
    }
    known = _known(session, batch)
    fresh: list[dict[str, Any]] = []
    results = [_judge(answer, attempts.get(answer.attempt_id), known, fresh) for answer in batch]
    if fresh:
        session.execute(insert(AnswerRecord), fresh)
    return results


def _known(session: Session, batch: Sequence[Answer]) -> dict[tuple[UUID, int], Any]:
    rows = session.execute(
        select(
            AnswerRecord.attempt_id,
            AnswerRecord.seq,
            AnswerRecord.question_no,
            AnswerRecord.value,
            AnswerRecord.received_at,
        ).where(
            tuple_(AnswerRecord.attempt_id, AnswerRecord.seq).in_([(answer.attempt_id, answer.seq) for answer in batch])
        )
    )
    return {(row.attempt_id, row.seq): (row.question_no, list(row.value), row.received_at) for row in rows}


def _judge(
    answer: Answer, attempt: Any, known: dict[tuple[UUID, int], Any], fresh: list[dict[str, Any]]
) -> Saved | DomainError:
    if attempt is None or attempt.person_id != answer.person_id:
        return AttemptNotFound()
    place = (answer.attempt_id, answer.seq)
    if place in known:
        return _again(answer, attempt, known[place])
    if (refusal := _refusal(answer, attempt)) is not None:
        return refusal
    known[place] = (answer.no, list(answer.value), answer.received_at)
    fresh.append(
        {
            "attempt_id": answer.attempt_id,
            "seq": answer.seq,
            "question_no": answer.no,
            "value": list(answer.value),
            "received_at": answer.received_at,
            "client_at": answer.client_at,
        }
    )
    return Saved(seq=answer.seq, saved_at=answer.received_at, deadline_at=attempt.deadline_at)


def _again(answer: Answer, attempt: Any, record: tuple[int, list[str], datetime]) -> Saved | DomainError:
    no, value, saved_at = record
    if (no, value) != (answer.no, list(answer.value)):
        return AnswerConflict()
    return Saved(seq=answer.seq, saved_at=saved_at, deadline_at=attempt.deadline_at)


def _refusal(answer: Answer, attempt: Any) -> DomainError | None:
    if attempt.deadline_at is None:
        return AttemptClosed("还没有开始考试，请先完成身份验证")
    if attempt.state != RUNNING:
        return AttemptClosed("已经交卷，不能再作答")
    if answer.received_at > attempt.deadline_at + timedelta(seconds=attempt.grace_s):
        return TimeIsUp()
    return None if is_possible(attempt.shape, answer.no, answer.value) else NoSuchQuestion()
