"""A class in which one trainee went all the way, made once; tests read it and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from app.core.clock import FakeClock
from app.core.db import sqlalchemy_url
from app.core.settings import Settings
from app.wiring import Platform, build
from tests.conftest import NOW
from tests.reports.world import World


@contextmanager
def copied(template: tuple[str, str]) -> Iterator[str]:
    """A fresh, migrated database that lives as long as the block."""
    server, source = template
    name = f"reports_{uuid4().hex[:12]}"
    engine = create_engine(sqlalchemy_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {source}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@contextmanager
def started(template: tuple[str, str], folder: Path, clock: FakeClock) -> Iterator[Platform]:
    with copied(template) as url:
        platform = build(Settings(environment="development", var_dir=folder), database_url=url, clock=clock)
        try:
            yield platform
        finally:
            platform.close()


@pytest.fixture(scope="session")
def graduate(template: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two trainees; the first one passed, the city confirmed all but the last entries, the class is closed."""
    clock = FakeClock(NOW)
    with started(template, tmp_path_factory.mktemp("graduate"), clock) as platform:
        world = World.make(platform, clock)
        world.register(0)
        world.study(0)
        world.deliver()
        world.make_paper(world.sit_exam(0))
        clock.advance(timedelta(minutes=1))
        world.study(1, lessons=[1])
        world.deliver()
        clock.advance(timedelta(days=40))
        world.close()
        yield world


@pytest.fixture(scope="session")
def pack(graduate: World) -> bytes:
    """The evidence pack of the trainee who passed."""
    return graduate.pack()


@pytest.fixture
def world(template: tuple[str, str], tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    """A freshly opened class for tests that change things."""
    with started(template, tmp_path, clock) as platform:
        yield World.make(platform, clock)
