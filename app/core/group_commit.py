"""Many small writes, one commit: the durable path of heartbeats and exam answers.

Requests hand in a record and wait. One thread takes everything that is waiting, writes it in a single transaction
and answers only after the commit. A killed process therefore loses nothing that was acknowledged, and under load the
batches grow by themselves.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import DomainError, Unavailable

R = TypeVar("R")
A = TypeVar("A")

log = structlog.get_logger()

LINGER_S = 0.004
"""How long a busy writer waits for company before it writes; a lonely record is written at once."""


class WriterBusy(Unavailable):
    """More records are waiting than the writer may hold."""

    slug = "writer-busy"
    title = "服务器正忙，请稍后自动重试"


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[R, A]):
    record: R
    answer: asyncio.Future[A | DomainError]
    loop: asyncio.AbstractEventLoop


class GroupCommit(Generic[R, A]):
    """A single writer thread that commits in batches.

    Args:
        database: Where to write.
        handle: Writes a batch and gives one answer per record, in order. A record that breaks a rule is answered
            with its `DomainError` as a value, so that it does not harm the others. Anything *raised* rolls the batch
            back; its records are then tried one by one.
        max_batch: Records per transaction at most.
        max_waiting: Records that may wait; beyond it `submit` raises at once.
        name: Thread name.
    """

    def __init__(
        self,
        database: Database,
        handle: Callable[[Session, Sequence[R]], Sequence[A | DomainError]],
        *,
        max_batch: int = 500,
        max_waiting: int = 20_000,
        name: str = "group-commit",
    ) -> None:
        self._database = database
        self._handle = handle
        self._max_batch = max_batch
        self._queue: queue.Queue[_Waiting[R, A] | None] = queue.Queue(max_waiting)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then stop."""
        self._queue.put(None)
        self._thread.join(timeout=30)

    async def submit(self, record: R) -> A:
        """Wait until `record` is committed; its answer.

        Raises:
            WriterBusy: Too many records are waiting.
            DomainError: The record breaks a rule.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(record, loop.create_future(), loop)
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise WriterBusy from None
        answer: A | DomainError = await waiting.answer
        if isinstance(answer, DomainError):
            raise answer
        return answer

    def _run(self) -> None:
        is_busy = False
        while (first := self._queue.get()) is not None:
            if is_busy:
                time.sleep(LINGER_S)
            batch, is_last = self._take(first)
            is_busy = len(batch) > 1
            self._write(batch)
            if is_last:
                return

    def _take(self, first: _Waiting[R, A]) -> tuple[list[_Waiting[R, A]], bool]:
        batch = [first]
        while len(batch) < self._max_batch:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return batch, True
            batch.append(waiting)
        return batch, False

    def _write(self, batch: list[_Waiting[R, A]]) -> None:
        try:
            with self._database.transaction() as session:
                answers = self._handle(session, [waiting.record for waiting in batch])
        except Exception as error:  # whatever it is, every waiting request must get an answer
            if len(batch) > 1:
                for waiting in batch:
                    self._write([waiting])
                return
            log.exception("group_commit_failed", records=len(batch))
            _resolve(batch, [error])
            return
        _resolve(batch, answers)


def _resolve(batch: Sequence[_Waiting[R, A]], answers: Sequence[A | DomainError | Exception]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[A | DomainError], A | Exception]]] = {}
    for waiting, answer in zip(batch, answers, strict=True):
        by_loop.setdefault(waiting.loop, []).append((waiting.answer, answer))
    for loop, pairs in by_loop.items():
        loop.call_soon_threadsafe(_set_all, pairs)


def _set_all(pairs: list[tuple[asyncio.Future[A | DomainError], A | Exception]]) -> None:
    for future, answer in pairs:
        if future.done():  # the client went away
            continue
        if isinstance(answer, Exception) and not isinstance(answer, DomainError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
