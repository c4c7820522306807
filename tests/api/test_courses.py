"""Staff over HTTP: an author uploads, writes and hands in; a reviewer publishes; the class is opened."""

from __future__ import annotations

import hashlib

import pytest

from app.core.ids import new_id
from app.identity.people import import_person
from app.training.adapters.workshop import ChildWorkshop
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.media.processing import process_media
from tests.api.training_stage import staff_of
from tests.app.identity.samples import make_id_number, make_phone
from tests.app.training.factories import class_spec
from tests.app.training.media.films import make_film
from tests.app.training.playback.builders import RULES

pytestmark = pytest.mark.commits

COURSE = {
    "title": "养老护理基础",
    "trade_code": "CC-087",
    "level": "5",
    "standard_code": "GZB 4-10-01-05",
    "textbook_title": "养老护理员（初级）",
    "textbook_isbn": "978-7-5045-0000-7",
    "source": "purchased",
    "is_demo": True,
}


@pytest.fixture
def author(hired):
    return hired("institution_author", login_name="author")


@pytest.fixture
def reviewer(hired):
    return hired("institution_reviewer", login_name="reviewer")


def upload(author, data: bytes, **changes) -> str:
    """Send a file as the page does; the id of the completed upload."""
    body = {"purpose": "media", "file_name": "第一讲.mp4", "size_bytes": len(data), "media_type": "video/mp4"}
    answer = author.post("/uploads", body | changes)
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    size = opened["part_size_bytes"]
    for part in opened["parts"]:
        piece = data[(part["no"] - 1) * size : part["no"] * size]
        assert author.client.put(part["url"], content=piece).status_code in {200, 204}
        note = {"no": part["no"], "sha256": hashlib.sha256(piece).hexdigest()}
        opened = author.post(f"/uploads/{opened['id']}/parts", note).json()
    assert opened["missing"] == []
    done = author.post(f"/uploads/{opened['id']}/complete", {"sha256": hashlib.sha256(data).hexdigest()})
    assert done.status_code == 200, done.text
    assert done.json()["size_bytes"] == len(data)
    return opened["id"]


@pytest.fixture
def film(tmp_path) -> bytes:
    """A good film of sixty seconds, small."""
    return make_film(tmp_path / "film.mp4", seconds=60, size=(160, 90), fps=1).read_bytes()


def courseware(author, data: bytes) -> dict:
    """Upload a file, hand it in, and let the job prepare it."""
    media = author.post("/media", {"upload_id": upload(author, data)})
    assert media.status_code == 202, media.text
    assert media.json()["status"] == "processing"
    platform = author.platform
    process_media(platform.unit, platform.store, media.json()["id"], workshop=ChildWorkshop(timeout_s=60))
    return author.get(f"/media/{media.json()['id']}").json()


class TestUploads:
    def test_can_be_resumed_and_completed_twice(self, author):
        data = b"\x00\x00\x00\x18ftypisom" + bytes(9_000_000)
        body = {"purpose": "media", "file_name": "a.mp4", "size_bytes": len(data), "media_type": "video/mp4"}
        opened = author.post("/uploads", body).json()
        assert (opened["part_count"], opened["missing"]) == (2, [1, 2])
        first = data[: opened["part_size_bytes"]]
        author.client.put(opened["parts"][0]["url"], content=first)
        author.post(f"/uploads/{opened['id']}/parts", {"no": 1, "sha256": hashlib.sha256(first).hexdigest()})
        again = author.get(f"/uploads/{opened['id']}").json()
        assert (again["missing"], list(again["received"])) == ([2], ["1"])
        rest = data[opened["part_size_bytes"] :]
        author.client.put(again["parts"][0]["url"], content=rest)
        author.post(f"/uploads/{opened['id']}/parts", {"no": 2, "sha256": hashlib.sha256(rest).hexdigest()})
        done = [author.post(f"/uploads/{opened['id']}/complete", {}).json() for _ in range(2)]
        assert done[0] == done[1]

    def test_not_all_sent_cannot_be_completed(self, author):
        body = {"purpose": "media", "file_name": "a.mp4", "size_bytes": 10, "media_type": "video/mp4"}
        opened = author.post("/uploads", body).json()
        assert author.post(f"/uploads/{opened['id']}/complete", {}).json()["code"] == "parts-missing"
        assert author.post("/media", {"upload_id": opened["id"]}).json()["code"] == "upload-not-complete"

    @pytest.mark.parametrize(
        "changes",
        [{"media_type": "video/x-matroska"}, {"size_bytes": 9 * 1024**3}, {"purpose": "malware"}, {"size_bytes": 0}],
    )
    def test_of_what_is_not_taken_are_refused_before_a_byte_travels(self, author, changes):
        body = {"purpose": "media", "file_name": "a.mp4", "size_bytes": 10, "media_type": "video/mp4"}
        assert author.post("/uploads", body | changes).status_code == 422

    def test_are_not_shown_to_others(self, author, reviewer, browser):
        body = {"purpose": "media", "file_name": "a.mp4", "size_bytes": 10, "media_type": "video/mp4"}
        upload_id = author.post("/uploads", body).json()["id"]
        assert reviewer.get(f"/uploads/{upload_id}").status_code == 403
        assert browser().get(f"/uploads/{upload_id}").status_code == 401
        assert author.get(f"/uploads/{new_id()}").status_code == 404


class TestMedia:
    @pytest.mark.clause("CC-4.3.3", "CC-4.3.4")
    def test_shows_what_was_measured_and_plays(self, author, film):
        media = courseware(author, film)
        assert (media["status"], media["container"], media["height"], media["has_audio"]) == ("ready", "mp4", 90, True)
        assert 59.9 <= media["duration_s"] <= 60
        assert [warning["code"] for warning in media["warnings"]] == ["low_resolution"]
        piece = author.client.get(media["play_url"], headers={"Range": "bytes=4-7"})
        assert (piece.status_code, piece.content) == (206, b"ftyp")

    @pytest.mark.clause("CC-4.3.4")
    def test_tells_why_a_broken_file_was_rejected(self, author):
        media = courseware(author, b"\x00\x00\x00\x18ftypisom" + bytes(1_000))
        assert (media["status"], media["play_url"]) == ("rejected", None)
        assert "损坏" in media["problem"]

    def test_of_others_is_not_found(self, author):
        assert author.get(f"/media/{new_id()}").status_code == 404
        assert author.post("/media", {"upload_id": str(new_id())}).status_code == 404


class TestCourses:
    @pytest.mark.clause("CC-4.3.1", "CC-4.3.3", "CC-4.3.7")
    def test_too_short_for_their_hours_are_not_published(self, author, reviewer, tmp_path):
        film = make_film(tmp_path / "film.mp4", seconds=59, size=(160, 90), fps=1).read_bytes()
        course = author.post("/courses", COURSE).json()
        assert (course["status"], course["mine"], course["lesson_minutes"]) == ("draft", True, 1)
        lesson = author.post(f"/courses/{course['id']}/lessons", {"title": "绪论", "hours": 1}).json()["lessons"][0]
        media = courseware(author, film)
        changed = author.send("PATCH", f"/lessons/{lesson['id']}", json={"media_id": media["id"]}).json()
        assert changed["lessons"][0]["media"]["status"] == "ready"
        assert author.post(f"/courses/{course['id']}/submit").json()["status"] == "in_review"
        assert author.post(f"/courses/{course['id']}/publish").json()["code"] == "role-not-allowed"
        half = {"decision": "approve", "checks": {"standard": True, "textbook": True}}
        assert reviewer.post(f"/courses/{course['id']}/review", half).status_code == 422
        whole = half | {"checks": {"standard": True, "textbook": True, "content": True}}
        assert reviewer.post(f"/courses/{course['id']}/review", whole).json()["status"] == "approved"
        refused = reviewer.post(f"/courses/{course['id']}/publish").json()
        assert (refused["code"], refused["detail"]) == (
            "lesson-too-short",
            "第1课“绪论”：1学时至少需要1分钟，课件只有59秒",
        )

    @pytest.mark.clause("CC-4.3.3", "CC-5.3.2e", "CC-5.3.2f")
    def test_long_enough_are_published_and_open_a_class(self, author, reviewer, tmp_path):
        film = make_film(tmp_path / "film.mp4", seconds=60, size=(160, 90), fps=1).read_bytes()
        course = author.post("/courses", COURSE).json()
        lesson = author.post(f"/courses/{course['id']}/lessons", {"title": "绪论", "hours": 1}).json()["lessons"][0]
        author.send("PATCH", f"/lessons/{lesson['id']}", json={"media_id": courseware(author, film)["id"]})
        author.post(f"/courses/{course['id']}/submit")
        checks = {"standard": True, "textbook": True, "content": True}
        reviewer.post(f"/courses/{course['id']}/review", {"decision": "approve", "checks": checks})
        assert reviewer.post(f"/courses/{course['id']}/publish").json()["status"] == "published"
        with author.platform.unit() as work:
            _, organization = staff_of(work, "author")
            found = import_class(work, class_spec(organization.id), rules=RULES)
            class_id = found.id
        shown = author.get(f"/classes/{class_id}").json()
        assert (shown["status"], shown["missing"]) == ("imported", ["实名制系统的学员名册"])
        body = {"course_id": course["id"]}
        assert author.post(f"/classes/{class_id}/open", body).json()["code"] == "class-not-startable"
        with author.platform.unit() as work:
            import_roster(
                work,
                class_id=class_id,
                roster_sha256="a" * 64,
                entries=[RosterEntry(person_id=_person(work), learner_ref="XY001", category_code="employee")],
            )
        opened = author.post(f"/classes/{class_id}/open", body).json()
        assert (opened["status"], opened["headcount"], opened["course_title"]) == ("open", 1, "养老护理基础")
        assert opened["trainees"][0]["lessons_total"] == 1
        assert author.post(f"/classes/{class_id}/open", body).status_code == 409

    def test_say_which_member_is_wrong(self, author):
        answer = author.post("/courses", COURSE | {"textbook_isbn": "123"})
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/textbook_isbn"]
        assert author.post("/courses", COURSE | {"source": "stolen"}).status_code == 422

    def test_are_for_their_roles_only(self, author, reviewer, browser):
        assert reviewer.post("/courses", COURSE).status_code == 403
        assert browser().get("/courses").status_code == 401
        course = author.post("/courses", COURSE).json()
        assert [item["mine"] for item in reviewer.get("/courses").json()["items"]] == [False]
        assert author.post(f"/courses/{course['id']}/review", {"decision": "approve"}).status_code == 403
        assert author.get(f"/courses/{new_id()}").status_code == 404

    def test_lessons_can_be_changed_and_removed(self, author):
        course = author.post("/courses", COURSE).json()
        lesson = author.post(f"/courses/{course['id']}/lessons", {"title": "一", "hours": 1}).json()["lessons"][0]
        changed = author.send("PATCH", f"/lessons/{lesson['id']}", json={"hours": 2}).json()
        assert (changed["hours"], changed["lessons"][0]["title"]) == (2, "一")
        assert author.send("DELETE", f"/lessons/{lesson['id']}").status_code == 204
        assert author.send("PUT", f"/courses/{course['id']}", json=COURSE | {"title": "新"}).json()["title"] == "新"


class TestTrades:
    @pytest.mark.clause("CC-2.3a")
    def test_are_found_by_a_part_of_their_name(self, author):
        items = author.get("/trades?q=养老护理").json()["items"]
        assert [(item["code"], item["trade_class"]) for item in items] == [("CC-087", "C")]


class TestClasses:
    def test_of_all_organisations_are_shown_to_the_bureau_of_the_region_only(self, author, hired):
        with author.platform.unit() as work:
            _, organization = staff_of(work, "author")
            import_class(work, class_spec(organization.id), rules=RULES)
        bureau = hired("bureau_auditor", kind="bureau", login_name="bureau")
        assert bureau.get("/classes").json()["items"] == []
        with author.platform.unit() as work:
            _, home = staff_of(work, "bureau")
            home.region = "220200"
        class_id = author.get("/classes").json()["items"][0]["id"]
        assert bureau.get(f"/classes/{class_id}").status_code == 404
        with author.platform.unit() as work:
            _, home = staff_of(work, "bureau")
            home.region = "220000"
        stranger = hired("institution_author", kind="enterprise", login_name="stranger")
        assert len(author.get("/classes").json()["items"]) == 1
        [shown] = bureau.get("/classes").json()["items"]
        assert stranger.get("/classes").json()["items"] == []
        assert stranger.get(f"/classes/{shown['id']}").status_code == 404
        assert bureau.get(f"/classes/{shown['id']}").json()["code"] == shown["code"]
        assert bureau.post(f"/classes/{shown['id']}/open", {"course_id": str(new_id())}).status_code == 403

    def test_pull_says_when_the_city_does_not_answer(self, author):
        answer = author.post("/classes/pull")
        assert (answer.status_code, answer.json()["code"]) == (503, "city-unreachable")


def _person(work):
    return import_person(work, name="温若竹", id_number=make_id_number(sequence=7), phone=make_phone(7)).id
