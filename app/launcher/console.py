"""What the person at the terminal sees: steps with times, progress, and one clear sentence on failure."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

PULSE_S = 10.0
REDRAW_S = 0.5
LINE_WIDTH = 100


class LaunchError(Exception):
    """A failure the person can act on: said in one sentence, exit code 1.

    Args:
        chinese: What is wrong and what to do.
        english: The same in English, for whoever keeps the machine.
        tail: The last lines of the tool that failed; empty when they would not help.
        cause: What the tool suffered from, as far as known: disk, compiler, network, hash; else empty.
    """

    def __init__(self, chinese: str, english: str, *, tail: str = "", cause: str = "") -> None:
        self.chinese = chinese
        self.english = english
        self.tail = tail
        self.cause = cause
        super().__init__(english)

    def text(self) -> str:
        """Both sentences, the tool's last lines above them."""
        lines = [f"{self.tail}\n"] if self.tail else []
        return "\n".join([*lines, f"✗ {self.chinese}", f"  {self.english}"])


class Step:
    """A long step while it runs; `note` tells it what is being done just now."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.last = ""
        self.outcome = ""
        self.started = time.monotonic()

    def note(self, text: str) -> None:
        """Remember the latest line of the tool at work; shown with the next pulse."""
        self.last = text.strip()

    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started


class Console:
    """Writes progress to one stream: redrawn in place on a terminal, a line every ten seconds elsewhere.

    Args:
        stream: Where to write; standard output when None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._lock = threading.Lock()
        self._drawn = False
        self._tty = self._stream.isatty()

    def say(self, text: str = "") -> None:
        """Write one line."""
        with self._lock:
            self._clear()
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def heading(self, text: str) -> None:
        """Write a heading that stands out in a long log."""
        self.say(f"\n━━━ {text} ━━━")

    def colour(self, text: str, code: int) -> str:
        """Colour `text` on a terminal; plain elsewhere."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._tty else text

    def echo(self, name: str) -> Callable[[str], None]:
        """Make a function that shows the log lines of `name`, each with its coloured prefix."""
        prefix = self.colour(f"{name:<10}│", 31 + sum(name.encode()) % 6)
        return lambda line: self.say(f"{prefix} {line}")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show `title` and its time while the block runs, then whether it succeeded."""
        step = Step(title)
        done = threading.Event()
        pulse = threading.Thread(target=self._pulse, args=(step, done), daemon=True)
        pulse.start()
        mark = self.colour("✗", 31)
        try:
            yield step
            mark = self.colour("✓", 32)
        finally:
            done.set()
            pulse.join()
            outcome = f"，{step.outcome}" if step.outcome else ""
            self.say(f"{mark} {title}{outcome}  {step.elapsed():.1f} s")

    def _pulse(self, step: Step, done: threading.Event) -> None:
        if not self._tty and not done.wait(1.0):
            self.say(f"… {step.title}")
        while not done.wait(REDRAW_S if self._tty else PULSE_S):
            line = f"… {step.title}  {step.elapsed():.0f} s  {step.last}"[:LINE_WIDTH]
            if self._tty:
                with self._lock:
                    self._clear()
                    self._stream.write(line)
                    self._stream.flush()
                    self._drawn = True
            else:
                self.say(line)

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._drawn = False
