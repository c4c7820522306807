"""Run a face engine in processes of its own, with a bounded queue and deadlines.

Each caller's thread drives one worker itself: it waits for a free worker, hands over the pictures, waits for
the answer. There is no dispatcher that could stall. When more callers wait than can be served before their
deadlines, new ones are refused at once. One housekeeping thread replaces workers that die or hang.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import TracebackType
from typing import Any, Self

from app.core.errors import Unavailable
from proctoring.adapters.face_worker import Failed, Job, Late, Readings, Ready, serve
from proctoring.ports import Engine, FaceMatcher

_log = logging.getLogger(__name__)

# A worker that has not answered this long after its caller's deadline hangs, and is replaced.
_HANG_GRACE_S = 5.0
# Pauses before the next start, by the number of starts that failed in a row.
_RETRY_PAUSES_S = (0.0, 0.5, 2.0, 10.0, 30.0)
_STOP_PATIENCE_S = 2.0


class FaceServiceBusy(Unavailable):
    """More checks wait than can be served in time; nothing was begun."""

    slug = "face-service-busy"
    title = "现在打卡的人较多，请稍等几秒再试。"


class FaceServiceLate(Unavailable):
    """The deadline passed before the answer was there; work not yet begun was dropped."""

    slug = "face-service-late"
    title = "人脸比对没有在规定时间内完成，请稍后再试。"


class FaceServiceBroken(Unavailable):
    """The worker died, or none runs; the same pictures may be sent again."""

    slug = "face-service-broken"
    title = "人脸比对程序中断，正在自动恢复，请几秒后再试。"


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolStatus:
    """A snapshot for health checks and metrics.

    Attributes:
        ready: Workers that wait for pictures.
        busy: Workers that read pictures.
        starting: Workers that load their models.
        waiting: Callers in the queue.
        oldest_wait_s: How long the first of them has waited.
        replaced: Workers replaced since the start.
        frame_s: Moving average of seconds per picture.
    """

    ready: int
    busy: int
    starting: int
    waiting: int
    oldest_wait_s: float
    replaced: int
    frame_s: float


@dataclass(eq=False)
class _Worker:
    """A process and our end of its pipe; only the housekeeper closes them.

    Attributes:
        process: The process.
        connection: Used by the caller while `is_held`, otherwise by the housekeeper.
        hangs_at: Monotonic time from which it counts as hanging; None exactly while it is free.
        is_ready: Whether it has loaded its models.
        is_held: Whether a caller's thread uses the connection.
    """

    process: SpawnProcess
    connection: Connection
    hangs_at: float | None
    is_ready: bool = False
    is_held: bool = False


@dataclass(eq=False)
class _Waiter:
    arrived_at: float
    ends_at: float
    frame_count: int
    granted: _Worker | None = None


class FacePool:
    """A `FaceMatcher` that reads in other processes; safe to call from many threads.

    The processes start at once; `wait_ready` blocks until one of them can work.

    Args:
        factory: Makes the engine inside each worker; must be picklable, such as
            ``functools.partial(DlibOnnxMatcher, path)``.
        workers: Processes; each uses one core and about 200 MB.
        max_waiting: Callers that may wait for a worker.
        start_timeout_s: How long a worker may take to load its models.
    """

    def __init__(
        self,
        factory: Callable[[], FaceMatcher],
        *,
        workers: int = 2,
        max_waiting: int = 16,
        start_timeout_s: float = 60.0,
    ) -> None:
        self._factory = factory
        self._size = workers
        self._max_waiting = max_waiting
        self._start_timeout_s = start_timeout_s
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._changed = threading.Condition()
        self._workers: list[_Worker] = []
        self._retired: list[_Worker] = []
        self._waiters: deque[_Waiter] = deque()
        self._engine: Engine | None = None
        self._failed_starts = 0
        self._next_start_at = 0.0
        self._replaced = 0
        self._frame_s = 0.05
        self._is_closed = False
        self._wake_reader, self._wake_writer = self._context.Pipe(duplex=False)
        self._keeper = threading.Thread(target=self._keep_house, name="face-pool", daemon=True)
        self._keeper.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """What computes the embeddings; waits for the first worker.

        Raises:
            FaceServiceBroken: No worker could be started.
        """
        return self.wait_ready()

    @property
    def status(self) -> PoolStatus:
        """The state of the queue and the workers now."""
        with self._changed:
            now = time.monotonic()
            ready = [worker for worker in self._workers if worker.is_ready]
            busy = sum(worker.hangs_at is not None for worker in ready)
            return PoolStatus(
                ready=len(ready) - busy,
                busy=busy,
                starting=len(self._workers) - len(ready),
                waiting=len(self._waiters),
                oldest_wait_s=max((now - waiter.arrived_at for waiter in self._waiters), default=0.0),
                replaced=self._replaced,
                frame_s=self._frame_s,
            )

    def wait_ready(self, timeout_s: float | None = None) -> Engine:
        """Wait until a worker has loaded its models, and say which engine it is.

        Raises:
            FaceServiceBroken: It failed to, or `timeout_s` (default: the start timeout) has passed.
        """
        limit = self._start_timeout_s if timeout_s is None else timeout_s
        with self._changed:
            self._changed.wait_for(lambda: self._engine or self._failed_starts or self._is_closed, limit)
            if self._engine is None:
                raise FaceServiceBroken(retry_after_s=10)
            return self._engine

    def read(self, frames: Sequence[bytes], *, deadline_s: float, thorough: bool = False) -> Readings:
        """Read each picture; see `FaceMatcher.read`.

        Raises:
            FaceServiceBusy: Too many wait already; nothing was begun.
            FaceServiceLate: The deadline passed; work not yet begun is dropped.
            FaceServiceBroken: The worker died; the pictures may be sent again.
        """
        ends_at = time.monotonic() + deadline_s
        worker = self._acquire(ends_at, len(frames))
        started_at = time.monotonic()
        job = Job(list(frames), ends_at - started_at, thorough)
        try:
            worker.connection.send(job)
            has_answer = worker.connection.poll(max(0.0, ends_at - time.monotonic()))
            answer = worker.connection.recv() if has_answer else None
        except (EOFError, OSError) as error:
            self._give_up(worker)
            raise FaceServiceBroken(retry_after_s=3) from error
        except BaseException:
            # Interrupted between question and answer: the answer must not reach the next caller.
            self._give_up(worker)
            raise
        if not has_answer:
            self._hand_over(worker)
            raise FaceServiceLate
        self._release(worker, frame_s=(time.monotonic() - started_at) / max(1, len(frames)))
        return _unpack(answer)

    def close(self) -> None:
        """Stop the workers; callers who wait or are served get `Unavailable`. May be called twice."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._wake()
        self._keeper.join()

    # ---- callers' threads

    def _acquire(self, ends_at: float, frame_count: int) -> _Worker:
        with self._changed:
            if self._is_closed:
                raise FaceServiceBroken
            self._refuse_overload(ends_at, frame_count)
            waiter = _Waiter(time.monotonic(), ends_at, frame_count)
            self._waiters.append(waiter)
            self._grant()
            try:
                self._changed.wait_for(lambda: waiter.granted or self._is_closed, max(0.0, ends_at - time.monotonic()))
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
            if waiter.granted is not None:
                return waiter.granted
            if self._is_closed or not any(worker.is_ready for worker in self._workers):
                raise FaceServiceBroken
            raise FaceServiceLate

    def _refuse_overload(self, ends_at: float, frame_count: int) -> None:
        ahead = sum(waiter.frame_count for waiter in self._waiters) + frame_count
        expected_s = ahead * self._frame_s / self._size
        is_hopeless = bool(self._waiters) and time.monotonic() + expected_s > ends_at
        if is_hopeless or len(self._waiters) >= self._max_waiting:
            raise FaceServiceBusy(retry_after_s=max(1, round(expected_s)))

    def _grant(self) -> None:
        """Give free workers to waiters: in order, but the newest first once half the queue is taken.

        Under overload the oldest are about to give up anyway; serving them would make everybody late.
        """
        now = time.monotonic()
        for worker in self._workers:
            if worker.hangs_at is not None:
                continue
            waiter = self._next_waiter(now)
            if waiter is None:
                break
            worker.hangs_at = waiter.ends_at + _HANG_GRACE_S
            worker.is_held = True
            waiter.granted = worker
        self._changed.notify_all()

    def _next_waiter(self, now: float) -> _Waiter | None:
        while self._waiters:
            is_crowded = len(self._waiters) > self._max_waiting // 2
            waiter = self._waiters.pop() if is_crowded else self._waiters.popleft()
            if waiter.ends_at > now:
                return waiter
        return None

    def _release(self, worker: _Worker, *, frame_s: float) -> None:
        with self._changed:
            worker.is_held = False
            worker.hangs_at = None
            self._frame_s += 0.1 * (frame_s - self._frame_s)
            if self._is_closed or worker not in self._workers:
                self._changed.notify_all()
            else:
                self._grant()

    def _hand_over(self, worker: _Worker) -> None:
        """Leave a late worker to the housekeeper, who throws its answer away when it comes."""
        with self._changed:
            worker.is_held = False
            self._changed.notify_all()
        self._wake()

    def _give_up(self, worker: _Worker) -> None:
        """Leave a dead worker to the housekeeper."""
        with self._changed:
            worker.is_held = False
            self._retire(worker)
            self._changed.notify_all()
        self._wake()

    def _retire(self, worker: _Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
            self._retired.append(worker)
            self._replaced += 1
            _log.warning("face worker %s is replaced", worker.process.pid)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_writer.send_bytes(b"!")

    # ---- housekeeper's thread

    def _keep_house(self) -> None:
        """Start what is missing, note who is ready, replace who died or hangs, until the pool closes."""
        while True:
            with self._changed:
                if self._is_closed:
                    break
                self._start_missing()
                retired = [worker for worker in self._retired if not worker.is_held]
                self._retired = [worker for worker in self._retired if worker.is_held]
                watched: dict[Any, _Worker] = {}
                for worker in self._workers:
                    watched[worker.process.sentinel] = worker
                    if worker.hangs_at is not None and not worker.is_held:
                        watched[worker.connection] = worker
                pause_s = self._pause_s()
            for worker in retired:
                _stop(worker)
            for source in wait([self._wake_reader, *watched], timeout=pause_s):
                if source is self._wake_reader:
                    self._wake_reader.recv_bytes()
                elif isinstance(source, Connection):
                    self._listen(watched[source])
                else:
                    self._note_death(watched[source])
            self._kill_hanging()
        self._shut_down()

    def _pause_s(self) -> float:
        now = time.monotonic()
        moments = [worker.hangs_at for worker in self._workers if worker.hangs_at is not None]
        if len(self._workers) < self._size:
            moments.append(self._next_start_at)
        return max(0.01, min([moment - now for moment in moments], default=60.0))

    def _listen(self, worker: _Worker) -> None:
        """Take what a worker sends that no caller waits for: that it is ready, or an answer too late."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._note_death(worker)
            return
        with self._changed:
            if isinstance(message, Ready):
                worker.is_ready = True
                self._engine = message.engine
                self._failed_starts = 0
            elif not worker.is_ready:
                _log.error("face worker cannot start: %s", message)
                return
            worker.hangs_at = None
            self._grant()

    def _note_death(self, worker: _Worker) -> None:
        with self._changed:
            if worker in self._workers and not worker.is_ready:
                self._note_failed_start()
            self._retire(worker)
            self._changed.notify_all()

    def _note_failed_start(self) -> None:
        self._failed_starts += 1
        pause_s = _RETRY_PAUSES_S[min(self._failed_starts, len(_RETRY_PAUSES_S) - 1)]
        self._next_start_at = time.monotonic() + pause_s

    def _kill_hanging(self) -> None:
        now = time.monotonic()
        with self._changed:
            hanging = [worker for worker in self._workers if (worker.hangs_at or now) < now]
        for worker in hanging:
            _log.warning("face worker %s hangs and is stopped", worker.process.pid)
            worker.process.kill()

    def _start_missing(self) -> None:
        while len(self._workers) < self._size and time.monotonic() >= self._next_start_at:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=serve, args=(theirs, self._factory), name="face-worker", daemon=True)
            try:
                process.start()
            except OSError:
                _log.exception("face worker cannot be started")
                self._note_failed_start()
                ours.close()
                return
            finally:
                theirs.close()
            self._workers.append(_Worker(process, ours, time.monotonic() + self._start_timeout_s))

    def _shut_down(self) -> None:
        with self._changed:
            workers = [*self._workers, *self._retired]
            for worker in workers:
                if worker.is_held:
                    worker.process.kill()  # its caller reads the end of the pipe and lets go
            self._changed.wait_for(lambda: not any(worker.is_held for worker in workers), _STOP_PATIENCE_S)
            self._workers, self._retired = [], []
        for worker in workers:
            worker.connection.close()  # all at once, so that they end side by side
        for worker in workers:
            _stop(worker)
        self._wake_reader.close()
        self._wake_writer.close()


def _unpack(answer: object) -> Readings:
    if isinstance(answer, list):
        return answer
    if isinstance(answer, Late):
        raise FaceServiceLate
    if isinstance(answer, Failed):
        _log.error("face engine failed: %s", answer.text)
    raise FaceServiceBroken(retry_after_s=3)


def _stop(worker: _Worker) -> None:
    worker.connection.close()  # a worker in order ends on this
    worker.process.join(_STOP_PATIENCE_S)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()
