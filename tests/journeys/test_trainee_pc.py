"""A trainee at a computer who refuses face comparison and misses a check-in: a passkey, and a second chance."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from app.demo.journey.browser import DESKTOP, Album, open_studio
from app.demo.journey.people import load_trainees
from app.demo.journey.trainee import TraineePages
from tests.journeys.conftest import SCREENSHOTS, show_failure

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

LEARNER = "YS0001004"
CLASS = "演示班"
LESSONS = ("老年人跌倒预防", "洗手与消毒")


@dataclass
class Story:
    """What the trainee saw."""

    faults: list[str] = field(default_factory=list)
    consents: dict[str, str] = field(default_factory=dict)
    enrollment: dict = field(default_factory=dict)
    paper: bytes = b""


def play(stage) -> Story:
    story = Story()
    with open_studio() as studio, studio.screen(DESKTOP, Album(SCREENSHOTS / DESKTOP.name)) as screen:
        story.faults = screen.faults
        with show_failure(screen):
            screen.add_authenticator()
            trainee = TraineePages(screen, load_trainees()[LEARNER], stage.url)
            trainee.sign_in()
            trainee.answer_consents(refuse_face=True)
            trainee.confirm_real_name()
            trainee.register_passkey()
            for title in LESSONS:
                trainee.open_class(CLASS)
                trainee.take_lesson(title, verify=trainee.verify_by_passkey, misses=title == LESSONS[0])
                trainee.pass_quiz()
            trainee.enter_exam(verify=trainee.verify_by_passkey)
            trainee.answer_paper()
            trainee.hand_in()
            story.paper = trainee.download_paper(stage.var / "pc.pdf").read_bytes()
            read_back(screen, story)
    return story


def read_back(screen, story):
    """Ask the platform, in the trainee's own session, what it has on file."""
    answer = screen.page.request.get(f"{screen.origin}/api/v1/me/consents").json()
    story.consents = {item["purpose"]: item["state"] for item in answer["items"]}
    mine = screen.page.request.get(f"{screen.origin}/api/v1/me/enrollments").json()["items"]
    story.enrollment = next(item for item in mine if item["class_name"].startswith(CLASS))


class TestPasskey:
    @pytest.mark.clause("CC-4.1.3a", "CC-A2-4.2")
    def test_leads_to_the_certificate_without_any_face(self, story):
        assert story.consents["face_verify"] == "refused"
        assert story.paper.startswith(b"%PDF")

    def test_shows_no_error_anywhere(self, story):
        assert story.faults == []


class TestMissedCheckIn:
    @pytest.mark.clause("CC-5.3.3c")
    def test_costs_no_hour_once_it_is_made_up(self, story):
        assert story.enrollment["hours_done"] == story.enrollment["hours_planned"] == 2
