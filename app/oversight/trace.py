"""Follow one trainee from identity to receipt, as an auditor of the bureau.

Nothing here is seen without a row in the audit trail, and nothing outside the auditor's region. The row is written
in a transaction of its own before anything is shown (`record_look`), so that a look that fails later is on record too.

Clauses: CC-4.1.5, CC-6.2, CC-A2-4.1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import local_date
from app.core.ledger import (
    CITY_CHANNEL,
    GENESIS,
    LedgerChain,
    LedgerEntry,
    OutboxMessage,
    entries_of,
    find_break,
)
from app.core.work import Work
from app.identity.errors import ReasonMissing
from app.identity.models import Organization
from app.identity.people import MAX_REASON, MIN_REASON, ClearPerson, reveal_person
from app.identity.queries import PersonCard, find_person_by_id_number, person_card
from app.identity.rules.id_number import parse_id_number
from app.oversight.errors import TraceNotFound
from app.oversight.scope import is_in_scope, prefix_of
from app.oversight.timeline import passed_of, summary_of, title_of
from app.training.models import Enrollment, TrainingClass
from storage.private import FilePlace, find_file

SHOWN_TO_ALL = frozenset({"class.opened", "class.roster_changed", "class.closed", "report.published"})
"""Entries about a class as a whole that belong into every trainee's story."""

VIEW, FILE, PACK, UNMASK = "view_trace", "view_trace_file", "download_evidence_pack", "unmask_trace_person"

_BREAKS = {
    "gap": "第 {seq} 条记录缺失",
    "payload_changed": "第 {seq} 条记录的内容被改动",
    "envelope_changed": "第 {seq} 条记录的信封被改动",
    "link_broken": "第 {seq} 条记录与上一条的链接断开",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEnrollment:
    """A trainee in a class, for the head of a trace."""

    enrollment_id: UUID
    learner_ref: str
    class_code: str
    class_name: str
    organization_name: str
    region: str
    trade: str
    level: str
    is_claimable: bool
    start_on: date
    end_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found; the person is masked."""

    person: PersonCard
    enrollments: tuple[TracedEnrollment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How delivery of an entry to the city stands.

    Attributes:
        status: `pending`, `delivered` or `dead`.
        delivered_at: When the receipt came.
        receipt_id: The city's number of the receipt.
    """

    status: str
    delivered_at: datetime | None
    receipt_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedFile:
    """A sealed file an entry refers to."""

    sha256: str
    kind: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedEntry:
    """One entry as a person reads it; every member comes from the sealed envelope and payload."""

    seq: int
    event_type: str
    title: str
    summary: str
    passed: bool | None
    occurred_at: datetime
    recorded_at: datetime
    files: tuple[TracedFile, ...]
    entry_hash: str
    delivery: Delivery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """Whether a class's ledger holds together.

    Attributes:
        ok: It does.
        head_seq: Entries it has.
        head_hash: Hash of the last one.
        problem: In Chinese, what is wrong; None when nothing is.
    """

    ok: bool
    head_seq: int
    head_hash: str
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trainee's records, and the class's entries to check them with.

    Attributes:
        person: Masked.
        enrollment: The trainee in the class.
        timeline: Entries about the trainee and the class as a whole, in order.
        chain_entries: All entries of the class, for `check_chain`, outside of the transaction.
        head_seq: Where the chain's head stands.
        head_hash: Hash of the head.
    """

    person: PersonCard
    enrollment: TracedEnrollment
    timeline: tuple[TracedEntry, ...]
    chain_entries: Sequence[LedgerEntry]
    head_seq: int
    head_hash: str


def search(work: Work, *, id_number: str, reason: str) -> Found | None:
    """Find a trainee by ID number in the auditor's region; every search is on record, whatever it found.

    Args:
        work: The unit of work of an auditor.
        id_number: As on the ID card.
        reason: Why, for the audit trail; at least four characters.

    Raises:
        ReasonMissing: No reason was given.
        IdNumberRefused: Not an ID number.
    """
    given = _reason(reason)
    number = parse_id_number(id_number, today=local_date(work.now)).number
    person_id = find_person_by_id_number(work.session, work.vault, number, now=work.now)
    found = _enrollments_of(work, person_id) if person_id else ()
    audit.record(
        work,
        "search_trace",
        subject_kind="person" if found else None,
        subject_id=person_id if found else None,
        reason=given,
        found=len(found),
    )
    if person_id is None or not found:
        return None
    return Found(person=person_card(work.session, work.vault, person_id), enrollments=found)


def record_look(work: Work, enrollment_id: UUID, *, action: str, **details: str) -> bool:
    """Write down that an auditor is about to look; whether they may.

    Args:
        work: A unit of work that is committed before anything is shown.
        enrollment_id: Whose records.
        action: What they are about to do, for example `VIEW`.
        **details: What exactly, for example the hash of a file.
    """
    found = _find(work.session, enrollment_id)
    allowed = found is not None and is_in_scope(found.region, prefix_of(work.session, work.actor))
    audit.record(
        work,
        action,
        subject_kind="enrollment",
        subject_id=enrollment_id,
        outcome="done" if allowed else "refused",
        reason=None if allowed else "out_of_scope" if found else "unknown",
        **details,
    )
    return allowed


def read_trace(work: Work, enrollment_id: UUID) -> Trace:
    """Read a trainee's records; `record_look` comes first.

    Raises:
        TraceNotFound: No such enrolment in the auditor's region.
    """
    session = work.session
    found, enrollment = _in_scope(work, enrollment_id)
    chain = session.get(LedgerChain, enrollment.class_id, populate_existing=True)
    entries = entries_of(session, enrollment.class_id) if chain else []
    shown = [entry for entry in entries if _belongs(entry, enrollment_id)]
    deliveries = _deliveries(session, [entry.id for entry in shown])
    return Trace(
        person=person_card(session, work.vault, enrollment.person_id),
        enrollment=found,
        timeline=tuple(_traced(entry, deliveries.get(entry.id)) for entry in shown),
        chain_entries=entries,
        head_seq=chain.head_seq if chain else 0,
        head_hash=chain.head_hash if chain else GENESIS,
    )


def check_chain(trace: Trace) -> ChainState:
    """Re-compute a class's chain; needs no transaction."""
    found = find_break(trace.chain_entries)
    problem = _BREAKS[found.reason].format(seq=found.seq) if found else None
    last = trace.chain_entries[-1] if trace.chain_entries else None
    if problem is None and (last.seq if last else 0, last.entry_hash if last else GENESIS) != (
        trace.head_seq,
        trace.head_hash,
    ):
        problem = f"账本末尾应为第 {trace.head_seq} 条，与保存的记录不符"
    return ChainState(ok=problem is None, head_seq=trace.head_seq, head_hash=trace.head_hash, problem=problem)


def find_traced_file(work: Work, enrollment_id: UUID, sha256: str) -> FilePlace:
    """Find a file that an entry of this trainee's story refers to; `record_look` comes first.

    Raises:
        TraceNotFound: Not in the auditor's region, or no entry of the story refers to it.
        ObjectMissing: It was deleted when its time was over.
    """
    _, enrollment = _in_scope(work, enrollment_id)
    referring = work.session.scalar(
        select(func.count())
        .select_from(LedgerEntry)
        .where(
            LedgerEntry.chain_id == enrollment.class_id,
            (LedgerEntry.subject_id == enrollment_id) | LedgerEntry.event_type.in_(SHOWN_TO_ALL),
            LedgerEntry.files.contains([{"sha256": sha256}]),
        )
    )
    if not referring:
        raise TraceNotFound("这份记录没有引用该文件")
    return find_file(work.session, sha256)


def unmask(work: Work, enrollment_id: UUID, *, reason: str) -> ClearPerson:
    """Show a trainee's name and numbers in clear; `record_look` comes first, the reason is on record.

    Raises:
        TraceNotFound: No such enrolment in the auditor's region.
        ReasonMissing: No reason was given.
        UnmaskNotAllowed: The actor's role may not.
    """
    _, enrollment = _in_scope(work, enrollment_id)
    return reveal_person(work, person_id=enrollment.person_id, reason=reason)


def _reason(text: str) -> str:
    reason = " ".join(text[:MAX_REASON].split())
    if len(reason) < MIN_REASON:
        raise ReasonMissing(pointers={"/reason": ReasonMissing.title})
    return reason


def _in_scope(work: Work, enrollment_id: UUID) -> tuple[TracedEnrollment, Enrollment]:
    found = _find(work.session, enrollment_id)
    if found is None or not is_in_scope(found.region, prefix_of(work.session, work.actor)):
        raise TraceNotFound
    return found, work.session.get_one(Enrollment, enrollment_id)


def _find(session: Session, enrollment_id: UUID) -> TracedEnrollment | None:
    return next(iter(_rows(session, Enrollment.id == enrollment_id)), None)


def _enrollments_of(work: Work, person_id: UUID) -> tuple[TracedEnrollment, ...]:
    prefix = prefix_of(work.session, work.actor)
    rows = _rows(work.session, Enrollment.person_id == person_id)
    return tuple(row for row in rows if is_in_scope(row.region, prefix))


def _rows(session: Session, condition: object) -> Iterable[TracedEnrollment]:
    found = session.execute(
        select(Enrollment, TrainingClass, Organization.name)
        .join(TrainingClass, TrainingClass.id == Enrollment.class_id)
        .join(Organization, Organization.id == TrainingClass.organization_id)
        .where(condition)  # type: ignore[arg-type]  # a column expression
        .order_by(TrainingClass.start_on.desc(), TrainingClass.code)
    )
    for enrollment, training_class, organization_name in found:
        yield TracedEnrollment(
            enrollment_id=enrollment.id,
            learner_ref=enrollment.learner_ref,
            class_code=training_class.code,
            class_name=training_class.name,
            organization_name=organization_name,
            region=training_class.region,
            trade=training_class.trade_name,
            level=training_class.level,
            is_claimable=training_class.is_claimable,
            start_on=training_class.start_on,
            end_on=training_class.end_on,
        )


def _belongs(entry: LedgerEntry, enrollment_id: UUID) -> bool:
    return entry.subject_id == enrollment_id or entry.envelope["event_type"] in SHOWN_TO_ALL


def _deliveries(session: Session, entry_ids: Sequence[UUID]) -> dict[UUID, Delivery]:
    rows = session.execute(
        select(
            OutboxMessage.entry_id,
            OutboxMessage.status,
            OutboxMessage.delivered_at,
            OutboxMessage.receipt["receipt_id"].astext.label("receipt_id"),
        ).where(OutboxMessage.entry_id.in_(entry_ids), OutboxMessage.channel == CITY_CHANNEL)
    )
    return {
        row.entry_id: Delivery(status=row.status, delivered_at=row.delivered_at, receipt_id=row.receipt_id)
        for row in rows
    }


def _traced(entry: LedgerEntry, delivery: Delivery | None) -> TracedEntry:
    envelope = entry.envelope
    return TracedEntry(
        seq=envelope["seq"],
        event_type=envelope["event_type"],
        title=title_of(envelope["event_type"]),
        summary=summary_of(envelope["event_type"], entry.payload),
        passed=passed_of(entry.payload),
        occurred_at=datetime.fromisoformat(envelope["occurred_at"]),
        recorded_at=datetime.fromisoformat(envelope["recorded_at"]),
        files=tuple(
            TracedFile(
                sha256=file["sha256"], kind=file["kind"], media_type=file["media_type"], size_bytes=file["bytes"]
            )
            for file in envelope["files"]
        ),
        entry_hash=entry.entry_hash,
        delivery=delivery,
    )
