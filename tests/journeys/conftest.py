"""A running platform for all journeys, and the journeys themselves, played side by side.

A module of this folder may define `play(stage)`: it is started when the first test asks for a journey, if one of the
module's tests is to run, and its tests look at what it left. So all journeys together take little longer than the
longest.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.demo.journey.people import load_trainees
from app.demo.journey.stage import ROOT, open_stage

CACHE = ROOT / "var"
SCREENSHOTS = CACHE / "screenshots"
LONGEST_S = 480


@pytest.fixture(scope="session")
def stage():
    """The whole platform: database, simulator, worker and web in processes of their own."""
    var = Path(tempfile.mkdtemp(prefix="zx-journey-"))
    running = open_stage(var, cache=CACHE)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="session")
def trainees():
    """The roster of the demonstration class."""
    return load_trainees()


@contextmanager
def show_failure(screen):
    """Take a last screenshot when a journey fails, and tell what went wrong behind the pages."""
    try:
        yield
    except Exception as error:
        screen.shot("failure")
        error.add_note(f"behind the pages: {screen.faults}")
        raise


def verify_pack(pack: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Check an evidence pack as anybody would: with the program inside it and nothing else."""
    subprocess.run([sys.executable, "-m", "zipfile", "-e", pack, folder / "unpacked"], check=True)
    command = [sys.executable, "-I", folder / "unpacked" / "verify.py", pack]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Plays:
    """The journeys while they are played."""

    def __init__(self, running: dict[str, Future]) -> None:
        self._running = running

    def of(self, module):
        """Wait for the journey of a test module; its failure is raised here."""
        return self._running[module.__name__].result(LONGEST_S)

    def wait_for_all(self) -> None:
        """Wait until nobody plays any more, however it ended."""
        for each in self._running.values():
            each.exception(LONGEST_S)


@pytest.fixture(scope="session")
def plays(request, stage):
    """All journeys whose tests are to run, started together."""
    for old in SCREENSHOTS.glob("*/*-failure.png"):
        old.unlink()
    modules = {item.module.__name__: item.module for item in request.session.items if hasattr(item.module, "play")}
    with ThreadPoolExecutor(max(1, len(modules))) as pool:
        yield Plays({name: pool.submit(module.play, stage) for name, module in modules.items()})


@pytest.fixture
def story(plays, request):
    """What the journey of this module left."""
    return plays.of(request.module)
