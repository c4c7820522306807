from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import pytest

from app.core.clock import SystemClock
from storage.errors import ObjectExists, ObjectLocked, StoreFull, StoreUnavailable
from storage.local import LocalStore
from storage.spool import SpoolingStore

HOUR = timedelta(hours=1)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def primary(local_store, helper):
    """The store behind; broken at will."""
    return helper("faults").FaultyStore(local_store)


@pytest.fixture
def spool(tmp_path) -> LocalStore:
    return LocalStore(tmp_path / "spool", url_secret=b"spool", clock=SystemClock())


@pytest.fixture
def store(primary, spool) -> SpoolingStore:
    return SpoolingStore(primary, spool, pause=timedelta(0))


def put(store, key: str, content: bytes, **more):
    return store.put(key, content, media_type="image/jpeg", sha256=sha(content), **more)


class TestPut:
    def test_leaves_nothing_in_the_spool_while_all_is_well(self, store, primary):
        put(store, "evidence/a", b"x")
        assert (store.backlog(), primary.inner.get("evidence/a")) == (0, b"x")

    @pytest.mark.clause("CC-5.3.3c")
    def test_goes_to_the_spool_while_the_primary_is_down(self, store, primary):
        primary.broken = {"put", "get", "head", "open_range"}
        info = put(store, "evidence/a", b"picture")
        assert info.sha256 == sha(b"picture")
        assert store.get("evidence/a") == b"picture"
        assert store.head("evidence/a").size_bytes == 7

    def test_sends_a_stream_from_its_beginning_again(self, store, primary):
        primary.lost = {"put"}  # the primary read the stream, then the answer was lost
        file = io.BytesIO(b"--content")
        file.seek(2)
        store.put("evidence/a", file, media_type="a/b", sha256=sha(b"content"))
        assert store.get("evidence/a") == b"content"

    def test_does_not_wait_for_a_dead_primary_every_time(self, primary, spool):
        store = SpoolingStore(primary, spool, pause=HOUR)
        primary.broken = {"put"}
        for number in range(20):
            put(store, f"evidence/{number}", b"x")
        assert primary.calls.count("put") == 1

    def test_tries_the_primary_again_after_the_pause(self, primary, spool):
        store = SpoolingStore(primary, spool, pause=timedelta(milliseconds=1))
        primary.broken = {"put"}
        put(store, "evidence/a", b"x")
        primary.broken = set()
        import time

        time.sleep(0.01)
        put(store, "evidence/b", b"y")
        put(store, "evidence/c", b"z")
        assert primary.inner.get("evidence/b") == b"y"
        assert primary.inner.get("evidence/c") == b"z"

    def test_fails_openly_when_both_are_full(self, store, primary, monkeypatch):
        primary.broken = {"put"}

        def full(*_args, **_kwargs):
            raise StoreFull

        monkeypatch.setattr(LocalStore, "_store", full)
        with pytest.raises(StoreUnavailable):
            put(store, "evidence/a", b"x")

    def test_passes_a_refusal_on(self, store):
        put(store, "evidence/a", b"x")
        with pytest.raises(ObjectExists):
            put(store, "evidence/a", b"y")


class TestDrain:
    def test_moves_everything_with_hash_kind_and_locks(self, store, primary, now):
        primary.broken = {"put"}
        until = now + HOUR
        put(store, "evidence/a", b"a", retain_until=until)
        put(store, "evidence/b", b"b")
        store.set_legal_hold("evidence/b", on=True)
        primary.broken = set()
        report = store.drain()
        assert (report.moved, report.is_done, store.backlog()) == (2, True, 0)
        real = primary.inner
        assert (real.get("evidence/a"), real.get("evidence/b")) == (b"a", b"b")
        assert real.head("evidence/a").media_type == "image/jpeg"
        assert real.lock("evidence/a").retain_until == until
        assert real.lock("evidence/b").legal_hold

    def test_stops_while_the_primary_is_down_and_loses_nothing(self, store, primary):
        primary.broken = {"put"}
        put(store, "evidence/a", b"a")
        report = store.drain()
        assert (report.moved, report.is_done, store.backlog()) == (0, False, 1)

    def test_makes_no_second_object_when_an_answer_was_lost(self, store, primary):
        primary.lost = {"put"}
        put(store, "evidence/a", b"a")
        assert store.backlog() == 1
        assert store.drain().is_done is False
        primary.lost = set()
        assert [info.key for info in store.list_objects("")] == ["evidence/a"]
        assert store.drain().moved == 1
        assert [info.key for info in store.list_objects("")] == ["evidence/a"]

    def test_takes_as_many_as_it_is_told(self, store, primary):
        primary.broken = {"put"}
        for number in range(5):
            put(store, f"evidence/{number}", b"x")
        primary.broken = set()
        assert (store.drain(limit=3).moved, store.backlog()) == (3, 2)


class TestDelete:
    def test_removes_from_both_places(self, store, primary):
        primary.lost = {"put"}
        put(store, "evidence/a", b"a")
        store.delete("evidence/a")
        assert list(store.list_objects("")) == []

    def test_of_a_locked_object_is_refused_in_the_spool_too(self, store, primary, now):
        primary.broken = {"put"}
        put(store, "evidence/a", b"a", retain_until=now + HOUR)
        with pytest.raises(ObjectLocked):
            store.delete("evidence/a")


class TestPresignGet:
    def test_leads_to_where_the_object_lies(self, store, primary, now):
        primary.broken = {"put"}
        put(store, "evidence/a", b"a")
        waiting = store.presign_get("evidence/a", now=now, expires_in=HOUR)
        assert waiting.startswith("/objects/")
        primary.broken = set()
        store.drain()
        assert store.presign_get("evidence/a", now=now, expires_in=HOUR).startswith("http://")
