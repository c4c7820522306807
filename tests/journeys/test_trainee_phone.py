"""A trainee with a phone: everything by face; the exam survives a reload and a second tab."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.demo.journey.browser import PHONE, Album, camera_clip, open_studio
from app.demo.journey.people import load_trainees
from app.demo.journey.trainee import TraineePages
from tests.journeys.conftest import CACHE, SCREENSHOTS, show_failure

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

LEARNER = "YS0001002"
CLASS = "演示班"
LESSONS = ("老年人跌倒预防", "洗手与消毒")


@dataclass
class Story:
    """What the trainee saw."""

    faults: list[str] = field(default_factory=list)
    before_reload: tuple[int, int] = (0, 0)
    after_reload: tuple[int, int] = (0, 0)
    at_the_end: tuple[int, int] = (0, 0)
    paper: bytes = b""


def play(stage) -> Story:
    story = Story()
    album = Album(SCREENSHOTS / PHONE.name)
    with open_studio(camera_clip("obama", CACHE)) as studio, studio.screen(PHONE, album) as screen:
        story.faults = screen.faults
        with show_failure(screen):
            trainee = TraineePages(screen, load_trainees()[LEARNER], stage.url)
            trainee.sign_in()
            trainee.answer_consents()
            trainee.confirm_real_name()
            trainee.enrol_face()
            for title in LESSONS:
                trainee.open_class(CLASS)
                trainee.take_lesson(title, verify=trainee.verify_by_face)
                trainee.pass_quiz()
            sit(trainee, story, stage.var / "phone.pdf")
    return story


def sit(trainee, story, target: Path):
    trainee.enter_exam(verify=trainee.verify_by_face)
    trainee.answer_paper(until=5)
    story.before_reload = trainee.answered()
    trainee.reload_exam()
    story.after_reload = trainee.answered()
    trainee.try_second_tab()
    trainee.answer_paper()
    story.at_the_end = trainee.answered()
    trainee.hand_in()
    story.paper = trainee.download_paper(target).read_bytes()


class TestPhone:
    @pytest.mark.clause("CC-4.1.3a", "CC-A2-4.2", "CC-A2-4.3")
    def test_leads_from_the_sms_to_the_certificate(self, story):
        assert story.paper.startswith(b"%PDF")

    def test_shows_no_error_anywhere(self, story):
        assert story.faults == []


class TestExam:
    @pytest.mark.clause("CC-4.1.4a")
    def test_survives_a_reload_in_the_middle(self, story):
        assert story.before_reload == (4, 10)
        assert story.after_reload == (4, 10)

    def test_survives_a_second_tab(self, story):
        assert story.at_the_end == (10, 10)
