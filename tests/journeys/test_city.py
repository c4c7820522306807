"""The other side after all journeys: the city holds what the platform holds."""

from __future__ import annotations

import hashlib
import sqlite3
import time

import pytest
from sqlalchemy import func, select

from app.core.clock import SystemClock, local_date
from app.core.db import start_embedded
from app.core.ledger import DELIVERED, LedgerEntry, OutboxMessage
from app.core.settings import Settings
from app.realname import digests
from app.wiring import build

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def platform(stage, plays):
    """The platform's own parts, after everybody has played."""
    plays.wait_for_all()
    settings = Settings(var_dir=stage.var, city_url=stage.city_url, public_url=stage.url)
    made = build(settings, database_url=start_embedded(stage.var / "postgres").url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def entries(platform):
    """All records of the platform, once nothing waits for delivery any more."""
    deadline = time.monotonic() + 60
    while True:
        with platform.unit() as work:
            waiting = work.session.scalar(
                select(func.count()).select_from(OutboxMessage).where(OutboxMessage.status != DELIVERED)
            )
            found = work.session.scalars(select(LedgerEntry)).all()
            if not waiting:
                return found
        assert time.monotonic() < deadline, f"{waiting} records were not delivered"
        time.sleep(0.5)


@pytest.mark.clause("CC-4.1.3b", "CC-6.2")
class TestCity:
    def test_holds_every_record(self, entries, stage):
        with sqlite3.connect(stage.var / "simulator" / "city.sqlite3") as city:
            rows = city.execute("select event_id, entry_hash, status from event").fetchall()
        assert {(str(entry.id), entry.entry_hash) for entry in entries} == {(row[0], row[1]) for row in rows}
        assert {row[2] for row in rows} == {"stored"}

    def test_holds_every_file(self, entries, stage):
        wanted = {file["sha256"] for entry in entries for file in entry.files}
        held = [path for path in (stage.var / "simulator" / "files").glob("*/*") if path.suffix != ".part"]
        assert wanted
        assert wanted == {hashlib.sha256(path.read_bytes()).hexdigest() for path in held}

    def test_comes_to_the_same_digest_of_the_day(self, entries, platform):
        today = local_date(SystemClock().now())
        assert digests.post_digests(
            today, unit=platform.unit, city=platform.city, platform_id=platform.settings.platform_id
        )
