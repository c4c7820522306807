from __future__ import annotations

import functools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.errors import Unavailable
from proctoring.adapters import face_pool
from proctoring.adapters.face_pool import FacePool, FaceServiceBroken, FaceServiceBusy, FaceServiceLate
from tests.proctoring.adapters.engines import ENGINE, Scripted


@pytest.fixture
def log(tmp_path):
    return tmp_path / "frames.log"


@pytest.fixture
def make_pool(log):
    pools = []

    def make(*, failures=0, **options):
        options = {"workers": 1, **options}
        pools.append(FacePool(functools.partial(Scripted, log, failures), **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def pool(make_pool):
    pool = make_pool()
    pool.wait_ready()
    return pool


@pytest.fixture
def threads():
    with ThreadPoolExecutor(12) as executor:
        yield executor


def begun(log):
    return log.read_text().split() if log.exists() else []


def wait_until(condition, *, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def pid_of(pool):
    (reading,) = pool.read([b"hello"], deadline_s=10)
    return reading.width


class TestRead:
    def test_gives_every_thread_its_own_answer_in_order(self, make_pool, threads):
        pool = make_pool(workers=2, max_waiting=50)
        orders = [[f"{caller}-{frame}".encode() for frame in range(3)] for caller in range(40)]
        answers = list(threads.map(lambda frames: pool.read(frames, deadline_s=30), orders))
        assert [[reading.sha256.encode() for reading in answer] for answer in answers] == orders

    def test_works_in_another_process(self, pool):
        assert pid_of(pool) != os.getpid()

    def test_reports_an_engine_failure_without_its_details_and_goes_on(self, pool):
        before = pid_of(pool)
        with pytest.raises(FaceServiceBroken) as raised:
            pool.read([b"raise"], deadline_s=10)
        assert "secret" not in raised.value.detail + str(raised.value.extensions)
        assert pid_of(pool) == before


class TestOverload:
    def test_refuses_at_once_when_the_queue_is_full(self, make_pool, threads):
        pool = make_pool(max_waiting=2)
        pool.wait_ready()
        running = threads.submit(pool.read, [b"sleep:0.6"], deadline_s=10)
        wait_until(lambda: pool.status.busy == 1)
        waiting = [threads.submit(pool.read, [b"sleep:0"], deadline_s=10) for _ in range(2)]
        wait_until(lambda: pool.status.waiting == 2)
        started = time.monotonic()
        with pytest.raises(FaceServiceBusy) as raised:
            pool.read([b"hello"], deadline_s=10)
        assert time.monotonic() - started < 0.1
        assert raised.value.extensions["retry_after_s"] >= 1
        assert raised.value.status == 503
        assert "稍等" in raised.value.detail
        assert len([each.result() for each in [running, *waiting]]) == 3

    def test_refuses_at_once_what_cannot_be_done_before_its_deadline(self, make_pool, threads):
        pool = make_pool(max_waiting=50)
        for _ in range(30):
            pool.read([b"sleep:0.02"], deadline_s=10)
        running = threads.submit(pool.read, [b"sleep:0.5"], deadline_s=10)
        wait_until(lambda: pool.status.busy == 1)
        waiting = threads.submit(pool.read, [b"hello"] * 100, deadline_s=10)
        wait_until(lambda: pool.status.waiting == 1)
        with pytest.raises(FaceServiceBusy):
            pool.read([b"too late"], deadline_s=1.0)
        running.result()
        assert len(waiting.result()) == 100

    def test_serves_the_newest_first_when_crowded(self, make_pool, threads, log):
        pool = make_pool(max_waiting=6)
        pool.wait_ready()
        running = threads.submit(pool.read, [b"sleep:0.4"], deadline_s=10)
        wait_until(lambda: pool.status.busy == 1)
        waiting = []
        for number in range(5):
            waiting.append(threads.submit(pool.read, [str(number).encode()], deadline_s=10))
            wait_until(lambda expected=number + 1: pool.status.waiting == expected)
        for each in [running, *waiting]:
            each.result()
        assert begun(log) == ["sleep:0.4", "4", "3", "0", "1", "2"]


class TestDeadline:
    def test_drops_work_that_is_late_before_it_starts(self, pool, threads, log):
        running = threads.submit(pool.read, [b"sleep:0.5"], deadline_s=10)
        wait_until(lambda: pool.status.busy == 1)
        started = time.monotonic()
        with pytest.raises(FaceServiceLate):
            pool.read([b"never"], deadline_s=0.1)
        assert time.monotonic() - started < 0.3
        running.result()
        pid_of(pool)
        assert "never" not in begun(log)

    def test_lets_the_caller_go_and_throws_the_late_answer_away(self, pool):
        worker = pid_of(pool)
        with pytest.raises(FaceServiceLate):
            pool.read([b"sleep:0.3"], deadline_s=0.1)
        (reading,) = pool.read([b"mine"], deadline_s=10)
        assert (reading.sha256, reading.width) == ("mine", worker)

    def test_replaces_a_worker_that_hangs(self, pool, monkeypatch):
        monkeypatch.setattr(face_pool, "_HANG_GRACE_S", 0.2)
        worker = pid_of(pool)
        with pytest.raises(FaceServiceLate):
            pool.read([b"stop"], deadline_s=0.2)
        assert pid_of(pool) != worker
        assert pool.status.replaced == 1


class TestDeath:
    def test_frees_the_caller_at_once_and_starts_another_worker(self, pool):
        worker = pid_of(pool)
        started = time.monotonic()
        with pytest.raises(FaceServiceBroken) as raised:
            pool.read([b"die"], deadline_s=30)
        assert time.monotonic() - started < 2
        assert raised.value.extensions["retry_after_s"] > 0
        assert pid_of(pool) != worker

    def test_replaces_an_idle_worker_before_anybody_asks(self, pool):
        worker = pid_of(pool)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: pool.status.replaced == 1 and pool.status.ready == 1)
        assert pid_of(pool) != worker

    def test_loses_no_call_but_the_one_of_the_dead_worker(self, make_pool, threads):
        pool = make_pool(workers=2, max_waiting=50)
        pool.wait_ready()
        wait_until(lambda: pool.status.ready == 2)
        calls = [threads.submit(pool.read, [b"sleep:0.02"], deadline_s=30) for _ in range(10)]
        calls.append(threads.submit(pool.read, [b"die"], deadline_s=30))
        calls += [threads.submit(pool.read, [b"sleep:0.02"], deadline_s=30) for _ in range(10)]
        failures = [call.exception() for call in calls if call.exception()]
        assert [type(failure) for failure in failures] == [FaceServiceBroken]

    def test_tries_again_when_the_models_cannot_be_loaded(self, make_pool):
        pool = make_pool(failures=2)
        with pytest.raises(FaceServiceBroken):
            pool.wait_ready()
        wait_until(lambda: pool.status.ready == 1)
        assert pool.engine == ENGINE

    def test_says_broken_when_no_worker_comes_up(self, make_pool):
        pool = make_pool(failures=1000)
        with pytest.raises(FaceServiceBroken):
            pool.read([b"hello"], deadline_s=0.3)


class TestClose:
    def test_ends_the_processes_and_frees_all_callers(self, make_pool, threads):
        pool = make_pool()
        worker = pid_of(pool)
        calls = [threads.submit(pool.read, [b"sleep:20"], deadline_s=30) for _ in range(2)]
        wait_until(lambda: pool.status.busy == 1 and pool.status.waiting == 1)
        started = time.monotonic()
        pool.close()
        assert all(isinstance(call.exception(5), Unavailable) for call in calls)
        assert time.monotonic() - started < 5
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)

    def test_may_be_called_twice_and_refuses_work_afterwards(self, make_pool):
        with make_pool() as pool:
            pool.wait_ready()
        pool.close()
        with pytest.raises(Unavailable):
            pool.read([b"hello"], deadline_s=1)
        assert not pool._keeper.is_alive()

    def test_closes_while_the_worker_is_still_loading(self, make_pool):
        started = time.monotonic()
        make_pool().close()
        assert time.monotonic() - started < 5
