"""Fixtures of all tests: a real PostgreSQL, migrated by Alembic, and everything a unit of work needs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from app.core.clock import FakeClock
from app.core.db import Database, sqlalchemy_url, start_embedded
from app.core.jobs import ProcrastinateQueue
from app.core.migrate import upgrade
from app.core.security import Vault
from app.core.work import Actor, EventBus, Work

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""A Monday, 09:00 in China."""


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Address of a PostgreSQL: `TEST_DATABASE_URL` if given, else an embedded one of this test process."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="zx-pg-"))
    server = start_embedded(folder / "data", durable=False)
    try:
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _execute(url: str, statement: str) -> None:
    engine = create_engine(sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _with_database(url: str, name: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[tuple[str, str]]:
    """A migrated database to copy from: (server address, its name)."""
    name = f"template_{uuid4().hex[:12]}"
    _execute(server_url, f"CREATE DATABASE {name}")
    upgrade(_with_database(server_url, name))
    yield server_url, name
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def copied_database(template: tuple[str, str]) -> Iterator[str]:
    """Copy the migrated database; its address. For fixtures that several tests share."""
    url, name = _copy(template)
    yield url
    _execute(template[0], f"DROP DATABASE {name} WITH (FORCE)")


def _copy(template: tuple[str, str]) -> tuple[str, str]:
    url, source = template
    name = f"test_{uuid4().hex[:12]}"
    _execute(url, f"CREATE DATABASE {name} TEMPLATE {source}")
    return _with_database(url, name), name


@pytest.fixture
def database_url(template: tuple[str, str]) -> Iterator[str]:
    """Address of a fresh database of this test alone; for tests that really commit."""
    with copied_database(template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database that really commits."""
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared_database(template: tuple[str, str]) -> Iterator[Database]:
    """One database for all tests that roll back."""
    with copied_database(template) as url:
        made = Database(url)
        yield made
        made.close()


@pytest.fixture
def session(shared_database: Database) -> Iterator[Session]:
    """A session whose work is rolled back after the test."""
    with shared_database.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as made:
            yield made
        outer.rollback()


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 09:00 in China on Monday, 2 March 2026."""
    return FakeClock(NOW)


@pytest.fixture(scope="session")
def vault() -> Vault:
    """Keys for tests."""
    return Vault.from_secret("a secret for tests only, long enough to pass")


@pytest.fixture
def bus() -> EventBus:
    """An event bus without handlers."""
    return EventBus()


@pytest.fixture
def make_work(clock: FakeClock, vault: Vault, bus: EventBus) -> Callable[[Session], Work]:
    """Make the unit of work of any session; for tests that really commit."""

    def make(session: Session) -> Work:
        return Work(
            session=session,
            now=clock.now(),
            actor=Actor(kind="system"),
            bus=bus,
            jobs=ProcrastinateQueue(),
            vault=vault,
        )

    return make


@pytest.fixture
def work(session: Session, make_work: Callable[[Session], Work]) -> Work:
    """A unit of work that is rolled back after the test."""
    return make_work(session)
