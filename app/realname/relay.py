"""Carry a class's ledger to the city: in order, at least once, until there is a receipt.

One chain is relayed by one job at a time (the job's lock); chains run side by side. Each step is a short transaction;
the network is used in between. A batch is written down before it is sent, so that a retry after a crash sends the same
events under the same idempotency key.

Clauses: CC-4.1.3b, CC-A2-3.1
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core.ledger import CITY_CHANNEL, DEAD, DELIVERED, PENDING, RELAY_JOB, LedgerEntry, OutboxMessage
from app.core.work import Work
from app.realname.models import CityBatch, CityChannel, CityFile
from app.realname.ports import CitySystem, EventResult, Failure, Receipt
from app.realname.protocol import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    Action,
    Breaker,
    Document,
    ResultStatus,
    batch_bytes,
    next_attempt,
)

OPEN, ANSWERED, GIVEN_UP = "open", "answered", "given_up"
_MARGIN_BYTES = 4096

log = structlog.get_logger()

Unit = Callable[[], AbstractContextManager[Work]]


class FileSource(Protocol):
    """Gives the bytes of a sealed file, decrypted."""

    def __call__(self, sha256: str) -> AbstractContextManager[tuple[BinaryIO, int]]:
        """Open a file; the stream and its size in bytes."""


@dataclass(frozen=True, slots=True)
class _Load:
    """A batch with what it carries."""

    batch_id: UUID
    events: list[Document]
    files: list[str]
    queued_at: datetime


def event_of(entry: LedgerEntry) -> Document:
    """Write an entry as the event that leaves: its envelope, as hashed, and its payload."""
    return {**entry.envelope, "payload": entry.payload}


def relay_chain(chain_id: UUID, *, unit: Unit, city: CitySystem, files: FileSource, rng: random.Random) -> None:
    """Deliver everything of a chain that is due; plans its own return when something failed.

    Args:
        chain_id: The class's chain.
        unit: Opens a transaction.
        city: The other side.
        files: Where the files' bytes come from.
        rng: Dice for the jitter of retries.
    """
    while True:
        with unit() as work:
            load = _next_load(work, chain_id)
        if load is None:
            return
        failure = _send_files(load.files, unit=unit, city=city, files=files)
        answer = failure or city.push_events(load.events, batch_id=str(load.batch_id))
        with unit() as work:
            if isinstance(answer, Failure):
                go_on = _note_failure(work, chain_id, load, answer, rng=rng)
            else:
                go_on = _note_receipt(work, chain_id, load, answer)
        if not go_on:
            return


def sweep(work: Work) -> int:
    """Plan a relay job for every chain with something due; for what a lost job left behind. How many chains."""
    chains = work.session.scalars(
        select(OutboxMessage.chain_id)
        .where(OutboxMessage.status == PENDING, OutboxMessage.next_attempt_at <= work.now)
        .distinct()
    ).all()
    for chain_id in chains:
        plan_relay(work, chain_id)
    return len(chains)


def plan_relay(work: Work, chain_id: UUID, *, run_at: datetime | None = None) -> None:
    """Plan a relay job of a chain; a second waiting one is dropped."""
    key = f"relay:{chain_id}" if run_at is None else f"relay-later:{chain_id}"
    work.jobs.defer(
        work.session, RELAY_JOB, lock=f"chain:{chain_id}", queueing_lock=key, run_at=run_at, chain_id=str(chain_id)
    )


def restart_channel(work: Work) -> None:
    """Send again after a person has mended what stopped the channel."""
    channel = _channel(work)
    channel.stopped_at = channel.stopped_reason = channel.open_until = None
    channel.failure_count = 0
    work.session.execute(update(OutboxMessage).where(OutboxMessage.status == PENDING).values(next_attempt_at=work.now))
    sweep(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityStatus:
    """How delivery stands.

    Attributes:
        pending: Events waiting.
        oldest_pending_at: Since when the oldest one waits.
        dead: Events that need a person.
        stopped_reason: Why the channel stands still, or None.
        last_success_at: Last receipt.
    """

    pending: int
    oldest_pending_at: datetime | None
    dead: int
    stopped_reason: str | None
    last_success_at: datetime | None


def status_of(session: Session) -> CityStatus:
    """Tell how delivery stands."""
    counts = {
        status: (int(count), oldest)
        for status, count, oldest in session.execute(
            select(OutboxMessage.status, func.count(), func.min(LedgerEntry.recorded_at))
            .join(LedgerEntry, LedgerEntry.id == OutboxMessage.entry_id)
            .group_by(OutboxMessage.status)
        )
    }
    channel = session.get(CityChannel, CITY_CHANNEL)
    return CityStatus(
        pending=counts.get(PENDING, (0, None))[0],
        oldest_pending_at=counts.get(PENDING, (0, None))[1],
        dead=counts.get(DEAD, (0, None))[0],
        stopped_reason=channel.stopped_reason if channel else None,
        last_success_at=channel.last_success_at if channel else None,
    )


def _next_load(work: Work, chain_id: UUID) -> _Load | None:
    channel = _channel(work)
    if channel.stopped_at is not None:
        return None
    if not Breaker(channel.failure_count, channel.open_until).may_send(work.now):
        plan_relay(work, chain_id, run_at=channel.open_until)
        return None
    batch = work.session.scalars(
        select(CityBatch).where(CityBatch.chain_id == chain_id, CityBatch.status == OPEN)
    ).one_or_none()
    if batch is None:
        batch = _new_batch(work, chain_id)
    if batch is None:
        return None
    first_due = work.session.scalar(
        select(func.max(OutboxMessage.next_attempt_at)).where(OutboxMessage.entry_id.in_(_ids(batch)))
    )
    if first_due is not None and first_due > work.now:
        plan_relay(work, chain_id, run_at=first_due)
        return None
    entries = work.session.scalars(
        select(LedgerEntry).where(LedgerEntry.id.in_(_ids(batch))).order_by(LedgerEntry.seq)
    ).all()
    return _Load(
        batch_id=batch.id,
        events=[event_of(entry) for entry in entries],
        files=sorted({file["sha256"] for entry in entries for file in entry.files}),
        queued_at=min(entry.recorded_at for entry in entries),
    )


def _ids(batch: CityBatch) -> list[UUID]:
    return [UUID(entry_id) for entry_id in batch.entry_ids]


def _new_batch(work: Work, chain_id: UUID, *, limit: int = MAX_BATCH_EVENTS) -> CityBatch | None:
    rows = work.session.scalars(
        select(LedgerEntry)
        .join(OutboxMessage, OutboxMessage.entry_id == LedgerEntry.id)
        .where(OutboxMessage.chain_id == chain_id, OutboxMessage.status == PENDING)
        .order_by(LedgerEntry.seq)
        .limit(limit)
    ).all()
    chosen = _that_fit(rows)
    if not chosen:
        return None
    made = CityBatch(
        chain_id=chain_id, entry_ids=[str(entry.id) for entry in chosen], status=OPEN, made_at=work.now, attempt_count=0
    )
    work.session.add(made)
    work.session.flush()
    return made


def _that_fit(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """Take entries from the front as long as they fit into one request; always at least one."""
    chosen: list[LedgerEntry] = []
    size = _MARGIN_BYTES
    for entry in entries:
        size += len(batch_bytes("", [event_of(entry)]))
        if chosen and size > MAX_BATCH_BYTES:
            break
        chosen.append(entry)
    return chosen


def _send_files(hashes: Sequence[str], *, unit: Unit, city: CitySystem, files: FileSource) -> Failure | None:
    with unit() as work:
        held = set(work.session.scalars(select(CityFile.sha256).where(CityFile.sha256.in_(hashes))))
    for sha256 in hashes:
        if sha256 in held:
            continue
        with files(sha256) as (content, size_bytes):
            state = city.put_file(sha256, content=content, size_bytes=size_bytes)
        if isinstance(state, Failure):
            return state
        with unit() as work:
            work.session.merge(CityFile(sha256=sha256, delivered_at=work.now))
    return None


def _note_receipt(work: Work, chain_id: UUID, load: _Load, receipt: Receipt) -> bool:
    """Write down what the city said of each event; True when there may be more to send."""
    channel = _channel(work)
    channel.failure_count, channel.open_until, channel.last_success_at = 0, None, work.now
    _close_batch(work, load.batch_id, ANSWERED)
    messages = _messages(work, [UUID(result.event_id) for result in receipt.results])
    for result in receipt.results:
        message = messages[UUID(result.event_id)]
        message.attempt_count += 1
        if result.is_delivered:
            message.status, message.delivered_at, message.last_error = DELIVERED, work.now, None
            message.receipt = {"receipt_id": receipt.receipt_id, "document": receipt.document}
        else:
            _note_result(work, message, result)
    work.session.flush()
    if any(result.status is ResultStatus.PENDING_FILES for result in receipt.results):
        plan_relay(work, chain_id, run_at=max(message.next_attempt_at for message in messages.values()))
        return False
    return True


def _note_result(work: Work, message: OutboxMessage, result: EventResult) -> None:
    message.last_error = f"{result.code}: {result.detail}"
    if result.status is ResultStatus.PENDING_FILES:
        entry = work.session.get_one(LedgerEntry, message.entry_id)
        hashes = [file["sha256"] for file in entry.files]
        for known in work.session.scalars(select(CityFile).where(CityFile.sha256.in_(hashes))):
            work.session.delete(known)
        return
    message.status = DEAD
    log.error("city_rejected_event", event_id=result.event_id, code=str(result.code), field=result.field)


def _note_failure(work: Work, chain_id: UUID, load: _Load, failure: Failure, *, rng: random.Random) -> bool:
    """Decide what follows a failure; True when to go on at once."""
    channel = _channel(work)
    breaker = Breaker(channel.failure_count, channel.open_until).after_failure(work.now)
    channel.failure_count, channel.open_until = breaker.failures, breaker.open_until
    batch = work.session.get_one(CityBatch, load.batch_id)
    batch.attempt_count += 1
    batch.last_error = f"{failure.code}: {failure.detail}"
    decision = next_attempt(
        failure.kind,
        attempts=batch.attempt_count,
        now=work.now,
        rng=rng,
        queued_at=load.queued_at,
        batch_size=len(load.events),
        retry_after_s=failure.retry_after_s,
    )
    messages = _messages(work, _ids(batch))
    for message in messages.values():
        message.attempt_count += 1
        message.last_error = batch.last_error
    log.warning("city_push_failed", code=failure.code, action=str(decision.action), attempts=batch.attempt_count)
    return _follow(work, chain_id, batch, messages.values(), action=decision.action, at=decision.at)


def _follow(
    work: Work,
    chain_id: UUID,
    batch: CityBatch,
    messages: Iterable[OutboxMessage],
    *,
    action: Action,
    at: datetime | None,
) -> bool:
    match action:
        case Action.RETRY:
            for message in messages:
                message.next_attempt_at = at or work.now
            plan_relay(work, chain_id, run_at=at)
            return False
        case Action.STOP_CHANNEL:
            channel = _channel(work)
            channel.stopped_at, channel.stopped_reason = work.now, batch.last_error
            return False
        case Action.SPLIT | Action.COMPARE_HASH:
            half = max(1, len(batch.entry_ids) // 2)
            batch.status = GIVEN_UP
            work.session.flush()
            if action is Action.SPLIT or len(batch.entry_ids) > 1:
                _new_batch(work, chain_id, limit=half)
                return True
            return _kill(messages)
        case Action.DEAD_LETTER:
            batch.status = GIVEN_UP
            if len(batch.entry_ids) > 1:
                work.session.flush()
                _new_batch(work, chain_id, limit=max(1, len(batch.entry_ids) // 2))
                return True
            return _kill(messages)


def _kill(messages: Iterable[OutboxMessage]) -> bool:
    for message in messages:
        message.status = DEAD
        log.error("city_dead_letter", entry_id=str(message.entry_id), error=message.last_error)
    return True


def _messages(work: Work, entry_ids: Sequence[UUID]) -> dict[UUID, OutboxMessage]:
    rows = work.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.entry_id.in_(entry_ids), OutboxMessage.channel == CITY_CHANNEL)
        .with_for_update()
    )
    return {row.entry_id: row for row in rows}


def _close_batch(work: Work, batch_id: UUID, status: str) -> None:
    work.session.get_one(CityBatch, batch_id).status = status
    work.session.flush()


def _channel(work: Work) -> CityChannel:
    channel = work.session.scalars(
        select(CityChannel).where(CityChannel.name == CITY_CHANNEL).with_for_update()
    ).one_or_none()
    if channel is None:
        channel = CityChannel(name=CITY_CHANNEL, failure_count=0)
        work.session.add(channel)
        work.session.flush()
    return channel
