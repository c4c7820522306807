"""Heartbeats acknowledged after commit, against a route of the same server that only parses and echoes the body.

Run `python -m bench.heartbeats` on an otherwise idle machine. Web server (one process), PostgreSQL and the load
generator share its cores. Echo and heartbeats take turns in slices, so that a disturbance hits both. Afterwards the
database is compared with what was acknowledged: lost or doubled credit must be 0. A last part lets 1,000 trainees beat
while face checks run as fast as they can.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

from app.core.db import sqlalchemy_url
from app.core.embedded import start_embedded
from app.core.migrate import upgrade
from app.core.settings import Settings
from bench.client import Connection, Player, Tally, pace, saturate
from bench.scene import make_scene
from proctoring.adapters.encoder_onnx import ensure_encoder

GOAL_RATIO = 0.5
GOAL_P99_MS = 500.0


@contextmanager
def running_server(folder: Path, url: str, *, faces: bool) -> Iterator[tuple[int, psutil.Process]]:
    """Run the web process; its port and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.server", str(port), *(["faces"] if faces else [])]
    env = {**os.environ, "DATABASE_URL": url, "ZX_VAR_DIR": str(folder)}
    process = subprocess.Popen(command, env=env)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).read()
                break
            except OSError:
                time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def compare(url: str, tally: Tally) -> tuple[int, int, int]:
    """Hold the database against the acknowledgements: (lost, doubled, wrong credit)."""
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        rows = dict(
            tuple(row)
            for row in connection.execute(text("SELECT session_id::text, count(*) FROM heartbeat GROUP BY 1"))
        )
        credit = dict(
            tuple(row) for row in connection.execute(text("SELECT id::text, credited_ms FROM playback_session"))
        )
    engine.dispose()
    lost = sum(max(0, count - rows.get(session, 0)) for session, count in tally.acknowledged.items())
    doubled = sum(max(0, rows.get(session, 0) - count) for session, count in tally.acknowledged.items())
    wrong = sum(credit[session] != value for session, value in tally.credited.items())
    return lost, doubled, wrong


async def throughput(port: int, players: list[Player], *, seconds: float, connections: int) -> tuple[Tally, Tally]:
    """Take turns between heartbeats and echo; the sums of both."""
    sums = (Tally(), Tally())
    slices = max(2, round(seconds / 5))
    for number in range(slices * 2):
        echo = bool(number % 2)
        part = await saturate(port, players, seconds=seconds / slices, connections=connections, echo=echo)
        total = sums[echo]
        total.latencies += part.latencies
        total.seconds += part.seconds
        total.credited |= part.credited
        for session, count in part.acknowledged.items():
            total.acknowledged[session] = total.acknowledged.get(session, 0) + count
        for status, count in part.errors.items():
            total.errors[status] = total.errors.get(status, 0) + count
    return sums


async def beside_faces(port: int, players: list[Player], picture: bytes, *, seconds: float) -> tuple[Tally, int]:
    """Beat every 5 s per trainee while two clients check faces without a pause; beats and checks."""
    checks = 0
    ends = time.monotonic() + seconds

    async def check() -> None:
        nonlocal checks
        connection = Connection(port)
        while time.monotonic() < ends:
            status, _ = await connection.post("/bench/face", picture, "none", content="image/jpeg")
            checks += status == 200

    tally, *_ = await asyncio.gather(pace(port, players, seconds=seconds, every_s=5.0), check(), check())
    return tally, checks


def main() -> int:
    """Print the figures; 1 when credit was lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learners", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=256)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="zx-bench-"))
    ensure_encoder(folder / "models" / "dlib-encoder.onnx")
    server = start_embedded(folder / "postgres")
    try:
        upgrade(server.url)
        print(f"准备 {options.learners} 名学员……", flush=True)
        learners = make_scene(server.url, Settings(), learners=options.learners)
        players = [Player(learner) for learner in learners]
        with running_server(folder, server.url, faces=False) as (port, process):
            beats, echo = asyncio.run(
                throughput(port, players, seconds=options.seconds, connections=options.connections)
            )
            memory = process.memory_info().rss / 2**20
        print(beats.line("heartbeats, acked after commit"))
        print(echo.line("echo of the same body"))
        ratio = beats.rate / echo.rate
        print(f"ratio {ratio:.2f} (goal at least {GOAL_RATIO})   web process {memory:.0f} MB")
        lost, doubled, wrong = compare(server.url, beats)
        print(f"lost beats {lost}   doubled beats {doubled}   sessions with wrong credit {wrong}")
        with running_server(folder, server.url, faces=True) as (port, process):
            from tests import photos

            picture = photos.data("obama")
            paced, checks = asyncio.run(beside_faces(port, players, picture, seconds=min(30.0, options.seconds)))
            memory = sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 2**20
        print(paced.line("1,000 trainees, beat each 5 s"))
        print(
            f"  beside {checks / paced.seconds:.1f} face checks/s of 3 pictures; goal p99 < {GOAL_P99_MS:.0f} ms;"
            f" web and face processes {memory:.0f} MB"
        )
        return int(bool(lost or doubled or wrong))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
