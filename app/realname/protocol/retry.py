"""Decide what follows a failed delivery: when to try again, when to stop, when to call a person.

Pure: the clock and the dice are parameters. The rules are those of the protocol, in one table:

===========================  =========================================================================
failure                      what follows
===========================  =========================================================================
400, 422                     dead letter at once
401, 403                     stop the channel, alarm
409                          compare hashes, else alarm
413                          split the batch; a single event that is too large is a dead letter
429, 503                     obey Retry-After, else as below
time-out, connection, 5xx,   random(0, min(900 s, 2 s x 2^n)); after 24 h hourly, after 7 days
unusable answer              dead letter and alarm; the same Idempotency-Key again
===========================  =========================================================================

Twenty failures in a row open the breaker for 60 seconds; then one try decides whether it closes.

Clauses: CC-4.1.3b, CC-A2-3.1
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

FIRST_DELAY_S = 2
MAX_DELAY_S = 900
HOURLY_AFTER = timedelta(hours=24)
DEAD_AFTER = timedelta(days=7)
BREAKER_LIMIT = 20
BREAKER_PAUSE = timedelta(seconds=60)

_CAP_EXPONENT = 9  # 2 s x 2^9 is already above 900 s


class ErrorKind(StrEnum):
    """How a delivery failed."""

    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    NETWORK = "network"
    BROKEN_ANSWER = "broken_answer"


RETRYABLE = frozenset(
    {
        ErrorKind.THROTTLED,
        ErrorKind.SERVER_ERROR,
        ErrorKind.TIMEOUT,
        ErrorKind.NETWORK,
        ErrorKind.BROKEN_ANSWER,
    }
)


class Action(StrEnum):
    """What to do with a failed delivery."""

    RETRY = "retry"
    SPLIT = "split"
    COMPARE_HASH = "compare_hash"
    STOP_CHANNEL = "stop_channel"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows a failure.

    Attributes:
        action: What to do.
        at: When to try again; only with `RETRY`.
        alarm: Whether a person must be told.
    """

    action: Action
    at: datetime | None = None
    alarm: bool = False


def kind_of_status(status: int) -> ErrorKind:
    """Classify an HTTP status outside 2xx."""
    known = {
        401: ErrorKind.UNAUTHORIZED,
        403: ErrorKind.UNAUTHORIZED,
        408: ErrorKind.TIMEOUT,
        409: ErrorKind.CONFLICT,
        413: ErrorKind.TOO_LARGE,
        429: ErrorKind.THROTTLED,
        503: ErrorKind.THROTTLED,
    }
    if status in known:
        return known[status]
    return ErrorKind.INVALID if 400 <= status < 500 else ErrorKind.SERVER_ERROR  # noqa: PLR2004 - HTTP classes


def next_attempt(
    kind: ErrorKind,
    *,
    attempts: int,
    now: datetime,
    rng: random.Random,
    queued_at: datetime,
    batch_size: int = 1,
    retry_after_s: int | None = None,
) -> Decision:
    """Decide what follows a failed delivery.

    Args:
        kind: How it failed.
        attempts: Failed attempts so far, this one included; at least 1.
        now: The present instant.
        rng: Dice for the jitter.
        queued_at: When the oldest event of the batch was queued.
        batch_size: Events in the batch.
        retry_after_s: The receiver's wish in seconds (429, 503), if it named one.
    """
    match kind:
        case ErrorKind.INVALID:
            return Decision(Action.DEAD_LETTER, alarm=True)
        case ErrorKind.UNAUTHORIZED:
            return Decision(Action.STOP_CHANNEL, alarm=True)
        case ErrorKind.CONFLICT:
            return Decision(Action.COMPARE_HASH)
        case ErrorKind.TOO_LARGE if batch_size > 1:
            return Decision(Action.SPLIT)
        case ErrorKind.TOO_LARGE:
            return Decision(Action.DEAD_LETTER, alarm=True)
        case _:
            return _try_again(attempts, now=now, rng=rng, age=now - queued_at, retry_after_s=retry_after_s)


def _try_again(
    attempts: int, *, now: datetime, rng: random.Random, age: timedelta, retry_after_s: int | None
) -> Decision:
    if age >= DEAD_AFTER:
        return Decision(Action.DEAD_LETTER, alarm=True)
    if retry_after_s is not None:
        return Decision(Action.RETRY, at=now + timedelta(seconds=max(0, retry_after_s)))
    if age >= HOURLY_AFTER:
        return Decision(Action.RETRY, at=now + timedelta(hours=1))
    exponent = min(max(attempts, 1) - 1, _CAP_EXPONENT)
    longest = min(MAX_DELAY_S, FIRST_DELAY_S * 2**exponent)
    return Decision(Action.RETRY, at=now + timedelta(seconds=rng.uniform(0, longest)))


@dataclass(frozen=True, slots=True)
class Breaker:
    """Count failures in a row and keep a broken target alone for a while.

    Attributes:
        failures: Failures in a row.
        open_until: While set and in the future, nothing is sent.
    """

    failures: int = 0
    open_until: datetime | None = None

    def may_send(self, now: datetime) -> bool:
        """Tell whether a request may go out at `now`."""
        return self.open_until is None or now >= self.open_until

    def after_success(self) -> Breaker:
        """Close the breaker."""
        return Breaker()

    def after_failure(self, now: datetime) -> Breaker:
        """Count a failure; from the twentieth in a row each one opens the breaker for a minute."""
        counted = replace(self, failures=self.failures + 1)
        return replace(counted, open_until=now + BREAKER_PAUSE) if counted.failures >= BREAKER_LIMIT else counted
