from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.db import Database
from storage.errors import (
    ContentMismatch,
    ObjectMissing,
    PartsMissing,
    StoreUnavailable,
    TooManyUploads,
    UploadClosed,
    UploadMissing,
    UploadRefused,
)
from storage.models import StoredObject, Upload
from storage.queries import find_orphans
from storage.rules import MIB, RetentionClass, UploadRule
from storage.service import verify_evidence
from storage.uploads import (
    UploadView,
    abort_upload,
    complete_upload,
    expire_uploads,
    open_upload,
    part_urls,
    record_part,
    resume,
)

pytestmark = pytest.mark.commits

DAY = timedelta(days=1)
RULE = UploadRule(
    "courseware",
    max_bytes=40 * MIB,
    media_types=frozenset({"video/mp4", "video/x-flv"}),
    part_bytes=5 * MIB,
    max_open=3,
)
VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 44 * 1024  # a little more than 11 MiB: three parts


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Browser:
    """Uploads as a browser does: asks for addresses, sends parts there, confirms them."""

    def __init__(self, database: Database, store: Any, call: Callable[..., Any], now: Any) -> None:
        self.database, self.store, self.call, self.now = database, store, call, now
        self.owner = uuid4()

    def open(self, content: bytes = VIDEO, **more: Any) -> UploadView:
        values = {
            "owner_id": self.owner,
            "file_name": "第1课.mp4",
            "size_bytes": len(content),
            "media_type": "video/mp4",
            "now": self.now,
            **more,
        }
        return open_upload(self.database.transaction, self.store, RULE, **values)

    def send(self, view: UploadView, numbers: list[int], content: bytes = VIDEO) -> None:
        with self.database.transaction() as session:
            urls = part_urls(session, self.store, view.id, owner_id=self.owner, numbers=numbers, now=self.now)
        for number, url in urls.items():
            begin = (number - 1) * view.part_size_bytes
            part = content[begin : begin + view.part_size_bytes]
            reply = self.call("PUT", url, part)
            assert reply.status == 200, reply
            with self.database.transaction() as session:
                record_part(session, view.id, number, owner_id=self.owner, sha256=sha(part), now=self.now)

    def look(self, view: UploadView) -> UploadView:
        with self.database.transaction() as session:
            return resume(session, view.id, owner_id=self.owner)

    def complete(self, view: UploadView, **more: Any) -> Any:
        values = {
            "owner_id": self.owner,
            "kind": "courseware",
            "retention": RetentionClass.COURSEWARE,
            "now": self.now,
            **more,
        }
        return complete_upload(self.database.transaction, self.store, view.id, **values)

    def records(self) -> list[StoredObject]:
        with self.database.transaction() as session:
            return session.query(StoredObject).all()


@pytest.fixture
def browser(database, store, call, now) -> Browser:
    return Browser(database, store, call, now)


@pytest.fixture
def local_browser(database, local_store, call, now) -> Browser:
    return Browser(database, local_store, call, now)


class TestAnUpload:
    @pytest.mark.clause("CC-4.3.4")
    def test_arrives_whole_through_signed_addresses(self, browser):
        view = browser.open()
        assert (view.part_count, view.missing) == (3, [1, 2, 3])
        browser.send(view, [3, 1, 2])
        ref = browser.complete(view, sha256=sha(VIDEO))
        assert browser.store.get(ref.key) == VIDEO
        (record,) = browser.records()
        assert (record.sha256, record.size_bytes, record.kind) == (sha(VIDEO), len(VIDEO), "courseware")
        assert record.created_by == browser.owner
        verify_evidence(browser.store, ref)

    def test_continues_after_an_interruption(self, browser):
        view = browser.open()
        browser.send(view, [1])
        seen = browser.look(view)
        assert (dict(seen.received), seen.missing) == ({1: sha(VIDEO[: 5 * MIB])}, [2, 3])
        browser.send(view, seen.missing)
        assert browser.complete(view).sha256 == sha(VIDEO)

    def test_with_missing_parts_names_them_and_stays_open(self, browser):
        view = browser.open()
        with pytest.raises(PartsMissing) as caught:
            browser.complete(view)
        assert caught.value.extensions["missing"] == [1, 2, 3]
        browser.send(view, [2])
        with pytest.raises(PartsMissing) as caught:
            browser.complete(view)
        assert caught.value.extensions["missing"] == [1, 3]
        assert browser.look(view).state == "open"

    def test_takes_a_part_sent_twice_as_the_later_one(self, browser):
        view = browser.open()
        browser.send(view, [1, 2, 3], content=VIDEO.replace(b"\xff", b"?"))
        browser.send(view, [1, 2, 3])
        assert browser.look(view).received[1] == sha(VIDEO[: 5 * MIB])
        assert browser.complete(view, sha256=sha(VIDEO)).sha256 == sha(VIDEO)

    def test_completed_twice_answers_the_same_record(self, browser):
        view = browser.open()
        browser.send(view, [1, 2, 3])
        first = browser.complete(view)
        assert browser.complete(view) == first
        assert len(browser.records()) == 1
        assert browser.look(view).stored_object_id == first.id

    def test_completed_by_several_at_once_makes_one_record(self, browser):
        view = browser.open()
        browser.send(view, [1, 2, 3])
        with ThreadPoolExecutor(4) as pool:
            refs = list(pool.map(lambda _: browser.complete(view), range(4)))
        assert len({ref.id for ref in refs}) == 1
        assert len(browser.records()) == 1
        assert browser.store.get(refs[0].key) == VIDEO

    def test_with_another_hash_than_announced_is_thrown_away(self, browser):
        view = browser.open(sha256=sha(b"another file"))
        browser.send(view, [1, 2, 3])
        with pytest.raises(ContentMismatch):
            browser.complete(view)
        assert browser.look(view).state == "aborted"
        assert browser.records() == []
        assert [info for info in browser.store.list_objects("upload/") if str(view.id) in info.key] == []

    @pytest.mark.clause("CC-4.3.4")
    def test_whose_content_is_not_video_is_thrown_away(self, browser):
        page = b"<!DOCTYPE html><script>alert(1)</script>"
        view = browser.open(page)
        browser.send(view, [1], content=page)
        with pytest.raises(UploadRefused):
            browser.complete(view)
        assert browser.records() == []
        assert [info for info in browser.store.list_objects("upload/") if str(view.id) in info.key] == []

    def test_with_a_part_of_the_wrong_length_is_not_complete(self, browser):
        view = browser.open()
        browser.send(view, [1, 3])
        with browser.database.transaction() as session:
            row = session.get_one(Upload, view.id)
            url = browser.store.presign_part(
                row.key, row.multipart_id, 2, now=browser.now, expires_in=DAY, max_bytes=10
            )
        assert browser.call("PUT", url, b"short").status == 200
        with pytest.raises(PartsMissing) as caught:
            browser.complete(view)
        assert caught.value.extensions["missing"] == [2]

    def test_aborted_takes_nothing_more(self, browser):
        view = browser.open()
        browser.send(view, [1])
        args = {"owner_id": browser.owner, "now": browser.now}
        abort_upload(browser.database.transaction, browser.store, view.id, **args)
        abort_upload(browser.database.transaction, browser.store, view.id, **args)
        with pytest.raises(UploadClosed):
            browser.send(view, [2])
        with pytest.raises(UploadClosed):
            browser.complete(view)
        assert browser.look(view).state == "aborted"

    def test_completed_cannot_be_aborted(self, browser):
        view = browser.open()
        browser.send(view, [1, 2, 3])
        ref = browser.complete(view)
        with pytest.raises(UploadClosed):
            abort_upload(
                browser.database.transaction,
                browser.store,
                view.id,
                owner_id=browser.owner,
                now=browser.now,
            )
        assert browser.store.get(ref.key) == VIDEO

    def test_survives_a_crash_between_joining_and_recording(self, browser, helper):
        view = browser.open()
        browser.send(view, [1, 2, 3])
        real = browser.store
        browser.store = helper("faults").FaultyStore(real, lost={"complete_multipart"})
        with pytest.raises(StoreUnavailable):
            browser.complete(view)
        browser.store = real
        assert browser.records() == []
        assert browser.complete(view, sha256=sha(VIDEO)).sha256 == sha(VIDEO)
        assert len(browser.records()) == 1


class TestOpenUpload:
    @pytest.mark.parametrize(
        "change",
        [
            {"size_bytes": 0},
            {"size_bytes": 40 * MIB + 1},
            {"media_type": "text/html"},
            {"file_name": ".."},
            {"sha256": "x"},
        ],
    )
    def test_refuses_before_any_byte_travels(self, local_browser, change):
        with pytest.raises(UploadRefused):
            local_browser.open(**change)

    def test_limits_unfinished_uploads_of_one_person(self, local_browser):
        for _ in range(3):
            local_browser.open()
        with pytest.raises(TooManyUploads):
            local_browser.open()
        local_browser.open(owner_id=uuid4())

    def test_leaves_no_upload_in_the_store_when_the_row_fails(self, local_browser, tmp_path):
        for _ in range(3):
            local_browser.open()
        with pytest.raises(TooManyUploads):
            local_browser.open()
        assert len(list((tmp_path / "store" / "multipart").iterdir())) == 3


class TestSomeoneElsesUpload:
    def test_is_not_known_to_exist(self, local_browser):
        view = local_browser.open()
        mine, local_browser.owner = local_browser.owner, uuid4()
        with pytest.raises(UploadMissing):
            local_browser.look(view)
        with pytest.raises(UploadMissing):
            local_browser.send(view, [1])
        with pytest.raises(UploadMissing):
            local_browser.complete(view)
        local_browser.owner = mine
        assert local_browser.look(view).state == "open"


class TestPartUrls:
    @pytest.mark.parametrize("numbers", [[0], [4], [1, 99], list(range(1, 102))])
    def test_refuses_numbers_out_of_the_plan(self, local_browser, numbers):
        view = local_browser.open()
        with pytest.raises(UploadRefused):
            local_browser.send(view, numbers)

    def test_bind_the_length_of_the_part(self, local_browser):
        view = local_browser.open()
        with local_browser.database.transaction() as session:
            urls = part_urls(
                session,
                local_browser.store,
                view.id,
                owner_id=local_browser.owner,
                numbers=[3],
                now=local_browser.now,
            )
        assert local_browser.call("PUT", urls[3], b"x" * 5 * MIB).status == 422


class TestRecordPart:
    @pytest.mark.parametrize(("number", "digest"), [(0, "a" * 64), (4, "a" * 64), (1, "A" * 64), (1, "")])
    def test_refuses_what_is_no_part_of_the_plan(self, local_browser, number, digest):
        view = local_browser.open()
        with pytest.raises(UploadRefused), local_browser.database.transaction() as session:
            record_part(session, view.id, number, owner_id=local_browser.owner, sha256=digest, now=local_browser.now)


class TestExpireUploads:
    def test_closes_late_uploads_and_throws_their_parts_away(self, browser):
        late, kept = browser.open(), browser.open(owner_id=(other := uuid4()), now=browser.now + DAY)
        browser.send(late, [1])
        database, store = browser.database, browser.store
        assert expire_uploads(database.transaction, store, now=late.expires_at - timedelta(seconds=1)) == 0
        assert expire_uploads(database.transaction, store, now=late.expires_at) == 1
        assert browser.look(late).state == "expired"
        with database.transaction() as session:
            row = session.get_one(Upload, late.id)
            assert resume(session, kept.id, owner_id=UUID(str(other))).state == "open"
        assert store.list_parts(row.key, row.multipart_id) == []

    def test_tries_again_when_the_store_is_down(self, local_browser, helper):
        view = local_browser.open()
        down = helper("faults").FaultyStore(local_browser.store, broken={"abort_multipart"})
        transaction = local_browser.database.transaction
        with pytest.raises(StoreUnavailable):
            expire_uploads(transaction, down, now=view.expires_at)
        assert expire_uploads(transaction, local_browser.store, now=view.expires_at) == 1

    def test_closes_what_is_late_even_before_the_sweep(self, local_browser):
        view = local_browser.open()
        local_browser.send(view, [1, 2, 3])
        with pytest.raises(UploadClosed):
            local_browser.complete(view, now=view.expires_at)


class TestFindOrphans:
    def test_leaves_open_uploads_alone(self, local_browser, helper):
        view = local_browser.open()
        local_browser.send(view, [1, 2, 3])
        real = local_browser.store
        local_browser.store = helper("faults").FaultyStore(real, lost={"complete_multipart"})
        with pytest.raises(StoreUnavailable):
            local_browser.complete(view)
        later, transaction = local_browser.now + 2 * DAY, local_browser.database.transaction
        assert list(find_orphans(transaction, real, now=later)) == []
        expire_uploads(transaction, real, now=view.expires_at)
        (orphan,) = find_orphans(transaction, real, now=later)
        real.delete(orphan.key)
        with pytest.raises(ObjectMissing):
            real.head(orphan.key)
