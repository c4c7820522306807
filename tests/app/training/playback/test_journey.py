"""A lesson from the first sign-in to its completion, through the services."""

import pytest
from sqlalchemy import update

from app.training.errors import SettlementDiffers
from app.training.events import CheckInFellDue, LessonCompleted, LessonRestarted, LessonWatched, RoundBegun, SessionLeft
from app.training.models import LessonProgress
from app.training.playback.completion import apply_gate_result, lessons_left, settle_progress


def gate(studio, number=1, *, passed=True):
    progress = studio.lesson(number)
    apply_gate_result(studio.work, enrollment_id=studio.enrollment.id, lesson_id=progress.lesson_id, passed=passed)


class TestLesson:
    @pytest.mark.clause("CC-4.3.3", "CC-5.3.3c", "CC-A2-4.4")
    def test_runs_from_sign_in_over_a_check_in_and_a_quiz_to_the_next_lesson(self, studio):
        studio.sign_in()
        ack = studio.watch()
        assert (ack.state, ack.credited_ms, ack.needed_ms) == ("ended", 60_000, 60_000)
        assert studio.lesson().status == "watched"
        assert [event.planned_ms for event in studio.of(CheckInFellDue)] == [20_000]
        gate(studio)
        assert [studio.lesson(1).status, studio.lesson(2).status] == ["completed", "open"]
        assert lessons_left(studio.work.session, studio.enrollment.id) == 1

    def test_tells_everything_its_record_needs(self, studio):
        studio.sign_in()
        studio.watch()
        gate(studio)
        [done] = studio.of(LessonCompleted)
        assert done.hours_granted == 1
        assert done.media_s == 60
        assert done.watched_intervals == ((0, 60_000),)
        assert done.max_rate == "1.0"
        assert done.checks_planned == 1
        assert done.excluded_s == {"check_in_due": 10}
        assert done.heartbeat_count == 5
        assert len(done.heartbeats_sha256) == 64
        assert [span.session_id for span in done.sessions] == [studio.session_id]
        assert done.algorithm_version == "playback/1"
        assert not done.is_last

    def test_begins_its_round_once_and_draws_its_check_ins_once(self, studio):
        studio.sign_in()
        studio.sign_in(device="phone-2")
        assert len(studio.of(RoundBegun)) == 1
        assert [event.reason for event in studio.of(SessionLeft)] == ["newer_player"]

    def test_is_studied_again_when_the_quiz_is_not_passed(self, studio):
        studio.sign_in()
        studio.watch()
        gate(studio, passed=False)
        progress = studio.lesson()
        assert (progress.status, progress.round, progress.credited_ms) == ("open", 2, 0)
        assert [event.place.round for event in studio.of(LessonRestarted)] == [2]
        assert studio.lesson(2).status == "locked"
        studio.sign_in()
        assert len(studio.of(RoundBegun)) == 2
        assert studio.row().credited_ms == 0
        studio.watch()
        gate(studio)
        [done] = studio.of(LessonCompleted)
        assert done.place.round == 2

    def test_goes_on_in_a_new_session_where_the_last_one_stopped(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        studio.sign_in(device="phone-2")
        assert studio.row().credited_ms == 15_000
        studio.watch()
        gate(studio)
        [done] = studio.of(LessonCompleted)
        assert len(done.sessions) == 2
        assert done.media_s == 60

    def test_completes_the_class_with_the_last_lesson(self, studio):
        for number in (1, 2):
            studio.sign_in(number)
            studio.watch(number)
            gate(studio, number)
        assert [event.is_last for event in studio.of(LessonCompleted)] == [False, True]
        assert len(studio.of(LessonWatched)) == 2

    def test_settles_to_what_the_trainee_was_told(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        studio.beat((0, 15_000))
        studio.beat((15_000, 40_000))
        settled = settle_progress(studio.work.session, studio.lesson().id)
        assert settled.credited_ms == studio.row().credited_ms == 20_000
        assert settled.excluded_ms == studio.row().excluded

    def test_opens_for_review_after_it_was_watched_and_earns_nothing(self, studio):
        studio.sign_in()
        studio.watch()
        row = studio.open()
        assert row.phase == "ended"
        ack = studio.beat((0, 15_000))
        assert ack.watched
        gate(studio)
        assert studio.of(LessonCompleted)[0].media_s == 60

    def test_is_not_granted_when_the_records_do_not_come_to_it(self, studio):
        studio.sign_in()
        studio.watch()
        studio.work.session.execute(update(LessonProgress).values(hours=2))
        with pytest.raises(SettlementDiffers):
            gate(studio)
        assert studio.lesson().status == "watched"
