"""The part of the face pool that runs inside a worker process."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from app.core.errors import Unavailable
from proctoring.ports import Engine, FaceMatcher, FaceReading, Rejection

Readings = list[FaceReading | Rejection]


@dataclass(frozen=True, slots=True)
class Job:
    """Pictures to read, and the seconds left for them."""

    frames: list[bytes]
    budget_s: float
    thorough: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded its engine."""

    engine: Engine


@dataclass(frozen=True, slots=True)
class Late:
    """The deadline passed before all pictures were read."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something is wrong with the engine; `text` is for the log, not for the person."""

    text: str


def serve(connection: Connection, factory: Callable[[], FaceMatcher]) -> None:
    """Load the engine, then answer one job after the other until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which closes the pipe
    with contextlib.suppress(EOFError, OSError):
        try:
            matcher = factory()
        except Exception as error:  # noqa: BLE001 - reported to the parent, which logs it and tries again
            connection.send(_failure(error))
            return
        connection.send(Ready(matcher.engine))
        while True:
            connection.send(_answer(matcher, connection.recv()))


def _answer(matcher: FaceMatcher, job: Job) -> Readings | Late | Failed:
    try:
        return matcher.read(job.frames, deadline_s=job.budget_s, thorough=job.thorough)
    except Unavailable:
        return Late()
    except Exception as error:  # noqa: BLE001 - reported to the caller; one picture must not end the worker
        return _failure(error)


def _failure(error: Exception) -> Failed:
    return Failed(f"{type(error).__name__}: {error}")
