"""Other people's and other institutions' ids: nothing is shown and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.api.deps import ANONYMOUS
from exam.adapters.workbook import write_template
from tests.api.conftest import staged
from tests.api.faces import picture
from tests.api.stage import STRANGERS, Stage, routes_of, with_ids
from tests.api.test_permissions import BODIES, named, read_lines

pytestmark = pytest.mark.commits

NOT_ID = {"purpose", "key"}
"""Path parameters that name no thing of anybody."""

NOT_READY = "GET /api/v1/me/attempts/{attempt_id}/paper.pdf"
"""Answers 404 to its owner, too, until the paper is made; by another code."""

SHA256 = "0" * 64
COURSE = {
    "title": "别人的课程",
    "trade_code": "CC-087",
    "level": "5",
    "standard_code": "GZB 4-10-01-05",
    "textbook_title": "养老护理员（初级）",
    "textbook_isbn": "978-7-5045-0000-7",
    "source": "purchased",
}
BLUEPRINT = {
    "title": "考核",
    "counts": {"single": 1},
    "scores": {"single": 1},
    "pass_score": 1,
    "duration_minutes": 30,
}


PDF = b"%PDF-1.7\n" + b"%" * 200 + b"\n%%EOF\n"


def calls(stage: Stage) -> dict[str, dict[str, Any]]:
    """A valid request for every route that takes a body or a query; without one a route gets `{}`."""
    frames = [("frames", (f"{n}.jpg", picture("who", number=n), "image/jpeg")) for n in range(2)]
    return {
        **{route: {"json": body} for route, body in BODIES.items()},
        "POST /api/v1/me/real-name/{enrollment_id}/proofs": {"files": {"file": ("a.pdf", PDF, "application/pdf")}},
        "POST /api/v1/me/enrollments/{enrollment_id}/lessons/{lesson_id}/sessions": {
            "json": {"device_id": "device-0001"}
        },
        "POST /api/v1/me/check-ins/{check_in_id}/face": {"files": frames, "data": {"nonce": "x"}},
        "POST /api/v1/me/check-ins/{check_in_id}/passkey": {"json": {"nonce": "x", "credential": {}}},
        "POST /api/v1/me/gates/{gate_id}/submit": {"json": {"answers": [{"no": 1, "value": ["A"]}]}},
        "PUT /api/v1/courses/{course_id}": {"json": COURSE},
        "POST /api/v1/courses/{course_id}/lessons": {"json": {"title": "新课时", "hours": 1}},
        "PATCH /api/v1/lessons/{lesson_id}": {"json": {"title": "改了"}},
        "POST /api/v1/courses/{course_id}/review": {"json": {"decision": "reject", "note": "不行"}},
        "POST /api/v1/courses/{course_id}/take-down": {"json": {"reason": "不要了"}},
        "POST /api/v1/courses/{course_id}/question-bank/import": {
            "files": {"workbook": ("a.xlsx", write_template([]))}
        },
        "POST /api/v1/courses/{course_id}/question-bank/approve": {
            "json": {"question_ids": [stage.ids["question_id"]]}
        },
        "PUT /api/v1/courses/{course_id}/exam": {"json": BLUEPRINT},
        "POST /api/v1/uploads/{upload_id}/parts": {"json": {"no": 1, "sha256": SHA256}},
        "POST /api/v1/classes/{class_id}/open": {"json": {"course_id": stage.their_ids["course_id"]}},
        "POST /api/v1/trace/enrollments/{enrollment_id}/person": {"json": {"reason": "核查补贴申领材料"}},
        "GET /api/v1/trace/files/{sha256}": {"params": {"enrollment_id": stage.ids["enrollment_id"]}},
    }


def ids_in(path: str) -> set[str]:
    names = {part.strip("{}").split(":")[0] for part in path.split("/") if part.startswith("{")}
    return names - NOT_ID


def call(stage: Stage, who: str, method: str, path: str) -> httpx.Response:
    request = calls(stage).get(named(method, path), {} if method == "GET" else {"json": {}})
    return stage.browser(who).client.request(
        method, with_ids(path, stage.ids), headers={"X-Requested-With": "zhengxue"}, **request
    )


def guarded_routes(stage: Stage) -> list[tuple[str, str, str]]:
    """Every (kind, method, path) with an id of somebody in it, for whoever may use the route at all."""
    lines = read_lines()
    return [
        (kind, method, path)
        for method, path in routes_of(stage.app)
        if ids_in(path)
        for kind in sorted(lines.get(named(method, path), ()))
        if kind in STRANGERS and ANONYMOUS not in lines[named(method, path)]
    ]


@pytest.fixture(scope="module")
def own_stage(template, tmp_path_factory) -> Iterator[Stage]:
    """A stage of this module alone: the owners' calls at the end leave traces."""
    with staged(template, tmp_path_factory.mktemp("foreign")) as made:
        yield made


@pytest.mark.clause("CC-4.1.6")
class TestStranger:
    def test_knows_a_real_id_for_every_route(self, own_stage):
        missing = {name for _, _, path in guarded_routes(own_stage) for name in ids_in(path)} - set(own_stage.ids)
        assert not missing, (
            f"add to Stage._find_ids a real id that belongs to the first trainee or institution: {missing}"
        )

    def test_sees_and_changes_nothing(self, own_stage):
        before, wrong = own_stage.fingerprint(), []
        for kind, method, path in guarded_routes(own_stage):
            answer = call(own_stage, STRANGERS[kind], method, path)
            if answer.status_code not in {403, 404}:
                wrong.append(f"{named(method, path)}: a foreign {kind} got {answer.status_code} {answer.text[:200]}")
            after = own_stage.fingerprint()
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                wrong.append(f"{named(method, path)}: a foreign {kind} changed {changed}")
                before = after
        assert not wrong, "\n".join(wrong)

    def test_is_refused_where_the_owner_is_not(self, own_stage):
        """The control: the same requests reach the owner's things, so the refusals above were about ownership."""
        blind = []
        for kind, method, path in guarded_routes(own_stage):
            if method == "DELETE":
                continue
            answer = call(own_stage, kind, method, path)
            if named(method, path) == NOT_READY and answer.json().get("code") == "paper-not-ready":
                continue
            if answer.status_code in {401, 404, 422} or answer.status_code >= 500:
                blind.append(f"{named(method, path)}: the owner ({kind}) got {answer.status_code} {answer.text[:200]}")
        assert not blind, "\n".join(blind)


class TestForeignIdInABody:
    """An own thing is asked to swallow somebody else's."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/media", {"upload_id": "upload_id"}),
            ("PATCH", "/lessons/{lesson_id}", {"media_id": "media_id"}),
            ("POST", "/classes/{class_id}/open", {"course_id": "course_id"}),
        ],
    )
    def test_is_not_taken(self, stage, method, path, body):
        before = stage.fingerprint()
        theirs = stage.browser("other_author")
        foreign = {member: stage.ids[name] for member, name in body.items()}
        answer = theirs.send(method, with_ids(path, stage.their_ids), json=foreign)
        assert answer.status_code in {403, 404, 409}, answer.text
        assert stage.fingerprint() == before
