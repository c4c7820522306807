"""One trainee's whole way through the public interface, from the city's roster to the auditor's evidence pack."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from app.demo.journey.people import load_password, load_trainees
from app.demo.journey.rest import Refused, TraineeClient, Visitor
from app.demo.load import DEMO_CODE
from tests import photos
from tests.journeys.conftest import verify_pack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

LEARNER = "YS0001003"
UNAPPROVED = "220100-2020-YL-0088"


@dataclass
class Story:
    """What happened on the way."""

    steps: list[list[str]] = field(default_factory=list)
    wrong_face: dict = field(default_factory=dict)
    locked: Refused | None = None
    exam_too_early: Refused | None = None
    enrollment: dict = field(default_factory=dict)
    beats: list[dict] = field(default_factory=list)
    gates: list[dict] = field(default_factory=list)
    check_ins: list[str] = field(default_factory=list)
    attempt_ids: list[str] = field(default_factory=list)
    attempt: dict = field(default_factory=dict)
    pdf: bytes = b""
    learned: dict = field(default_factory=dict)
    trace: dict = field(default_factory=dict)
    pack: bytes = b""


def play(stage) -> Story:
    story, camera = Story(), itertools.count(10, 5)

    def burst():
        return photos.burst("obama", start_s=next(camera))

    with TraineeClient(stage.url, load_trainees()[LEARNER], burst=burst) as trainee:
        prepare(trainee, story)
        learn(trainee, story)
        sit(trainee, story)
        story.check_ins = trainee.check_ins
        story.learned = trainee.enrollment(DEMO_CODE)
    audit(stage, story)
    return story


def prepare(trainee, story):
    def note(me):
        story.steps.append([step["key"] for step in me["steps"] if step["done"]])

    note(trainee.sign_in())
    trainee.answer_consents()
    note(trainee.get("/auth/me"))
    trainee.confirm_real_name()
    note(trainee.get("/auth/me"))
    trainee.enrol_face(photos.enrolment("obama"))
    note(trainee.get("/auth/me"))
    story.enrollment = trainee.enrollment(DEMO_CODE)


def learn(trainee, story):
    enrollment_id, lessons = story.enrollment["id"], story.enrollment["lessons"]
    story.exam_too_early = refusal(lambda: trainee.start_exam(enrollment_id))
    path = f"/me/enrollments/{enrollment_id}/lessons/{{}}/sessions"
    story.locked = refusal(lambda: trainee.post(path.format(lessons[1]["lesson_id"]), {"device_id": "journey-rest"}))
    sign_in = trainee.post(path.format(lessons[0]["lesson_id"]), {"device_id": "journey-rest"})["check_in"]
    right, trainee.burst = trainee.burst, lambda: photos.burst("biden")
    story.wrong_face = trainee.verify_by_face(sign_in["id"])
    trainee.burst = right
    for lesson in lessons:
        story.beats.append(trainee.take_lesson(enrollment_id, lesson["lesson_id"]))
        story.gates.append(trainee.pass_gate(enrollment_id, lesson["lesson_id"]))


def sit(trainee, story):
    """Enter the exam from two places at the same moment, then sit it."""
    together = threading.Barrier(2)

    def enter():
        together.wait()
        return trainee.start_exam(story.enrollment["id"])["id"]

    with ThreadPoolExecutor(2) as pool:
        story.attempt_ids = [each.result() for each in [pool.submit(enter), pool.submit(enter)]]
    story.attempt = trainee.sit_exam(story.attempt_ids[0])
    story.pdf = trainee.paper_pdf(story.attempt_ids[0])


def audit(stage, story):
    with Visitor(stage.url) as auditor:
        auditor.sign_in_as_staff("auditor01", load_password(stage.var))
        trainee = load_trainees()[LEARNER]
        found = auditor.post("/trace/search", {"id_number": trainee.id_number, "reason": "例行抽查"})
        mine = next(one for one in found["enrollments"] if one["class_code"] == DEMO_CODE)
        path = f"/trace/enrollments/{mine['enrollment_id']}"
        story.trace = auditor.get(path)
        story.pack = auditor.call("POST", f"{path}/evidence-pack").content


def refusal(call) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


class TestPreparation:
    @pytest.mark.clause("CC-A2-4.2")
    def test_takes_one_step_after_the_other(self, story):
        assert story.steps == [
            ["activate"],
            ["activate", "consents"],
            ["activate", "consents", "real_name"],
            ["activate", "consents", "real_name", "identity_method"],
        ]

    def test_shows_the_class_the_city_approved(self, story):
        assert story.enrollment["class_status"] == "open"
        assert story.enrollment["claimable"] is False
        assert [lesson["state"] for lesson in story.enrollment["lessons"]] == ["open", "locked"]


class TestLesson:
    @pytest.mark.clause("CC-4.1.3a")
    def test_begins_only_for_the_person_on_file(self, story):
        assert story.wrong_face["outcome"] == "fail"
        assert story.wrong_face["tries_left"] == 2

    @pytest.mark.clause("CC-5.3.3c")
    def test_asks_once_in_every_lesson_hour_at_a_moment_nobody_knows(self, story):
        assert story.check_ins == ["sign_in", "random", "sign_in", "random", "exam_identity"]

    @pytest.mark.clause("CC-4.3.3")
    def test_counts_exactly_the_lesson(self, story):
        assert [beat["credited_s"] for beat in story.beats] == [beat["needed_s"] for beat in story.beats]
        assert story.learned["hours_done"] == story.learned["hours_planned"] == 2

    @pytest.mark.clause("CC-A2-4.4")
    def test_stays_closed_until_the_one_before_is_passed(self, story):
        assert story.locked.status == 409
        assert all(gate["passed"] for gate in story.gates)


class TestExam:
    def test_is_closed_before_the_last_lesson(self, story):
        assert story.exam_too_early.status == 409

    @pytest.mark.clause("CC-4.1.4a")
    def test_has_one_attempt_however_often_it_is_entered(self, story):
        assert len(set(story.attempt_ids)) == 1

    def test_is_passed_with_all_answers_right(self, story):
        assert story.attempt["result"]["outcome"] == "passed"
        assert story.attempt["result"]["score"] == story.attempt["result"]["total"]

    def test_leaves_a_document(self, story):
        assert story.pdf.startswith(b"%PDF")


class TestTrace:
    @pytest.mark.clause("CC-4.1.5", "CC-A2-4.1")
    def test_tells_the_whole_way(self, story):
        types = [entry["event_type"] for entry in story.trace["timeline"]]
        for wanted in ("learner.registered", "lesson.signed_in", "checkin.completed", "lesson.completed"):
            assert wanted in types
        assert types.index("exam.started") < types.index("exam.submitted") < types.index("exam.paper_pdf")
        assert story.trace["chain"]["ok"]

    @pytest.mark.clause("CC-6.2")
    def test_pack_is_proven_by_the_program_inside_it(self, story, tmp_path):
        path = tmp_path / "pack.zip"
        path.write_bytes(story.pack)
        done = verify_pack(path, tmp_path)
        assert done.returncode == 0, done.stdout
        assert "OK" in done.stdout


class TestOpeningAClass:
    @pytest.mark.clause("CC-5.3.2e")
    def test_is_refused_without_the_approval_of_the_bureau(self, stage):
        with Visitor(stage.url) as teacher:
            teacher.sign_in_as_staff("teacher01", load_password(stage.var))
            found = next(one for one in teacher.get("/classes")["items"] if one["code"] == UNAPPROVED)
            course = next(one for one in teacher.get("/courses")["items"] if one["status"] == "published")
            refused = refusal(lambda: teacher.post(f"/classes/{found['id']}/open", {"course_id": course["id"]}))
        assert refused.status == 409
        assert any("获准" in reason or "批准" in reason or "审批" in reason for reason in found["missing"])
