from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.core.audit import AuditEntry
from app.core.ledger import LedgerEntry
from app.core.work import Actor
from app.identity.models import Organization
from app.oversight import trace
from app.oversight.errors import TraceNotFound
from app.reports.verifier.verify import verify
from tests.app.identity.samples import make_id_number
from tests.reports.world import World

pytestmark = [pytest.mark.commits, pytest.mark.clause("CC-4.1.5", "CC-6.2", "CC-A2-4.1")]

REASON = "补贴申领审核"


@pytest.fixture
def world(platform, clock) -> World:
    made = World.make(platform, clock)
    made.register(0)
    made.study(0, lessons=[1])
    made.deliver()
    return made


@pytest.fixture
def auditor(hired, platform):
    """An auditor of the city the class is in."""

    def make(region: str | None = "220100", login_name: str = "auditor"):
        made = hired("bureau_auditor", kind="bureau", login_name=login_name)
        with platform.unit() as work:
            work.session.scalars(
                select(Organization).where(Organization.authority_code == "bureau-1")
            ).one().region = region
        return made

    return make


def audited(platform, action: str) -> list[AuditEntry]:
    with platform.unit() as work:
        return list(work.session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def search(auditor, number: int = 1, reason: str = REASON):
    return auditor.post("/trace/search", {"id_number": make_id_number(sequence=number), "reason": reason})


class TestSearch:
    def test_finds_a_trainee_masked_and_says_who_asked_why(self, world, auditor, platform):
        answer = search(auditor()).json()
        assert answer["person"]["name_masked"] == "温**"
        assert answer["person"]["id_number_masked"].startswith("990101********")
        assert [one["enrollment_id"] for one in answer["enrollments"]] == [str(world.enrollments[0])]
        [row] = audited(platform, "search_trace")
        assert (row.reason, row.subject_id, row.details) == (REASON, world.persons[0], {"found": 1})

    def test_is_on_record_even_when_nobody_is_found(self, world, auditor, platform):
        answer = search(auditor(), number=77)
        assert (answer.status_code, answer.json()["code"]) == (404, "trace-not-found")
        [row] = audited(platform, "search_trace")
        assert (row.subject_id, row.details) == (None, {"found": 0})

    def test_needs_a_reason(self, world, auditor, platform):
        answer = search(auditor(), reason="  ")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
        assert audited(platform, "search_trace") == []

    def test_refuses_what_is_no_id_number(self, world, auditor):
        answer = auditor().post("/trace/search", {"id_number": "123", "reason": REASON})
        assert answer.status_code == 422

    @pytest.mark.parametrize("region", ["220104", "220200", "210000", None])
    def test_finds_nobody_outside_the_region(self, world, auditor, region):
        assert search(auditor(region)).status_code == 404

    def test_finds_everybody_of_the_province(self, world, auditor):
        assert search(auditor("220000")).status_code == 200

    @pytest.mark.parametrize("role", ["institution_author", "institution_reviewer"])
    def test_is_closed_to_institutions(self, world, hired, role):
        assert search(hired(role)).status_code == 403


class TestTrace:
    def test_tells_the_story_from_identity_to_receipt(self, world, auditor, platform):
        path = f"/trace/enrollments/{world.enrollments[0]}"
        answer = auditor().get(path).json()
        assert [one["event_type"] for one in answer["timeline"]] == [
            "class.opened",
            "learner.enrolled",
            "learner.registered",
            "lesson.signed_in",
            "checkin.completed",
            "quiz.gate_evaluated",
            "lesson.completed",
        ]
        completed = next(one for one in answer["timeline"] if one["event_type"] == "lesson.completed")
        assert completed["title"] == "课程完成"
        assert completed["summary"].startswith("第 1 课《第1讲》完成，认定 1 学时，观看 1 分")
        assert completed["delivery"] == {
            "status": "delivered",
            "delivered_at": completed["delivery"]["delivered_at"],
            "receipt_id": "1",
        }
        assert answer["chain"] == {
            "ok": True,
            "head_seq": answer["chain"]["head_seq"],
            "head_hash": answer["chain"]["head_hash"],
            "problem": None,
        }
        assert answer["class"]["claimable"] is False
        [row] = audited(platform, "view_trace")
        assert (row.subject_id, row.outcome) == (world.enrollments[0], "done")

    def test_shows_that_a_record_was_changed(self, world, auditor, platform):
        with platform.unit() as work:
            work.session.connection().exec_driver_sql("ALTER TABLE ledger_entry DISABLE TRIGGER USER")
            row = work.session.scalars(select(LedgerEntry).where(LedgerEntry.event_type == "lesson.completed")).one()
            row.payload = row.payload | {"hours_granted": 9}
        answer = auditor().get(f"/trace/enrollments/{world.enrollments[0]}").json()
        assert answer["chain"]["ok"] is False
        assert "内容被改动" in answer["chain"]["problem"]

    @pytest.mark.parametrize("path", ["/trace/enrollments/{id}", "/trace/files/{sha}?enrollment_id={id}"])
    def test_hides_what_is_outside_the_region_and_records_the_attempt(self, world, auditor, platform, path):
        made = auditor("220200")
        answer = made.get(path.format(id=world.enrollments[0], sha="a" * 64))
        assert (answer.status_code, answer.json()["code"]) == (404, "trace-not-found")
        rows = audited(platform, "view_trace") + audited(platform, "view_trace_file")
        assert [(row.outcome, row.reason) for row in rows] == [("refused", "out_of_scope")]

    def test_is_refused_by_every_service_itself_too(self, world, platform):
        with platform.unit(actor=Actor(kind="bureau_auditor")) as work:
            for look in (
                lambda: trace.read_trace(work, world.enrollments[0]),
                lambda: trace.find_traced_file(work, world.enrollments[0], "a" * 64),
                lambda: trace.unmask(work, world.enrollments[0], reason=REASON),
            ):
                with pytest.raises(TraceNotFound):
                    look()

    def test_answers_the_same_for_an_enrolment_that_does_not_exist(self, world, auditor):
        answer = auditor().get(f"/trace/enrollments/{uuid4()}")
        assert (answer.status_code, answer.json()["code"]) == (404, "trace-not-found")

    def test_is_closed_to_trainees(self, world, browser):
        made = browser()
        made.sign_in(1)
        assert made.get(f"/trace/enrollments/{world.enrollments[0]}").status_code == 403


class TestFiles:
    @pytest.fixture
    def picture(self, world, auditor):
        """An auditor, and a picture of the story."""
        made = auditor()
        timeline = made.get(f"/trace/enrollments/{world.enrollments[0]}").json()["timeline"]
        return made, next(file for entry in timeline for file in entry["files"])

    def test_are_shown_decrypted_and_on_record(self, picture, platform, world):
        made, file = picture
        answer = made.client.get(file["url"])
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"].startswith("inline")
        [row] = audited(platform, "view_trace_file")
        assert (row.subject_id, row.details) == (world.enrollments[0], {"sha256": file["sha256"]})

    def test_are_not_shown_for_another_trainee(self, picture, world):
        made, file = picture
        answer = made.get(f"/trace/files/{file['sha256']}?enrollment_id={world.enrollments[1]}")
        assert answer.status_code == 404

    @pytest.mark.parametrize("sha256", ["a" * 64, "..", "A" * 64])
    def test_that_no_record_refers_to_are_not_there(self, picture, world, sha256):
        answer = picture[0].get(f"/trace/files/{sha256}?enrollment_id={world.enrollments[0]}")
        assert answer.status_code in {404, 422}


class TestPerson:
    def test_is_shown_in_clear_for_a_reason_on_record(self, world, auditor, platform):
        answer = auditor().post(f"/trace/enrollments/{world.enrollments[0]}/person", {"reason": REASON})
        assert answer.json()["id_number"] == make_id_number(sequence=1)
        [row] = audited(platform, "unmask_person")
        assert (row.reason, row.subject_id) == (REASON, world.persons[0])

    def test_needs_a_reason(self, world, auditor):
        answer = auditor().post(f"/trace/enrollments/{world.enrollments[0]}/person", {"reason": ""})
        assert answer.status_code == 422


class TestEvidencePack:
    def test_is_a_zip_that_verifies(self, world, auditor, platform, tmp_path):
        made = auditor()
        answer = made.post(f"/trace/enrollments/{world.enrollments[0]}/evidence-pack")
        assert answer.headers["content-type"] == "application/zip"
        assert int(answer.headers["content-length"]) == len(answer.content)
        path = tmp_path / "pack.zip"
        path.write_bytes(answer.content)
        fingerprint = made.get("/version").json()["key_fingerprint"]
        report = verify(path, fingerprint)
        assert report.is_ok(), report.problems
        [row] = audited(platform, "download_evidence_pack")
        assert row.subject_id == world.enrollments[0]

    def test_is_not_made_outside_the_region(self, world, auditor, platform):
        answer = auditor("220200").post(f"/trace/enrollments/{world.enrollments[0]}/evidence-pack")
        assert answer.status_code == 404
        assert audited(platform, "download_evidence_pack")[0].outcome == "refused"


class TestClasses:
    def test_lists_the_classes_of_the_region(self, world, auditor):
        [one] = auditor().get("/trace/classes").json()["items"]
        assert (one["headcount"], one["waiting_count"], one["status"]) == (2, 0, "open")
        assert one["entry_count"] == 8

    def test_lists_nothing_of_other_regions(self, world, auditor):
        assert auditor("220300").get("/trace/classes").json()["items"] == []


class TestCityStatus:
    def test_tells_what_waits(self, world, auditor, hired, clock):
        clock.advance(timedelta(seconds=30))
        assert auditor().get("/city/status").json()["pending"] == 0
        world.study(0, lessons=[2])
        answer = hired("operator", kind="operator", login_name="operator").get("/city/status").json()
        assert answer["pending"] == 4
        assert answer["oldest_pending_at"] is not None
        assert (answer["dead"], answer["digests"], answer["last_digest"]) == (0, [], None)

    def test_is_closed_to_institutions(self, hired):
        assert hired("institution_author").get("/city/status").status_code == 403
