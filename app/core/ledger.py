"""The append-only, hash-chained ledger and its outbox: where every fact that counts is written.

Entries of one chain (a class) form a gapless sequence. Each entry's envelope names the hash of its payload and the
hash of the entry before it; the envelope's own hash therefore seals everything up to it. The entry, the state change
it proves and the outbox row that carries it out of the house are written in one transaction.

See Note [What is hashed, and how] at the end; `app/reports/verifier` re-computes it with the standard library alone.

Clauses: CC-4.1.3b, CC-4.1.5, CC-4.1.6
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.canonical import canonical_hash
from app.core.clock import china_iso
from app.core.db import Base, Json, Sha256, UuidKey
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.work import Work

GENESIS = "0" * 64
SCHEMA = "1.0"
CITY_CHANNEL = "city"
RELAY_JOB = "relay_chain"

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"


class ChainNotFound(NotFound):
    """No ledger chain has been opened under that id."""

    slug = "chain-not-found"
    title = "该班级还没有存证账本"


class LedgerChain(Base):
    """One chain, and its head.

    The head is updated by every append, under a row lock: that is what keeps `seq` gapless.
    """

    __tablename__ = "ledger_chain"

    id: Mapped[UuidKey]
    code: Mapped[str] = mapped_column(unique=True)
    region: Mapped[str]
    pack: Mapped[str]
    is_claimable: Mapped[bool]
    head_seq: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[Sha256] = mapped_column(default=GENESIS)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class LedgerEntry(Base):
    """One fact, sealed. `subject_id` is ours (an enrolment) and is not part of the envelope."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("chain_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
        Index("ix_ledger_entry_subject_id_recorded_at", "subject_id", "recorded_at"),
    )

    id: Mapped[UuidKey]
    chain_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("ledger_chain.id"))
    seq: Mapped[int]
    event_type: Mapped[str]
    learner_ref: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    corrects: Mapped[UUID | None]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    payload: Mapped[Json]
    files: Mapped[list[Any]]
    envelope: Mapped[Json]
    prev_hash: Mapped[Sha256]
    payload_hash: Mapped[Sha256]
    entry_hash: Mapped[Sha256]


class OutboxMessage(Base):
    """One entry still to leave, or gone, through one channel. Never deleted; receipts are kept."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="status_known"),
        Index("ix_outbox_message_chain_id_status_seq", "chain_id", "status", "seq"),
    )

    entry_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("ledger_entry.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    chain_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("ledger_chain.id"))
    seq: Mapped[int]
    status: Mapped[str] = mapped_column(default=PENDING)
    attempt_count: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    last_error: Mapped[str | None]
    receipt: Mapped[Json | None]
    delivered_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRef:
    """A sealed file an entry refers to.

    Attributes:
        sha256: Hash of the file's bytes, 64 hex digits.
        bytes: Size in bytes.
        media_type: For example `image/jpeg`.
        kind: For example `checkin_image`, `paper_pdf`.
    """

    sha256: str
    bytes: int
    media_type: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened, before it is sealed.

    Attributes:
        event_type: Name of the event in `rnp/1`, for example `lesson.completed`.
        payload: Canonical JSON values only; no personal data in clear, no floats.
        occurred_at: When it happened, by the server's clock.
        learner_ref: The authority's id of the trainee, if the fact is about one.
        subject_id: Our id of the enrolment, to find the fact again.
        files: Sealed files it refers to.
        corrects: Event id of the entry this one corrects; entries are never edited.
    """

    event_type: str
    payload: Json
    occurred_at: datetime
    learner_ref: str | None = None
    subject_id: UUID | None = None
    files: Sequence[FileRef] = ()
    corrects: UUID | None = None


def open_chain(work: Work, chain_id: UUID, *, code: str, region: str, pack: str, is_claimable: bool) -> LedgerChain:
    """Open a chain.

    Args:
        work: The unit of work.
        chain_id: Our id of what the chain is about (the class).
        code: The authority's code; unique.
        region: GB/T 2260 code of the region.
        pack: Reference of the policy pack, for example `changchun@2020.1`.
        is_claimable: False for demonstration classes; carried by every event that leaves.
    """
    chain = LedgerChain(
        id=chain_id,
        code=code,
        region=region,
        pack=pack,
        is_claimable=is_claimable,
        head_seq=0,
        head_hash=GENESIS,
        opened_at=work.now,
    )
    work.session.add(chain)
    work.session.flush()
    return chain


def append(work: Work, chain_id: UUID, fact: Fact, *, platform_id: str) -> LedgerEntry:
    """Seal one fact at the head of its chain and put it into the outbox.

    Locks the chain until the transaction ends; appends to different chains do not wait for each other.

    Raises:
        ChainNotFound: No chain was opened under `chain_id`.
        NotCanonical: The payload holds something without a canonical form.
    """
    chain = work.session.scalars(
        select(LedgerChain)
        .where(LedgerChain.id == chain_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if chain is None:
        raise ChainNotFound
    entry = _sealed(work, chain, fact, platform_id)
    chain.head_seq, chain.head_hash = entry.seq, entry.entry_hash
    work.session.add(entry)
    work.session.flush()
    work.session.add(
        OutboxMessage(
            entry_id=entry.id,
            channel=CITY_CHANNEL,
            chain_id=chain_id,
            seq=entry.seq,
            status=PENDING,
            attempt_count=0,
            next_attempt_at=work.now,
        )
    )
    work.session.flush()
    work.jobs.defer(
        work.session,
        RELAY_JOB,
        lock=f"chain:{chain_id}",
        queueing_lock=f"relay:{chain_id}",
        chain_id=str(chain_id),
    )
    return entry


def _sealed(work: Work, chain: LedgerChain, fact: Fact, platform_id: str) -> LedgerEntry:
    entry_id = new_id()
    files = [asdict(file) for file in fact.files]
    payload_hash = canonical_hash(fact.payload)
    envelope: Json = {
        "event_id": str(entry_id),
        "event_type": fact.event_type,
        "schema": SCHEMA,
        "platform_id": platform_id,
        "region": chain.region,
        "class_code": chain.code,
        "learner_ref": fact.learner_ref,
        "seq": chain.head_seq + 1,
        "occurred_at": china_iso(fact.occurred_at),
        "recorded_at": china_iso(work.now),
        "pack": chain.pack,
        "claimable": chain.is_claimable,
        "corrects": str(fact.corrects) if fact.corrects else None,
        "prev_hash": chain.head_hash,
        "payload_hash": payload_hash,
        "files": files,
    }
    return LedgerEntry(
        id=entry_id,
        chain_id=chain.id,
        seq=chain.head_seq + 1,
        event_type=fact.event_type,
        learner_ref=fact.learner_ref,
        subject_id=fact.subject_id,
        corrects=fact.corrects,
        occurred_at=fact.occurred_at,
        recorded_at=work.now,
        payload=fact.payload,
        files=files,
        envelope=envelope,
        prev_hash=chain.head_hash,
        payload_hash=payload_hash,
        entry_hash=canonical_hash(envelope),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A place where a chain does not hold together.

    Attributes:
        seq: Sequence number of the entry, or the number that is missing.
        reason: `gap`, `payload_changed`, `envelope_changed` or `link_broken`.
    """

    seq: int
    reason: str


def find_break(entries: Sequence[LedgerEntry]) -> Break | None:
    """Re-compute a chain from its first entry; None when it holds."""
    prev_hash = GENESIS
    for expected, entry in enumerate(entries, start=1):
        if entry.seq != expected:
            return Break(seq=expected, reason="gap")
        if canonical_hash(entry.payload) != entry.envelope["payload_hash"]:
            return Break(seq=expected, reason="payload_changed")
        if canonical_hash(entry.envelope) != entry.entry_hash:
            return Break(seq=expected, reason="envelope_changed")
        if entry.envelope["prev_hash"] != prev_hash or entry.envelope["seq"] != expected:
            return Break(seq=expected, reason="link_broken")
        prev_hash = entry.entry_hash
    return None


def entries_of(session: Session, chain_id: UUID) -> list[LedgerEntry]:
    """List a chain's entries in order."""
    return list(session.scalars(select(LedgerEntry).where(LedgerEntry.chain_id == chain_id).order_by(LedgerEntry.seq)))


def entries_about(session: Session, subject_id: UUID) -> list[LedgerEntry]:
    """List the entries about one enrolment, oldest first."""
    return list(
        session.scalars(select(LedgerEntry).where(LedgerEntry.subject_id == subject_id).order_by(LedgerEntry.seq))
    )


# Note [What is hashed, and how]
# An entry's payload_hash is the SHA-256 of the canonical JSON of its payload.
# Its entry_hash is the SHA-256 of the canonical JSON of its envelope, which names payload_hash, seq and prev_hash.
# Its prev_hash is the entry_hash of the entry before it in the same chain; 64 zeros for the first.
# The envelope is stored as it was hashed, so that a later change of its layout (SCHEMA) leaves old entries valid.
# Changing a byte of a payload breaks payload_hash; changing the envelope breaks entry_hash; removing or reordering an
# entry breaks the next one's prev_hash. Re-computing the whole chain gives another head than the one in the digests
# that were signed and sent to the city each day.
