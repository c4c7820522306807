"""Input made to break things is answered with 4xx in the one shape of failures, and nothing of it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.stage import Stage, with_ids

pytestmark = pytest.mark.commits

OURS = {"X-Requested-With": "zhengxue"}
MILLION = 1_000_000

# A write of every kind: who, method, path, a body that would do.
WRITES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "sign in": ("anonymous", "POST", "/auth/sign-in", {"login_name": "x", "password": "x", "totp": "1"}),
    "real name": ("other_trainee", "POST", "/me/real-name", {"name": "江望舒", "id_number": "11010519491231002X"}),
    "consent": ("other_trainee", "POST", "/me/consents/account", {"granted": True, "text_sha256": "0" * 64}),
    "passkey": ("other_trainee", "POST", "/me/passkeys", {"credential": {"id": "x"}}),
    "player": (
        "other_trainee",
        "POST",
        "/me/enrollments/{enrollment_id}/lessons/{lesson_id}/sessions",
        {"device_id": "device-0001"},
    ),
    "heartbeat": (
        "trainee",
        "POST",
        "/me/sessions/{session_id}/heartbeats",
        {
            "seq": 1,
            "token": "x",
            "intervals": [[0, 1]],
            "position_ms": 1,
            "rate": 1,
            "hidden": False,
            "muted": False,
            "playing": True,
            "client_at": "2026-03-02T09:00:00+08:00",
        },
    ),
    "answer": ("other_trainee", "POST", "/me/attempts/{attempt_id}/answers", {"seq": 1, "no": 1, "value": ["A"]}),
    "quiz": ("other_trainee", "POST", "/me/gates/{gate_id}/submit", {"answers": [{"no": 1, "value": ["A"]}]}),
    "course": (
        "author",
        "POST",
        "/courses",
        {
            "title": "课程",
            "trade_code": "CC-087",
            "level": "5",
            "standard_code": "GZB 4-10-01-05",
            "textbook_title": "书",
            "textbook_isbn": "978-7-5045-0000-7",
            "source": "purchased",
        },
    ),
    "lesson": ("author", "POST", "/courses/{course_id}/lessons", {"title": "课时", "hours": 1}),
    "review": ("reviewer", "POST", "/courses/{course_id}/review", {"decision": "reject", "note": "不行"}),
    "exam": (
        "author",
        "PUT",
        "/courses/{course_id}/exam",
        {"title": "考核", "counts": {"single": 1}, "scores": {"single": 1}, "pass_score": 1, "duration_minutes": 30},
    ),
    "upload": (
        "author",
        "POST",
        "/uploads",
        {"purpose": "proof", "file_name": "a.pdf", "size_bytes": 3, "media_type": "application/pdf"},
    ),
    "trace": (
        "bureau_auditor",
        "POST",
        "/trace/search",
        {"id_number": "11010519491231002X", "reason": "核查补贴申领材料"},
    ),
}
WHO = {"author": "institution_author", "reviewer": "institution_reviewer"}

VALUES: dict[str, Any] = {
    "a million characters": "字" * MILLION,
    "NUL": "a\x00b",
    "lone surrogate": "\ud800",
    "null": None,
    "list": [],
    "object": {"a": {}},
    "text": "; DROP TABLE person; --",
    "huge number": 10**400,
    "huge float": 1e308,
    "negative": -(2**63) - 1,
    "64 bit": 2**63,
    "true": True,
    "right-to-left and joiners": "\u202e\u200d\ufeff\ue000\U000e0001",
}


def send(stage: Stage, name: str, *, content: bytes, media_type: str = "application/json", token: str | None = None):
    who, method, path, _body = WRITES[name]
    browser = stage.browser() if token else stage.browser(WHO.get(who, who))
    if token:
        browser.plant(token)
    headers = OURS | {"Content-Type": media_type}
    return browser.client.request(method, "/api/v1" + with_ids(path, stage.ids), content=content, headers=headers)


def complaint(answer, *, bound: int = 4000) -> str | None:
    """What is wrong with an answer to hostile input; None when it is right."""
    if answer.status_code < 400:
        return None  # taken, as the database shows
    if answer.status_code >= 500:
        return f"{answer.status_code}"
    if answer.headers["content-type"] != "application/problem+json":
        return answer.headers["content-type"]
    if len(answer.content) > bound:
        return f"the answer has {len(answer.content)} bytes"
    return None


class TestBody:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"text"',
            b"\xff\xfe\x00",
            b"\xef\xbb\xbf{}",
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b'{"seq": NaN, "rate": Infinity}',
            b'{"seq": 1e999}',
            b"9" * 60_000,
            b'{"name": "\\ud800", "seq": "\\udfff"}',
        ],
        ids=[
            "empty",
            "cut",
            "null",
            "list",
            "text",
            "not UTF-8",
            "BOM",
            "deep lists",
            "deep objects",
            "NaN",
            "infinite",
            "60,000 digits",
            "surrogates",
        ],
    )
    def test_of_no_sense_is_refused_everywhere(self, stage, content):
        wrong, before = {}, stage.fingerprint()
        for name in WRITES:
            answer = send(stage, name, content=content)
            if answer.status_code < 400 or (said := complaint(answer)):
                wrong[name] = answer.status_code if answer.status_code < 400 else said
        assert not wrong
        assert stage.fingerprint() == before

    @pytest.mark.parametrize(
        "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
    )
    def test_of_another_kind_is_refused(self, stage, media_type):
        wrong = {}
        for name, (_who, _method, _path, body) in WRITES.items():
            if name in {"heartbeat", "answer"}:  # hot paths read JSON whatever it is called
                continue
            answer = send(stage, name, content=json.dumps(body).encode(), media_type=media_type)
            if answer.status_code != 422 or complaint(answer):
                wrong[name] = answer.status_code
        assert not wrong


class TestMember:
    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
    def test_with_a_hostile_value_never_breaks_anything(self, stage, value):
        """Each member of each body in turn; what is taken is stored and can be read back."""
        wrong = {}
        for name, (_who, _method, _path, body) in WRITES.items():
            for member in body:
                answer = send(stage, name, content=json.dumps(body | {member: value}).encode())
                if said := complaint(answer):
                    wrong[f"{name} {member}"] = said
        assert not wrong
        for who, path in (("institution_author", "/courses"), ("institution_author", "/classes")):
            assert stage.browser(who).get(path).status_code == 200


class TestAddress:
    @pytest.mark.parametrize(
        "odd",
        ["x", "0", "%00", "%ff", "..%2f..", "a" * 4000, "01a20203", "%F0%9F%98%80", "'; --", "null", "-1"],
    )
    def test_with_an_odd_id_is_4xx(self, stage, odd):
        for who, method, path in (
            ("trainee", "GET", f"/me/enrollments/{odd}"),
            ("trainee", "GET", f"/me/attempts/{odd}"),
            ("trainee", "POST", f"/me/attempts/{odd}/answers"),
            ("trainee", "POST", f"/me/sessions/{odd}/heartbeats"),
            ("trainee", "DELETE", f"/me/consents/{odd}"),
            ("institution_author", "GET", f"/courses/{odd}"),
            ("bureau_auditor", "GET", f"/trace/files/{odd}"),
        ):
            answer = stage.browser(who).client.request(method, f"/api/v1{path}", headers=OURS, json={})
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert complaint(answer, bound=20_000) is None, path

    @pytest.mark.parametrize("query", ["limit=0", "limit=999999999999999999999", "cursor=x", "limit=%00", "cursor=%ff"])
    def test_with_an_odd_query_is_422(self, stage, query):
        path = with_ids("/courses/{course_id}/question-bank", stage.ids)
        assert stage.browser("institution_author").get(f"{path}?{query}").status_code == 422

    def test_with_text_to_search_is_only_text(self, stage):
        for text in ("%00", "%25%25%25", "'", "\\", "%F0%9F%98%80", "a" * 60):
            answer = stage.browser("institution_author").get(f"/trades?q={text}")
            assert answer.status_code in {200, 422}, text


class TestUploadedFile:
    @pytest.mark.parametrize(
        "content",
        [b"", b"\x00" * 1000, b"PK\x03\x04" + b"\xff" * 1000, b"\xff\xd8\xff" + b"\x00" * 1000, b"GIF89a" * 9],
        ids=["empty", "zeros", "torn zip", "torn jpeg", "gif"],
    )
    @pytest.mark.parametrize(
        ("who", "path", "member", "more"),
        [
            ("institution_author", "/courses/{course_id}/question-bank/import?dry_run=false", "workbook", {}),
            ("trainee", "/me/real-name/{enrollment_id}/proofs", "file", {}),
            ("trainee", "/me/check-ins/{check_in_id}/face", "frames", {"nonce": "x"}),
            ("trainee", "/me/face-enrolment/photos", "photo", {}),
        ],
        ids=["workbook", "proof", "check-in", "photo"],
    )
    def test_that_is_something_else_is_4xx(self, stage, who, path, member, more, content):
        before = stage.fingerprint()
        answer = stage.browser(who).send(
            "POST", with_ids(path, stage.ids), files={member: ("../../x\x00.png", content, "image/png")}, data=more
        )
        assert 400 <= answer.status_code < 500
        assert stage.fingerprint() == before
