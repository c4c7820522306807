"""Read what goes into an evidence pack, in one short transaction.

Of the class's chain every entry goes in, so that its links can be checked; the contents of entries about other
trainees stay out: the envelope's `payload_hash` stands for them.

Clauses: CC-4.1.5, CC-A2-4.1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.canonical import canonical_bytes
from app.core.clock import china_iso
from app.core.db import Json
from app.core.errors import NotFound
from app.core.ledger import CITY_CHANNEL, LedgerChain, LedgerEntry, OutboxMessage
from app.core.work import Work
from app.training.models import Enrollment, LessonProgress, TrainingClass
from app.training.playback.record import facts_of
from app.training.playback.settlement import FactKind, PlayFact, heartbeat_document
from exam.attempts import answer_document, answers_of
from exam.models import Attempt, Paper
from storage.errors import ObjectMissing
from storage.private import FilePlace, find_file

LESSON_COMPLETED = "lesson.completed"
EXAM_STARTED = "exam.started"
EXAM_SUBMITTED = "exam.submitted"

_ROWS_AT_ONCE = 500


class NothingToProve(NotFound):
    """The enrolment's class has no ledger: it was never opened."""

    slug = "nothing-to-prove"
    title = "该班级尚未开班，没有可以导出的存证"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFacts:
    """Everything a pack is made of but the bytes of its files; free of any session.

    Attributes:
        enrollment_id: Whose pack.
        learner_ref: The authority's number of the trainee.
        class_code: The authority's number of the class.
        class_name: Name of the class.
        is_claimable: False for demonstration classes.
        head_seq: Entries of the chain at the time of reading.
        head_hash: Hash of the last one.
        made_at: When it was read.
        entry_lines: Entries as canonical JSON, in order.
        files: Where the files the pack's entries refer to lie, in order of their hash.
        absent: Files that were deleted when their time was over: sha256, kind.
        rounds: Heartbeats of completed lessons.
        attempts: Answer records of exams.
        papers: Frozen questions of exams.
        receipts: The city's receipts, as signed, in order of their number.
        deliveries: How delivery of each entry stands.
    """

    enrollment_id: UUID
    learner_ref: str
    class_code: str
    class_name: str
    is_claimable: bool
    head_seq: int
    head_hash: str
    made_at: datetime
    entry_lines: tuple[bytes, ...]
    files: tuple[FilePlace, ...]
    absent: tuple[Json, ...]
    rounds: tuple[Json, ...]
    attempts: tuple[Json, ...]
    papers: tuple[Json, ...]
    receipts: tuple[Json, ...]
    deliveries: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """An entry, without its table."""

    event_id: str
    event_type: str
    is_ours: bool
    payload: Json
    files: tuple[Json, ...]
    line: bytes


def collect_pack(work: Work, enrollment_id: UUID) -> PackFacts:
    """Read everything a pack is made of.

    Receipts are read first, then the chain up to the head of that moment, so that a receipt never names an entry the
    pack lacks.

    Raises:
        NotFound: There is no such enrolment.
        NothingToProve: Its class was never opened.
    """
    session = work.session
    enrollment = session.get(Enrollment, enrollment_id)
    if enrollment is None:
        raise NotFound("没有找到该学员的报名记录")
    training_class = session.get_one(TrainingClass, enrollment.class_id)
    deliveries = tuple(_deliveries(session, enrollment.class_id))
    receipts = tuple(_receipts(session, deliveries))
    chain = session.get(LedgerChain, enrollment.class_id, populate_existing=True)
    if chain is None:
        raise NothingToProve
    rows = list(_entries(session, chain, enrollment))
    ours = [row for row in rows if row.is_ours]
    files, absent = _files(session, ours)
    return PackFacts(
        enrollment_id=enrollment_id,
        learner_ref=enrollment.learner_ref,
        class_code=chain.code,
        class_name=training_class.name,
        is_claimable=chain.is_claimable,
        head_seq=chain.head_seq,
        head_hash=chain.head_hash,
        made_at=work.now,
        entry_lines=tuple(row.line for row in rows),
        files=files,
        absent=absent,
        rounds=tuple(_rounds(session, enrollment_id, ours)),
        attempts=tuple(_attempts(work, ours)),
        papers=tuple(_papers(session, ours)),
        receipts=receipts,
        deliveries=deliveries,
    )


def _entries(session: Session, chain: LedgerChain, enrollment: Enrollment) -> Iterator[_Row]:
    found = session.execute(
        select(
            LedgerEntry.envelope, LedgerEntry.entry_hash, LedgerEntry.payload, LedgerEntry.subject_id, LedgerEntry.files
        )
        .where(LedgerEntry.chain_id == chain.id, LedgerEntry.seq <= chain.head_seq)
        .order_by(LedgerEntry.seq)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for row in found:
        ref = row.envelope["learner_ref"]
        is_ours = ref is None or ref == enrollment.learner_ref or row.subject_id == enrollment.id
        entry = {"envelope": row.envelope, "entry_hash": row.entry_hash}
        yield _Row(
            event_id=row.envelope["event_id"],
            event_type=row.envelope["event_type"],
            is_ours=is_ours,
            payload=row.payload if is_ours else {},
            files=tuple(row.files) if is_ours else (),
            line=canonical_bytes(entry | {"payload": row.payload} if is_ours else entry),
        )


def _files(session: Session, rows: Iterable[_Row]) -> tuple[tuple[FilePlace, ...], tuple[Json, ...]]:
    wanted = {file["sha256"]: file["kind"] for row in rows for file in row.files}
    places: list[FilePlace] = []
    absent: list[Json] = []
    for sha256, kind in sorted(wanted.items()):
        try:
            places.append(find_file(session, sha256))
        except ObjectMissing:
            absent.append({"sha256": sha256, "kind": kind, "reason": "deleted"})
    return tuple(places), tuple(absent)


def _rounds(session: Session, enrollment_id: UUID, rows: Iterable[_Row]) -> Iterator[Json]:
    for row in rows:
        if row.event_type != LESSON_COMPLETED:
            continue
        progress_id = session.scalars(
            select(LessonProgress.id).where(
                LessonProgress.enrollment_id == enrollment_id,
                LessonProgress.lesson_id == UUID(row.payload["lesson_id"]),
            )
        ).one()
        facts = facts_of(session, progress_id, round_no=row.payload["round"])
        yield {
            "event_id": row.event_id,
            "lesson_no": row.payload["lesson_no"],
            "round": row.payload["round"],
            "heartbeats": [heartbeat_document(fact) for fact in facts if fact.kind is FactKind.BEAT],
            "steps": [_step(fact) for fact in facts if fact.kind is not FactKind.BEAT],
        }


def _step(fact: PlayFact) -> Json:
    return {
        "no": fact.no,
        "session": str(fact.session_id),
        "kind": fact.kind.value,
        "at_ms": fact.at_ms,
        "day_ms": fact.day_ms,
    }


def _attempts(work: Work, rows: Iterable[_Row]) -> Iterator[Json]:
    for row in rows:
        if row.event_type == EXAM_SUBMITTED:
            records = answers_of(work, UUID(row.payload["attempt_id"]))
            yield {
                "event_id": row.event_id,
                "attempt_id": row.payload["attempt_id"],
                "records": [answer_document(record) for record in records],
            }


def _papers(session: Session, rows: Iterable[_Row]) -> Iterator[Json]:
    for row in rows:
        if row.event_type == EXAM_STARTED:
            questions = session.scalars(
                select(Paper.questions)
                .join(Attempt, Attempt.paper_id == Paper.id)
                .where(Attempt.id == UUID(row.payload["attempt_id"]))
            ).one()
            yield {
                "event_id": row.event_id,
                "attempt_id": row.payload["attempt_id"],
                "questions": questions,
            }


def _deliveries(session: Session, chain_id: UUID) -> list[Json]:
    rows = session.execute(
        select(
            OutboxMessage.entry_id,
            OutboxMessage.seq,
            OutboxMessage.status,
            OutboxMessage.delivered_at,
            OutboxMessage.receipt["receipt_id"].label("receipt_id"),
        )
        .where(OutboxMessage.chain_id == chain_id, OutboxMessage.channel == CITY_CHANNEL)
        .order_by(OutboxMessage.seq)
    )
    return [
        {
            "event_id": str(row.entry_id),
            "seq": row.seq,
            "status": row.status,
            "delivered_at": china_iso(row.delivered_at) if row.delivered_at else None,
            "receipt_id": row.receipt_id,
        }
        for row in rows
    ]


def _receipts(session: Session, deliveries: Iterable[Json]) -> Iterator[Json]:
    """Read each receipt once, although every entry of its batch holds a copy."""
    holders: dict[int, UUID] = {}
    for delivery in deliveries:
        if delivery["receipt_id"] is not None:
            holders.setdefault(delivery["receipt_id"], UUID(delivery["event_id"]))
    for _, entry_id in sorted(holders.items()):
        yield session.scalars(
            select(OutboxMessage.receipt["document"]).where(
                OutboxMessage.entry_id == entry_id, OutboxMessage.channel == CITY_CHANNEL
            )
        ).one()
