from __future__ import annotations

import errno
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from app.core.clock import FakeClock
from storage.errors import (
    ContentMismatch,
    ObjectLocked,
    ObjectMissing,
    StoreFull,
    StoreUnavailable,
    UploadRefused,
)
from storage.local import LocalStore
from storage.streams import hash_stream

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path, clock: FakeClock) -> LocalStore:
    return LocalStore(root, url_secret=b"secret", clock=clock)


def put(store: LocalStore, key: str, content: bytes, **more: object) -> None:
    store.put(key, content, media_type="a/b", sha256=hashlib.sha256(content).hexdigest(), **more)


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@contextmanager
def file_size_limit(size: int):
    """Let the operating system refuse larger files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestFullDisk:
    def test_stores_nothing_half(self, store, root):
        with file_size_limit(100_000), pytest.raises(StoreFull) as caught:
            put(store, "a", b"x" * 200_000)
        assert caught.value.status == 503
        assert caught.value.extensions["retry_after_s"] > 0
        assert leftovers(root) == []

    def test_takes_objects_again_when_there_is_space(self, store):
        with file_size_limit(100_000), pytest.raises(StoreFull):
            put(store, "a", b"x" * 200_000)
        put(store, "a", b"x" * 200_000)
        assert store.head("a").size_bytes == 200_000

    def test_keeps_the_earlier_part_when_its_replacement_does_not_fit(self, store):
        upload = store.create_multipart("a", media_type="a/b")
        store.write_part("a", upload, 1, BytesIO(b"first"), max_bytes=10**6)
        with file_size_limit(100_000), pytest.raises(StoreFull):
            store.write_part("a", upload, 1, BytesIO(b"x" * 200_000), max_bytes=10**6)
        store.complete_multipart("a", upload, store.list_parts("a", upload))
        assert store.get("a") == b"first"

    def test_leaves_an_upload_completable_when_joining_does_not_fit(self, store):
        upload = store.create_multipart("a", media_type="a/b")
        for number in (1, 2):
            store.write_part("a", upload, number, BytesIO(b"x" * 80_000), max_bytes=10**6)
        parts = store.list_parts("a", upload)
        with file_size_limit(100_000), pytest.raises(StoreFull):
            store.complete_multipart("a", upload, parts)
        with pytest.raises(ObjectMissing):
            store.head("a")
        assert store.complete_multipart("a", upload, parts).size_bytes == 160_000


class TestBrokenDisk:
    @pytest.mark.parametrize("failing", range(1, 6))
    @pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
    def test_never_confirms_what_did_not_reach_the_disk(self, store, root, monkeypatch, failing, code):
        real, count = os.fsync, 0

        def fsync(handle: int) -> None:
            nonlocal count
            count += 1
            if count == failing:
                raise OSError(code, os.strerror(code))
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(StoreUnavailable):
            put(store, "folder/a", b"content")
        monkeypatch.setattr(os, "fsync", real)
        put(store, "folder/a", b"content")  # the retry succeeds whatever the failure left
        assert store.get("folder/a") == b"content"
        assert not list((root / "tmp").iterdir())


class TestKilled:
    @pytest.mark.clause("CC-5.3.3c")
    @pytest.mark.timeout(120)
    def test_leaves_only_whole_objects_and_loses_no_confirmed_one(self, root, store, clock):
        dice, confirmed = random.Random(5), list[str]()
        for seed in range(8):
            writer = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("writer.py")), str(root), str(seed)],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            assert writer.stdout is not None
            confirmed.append(writer.stdout.readline().strip())
            time.sleep(dice.uniform(0.0, 0.15))
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
            confirmed += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        visible = {info.key: info for info in store.list_objects("")}
        for info in visible.values():
            with store.open_range(info.key) as stream:
                assert hash_stream(stream) == (info.sha256, info.size_bytes)
        assert {key.strip() for key in confirmed} <= visible.keys()
        assert len(confirmed) > 8
        clock.advance(timedelta(days=36500))  # the machine's clock may be ahead of the test's
        store.sweep(older_than=timedelta(0))
        assert list((root / "tmp").iterdir()) == []


class TestDelete:
    def test_is_possible_from_the_instant_retention_ends(self, store, clock):
        put(store, "a", b"x", retain_until=clock.now() + timedelta(days=1))
        clock.advance(timedelta(days=1) - timedelta(microseconds=1))
        with pytest.raises(ObjectLocked):
            store.delete("a")
        clock.advance(timedelta(microseconds=1))
        store.delete("a")
        with pytest.raises(ObjectMissing):
            store.head("a")


class TestFolder:
    def test_is_closed_to_other_users(self, store, root):
        put(store, "evidence/a", b"x")
        assert {path.stat().st_mode & 0o077 for path in root.rglob("*")} == {0}

    def test_opens_again_with_its_objects(self, store, root, clock):
        put(store, "evidence/a", b"x")
        again = LocalStore(root, url_secret=b"other", clock=clock)
        assert again.get("evidence/a") == b"x"
        assert again.head("evidence/a") == store.head("evidence/a")


class TestWritePart:
    def test_refuses_too_many_bytes_and_keeps_nothing(self, store, root):
        upload = store.create_multipart("a", media_type="a/b")
        with pytest.raises(UploadRefused):
            store.write_part("a", upload, 1, BytesIO(b"12345"), max_bytes=4)
        assert store.list_parts("a", upload) == []
        assert list((root / "tmp").iterdir()) == []

    @pytest.mark.parametrize("number", [0, -1, 10_001])
    def test_refuses_numbers_out_of_range(self, store, number):
        upload = store.create_multipart("a", media_type="a/b")
        with pytest.raises(UploadRefused):
            store.write_part("a", upload, number, BytesIO(b"1"), max_bytes=4)

    @pytest.mark.parametrize("upload", ["../../objects", "", "f" * 32, "F" * 32, "0" * 31 + "/"])
    def test_refuses_unknown_and_forged_uploads(self, store, upload):
        with pytest.raises(ObjectMissing):
            store.write_part("a", upload, 1, BytesIO(b"1"), max_bytes=4)

    def test_refuses_the_upload_of_another_key(self, store):
        upload = store.create_multipart("a", media_type="a/b")
        with pytest.raises(ObjectMissing):
            store.write_part("b", upload, 1, BytesIO(b"1"), max_bytes=4)


class TestSweep:
    def test_removes_old_leftovers_only(self, store, root, clock):
        for name, age in (("old", 7200), ("young", 60)):
            (root / "tmp" / name).mkdir()
            at = clock.now().timestamp() - age
            os.utime(root / "tmp" / name, (at, at))
        assert store.sweep(older_than=timedelta(hours=1)) == 1
        assert [path.name for path in (root / "tmp").iterdir()] == ["young"]


class TestBitRot:
    def test_in_a_part_is_found_when_joining(self, store, root):
        from storage.errors import PartsMissing

        upload = store.create_multipart("a", media_type="a/b")
        store.write_part("a", upload, 1, BytesIO(b"x" * 1000), max_bytes=1000)
        path = root / "multipart" / upload / "00001"
        path.write_bytes(path.read_bytes()[:-1] + b"y")
        with pytest.raises(PartsMissing):
            store.complete_multipart("a", upload, store.list_parts("a", upload))


class TestPut:
    def test_with_a_wrong_hash_leaves_no_file(self, store, root):
        with pytest.raises(ContentMismatch):
            store.put("a", b"x", media_type="a/b", sha256="0" * 64)
        assert leftovers(root) == []
