"""A city simulator in a process of its own, and everything needed to speak to it."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.clock import FakeClock, SystemClock
from app.realname.adapters.rnp1 import Rnp1Client
from app.realname.protocol import GENESIS_HASH, SigningKey, build_event, entry_hash
from app.realname.protocol.signing import encode_public_key, read_key_file
from app.realname.simulator.seed import DEFAULT_SEED, load_seed
from app.realname.simulator.server import create_app

ROOT = Path(__file__).parents[2]
REAL_CLASS = "220100-2020-YL-0087"
DEMO_CLASS = "220100-2020-YS-0001"
UNAPPROVED_CLASS = "220100-2020-YL-0088"
ROSTERLESS_CLASS = "220100-2020-YL-0089"
LEARNER = "XY0087001"


def new_key() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.generate())


def write_keys(path: Path, *keys: SigningKey) -> None:
    """Replace the platform's key file in one step, as the platform does."""
    draft = path.with_suffix(".draft")
    draft.write_text("".join(encode_public_key(key.private_key.public_key()) + "\n" for key in keys))
    draft.replace(path)


class Chain:
    """A class's chain of events, as the platform's ledger writes it."""

    def __init__(self, class_code=REAL_CLASS, *, learner_ref=LEARNER, now=None, seed=1):
        self.class_code, self.learner_ref = class_code, learner_ref
        self.now = now or SystemClock().now()
        self.seq, self.head = 0, GENESIS_HASH
        self.random = random.Random(f"{class_code}{seed}")

    def event_id(self) -> str:
        value = self.random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
        return str(UUID(int=value))

    def event(self, event_type="checkin.completed", payload=None, **changes):
        """Make the event after this one in the chain without moving on."""
        is_demo = self.class_code == DEMO_CLASS
        values = {
            "event_id": self.event_id(),
            "event_type": event_type,
            "platform_id": "P001",
            "region": "220100",
            "class_code": self.class_code,
            "learner_ref": self.learner_ref,
            "seq": self.seq + 1,
            "occurred_at": self.now,
            "recorded_at": self.now,
            "pack": "demo@1" if is_demo else "changchun@2020.1",
            "claimable": not is_demo,
            "prev_hash": self.head,
        }
        return build_event(payload or {"result": "passed", "lesson_id": "L1"}, **{**values, **changes})

    def add(self, *args, **changes):
        """Append an event."""
        made = self.event(*args, **changes)
        self.seq, self.head = made["seq"], entry_hash(made)
        return made

    def add_many(self, count, **changes):
        return [self.add(payload={"result": "passed", "n": n}, **changes) for n in range(count)]


class CityProcess:
    """The simulator as a process; can be killed and started again on the same data."""

    def __init__(self, folder: Path, *, seed: Path | None = None) -> None:
        self.data, self.key_file, self.seed = folder / "city", folder / "platform-key.pub", seed
        self.signer = new_key()
        write_keys(self.key_file, self.signer)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "app.realname.simulator", "--port", str(self.port)]
        command += ["--data", str(self.data), "--platform-key", str(self.key_file), "--allow-faults"]
        command += ["--seed", str(self.seed)] if self.seed else []
        self.process = subprocess.Popen(command, cwd=ROOT)
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/rnp/1/health", timeout=1, trust_env=False).raise_for_status()
                return  # noqa: TRY300 - the loop ends here
            except httpx.HTTPError:
                assert self.process.poll() is None, "the simulator stopped by itself"
                assert time.monotonic() < deadline, "the simulator did not start"
                time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def keys(self):
        return read_key_file((self.data / "city-key.pub").read_text())

    def client(self, *, signer=None, clock=None) -> Rnp1Client:
        return Rnp1Client(
            self.url,
            platform_id="P001",
            signer=signer or self.signer,
            city_keys=self.keys,
            clock=clock or SystemClock(),
        )

    def misbehave(self, **plan) -> None:
        answer = httpx.post(f"{self.url}/simulator/faults", json=plan, trust_env=False)
        assert answer.status_code == 200, answer.text


class InProcess(httpx.BaseTransport):
    """Carries requests straight into an ASGI application."""

    def __init__(self, app) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._send(request))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._inner.handle_async_request(copy)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


class LocalCity:
    """The simulator inside the test process, with a clock that stands still."""

    def __init__(self, folder: Path, *, clock: FakeClock, seed=None) -> None:
        self.folder, self.clock = folder, clock
        self.data, self.key_file = folder / "city", folder / "platform-key.pub"
        self.signer = new_key()
        write_keys(self.key_file, self.signer)
        app = create_app(
            data=self.data,
            seed=seed or load_seed(DEFAULT_SEED),
            platform_key_file=self.key_file,
            clock=clock,
            allows_faults=True,
        )
        self.transport = InProcess(app)
        self.http = httpx.Client(base_url="http://127.0.0.1", transport=self.transport)

    def keys(self):
        return read_key_file((self.data / "city-key.pub").read_text())

    def client(self, *, signer=None, clock=None, transport=None) -> Rnp1Client:
        return Rnp1Client(
            "http://127.0.0.1",
            platform_id="P001",
            signer=signer or self.signer,
            city_keys=self.keys,
            clock=clock or self.clock,
            transport=transport or self.transport,
        )

    def misbehave(self, **plan) -> None:
        assert self.http.post("/simulator/faults", json=plan).status_code == 200

    def rows(self, sql, *values):
        with sqlite3.connect(self.data / "city.sqlite3") as db:
            return db.execute(sql, values).fetchall()


@pytest.fixture
def city_process(tmp_path):
    """A fresh city in a process of its own."""
    made = CityProcess(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def city(tmp_path, clock):
    """A fresh city inside this process."""
    return LocalCity(tmp_path, clock=clock)


@pytest.fixture
def client(city):
    return city.client()


@pytest.fixture
def chain(clock):
    return Chain(now=clock.now())


@pytest.fixture
def batch_id():
    """Makes batch numbers."""
    counter = itertools.count(1)
    return lambda: f"01900000-0000-7000-8000-{next(counter):012x}"
