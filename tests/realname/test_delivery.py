"""Deliver through every misfortune to a city in another process: nothing lost, nothing twice, nothing out of order.

The relay of the product is not used here. A small loop that follows the retry rule stands for it, so that these tests
speak of the protocol, the client and the city alone. Waiting is virtual: a batch's next time is compared with a clock
that jumps.
"""

from __future__ import annotations

import heapq
import json
import random
import sqlite3
import threading
import time
from datetime import timedelta

import httpx
import pytest

from app.core.clock import SystemClock, local_date
from app.realname.ports import Failure
from app.realname.protocol import (
    Action,
    Breaker,
    DigestKind,
    ErrorKind,
    compute_digest,
    entry_hash,
    next_attempt,
)
from app.realname.simulator.seed import DEFAULT_SEED, load_seed
from tests.realname.conftest import DEMO_CLASS, REAL_CLASS, Chain, CityProcess

CLASSES = {REAL_CLASS: "XY0087001", DEMO_CLASS: "YS0001001"}


def chunks(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


class Driver:
    """Send batches of several classes, each class in order, until everything is delivered."""

    def __init__(self, client, batch_id, *, seed):
        self.client, self.batch_id = client, batch_id
        self.random = random.Random(seed)
        self.now = SystemClock().now()
        self.attempts = 0
        self.kinds = set()
        self.breaker = Breaker()

    def deliver(self, queues):
        """Send each queue (a list of batches) in order; queues are independent."""
        start = self.now
        heap = [(start, number, 0, 1, self.batch_id()) for number in range(len(queues))]
        heapq.heapify(heap)
        while heap:
            at, number, position, tries, batch = heapq.heappop(heap)
            self.now = max(self.now, at)
            if not self.breaker.may_send(self.now):
                self.now = self.breaker.open_until
            found = self.send(queues[number][position], batch)
            if found is None:
                self.breaker = self.breaker.after_success()
                if position + 1 < len(queues[number]):
                    heapq.heappush(heap, (self.now, number, position + 1, 1, self.batch_id()))
                continue
            self.breaker = self.breaker.after_failure(self.now)
            decision = next_attempt(
                found.kind,
                attempts=tries,
                now=self.now,
                rng=self.random,
                queued_at=start,
                retry_after_s=found.retry_after_s,
            )
            assert decision.action is Action.RETRY, found
            heapq.heappush(heap, (decision.at, number, position, tries + 1, batch))

    def send(self, events, batch):
        self.attempts += 1
        found = self.client.push_events(events, batch_id=batch)
        if isinstance(found, Failure):
            self.kinds.add(found.kind)
            return found
        assert all(result.is_delivered for result in found.results), found.results
        return None


class OutageDriver(Driver):
    """A driver for whom the city comes back after some virtual time."""

    def __init__(self, client, batch_id, *, city, outage_s):
        super().__init__(client, batch_id, seed=3)
        self.city, self.end = city, self.now + timedelta(seconds=outage_s)
        self.attempts_in_outage = 0

    def send(self, events, batch):
        if self.now < self.end:
            self.attempts_in_outage += 1
        else:
            self.city.misbehave()
        return super().send(events, batch)


def rows(city, sql, *values):
    with sqlite3.connect(city.data / "city.sqlite3") as db:
        return db.execute(sql, values).fetchall()


def assert_city_holds(city, chain, events):
    held = rows(city, "select seq, entry_hash, status from event where class_code = ? order by seq", chain.class_code)
    assert held == [(event["seq"], entry_hash(event), "stored") for event in events]


@pytest.mark.clause("CC-4.1.3b", "CC-A2-3.1")
class TestTenThousandEventsThroughFaults:
    def test_arrive_exactly_once_in_order_and_without_gaps(self, city_process, batch_id):
        chains = {code: Chain(code, learner_ref=learner) for code, learner in CLASSES.items()}
        events = {code: chain.add_many(5000) for code, chain in chains.items()}
        city_process.misbehave(
            error_ratio=0.05,
            lost_answer_ratio=0.05,
            broken_answer_ratio=0.03,
            duplicate_ratio=0.04,
            wrong_receipt_ratio=0.02,
            late_answer_ratio=0.01,
            late_answer_s=1.5,
            seed=7,
        )
        client = city_process.client()
        client._http.timeout = httpx.Timeout(1.0)
        driver = Driver(client, batch_id, seed=7)
        driver.deliver([chunks(events[code], 25) for code in CLASSES])
        assert driver.attempts > 430, "the faults did not strike"
        assert driver.kinds == {
            ErrorKind.SERVER_ERROR,
            ErrorKind.NETWORK,
            ErrorKind.BROKEN_ANSWER,
            ErrorKind.TIMEOUT,
        }

        city_process.misbehave()
        assert rows(city_process, "select count(*), count(distinct event_id) from event") == [(10_000, 10_000)]
        for code, chain in chains.items():
            assert_city_holds(city_process, chain, events[code])
            digest = compute_digest(
                events[code], platform_id="P001", class_code=code, kind=DigestKind.DAILY, day=local_date(chain.now)
            )
            assert client.post_digest(digest).matched
        client.close()


class TestTenMinutesWithoutACity:
    def test_cost_few_requests_and_no_event(self, tmp_path, batch_id):
        """Forty classes wait; without the breaker each of them would knock by itself."""
        seed = load_seed(DEFAULT_SEED)
        real = next(item for item in seed["classes"] if item["class_code"] == REAL_CLASS)
        seed["classes"] = [{**real, "class_code": f"K{number}"} for number in range(40)]
        seed_file = tmp_path / "seed.json"
        seed_file.write_text(json.dumps(seed), encoding="utf-8")
        chains = [Chain(item["class_code"]) for item in seed["classes"]]
        events = [chain.add_many(20) for chain in chains]
        city = CityProcess(tmp_path, seed=seed_file)
        city.start()
        try:
            city.misbehave(down_s=3600)
            with city.client() as client:
                driver = OutageDriver(client, batch_id, city=city, outage_s=600)
                driver.deliver([chunks(of_class, 10) for of_class in events])
        finally:
            city.kill()
        assert 20 <= driver.attempts_in_outage <= 600 / 5
        for chain, of_class in zip(chains, events, strict=True):
            assert_city_holds(city, chain, of_class)


@pytest.mark.clause("CC-4.1.3b")
class TestKillingTheCity:
    def test_loses_nothing_it_acknowledged(self, tmp_path, batch_id):
        city = CityProcess(tmp_path)
        city.start()
        chain = Chain()
        events = chain.add_many(3000)
        acknowledged = set()
        dice = random.Random(11)
        stop = threading.Event()
        kills = 0

        def push():
            client = city.client()
            for batch in chunks(events, 10):
                number = batch_id()
                while isinstance(found := client.push_events(batch, batch_id=number), Failure):
                    if stop.is_set():
                        return
                    assert found.is_retryable, found
                    time.sleep(0.02)
                assert all(result.is_delivered for result in found.results)
                acknowledged.update(result.event_id for result in found.results)
            client.close()

        worker = threading.Thread(target=push)
        worker.start()
        try:
            while kills < 6 and worker.is_alive():
                time.sleep(dice.uniform(0.02, 0.3))
                city.kill()
                kills += 1
                held = {event_id for (event_id,) in rows(city, "select event_id from event")}
                assert acknowledged <= held, "an acknowledged event is gone"
                assert rows(city, "pragma integrity_check") == [("ok",)]
                city.start()
            worker.join(120)
            assert not worker.is_alive()
        finally:
            stop.set()
            worker.join(30)
            city.kill()
        assert kills == 6
        assert len(acknowledged) == 3000
        assert_city_holds(city, chain, events)

    def test_keeps_its_key_so_that_old_receipts_stay_valid(self, tmp_path, batch_id):
        city = CityProcess(tmp_path)
        city.start()
        try:
            client, chain = city.client(), Chain()
            client.push_events([chain.add()], batch_id=batch_id())
            before = client.receipts().receipts
            city.kill()
            city.start()
            assert client.receipts().receipts == before
            client.close()
        finally:
            city.kill()


class TestHalfAnAnswer:
    def test_breaks_the_connection_as_a_lost_answer_does(self, city_process, batch_id):
        city_process.misbehave(lost_answer_ratio=1)
        with city_process.client() as client:
            found = client.push_events([Chain().add()], batch_id=batch_id())
        assert (found.kind, found.code) == (ErrorKind.NETWORK, "RemoteProtocolError")
