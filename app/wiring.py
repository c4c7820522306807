"""The only place that connects events to handlers and ports to adapters; reads like a table.

`build` makes the platform of one process from its settings. `connect` ties the rooms together: one room publishes a
past-tense event, the handlers of others run in the same transaction, and an exception aborts all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.errors import DomainError
from app.core.jobs import ProcrastinateQueue
from app.core.security import Vault
from app.core.settings import Settings
from app.core.work import SYSTEM, Actor, EventBus, JobQueue, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything one process runs on.

    Attributes:
        settings: The settings it was built from.
        clock: The clock; read once per unit of work.
        database: PostgreSQL.
        vault: Keys.
        bus: Events and their handlers.
        jobs: Background jobs.
    """

    settings: Settings
    clock: Clock
    database: Database
    vault: Vault
    bus: EventBus
    jobs: JobQueue

    def work(self, session: Session, *, actor: Actor = SYSTEM) -> Work:
        """Make the unit of work of an open transaction; the clock is read here, once."""
        return Work(session=session, now=self.clock.now(), actor=actor, bus=self.bus, jobs=self.jobs, vault=self.vault)

    @contextmanager
    def unit(self, *, actor: Actor = SYSTEM) -> Iterator[Work]:
        """Run one transaction as `actor`; commit at the end."""
        with self.database.transaction() as session:
            yield self.work(session, actor=actor)

    def record_refusal(self, actor: Actor | None, path: str, failure: DomainError) -> None:
        """Write a refusal into the audit trail, in a transaction of its own."""
        with self.unit(actor=actor or Actor(kind="anonymous")) as work:
            audit.record(work, "request", outcome="refused", reason=failure.slug, path=path[:200])

    def close(self) -> None:
        """Give back what is held."""
        self.database.close()


def build(settings: Settings, *, database_url: str, clock: Clock | None = None) -> Platform:
    """Build the platform of one process.

    Args:
        settings: Where everything is.
        database_url: `DATABASE_URL`, or the address of the embedded server that is running.
        clock: Another clock than the machine's, for tests.
    """
    vault = Vault.from_secret(settings.secret.get_secret_value(), field_keys=settings.field_key_versions())
    return Platform(
        settings=settings,
        clock=clock or SystemClock(),
        database=Database(database_url),
        vault=vault,
        bus=EventBus(),
        jobs=ProcrastinateQueue(),
    )
