"""A platform of its own for one play: fresh data, free ports, gone with whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from app.demo.lessons import LONG_S, SHORT_S
from app.launcher.health import READY_PATH, answers_ready

ROOT = Path(__file__).resolve().parents[3]
READY_S = 240.0
STOP_S = 60.0
READY_WORD = "已就绪"
"""What the supervisor says when every process answers."""


class StageFailed(RuntimeError):
    """The platform did not start; the text is what it said last."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running platform.

    Attributes:
        url: Address of its pages, on localhost, where browsers allow cameras and passkeys.
        city_url: Address of its city simulator.
        var: Folder of its data.
        process: Its supervisor; ends with the process that started it.
    """

    url: str
    city_url: str
    var: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        """What the supervisor said."""
        return self.var / "stage.log"

    def environment(self) -> dict[str, str]:
        """Give the settings with which a command works on this platform."""
        web, city = (url.rsplit(":", 1)[1] for url in (self.url, self.city_url))
        return stage_environment(self.var, web_port=int(web), city_port=int(city))

    def stop(self) -> None:
        """Stop every process in order and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def open_stage(var: Path, *, cache: Path) -> Stage:
    """Start a platform with the demonstration data and wait until it is ready.

    Call it from the main thread: the platform ends when the calling thread ends, however that happens.

    Args:
        var: Folder of its data; made when absent.
        cache: The working copy's own `var`; the face model and the lesson videos are taken from there.

    Raises:
        StageFailed: It ended by itself, or was not ready in time.
    """
    var.mkdir(parents=True, exist_ok=True)
    var.chmod(0o755)  # the embedded database may run as another user
    _share(var, cache)
    web_port, city_port = free_ports(2)
    parent = [sys.executable, "-m", "app.launcher.child", str(os.getpid())]
    with (var / "stage.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*parent, sys.executable, "-m", "app.cli", "up"],
            cwd=ROOT,
            env=stage_environment(var, web_port=web_port, city_port=city_port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stage = Stage(f"http://localhost:{web_port}", f"http://127.0.0.1:{city_port}", var, process)
    try:
        _wait_ready(stage)
    except BaseException:
        stage.stop()
        raise
    return stage


def stage_environment(var: Path, *, web_port: int, city_port: int) -> dict[str, str]:
    """Give an environment without the settings of whoever starts the play."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ZX_") and key != "DATABASE_URL"}
    ours = {
        "ZX_VAR_DIR": str(var),
        "ZX_WEB_PORT": str(web_port),
        "ZX_SIMULATOR_PORT": str(city_port),
        "ZX_PUBLIC_URL": f"http://localhost:{web_port}",
        "ZX_CITY_URL": f"http://127.0.0.1:{city_port}",
    }
    return {**kept, **ours}


def free_ports(count: int) -> list[int]:
    """Find ports nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _share(var: Path, cache: Path) -> None:
    """Let the stage use what takes long to make and holds no data of anybody."""
    lessons = [f"lessons-{seconds}" for seconds in (SHORT_S, LONG_S)]
    places = {"models": "models", **{f"demo/{name}": f"cache/{name}" for name in lessons}}
    for own_name, shared_name in places.items():
        shared, own = cache / shared_name, var / own_name
        shared.mkdir(parents=True, exist_ok=True)
        own.parent.mkdir(parents=True, exist_ok=True)
        if not own.exists():
            own.symlink_to(shared)


def _wait_ready(stage: Stage) -> None:
    deadline = time.monotonic() + READY_S
    while not (READY_WORD in stage.log.read_text(encoding="utf-8") and answers_ready(f"{stage.url}{READY_PATH}")):
        if stage.process.poll() is not None or time.monotonic() > deadline:
            raise StageFailed(stage.log.read_text(encoding="utf-8")[-4000:])
        time.sleep(0.2)
