from fractions import Fraction

import pytest

from app.policy.packs import load_packs
from app.policy.parameters import check_in_rules, exam_rules, lesson_rules
from app.training.parameters import LessonRules
from exam.parameters import ExamRules
from proctoring.parameters import CheckInRules


@pytest.fixture(scope="module")
def packs():
    return load_packs()


class TestLessonRules:
    @pytest.mark.clause("CC-4.3.3")
    def test_hands_over_forty_minutes_in_changchun(self, packs):
        assert lesson_rules(packs["changchun@2020.1"]) == LessonRules(
            hour_length_s=2400,
            seek_forward_first_view=False,
            playback_rate_max=Fraction(1),
            hidden_page_stops_clock=True,
            min_segment_s=0,
            daily_hours_cap=None,
            heartbeat_interval_s=15,
            gate_questions=5,
            gate_pass_ratio=Fraction(3, 5),
            claimable=True,
        )

    def test_hands_over_one_minute_that_cannot_be_claimed_in_the_demonstration(self, packs):
        rules = lesson_rules(packs["demo@1"])
        assert (rules.hour_length_s, rules.claimable) == (60, False)

    def test_hands_over_forty_five_minutes_in_liaoning(self, packs):
        assert lesson_rules(packs["liaoning@2021.1"]).hour_length_s == 2700


class TestCheckInRules:
    @pytest.mark.clause("CC-5.3.3c")
    def test_hands_over_one_check_in_an_hour_by_any_of_three_methods(self, packs):
        assert check_in_rules(packs["changchun@2020.1"]) == CheckInRules(
            per_hour=1,
            window_s=120,
            methods=("face", "fingerprint", "screenshot"),
            miss="no_credit",
            image_required=True,
            draw_from=Fraction(1, 20),
            draw_to=Fraction(19, 20),
            enrolment_photos_min=3,
            max_tries=3,
        )

    def test_fits_the_window_into_the_short_hour_of_the_demonstration(self, packs):
        assert check_in_rules(packs["demo@1"]).window_s == 40


class TestExamRules:
    @pytest.mark.clause("CC-4.1.4a", "CC-4.1.4b", "CC-4.3.5", "CC-A2-4.6")
    @pytest.mark.parametrize("ref", ["changchun@2020.1", "demo@1", "jilin@2022.1"])
    def test_hands_over_one_attempt_five_times_the_paper_and_one_identity_check(self, packs, ref):
        assert exam_rules(packs[ref]) == ExamRules(
            attempts=1, bank_ratio=5, biometric_min=1, pdf_required=True, grace_s=3
        )
