"""What every object store must do; the same tests for the local folder and for S3."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.errors import DomainError
from storage.errors import (
    ContentMismatch,
    KeyRefused,
    ObjectExists,
    ObjectLocked,
    ObjectMissing,
    PartsMissing,
    RangeUnsatisfiable,
)
from storage.ports import Lock, ObjectInfo, ObjectStore, PartInfo
from storage.rules import MIB
from storage.s3 import S3Store

HOUR = timedelta(hours=1)
Call = Callable[..., Any]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(store: ObjectStore, key: str, content: bytes, **more: Any) -> ObjectInfo:
    return store.put(key, content, media_type="image/jpeg", sha256=sha(content), **more)


class TestPut:
    def test_gives_back_the_same_bytes(self, store, prefix):
        content = bytes(range(256)) * 40
        info = put(store, f"{prefix}/a", content)
        assert store.get(f"{prefix}/a") == content
        assert store.get(f"{prefix}/a", version_id=info.version_id) == content

    def test_describes_what_was_stored(self, store, prefix, now):
        info = put(store, f"{prefix}/a", b"abc")
        head = store.head(f"{prefix}/a")
        assert (head.size_bytes, head.media_type, head.sha256) == (3, "image/jpeg", sha(b"abc"))
        assert (info.key, info.size_bytes, info.sha256) == (head.key, head.size_bytes, head.sha256)
        assert info.version_id == head.version_id
        assert (info.version_id is not None) == store.features.versioning
        assert abs(head.modified_at - now) < timedelta(minutes=1)

    def test_takes_an_empty_object(self, store, prefix):
        put(store, f"{prefix}/empty", b"")
        assert store.get(f"{prefix}/empty") == b""

    def test_takes_a_stream(self, store, prefix):
        store.put(f"{prefix}/s", io.BytesIO(b"stream"), media_type="text/plain", sha256=sha(b"stream"))
        assert store.get(f"{prefix}/s") == b"stream"

    def test_takes_a_stream_larger_than_memory_pieces(self, store, prefix):
        content = bytes(range(256)) * 4096 * 33  # 33 MiB
        store.put(f"{prefix}/big", io.BytesIO(content), media_type="video/mp4", sha256=sha(content))
        head = store.head(f"{prefix}/big")
        assert (head.size_bytes, head.sha256) == (len(content), sha(content))
        assert store.get(f"{prefix}/big") == content

    @pytest.mark.parametrize("size", [5, 33 * MIB])
    def test_refuses_bytes_with_another_hash_and_stores_nothing(self, store, prefix, size):
        with pytest.raises(ContentMismatch):
            store.put(f"{prefix}/x", io.BytesIO(b"a" * size), media_type="text/plain", sha256=sha(b"b"))
        with pytest.raises(ObjectMissing):
            store.head(f"{prefix}/x")
        assert list(store.list_objects(prefix)) == []

    @pytest.mark.clause("CC-5.3.3c")
    def test_never_overwrites(self, store, prefix):
        put(store, f"{prefix}/a", b"first")
        with pytest.raises(ObjectExists):
            put(store, f"{prefix}/a", b"second")
        assert store.get(f"{prefix}/a") == b"first"

    def test_is_harmless_when_repeated(self, store, prefix):
        first = put(store, f"{prefix}/a", b"same")
        again = put(store, f"{prefix}/a", b"same")
        assert again.version_id == first.version_id
        assert store.get(f"{prefix}/a") == b"same"

    def test_of_the_same_content_at_once_succeeds_for_all(self, store, prefix):
        content = b"z" * 100_000
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: put(store, f"{prefix}/a", content), range(16)))
        assert {info.sha256 for info in found} == {sha(content)}
        assert store.get(f"{prefix}/a") == content
        assert len(list(store.list_objects(prefix))) == 1

    def test_of_different_content_at_once_keeps_what_a_winner_sealed(self, store, prefix):
        def attempt(number: int) -> tuple[bytes, ObjectInfo] | None:
            content = f"writer {number}".encode() * 1000
            try:
                return content, put(store, f"{prefix}/a", content)
            except ObjectExists:
                return None

        with ThreadPoolExecutor(8) as pool:
            winners = [each for each in pool.map(attempt, range(16)) if each is not None]
        for content, info in winners:
            assert store.get(f"{prefix}/a", version_id=info.version_id) == content
        assert len(winners) == 1 or store.features.versioning


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", ".hidden", "a\\b", "名", "a b", "a~", "a" * 600],
)
class TestKeys:
    def test_that_could_escape_are_refused_everywhere(self, store, key, now):
        later = {"now": now, "expires_in": HOUR}
        attempts: list[Callable[[], object]] = [
            lambda: put(store, key, b"x"),
            lambda: store.get(key),
            lambda: store.head(key),
            lambda: store.delete(key),
            lambda: store.lock(key),
            lambda: store.presign_get(key, **later),
            lambda: store.presign_put(key, **later, max_bytes=1),
            lambda: store.presign_part(key, "0" * 32, 1, **later, max_bytes=1),
            lambda: store.create_multipart(key, media_type="text/plain"),
            lambda: store.list_parts(key, "0" * 32),
            lambda: store.complete_multipart(key, "0" * 32, []),
        ]
        for attempt in attempts:
            with pytest.raises(KeyRefused):
                attempt()


class TestOpenRange:
    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [(0, None, b"0123456789"), (0, 4, b"0123"), (3, 4, b"3456"), (7, 99, b"789"), (9, None, b"9"), (4, 0, b"")],
    )
    def test_gives_the_asked_piece(self, store, prefix, start, length, expected):
        put(store, f"{prefix}/a", b"0123456789")
        with store.open_range(f"{prefix}/a", start=start, length=length) as stream:
            assert stream.read() == expected

    def test_can_be_read_in_small_pieces(self, store, prefix):
        put(store, f"{prefix}/a", b"0123456789")
        with store.open_range(f"{prefix}/a", start=2, length=5) as stream:
            assert [stream.read(2), stream.read(2), stream.read(2), stream.read(2)] == [b"23", b"45", b"6", b""]

    def test_beyond_the_end_is_refused(self, store, prefix):
        put(store, f"{prefix}/a", b"0123456789")
        with pytest.raises(RangeUnsatisfiable):
            store.open_range(f"{prefix}/a", start=10)

    def test_of_nothing_is_refused(self, store, prefix):
        with pytest.raises(ObjectMissing):
            store.open_range(f"{prefix}/none")


class TestDelete:
    def test_removes_for_good(self, store, prefix):
        put(store, f"{prefix}/a", b"x")
        put(store, f"{prefix}/a-other", b"y")
        store.delete(f"{prefix}/a")
        with pytest.raises(ObjectMissing):
            store.get(f"{prefix}/a")
        assert [each.key for each in store.list_objects(prefix)] == [f"{prefix}/a-other"]

    def test_makes_room_for_a_new_object(self, store, prefix):
        put(store, f"{prefix}/a", b"x")
        store.delete(f"{prefix}/a")
        put(store, f"{prefix}/a", b"y")
        assert store.get(f"{prefix}/a") == b"y"

    def test_of_nothing_is_harmless(self, store, prefix):
        store.delete(f"{prefix}/none")


class TestListObjects:
    def test_lists_by_prefix_in_the_order_of_keys(self, store, prefix):
        names = ["b/2", "b", "a", "b/1", "b-1", "bb", "b.x", "c/d/e"]
        for name in names:
            put(store, f"{prefix}/{name}", name.encode())
        found = [each.key.removeprefix(f"{prefix}/") for each in store.list_objects(f"{prefix}/")]
        assert found == sorted(names)
        below = [each.key.removeprefix(f"{prefix}/") for each in store.list_objects(f"{prefix}/b/")]
        assert below == ["b/1", "b/2"]
        begun = [each.key.removeprefix(f"{prefix}/") for each in store.list_objects(f"{prefix}/b")]
        assert begun == sorted(name for name in names if name.startswith("b"))

    def test_tells_sizes(self, store, prefix):
        put(store, f"{prefix}/a", b"12345")
        assert [each.size_bytes for each in store.list_objects(prefix)] == [5]

    def test_of_nothing_is_empty(self, store, prefix):
        assert list(store.list_objects(prefix)) == []


class TestLocks:
    @pytest.mark.clause("CC-5.3.3c")
    def test_retention_refuses_deletion(self, locking_store, prefix, now):
        until = (now + HOUR).replace(microsecond=0)
        put(locking_store, f"{prefix}/a", b"x", retain_until=until)
        assert locking_store.lock(f"{prefix}/a").retain_until == until
        with pytest.raises(ObjectLocked):
            locking_store.delete(f"{prefix}/a")
        assert locking_store.get(f"{prefix}/a") == b"x"

    def test_retention_extends_but_never_shortens(self, locking_store, prefix, now):
        until = (now + HOUR).replace(microsecond=0)
        put(locking_store, f"{prefix}/a", b"x", retain_until=until)
        locking_store.extend_retention(f"{prefix}/a", until=now + timedelta(minutes=1))
        assert locking_store.lock(f"{prefix}/a").retain_until == until
        locking_store.extend_retention(f"{prefix}/a", until=until + HOUR)
        assert locking_store.lock(f"{prefix}/a").retain_until == until + HOUR

    def test_legal_hold_refuses_deletion_until_lifted(self, locking_store, prefix):
        put(locking_store, f"{prefix}/a", b"x")
        locking_store.set_legal_hold(f"{prefix}/a", on=True)
        assert locking_store.lock(f"{prefix}/a").legal_hold
        with pytest.raises(ObjectLocked):
            locking_store.delete(f"{prefix}/a")
        locking_store.set_legal_hold(f"{prefix}/a", on=False)
        locking_store.delete(f"{prefix}/a")
        assert list(locking_store.list_objects(prefix)) == []

    def test_an_object_without_lock_says_so(self, locking_store, prefix):
        put(locking_store, f"{prefix}/a", b"x")
        lock = locking_store.lock(f"{prefix}/a")
        assert (lock.retain_until, lock.legal_hold) == (None, False)


@pytest.mark.s3
class TestAPlainBucket:
    def test_has_no_locks_and_says_so(self, plain_bucket, prefix, now):
        store = S3Store(plain_bucket)
        put(store, f"{prefix}/a", b"x", retain_until=now + HOUR)
        assert not store.features.object_lock
        assert store.lock(f"{prefix}/a") == Lock()
        store.delete(f"{prefix}/a")
        assert list(store.list_objects(prefix)) == []


@pytest.mark.s3
class TestVersioning:
    def test_a_later_write_over_a_key_leaves_the_pinned_version_readable(self, versioning_store, prefix, now, call):
        sealed = put(versioning_store, f"{prefix}/a", b"sealed")
        url = versioning_store.presign_put(f"{prefix}/a", now=now, expires_in=HOUR, max_bytes=100)
        assert call("PUT", url, b"forged").status == 200
        assert versioning_store.get(f"{prefix}/a") == b"forged"
        assert versioning_store.get(f"{prefix}/a", version_id=sealed.version_id) == b"sealed"


class TestPresignGet:
    def test_gives_the_object_to_whoever_has_the_address(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"picture")
        reply = call("GET", store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR))
        assert (reply.status, reply.body) == (200, b"picture")
        assert reply.headers["content-type"] == "image/jpeg"

    def test_serves_ranges(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"0123456789")
        url = store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR)
        reply = call("GET", url, headers={"Range": "bytes=2-4"})
        assert (reply.status, reply.body) == (206, b"234")
        assert reply.headers["content-range"] == "bytes 2-4/10"
        assert call("GET", url, headers={"Range": "bytes=-3"}).body == b"789"
        assert call("GET", url, headers={"Range": "bytes=50-"}).status == 416

    def test_names_the_download_in_chinese(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"x")
        url = store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR, download_name="学时证明 1.pdf")
        disposition = call("GET", url).headers["content-disposition"]
        assert disposition == "attachment; filename*=UTF-8''%E5%AD%A6%E6%97%B6%E8%AF%81%E6%98%8E%201.pdf"

    def test_refuses_a_tampered_address(self, store, prefix, now, call):
        put(store, f"{prefix}/a1", b"mine")
        put(store, f"{prefix}/a2", b"not mine")
        url = store.presign_get(f"{prefix}/a1", now=now, expires_in=HOUR)
        assert call("GET", url.replace("/a1", "/a2")).status == 403
        assert call("GET", url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
        assert call("GET", url.partition("?")[0]).status == 403

    def test_refuses_a_prolonged_address(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"x")
        long = store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR * 2)
        short = store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR)
        stem, _, _ = long.rpartition("ignature=")
        assert call("GET", f"{stem}ignature={short.rpartition('ignature=')[2]}").status == 403

    def test_refuses_an_expired_address(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"x")
        url = store.presign_get(f"{prefix}/a", now=now - HOUR * 2, expires_in=HOUR)
        assert call("GET", url).status in {403, 410}

    def test_refuses_other_methods(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"x")
        url = store.presign_get(f"{prefix}/a", now=now, expires_in=HOUR)
        assert call("PUT", url, b"y").status == 403
        assert call("DELETE", url).status == 403
        assert store.get(f"{prefix}/a") == b"x"

    def test_of_nothing_answers_404(self, store, prefix, now, call):
        assert call("GET", store.presign_get(f"{prefix}/none", now=now, expires_in=HOUR)).status == 404


class TestPresignPut:
    def test_takes_an_object(self, store, prefix, now, call):
        url = store.presign_put(f"{prefix}/a", now=now, expires_in=HOUR, max_bytes=100)
        reply = call("PUT", url, b"picture", {"Content-Type": "image/png"})
        assert (reply.status, store.get(f"{prefix}/a")) == (200, b"picture")
        assert store.head(f"{prefix}/a").media_type == "image/png"

    def test_refuses_reading_and_expired_addresses(self, store, prefix, now, call):
        put(store, f"{prefix}/a", b"x")
        url = store.presign_put(f"{prefix}/a", now=now, expires_in=HOUR, max_bytes=100)
        assert call("GET", url).status == 403
        late = store.presign_put(f"{prefix}/b", now=now - HOUR * 2, expires_in=HOUR, max_bytes=100)
        assert call("PUT", late, b"y").status in {403, 410}
        with pytest.raises(ObjectMissing):
            store.head(f"{prefix}/b")


@pytest.fixture
def send_part(store: ObjectStore, now: datetime, call: Call) -> Callable[..., str]:
    """Send a part as a browser does; returns its ETag."""

    def send(key: str, multipart_id: str, number: int, content: bytes) -> str:
        url = store.presign_part(key, multipart_id, number, now=now, expires_in=HOUR, max_bytes=len(content))
        reply = call("PUT", url, content)
        assert reply.status == 200, reply
        return str(reply.headers["etag"]).strip('"')

    return send


class TestMultipart:
    first, last = b"a" * 5 * MIB, b"the end"

    def begin(self, store: ObjectStore, key: str) -> str:
        return store.create_multipart(key, media_type="video/mp4")

    def test_joins_parts_in_their_order(self, store, prefix, send_part):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        send_part(key, upload, 2, self.last)
        send_part(key, upload, 1, self.first)
        parts = store.list_parts(key, upload)
        assert [(part.number, part.size_bytes) for part in parts] == [(1, 5 * MIB), (2, 7)]
        info = store.complete_multipart(key, upload, parts)
        assert (info.size_bytes, info.media_type) == (5 * MIB + 7, "video/mp4")
        assert store.get(key) == self.first + self.last
        assert store.list_parts(key, upload) == []

    def test_is_invisible_until_complete(self, store, prefix, send_part):
        key = f"{prefix}/v"
        send_part(key, self.begin(store, key), 1, self.last)
        assert list(store.list_objects(prefix)) == []

    def test_takes_a_part_sent_twice_as_the_later_one(self, store, prefix, send_part):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        send_part(key, upload, 1, b"spoilt")
        etag = send_part(key, upload, 1, b"good")
        parts = store.list_parts(key, upload)
        assert parts == [PartInfo(1, 4, etag)]
        store.complete_multipart(key, upload, parts)
        assert store.get(key) == b"good"

    def test_completed_twice_is_harmless(self, store, prefix, send_part):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        send_part(key, upload, 1, self.last)
        parts = store.list_parts(key, upload)
        first = store.complete_multipart(key, upload, parts)
        again = store.complete_multipart(key, upload, parts)
        assert (again.size_bytes, again.version_id) == (first.size_bytes, first.version_id)

    def test_refuses_a_part_that_is_not_there_or_has_changed(self, store, prefix, send_part):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        send_part(key, upload, 1, self.first)
        listed = store.list_parts(key, upload)
        with pytest.raises(PartsMissing) as caught:
            store.complete_multipart(key, upload, [*listed, PartInfo(2, 7, "0" * 32)])
        assert caught.value.extensions["missing"] == [2]
        send_part(key, upload, 1, b"b" * 5 * MIB)
        with pytest.raises(PartsMissing) as caught:
            store.complete_multipart(key, upload, listed)
        assert caught.value.extensions["missing"] == [1]
        assert list(store.list_objects(prefix)) == []

    def test_aborted_takes_no_more_parts(self, store, prefix, now, call, send_part):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        send_part(key, upload, 1, self.last)
        store.abort_multipart(key, upload)
        store.abort_multipart(key, upload)
        url = store.presign_part(key, upload, 2, now=now, expires_in=HOUR, max_bytes=9)
        assert call("PUT", url, self.last).status == 404
        assert store.list_parts(key, upload) == []
        with pytest.raises(ObjectMissing):
            store.complete_multipart(key, upload, [PartInfo(1, 7, "0" * 32)])

    def test_part_addresses_serve_one_part_only(self, store, prefix, now, call):
        key = f"{prefix}/v"
        upload = self.begin(store, key)
        url = store.presign_part(key, upload, 1, now=now, expires_in=HOUR, max_bytes=9)
        forged = url.replace("part=1", "part=2").replace("partNumber=1", "partNumber=2")
        assert forged != url
        assert call("PUT", forged, b"x").status == 403
        assert store.list_parts(key, upload) == []


class TestErrors:
    def test_are_domain_errors_with_a_chinese_detail(self, store, prefix):
        with pytest.raises(DomainError) as caught:
            store.get(f"{prefix}/none")
        assert caught.value.status == 404
        assert "文件" in caught.value.detail
