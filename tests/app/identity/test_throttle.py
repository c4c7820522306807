from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.jobs import ProcrastinateQueue
from app.core.work import SYSTEM, EventBus, Work
from app.identity.housekeeping import sweep
from app.identity.models import Throttle
from app.identity.throttle import Limit, clear, take

PLAIN = Limit(name="plain", count=3, within=timedelta(minutes=1))
BLOCKING = Limit(name="blocking", count=3, within=timedelta(minutes=1), block=timedelta(minutes=15))


def takes(desk, limit, count, who="somebody"):
    return [take(desk.work(), limit, who=who).retry_after_s for _ in range(count)]


class TestTake:
    def test_takes_as_many_as_the_limit_says(self, desk):
        assert takes(desk, PLAIN, 4) == [None, None, None, 60]

    def test_says_when_the_next_one_is_taken_and_keeps_its_word(self, desk):
        takes(desk, PLAIN, 1)
        desk.pass_time(seconds=20)
        assert takes(desk, PLAIN, 3) == [None, None, 40]
        desk.pass_time(seconds=39)
        assert takes(desk, PLAIN, 1) == [1]
        desk.pass_time(seconds=1)
        assert takes(desk, PLAIN, 2) == [None, 20]

    def test_never_lets_two_windows_fit_around_a_boundary(self, desk):
        taken = 0
        for _ in range(60):
            taken += takes(desk, PLAIN, 1) == [None]
            desk.pass_time(seconds=1)
        assert taken == 3

    def test_blocks_after_the_last_try(self, desk):
        results = [take(desk.work(), BLOCKING, who="x") for _ in range(4)]
        assert [(one.retry_after_s, one.is_last) for one in results] == [
            (None, False),
            (None, False),
            (None, True),
            (900, False),
        ]
        desk.pass_time(minutes=14, seconds=59)
        assert takes(desk, BLOCKING, 1, who="x") == [1]
        desk.pass_time(seconds=1)
        assert takes(desk, BLOCKING, 3, who="x") == [None, None, None]

    def test_counts_everybody_apart(self, desk):
        takes(desk, PLAIN, 3, who="a")
        assert takes(desk, PLAIN, 1, who="b") == [None]

    def test_does_not_store_who(self, desk):
        takes(desk, PLAIN, 1, who="19900000001")
        assert all("19900000001" not in key for key in desk.session.scalars(select(Throttle.key)))

    @pytest.mark.commits
    def test_holds_over_processes_that_try_at_once(self, database, clock, vault):
        def one(_):
            with database.transaction() as session:
                made = Work(
                    session=session,
                    now=clock.now(),
                    actor=SYSTEM,
                    bus=EventBus(),
                    jobs=ProcrastinateQueue(),
                    vault=vault,
                )
                return take(made, BLOCKING, who="victim").retry_after_s

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(one, range(40)))
        assert results.count(None) == 3


class TestClear:
    def test_forgets_the_tries(self, desk):
        takes(desk, BLOCKING, 3)
        clear(desk.work(), BLOCKING, who="somebody")
        assert takes(desk, BLOCKING, 1) == [None]


class TestSweep:
    def test_deletes_only_counters_that_no_longer_count(self, desk):
        takes(desk, PLAIN, 1)
        takes(desk, BLOCKING, 3)
        desk.pass_time(minutes=2)
        sweep(desk.work())
        assert takes(desk, BLOCKING, 1) == [780]
        assert len(desk.session.scalars(select(Throttle)).all()) == 1
