"""The processes a supervisor keeps: started, written to a log, restarted with back-off, stopped in order."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LOG_BYTES = 10 * 2**20
LOG_COPIES = 3
TAIL_LINES = 60
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0
STEADY_S = 60.0


@dataclass(frozen=True)
class Program:
    """What to keep running.

    Attributes:
        name: Short name, also of its log.
        argv: The command.
        url: Where it answers when it is ready; None when readiness shows elsewhere.
        grace_s: How long it may take to finish its work when asked to stop, in seconds.
    """

    name: str
    argv: tuple[str, ...]
    url: str | None = None
    grace_s: float = 15.0


class RotatingLog:
    """A log file that keeps a few older copies of itself.

    Args:
        path: The file.
        limit: Size at which a new one begins, in bytes.
    """

    def __init__(self, path: Path, *, limit: int = LOG_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limit = limit
        self._handle: IO[bytes] = path.open("ab")
        self.lost = 0

    def write(self, line: bytes) -> None:
        """Append a line; on a full disk count it as lost instead of stopping the program."""
        try:
            if self._handle.tell() + len(line) > self._limit:
                self._turn()
            self._handle.write(line)
            self._handle.flush()
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Close the file."""
        try:
            self._handle.close()
        except OSError:
            self.lost += 1

    def _turn(self) -> None:
        self._handle.close()
        for number in range(LOG_COPIES - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        self._handle = self._path.open("ab")


class Child:
    """One program while it is supervised. Start it from the main thread: it ends when that thread does.

    Args:
        program: What to run.
        folder: Where its log goes.
        env: Its environment.
        echo: Where each line is shown besides; None for the log only.
    """

    def __init__(
        self, program: Program, *, folder: Path, env: Mapping[str, str], echo: Callable[[str], None] | None = None
    ) -> None:
        self.program = program
        self.tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
        self.starts = 0
        self.due_at = 0.0
        self._env = dict(env)
        self._log = RotatingLog(folder / f"{program.name}.log")
        self._echo = echo
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._delay_s = FIRST_DELAY_S

    @property
    def pid(self) -> int | None:
        """Process id of the running program; None before it started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the program in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        tied = [sys.executable, "-m", "app.launcher.child", str(os.getpid()), *self.program.argv]
        self._process = subprocess.Popen(  # noqa: S603 - the supervisor's own command
            tied,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.starts += 1
        self._started_at = time.monotonic()
        self._reader = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def exit_code(self) -> int | None:
        """Exit code when the program has ended; None while it runs."""
        return self._process.poll() if self._process else None

    def schedule_restart(self) -> float:
        """Decide when to start again: at once doubled each time, until it ran for a minute.

        Returns:
            Seconds from now.
        """
        if time.monotonic() - self._started_at >= STEADY_S:
            self._delay_s = FIRST_DELAY_S
        delay = self._delay_s
        self.due_at = time.monotonic() + delay
        self._delay_s = min(delay * 2, LONGEST_DELAY_S)
        return delay

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the program alone; it tells its own helpers."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the program and everything it left in its session."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Wait for the last lines and close the log."""
        if self._reader is not None:
            self._reader.join(timeout=2)
        self._log.close()

    def _copy(self, stream: IO[bytes]) -> None:
        for line in stream:
            text = line.decode("utf-8", errors="replace").rstrip("\n")
            self.tail.append(text)
            self._log.write(line)
            if self._echo is not None:
                self._echo(text)
        stream.close()


def python_program(name: str, *arguments: str, url: str | None = None) -> Program:
    """A program of this interpreter: `python -m app.cli ...`."""
    argv = (sys.executable, "-m", "app.cli", *arguments)
    return Program(name=name, argv=argv, url=url)


def stop_all(children: Sequence[Child], *, forced: threading.Event) -> list[str]:
    """Stop children one after another in the order given.

    Args:
        children: Who is to stop.
        forced: When set, nobody is waited for any more.

    Returns:
        The names of those that had to be killed.
    """
    killed = []
    for child in children:
        child.ask_to_stop()
        deadline = time.monotonic() + child.program.grace_s
        while child.exit_code() is None and child.pid and time.monotonic() < deadline and not forced.is_set():
            forced.wait(0.05)
        if child.pid and child.exit_code() is None:
            killed.append(child.program.name)
        child.kill()
        child.close()
    return killed
