"""Small engines for the tests of the pool; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Unavailable
from proctoring.ports import Engine, FaceReading

ENGINE = Engine(name="test", version="1", model_sha256="0" * 64, dimension=128)


@dataclass
class Scripted:
    """Does what a frame says: ``sleep:SECONDS``, ``die``, ``stop``, ``raise``, anything else is echoed.

    Attributes:
        log: Each frame is noted in this file when its work begins.
        failures: Constructor failures before the first success.
    """

    log: Path
    failures: int = 0

    def __post_init__(self) -> None:
        starts = self.log.with_suffix(".starts")
        with starts.open("a") as file:
            file.write("+")
        if len(starts.read_text()) <= self.failures:
            raise RuntimeError("no model")

    @property
    def engine(self):
        return ENGINE

    def read(self, frames, *, deadline_s, thorough=False):
        if deadline_s < 0:
            raise Unavailable
        return [self._obey(frame.decode()) for frame in frames]

    def _obey(self, order):
        with self.log.open("a") as file:
            file.write(f"{order}\n")
        verb, _, argument = order.partition(":")
        if verb == "sleep":
            time.sleep(float(argument))
        elif verb == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif verb == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif verb == "raise":
            raise ValueError("secret detail")
        return FaceReading(sha256=order, width=os.getpid(), height=1, face_count=0, face=None)
