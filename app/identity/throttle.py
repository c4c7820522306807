"""Count tries over all processes, in PostgreSQL: no more than so many in so long.

A try is counted *before* it is judged, in a transaction that commits first; fifty guesses sent at once therefore
cannot all be judged before one of them is counted. Windows slide: it is never possible to fit two full windows of
tries around a boundary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.work import Work
from app.identity.models import Throttle

__all__ = ["Limit", "Taken", "clear", "take"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many tries are taken in how long.

    Attributes:
        name: What is tried; part of the key.
        count: Tries taken within `within`.
        within: Length of the sliding window.
        block: After the last try taken, none is taken for this long; None: until the oldest leaves the window.
    """

    name: str
    count: int
    within: timedelta
    block: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Whether a try was taken.

    Attributes:
        retry_after_s: None when it was taken; else seconds until the next one will be.
        is_last: Whether this was the last try taken before a block.
    """

    retry_after_s: int | None = None
    is_last: bool = False


def take(work: Work, limit: Limit, *, who: str) -> Taken:
    """Count one try of `who`, if the limit has room for it.

    Locks the counter until the transaction ends; a caller who counts under several limits always does so in the
    order address, then account or phone.

    Args:
        work: The unit of work.
        limit: The limit.
        who: Address, phone or name that tries; kept as a keyed hash only.
    """
    key = _key(work, limit, who)
    row = _locked(work, key)
    if row.blocked_until is not None and row.blocked_until > work.now:
        return Taken(retry_after_s=_wait_s(row.blocked_until - work.now))
    now_ms = _ms(work.now)
    window_ms = limit.within // timedelta(milliseconds=1)
    hits = [hit for hit in row.hits if hit > now_ms - window_ms]
    if len(hits) >= limit.count:
        return Taken(retry_after_s=_wait_s(timedelta(milliseconds=hits[-limit.count] + window_ms - now_ms)))
    hits.append(now_ms)
    is_last = limit.block is not None and len(hits) == limit.count
    blocked_until = work.now + limit.block if limit.block is not None and is_last else None
    work.session.execute(
        update(Throttle)
        .where(Throttle.key == key)
        .values(
            hits=[] if is_last else hits,
            blocked_until=blocked_until,
            stale_at=max(work.now + limit.within, blocked_until or work.now),
        )
    )
    return Taken(is_last=is_last)


def clear(work: Work, limit: Limit, *, who: str) -> None:
    """Forget the tries of `who`, because the last one was right."""
    work.session.execute(delete(Throttle).where(Throttle.key == _key(work, limit, who)))


def _key(work: Work, limit: Limit, who: str) -> str:
    return work.vault.blind_index(f"{limit.name}\x00{who}", purpose="throttle")


def _locked(work: Work, key: str) -> Throttle:
    work.session.execute(
        insert(Throttle)
        .values(key=key, hits=[], blocked_until=None, stale_at=work.now)
        .on_conflict_do_nothing(index_elements=[Throttle.key])
    )
    query = select(Throttle).where(Throttle.key == key).with_for_update().execution_options(populate_existing=True)
    return work.session.scalars(query).one()


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _wait_s(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
