"""Stores to test: the local folder, and S3 by the Ceph Object Gateway where it is installed."""

from __future__ import annotations

import http.client
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from app.core.clock import SystemClock
from storage.local import LocalStore
from storage.ports import ObjectStore
from storage.s3 import S3Store
from storage.s3_wire import S3Config
from storage.spool import SpoolingStore

SECRET = b"a secret for signed addresses of tests"


def _module(name: str) -> ModuleType:
    """Load a helper beside this file; tests are no packages."""
    full = f"storage_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


@pytest.fixture
def helper() -> Callable[[str], ModuleType]:
    """Load a helper module beside this file by its name."""
    return _module


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="session")
def call() -> Callable[..., Reply]:
    """Send one plain HTTP request, as a browser would."""

    def send(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, answer.read())
        finally:
            connection.close()

    return send


@pytest.fixture(scope="session")
def gateway() -> Iterator[Any]:
    """A running Ceph Object Gateway; skipped without its packages, failed when `CI` is set."""
    rgw = _module("rgw")
    if missing := rgw.missing_programs():
        text = f"not run: {', '.join(missing)} missing; apt-get install -y {rgw.PACKAGES}"
        pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    keeper = rgw.Keeper()
    try:
        yield keeper.start()
    finally:
        keeper.stop()


def _s3_config(gateway: Any, bucket: str, *, object_lock: bool) -> S3Config:
    return S3Config(
        endpoint=gateway.endpoint,
        access_key=gateway.access_key,
        secret_key=gateway.secret_key,
        bucket=bucket,
        secure=False,
        object_lock=object_lock,
    )


@pytest.fixture(scope="session")
def plain_bucket(gateway: Any) -> S3Config:
    """A bucket without versions and locks."""
    config = _s3_config(gateway, "plain", object_lock=False)
    S3Store(config).ensure_bucket()
    return config


@pytest.fixture(scope="session")
def locking_bucket(gateway: Any) -> S3Config:
    """A bucket with object lock, hence with versions."""
    config = _s3_config(gateway, "locking", object_lock=True)
    S3Store(config).ensure_bucket()
    return config


@pytest.fixture
def local_store(tmp_path: Path) -> Iterator[LocalStore]:
    """A local store whose signed addresses are served on loopback."""
    web = _module("webserver")
    with web.bound_server() as server:
        base_url = f"http://127.0.0.1:{server.server_port}"
        store = LocalStore(tmp_path / "store", url_secret=SECRET, clock=SystemClock(), base_url=base_url)
        with web.serve(server, store, secret=SECRET, clock=SystemClock()):
            yield store


@pytest.fixture(
    params=[
        "local_store",
        "spooling_store",
        pytest.param("plain_bucket", marks=pytest.mark.s3),
        pytest.param("locking_bucket", marks=pytest.mark.s3),
    ]
)
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of store in turn."""
    found: Any = request.getfixturevalue(request.param)
    return S3Store(found) if isinstance(found, S3Config) else found


@pytest.fixture(params=["local_store", "spooling_store", pytest.param("locking_bucket", marks=pytest.mark.s3)])
def locking_store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of store that can lock objects."""
    found: Any = request.getfixturevalue(request.param)
    return S3Store(found) if isinstance(found, S3Config) else found


@pytest.fixture
def versioning_store(locking_bucket: S3Config) -> S3Store:
    """A store that keeps every version."""
    return S3Store(locking_bucket)


@pytest.fixture
def spooling_store(local_store: LocalStore, tmp_path: Path) -> SpoolingStore:
    """A store with a spool in front, its primary up."""
    return SpoolingStore(local_store, LocalStore(tmp_path / "spool", url_secret=SECRET, clock=SystemClock()))


@pytest.fixture
def prefix() -> str:
    """A place in the store that only this test uses."""
    return f"t/{uuid4().hex}"


@pytest.fixture
def now() -> datetime:
    """The machine's time: a real server checks signed addresses by it."""
    return SystemClock().now()
