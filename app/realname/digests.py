"""The daily word: what we hold of each class, compared with what the city holds.

A digest is posted for every class with entries on that day, and once over everything when a class closes. Missing
ranges are sent again by themselves; any other difference stays visible until a person has settled it.

Clauses: CC-4.1.3b, CC-4.1.6, CC-6.2
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.clock import CHINA
from app.core.ledger import CITY_CHANNEL, PENDING, LedgerChain, LedgerEntry, OutboxMessage
from app.core.work import Work
from app.realname.models import CityDigest
from app.realname.ports import CitySystem, DigestAnswer, Failure
from app.realname.protocol import ClassDigest, DigestKind, compute_digest
from app.realname.relay import Unit, event_of, plan_relay

log = structlog.get_logger()


def post_digests(day: date, *, unit: Unit, city: CitySystem, platform_id: str) -> bool:
    """Post the digest of every class that has entries on `day`; True when all were taken and agree.

    Args:
        day: A day of China.
        unit: Opens a transaction.
        city: The other side.
        platform_id: Our number at the city.
    """
    with unit() as work:
        chains = chains_of_day(work.session, day)
    results = [_post(chain_id, day, unit=unit, city=city, platform_id=platform_id) for chain_id in chains]
    return all(results)


def digest_of_day(session: Session, chain_id: UUID, day: date, *, platform_id: str) -> ClassDigest:
    """Compute the digest of one class and day from the ledger."""
    chain = session.get_one(LedgerChain, chain_id)
    entries = _entries_of_day(session, chain_id, day)
    return compute_digest(
        [event_of(entry) for entry in entries],
        platform_id=platform_id,
        class_code=chain.code,
        kind=DigestKind.DAILY,
        day=day,
    )


def chains_of_day(session: Session, day: date) -> Sequence[UUID]:
    """List the chains with entries recorded on a day of China."""
    start, end = _bounds(day)
    return session.scalars(
        select(LedgerEntry.chain_id)
        .where(LedgerEntry.recorded_at >= start, LedgerEntry.recorded_at < end)
        .distinct()
        .order_by(LedgerEntry.chain_id)
    ).all()


def _post(chain_id: UUID, day: date, *, unit: Unit, city: CitySystem, platform_id: str) -> bool:
    with unit() as work:
        digest = digest_of_day(work.session, chain_id, day, platform_id=platform_id)
    answer = city.post_digest(digest)
    with unit() as work:
        row = _row(work, chain_id, day)
        row.document = digest.to_document()
        if isinstance(answer, Failure):
            log.warning("digest_not_taken", code=answer.code, day=str(day))
            return False
        row.posted_at, row.matched = work.now, answer.matched
        row.differences = _differences(answer)
        if answer.missing:
            _send_again(work, chain_id, answer.missing)
        return answer.matched


def _differences(answer: DigestAnswer) -> dict[str, object]:
    return {
        "members": list(answer.differences),
        "missing": [list(bounds) for bounds in answer.missing],
        "unknown_learners": list(answer.unknown_learners),
    }


def _send_again(work: Work, chain_id: UUID, missing: Sequence[tuple[int, int]]) -> None:
    for first, last in missing:
        work.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.chain_id == chain_id,
                OutboxMessage.channel == CITY_CHANNEL,
                OutboxMessage.seq.between(first, last),
            )
            .values(status=PENDING, next_attempt_at=work.now)
        )
    plan_relay(work, chain_id)


def _row(work: Work, chain_id: UUID, day: date) -> CityDigest:
    row = work.session.scalars(
        select(CityDigest).where(
            CityDigest.chain_id == chain_id, CityDigest.kind == DigestKind.DAILY.value, CityDigest.day == day
        )
    ).one_or_none()
    if row is None:
        row = CityDigest(chain_id=chain_id, kind=DigestKind.DAILY.value, day=day, document={}, differences={})
        work.session.add(row)
    return row


def _entries_of_day(session: Session, chain_id: UUID, day: date) -> Sequence[LedgerEntry]:
    start, end = _bounds(day)
    return session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.chain_id == chain_id, LedgerEntry.recorded_at >= start, LedgerEntry.recorded_at < end)
        .order_by(LedgerEntry.seq)
    ).all()


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), tzinfo=CHINA)
    return start, start + timedelta(days=1)
