"""Cold start to the first answer, and the memory of each process of the platform.

Run `python -m bench.start`; the encoder is converted beforehand, everything else starts from nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from app.core.embedded import start_embedded
from app.core.migrate import upgrade
from proctoring.adapters.encoder_onnx import ensure_encoder

SETTLE_S = 5.0


def main() -> int:
    """Print the figures."""
    folder = Path(tempfile.mkdtemp(prefix="zx-start-"))
    ensure_encoder(folder / "models" / "dlib-encoder.onnx")
    started = time.perf_counter()
    server = start_embedded(folder / "postgres")
    database = time.perf_counter() - started
    try:
        started = time.perf_counter()
        upgrade(server.url)
        print(f"PostgreSQL {database:.1f} s   migrations {time.perf_counter() - started:.1f} s")
        _processes(folder, server.url)
        return 0
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _processes(folder: Path, url: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "DATABASE_URL": url, "ZX_VAR_DIR": str(folder), "ZX_WEB_PORT": str(port)}
    started = time.perf_counter()
    web = _start("web", env)
    while not _answers(port):
        time.sleep(0.02)
    print(f"web: first answer after {time.perf_counter() - started:.1f} s")
    others = {name: _start(name, {**env, "ZX_SIMULATOR_PORT": str(port + 1)}) for name in ("worker", "simulator")}
    time.sleep(SETTLE_S)
    for name, process in {"web": web, **others}.items():
        own = psutil.Process(process.pid)
        children = own.children(recursive=True)
        line = f"{name:<10} {own.memory_info().rss / 2**20:6.0f} MB"
        print(line + "".join(f" + {child.memory_info().rss / 2**20:.0f} MB {child.name()}" for child in children))
    for process in (web, *others.values()):
        process.send_signal(signal.SIGTERM)
    for process in (web, *others.values()):
        process.wait(timeout=30)


def _start(name: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "app.cli", name]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
