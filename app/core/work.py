"""A unit of work: one transaction, one reading of the clock, and who asks.

Services take a `Work` as their first argument. It carries what every write needs and nothing else; the edge that
made it commits it before the answer leaves.

See Note [Why a Work and not a Session] at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.security import Vault

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks.

    Attributes:
        kind: `trainee`, a staff role, `system` for jobs, `anonymous` before sign-in.
        account_id: The account, if there is one.
        person_id: The natural person behind a trainee's account.
        organization_id: The organisation a staff account belongs to.
        ip: Address the request came from, for the audit trail.
        request_id: Id that ties log lines and audit entries of one request together.
    """

    kind: str
    account_id: UUID | None = None
    person_id: UUID | None = None
    organization_id: UUID | None = None
    ip: str | None = None
    request_id: str | None = None


SYSTEM = Actor(kind="system")


class JobQueue(Protocol):
    """Defers background jobs inside the caller's transaction: job and cause commit together."""

    def defer(
        self,
        session: Session,
        name: str,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        run_at: datetime | None = None,
        **arguments: Any,
    ) -> None:
        """Add a job.

        Args:
            session: The caller's transaction.
            name: Registered name of the task.
            lock: Jobs of the same lock run one after the other, in order.
            queueing_lock: At most one waiting job per key; a second one is dropped silently.
            run_at: Not before this instant.
            **arguments: JSON values handed to the task.
        """


Handler = Callable[["Work", Any], None]


class EventBus:
    """Hands events to their handlers, in the same transaction, in the order of registration.

    A handler that raises aborts everything: an event and its consequences happen together or not at all.
    """

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler]] = defaultdict(list)

    def on(self, event_type: type[E], handler: Callable[[Work, E], None]) -> None:
        """Register `handler` for events of exactly `event_type`."""
        self._handlers[event_type].append(handler)

    def handlers_of(self, event_type: type) -> tuple[Handler, ...]:
        """List the handlers of an event type."""
        return tuple(self._handlers[event_type])


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One unit of work.

    Attributes:
        session: The open transaction; services never commit it.
        now: The one instant of this work, aware UTC.
        actor: Who asks.
        bus: Where events go.
        jobs: Where background jobs go.
        vault: Keys for personal data.
    """

    session: Session
    now: datetime
    actor: Actor
    bus: EventBus
    jobs: JobQueue
    vault: Vault

    def publish(self, event: object) -> None:
        """Hand `event` to every handler registered for its type, now and in this transaction."""
        for handler in self.bus.handlers_of(type(event)):
            handler(self, event)


# Note [Why a Work and not a Session]
# Nearly every command needs the transaction, the time, the actor (audit) and the bus (other rooms react). Handing
# over four arguments everywhere hides the one or two that matter to the rule at hand. A Work is made by the edge
# only, so `now` cannot differ between two lines of one command, and a service cannot open a second transaction.
