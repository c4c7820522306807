from __future__ import annotations

import hashlib
from io import BytesIO

import pytest

from storage.errors import ObjectExists, RangeUnsatisfiable, UploadRefused
from storage.serving import answer_get, answer_put, refuse_length
from storage.urls import SignedTarget

CONTENT = b"0123456789"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def video(local_store):
    local_store.put("media/v", CONTENT, media_type="video/mp4", sha256=SHA)
    return SignedTarget("media/v", "GET")


class TestAnswerGet:
    def test_sends_the_whole_object(self, local_store, video):
        answer = answer_get(local_store, video, headers={})
        with answer.body as body:
            assert body.read() == CONTENT
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "10"
        assert answer.headers["Accept-Ranges"] == "bytes"

    def test_sends_a_piece_so_that_video_can_be_sought(self, local_store, video):
        answer = answer_get(local_store, video, headers={"range": "bytes=4-"})
        with answer.body as body:
            assert body.read() == b"456789"
        assert answer.status == 206
        assert answer.headers["Content-Range"] == "bytes 4-9/10"
        assert answer.headers["Content-Length"] == "6"

    def test_sends_no_body_for_head(self, local_store, video):
        answer = answer_get(local_store, video, headers={}, head_only=True)
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, None, "10")

    def test_sends_nothing_to_whom_has_it(self, local_store, video):
        answer = answer_get(local_store, video, headers={"if-none-match": f'"{SHA}"'})
        assert (answer.status, answer.body) == (304, None)

    def test_ignores_a_range_for_another_version(self, local_store, video):
        headers = {"range": "bytes=4-", "if-range": '"other"'}
        answer = answer_get(local_store, video, headers=headers, head_only=True)
        assert answer.status == 200

    def test_refuses_a_range_beyond_the_end(self, local_store, video):
        with pytest.raises(RangeUnsatisfiable):
            answer_get(local_store, video, headers={"range": "bytes=10-"})

    @pytest.mark.parametrize(
        ("media_type", "disposition"),
        [("image/jpeg", "inline"), ("text/html", "attachment"), ("image/svg+xml", "attachment")],
    )
    def test_shows_only_kinds_that_cannot_run(self, local_store, media_type, disposition):
        local_store.put("evidence/x", CONTENT, media_type=media_type, sha256=SHA)
        answer = answer_get(local_store, SignedTarget("evidence/x", "GET"), headers={}, head_only=True)
        assert answer.headers["Content-Disposition"] == disposition
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "private, no-store"

    def test_cannot_be_split_by_a_download_name(self, local_store, video):
        target = SignedTarget("media/v", "GET", download_name='证"\r\nSet-Cookie: a=b')
        answer = answer_get(local_store, target, headers={}, head_only=True)
        assert "\r" not in answer.headers["Content-Disposition"]
        assert "\n" not in answer.headers["Content-Disposition"]


class TestAnswerPut:
    def test_answers_the_hash_of_what_arrived(self, local_store):
        target = SignedTarget("upload/x", "PUT", max_bytes=10)
        answer = answer_put(local_store, target, BytesIO(CONTENT), media_type="image/png")
        assert answer.headers["ETag"] == f'"{SHA}"'
        assert local_store.head("upload/x").media_type == "image/png"

    def test_stores_nothing_above_the_limit(self, local_store):
        target = SignedTarget("upload/x", "PUT", max_bytes=9)
        with pytest.raises(UploadRefused):
            answer_put(local_store, target, BytesIO(CONTENT), media_type="image/png")
        assert list(local_store.list_objects("")) == []

    def test_never_overwrites(self, local_store):
        target = SignedTarget("upload/x", "PUT", max_bytes=10)
        answer_put(local_store, target, BytesIO(CONTENT), media_type="image/png")
        with pytest.raises(ObjectExists):
            answer_put(local_store, target, BytesIO(b"other"), media_type="image/png")


class TestRefuseLength:
    def test_takes_what_the_address_allows(self):
        assert refuse_length(SignedTarget("a", "PUT", max_bytes=10), "10") == 10

    @pytest.mark.parametrize("length", [None, "", "-1", "11", "1e1", "\uff11"])
    def test_refuses_the_rest_before_reading(self, length):
        with pytest.raises(UploadRefused):
            refuse_length(SignedTarget("a", "PUT", max_bytes=10), length)
