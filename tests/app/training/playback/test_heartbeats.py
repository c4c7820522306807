"""Heartbeats against everything a dishonest or unlucky player may send."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.training.errors import (
    ClassNotOpen,
    EnrollmentNotFound,
    GateClosed,
    HeartbeatConflict,
    HeartbeatOutOfOrder,
    HeartbeatTooSoon,
    LessonLocked,
    NotReadyToLearn,
    PlanMissing,
    SessionNotFound,
    TokenForged,
)
from app.training.models import Heartbeat, PlayStep, TrainingClass
from app.training.playback.completion import apply_gate_result, settle_progress
from app.training.playback.heartbeats import Ack, Submitted
from app.training.playback.queries import online_enrollments
from app.training.playback.rules import Beat
from app.training.playback.sessions import (
    call_check_in,
    end_idle_sessions,
    end_session,
    on_check_in_missed,
    on_check_in_passed,
    open_session,
    set_check_in_plan,
)


def heartbeat_count(studio) -> int:
    return studio.work.session.scalars(select(func.count()).select_from(Heartbeat)).one()


class TestDirectCompletion:
    @pytest.mark.clause("CC-A2-4.4")
    def test_is_refused_while_the_lesson_is_not_watched(self, studio):
        studio.sign_in()
        with pytest.raises(GateClosed):
            apply_gate_result(
                studio.work,
                enrollment_id=studio.enrollment.id,
                lesson_id=studio.lesson().lesson_id,
                passed=True,
            )

    def test_is_refused_a_second_time(self, studio):
        studio.sign_in()
        studio.watch()
        arguments = {"enrollment_id": studio.enrollment.id, "lesson_id": studio.lesson().lesson_id, "passed": True}
        apply_gate_result(studio.work, **arguments)
        with pytest.raises(GateClosed):
            apply_gate_result(studio.work, **arguments)

    def test_one_heartbeat_with_the_whole_lesson_earns_nothing(self, studio):
        studio.sign_in()
        ack = studio.beat((0, 60_000), wait_s=0)
        assert ack.credited_ms == 0
        assert not ack.watched


class TestTokens:
    def test_of_another_number_are_forged(self, studio):
        studio.sign_in()
        studio.clock.advance(timedelta(seconds=15))
        beat = Beat(1, ((0, 15_000),))
        wrong = studio.issuer.token(studio.session_id, 2)
        [answer] = studio.submit(Submitted(studio.session_id, studio.trainee.person_id, wrong, beat))
        assert isinstance(answer, TokenForged)
        assert heartbeat_count(studio) == 0

    @pytest.mark.parametrize("token", ["", "x" * 22, "令牌"])
    def test_made_up_are_forged(self, studio, token):
        studio.sign_in()
        [answer] = studio.submit(Submitted(studio.session_id, studio.trainee.person_id, token, Beat(1, ())))
        assert isinstance(answer, TokenForged)

    def test_of_another_session_are_forged(self, studio):
        studio.sign_in()
        stolen = studio.issuer.token(uuid4(), 1)
        [answer] = studio.submit(Submitted(studio.session_id, studio.trainee.person_id, stolen, Beat(1, ())))
        assert isinstance(answer, TokenForged)

    def test_ahead_of_their_time_are_out_of_order(self, studio):
        studio.sign_in()
        token = studio.issuer.token(studio.session_id, 2)
        [answer] = studio.submit(Submitted(studio.session_id, studio.trainee.person_id, token, Beat(2, ())))
        assert isinstance(answer, HeartbeatOutOfOrder)
        assert answer.extensions["next_seq"] == 1


class TestReplays:
    def test_of_the_same_heartbeat_get_the_same_answer_and_change_nothing(self, studio):
        studio.sign_in()
        token = studio.token
        first = studio.beat((0, 15_000))
        again = Submitted(studio.session_id, studio.trainee.person_id, token, Beat(1, ((0, 15_000),)))
        assert studio.submit(again) == [first]
        studio.clock.advance(timedelta(seconds=60))
        [later] = studio.submit(again)
        assert later.credited_ms == first.credited_ms == 15_000
        assert later.next_token == first.next_token
        assert heartbeat_count(studio) == 1

    def test_of_an_older_heartbeat_are_answered_with_where_the_session_stands(self, studio):
        studio.sign_in()
        token = studio.token
        studio.beat((0, 15_000))
        last = studio.beat((15_000, 18_000))
        again = Submitted(studio.session_id, studio.trainee.person_id, token, Beat(1, ((0, 15_000),)))
        [answer] = studio.submit(again)
        assert (answer.seq, answer.next_token) == (2, last.next_token)

    @pytest.mark.parametrize("back", [0, 1])
    def test_with_another_content_are_a_conflict(self, studio, back):
        studio.sign_in()
        token = studio.token
        studio.beat((0, 15_000))
        for _ in range(back):
            studio.beat((15_000, 18_000))
        other = Submitted(studio.session_id, studio.trainee.person_id, token, Beat(1, ((0, 14_000),)))
        [answer] = studio.submit(other)
        assert isinstance(answer, HeartbeatConflict)
        assert heartbeat_count(studio) == 1 + back

    def test_within_one_batch_count_once(self, studio):
        studio.sign_in()
        studio.clock.advance(timedelta(seconds=15))
        one = Submitted(studio.session_id, studio.trainee.person_id, studio.token, Beat(1, ((0, 15_000),)))
        first, second = studio.submit(one, one)
        assert first == second
        assert heartbeat_count(studio) == 1


class TestSpeed:
    def test_twice_as_fast_hidden_from_the_server_earns_wall_time_at_most(self, studio):
        studio.plan[:] = [59_000]
        studio.sign_in()
        earned = [studio.beat((n * 15_000, (n + 1) * 15_000), wait_s=7.5).credited_ms for n in range(3)]
        assert earned[-1] <= 3 * 7_500

    def test_a_flood_of_heartbeats_is_slowed_down(self, studio):
        studio.sign_in()
        studio.beat((0, 1_000), wait_s=1)
        answer = studio.beat((1_000, 1_100), wait_s=0.1)
        assert isinstance(answer, HeartbeatTooSoon)
        assert studio.row().last_seq == 1

    def test_the_first_one_after_a_check_in_may_come_at_once(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        studio.beat((15_000, 30_000))
        studio.clock.advance(timedelta(seconds=20))
        studio.pass_check_in()
        ack = studio.beat((20_000, 20_100), wait_s=0.1)
        assert (ack.state, ack.credited_ms) == ("active", 20_100)


class TestOtherPeople:
    def test_cannot_use_a_session_nor_learn_that_it_exists(self, studio):
        studio.sign_in()
        beat = Beat(1, ((0, 15_000),))
        for person_id in (studio.cast.trainee().person_id, None):
            [answer] = studio.submit(Submitted(studio.session_id, person_id, studio.token, beat))
            assert isinstance(answer, SessionNotFound)
        [unknown] = studio.submit(Submitted(uuid4(), studio.trainee.person_id, studio.token, beat))
        assert isinstance(unknown, SessionNotFound)

    def test_cannot_open_or_end_it(self, studio):
        studio.sign_in()
        stranger = studio.cast.as_(studio.cast.trainee())
        with pytest.raises(SessionNotFound):
            end_session(stranger, session_id=studio.session_id)
        with pytest.raises(EnrollmentNotFound):
            open_session(
                stranger,
                enrollment_id=studio.enrollment.id,
                lesson_id=studio.lesson().lesson_id,
                device_id="x",
                user_agent_class=None,
                may_learn=lambda *_: None,
            )

    def test_do_not_spoil_each_others_batch(self, studio):
        studio.sign_in()
        studio.clock.advance(timedelta(seconds=15))
        good = Submitted(studio.session_id, studio.trainee.person_id, studio.token, Beat(1, ((0, 15_000),)))
        bad = Submitted(uuid4(), studio.trainee.person_id, "x", Beat(1, ()))
        answers = studio.submit(bad, good, bad)
        assert [isinstance(answer, Ack) for answer in answers] == [False, True, False]


class TestTwoPlayers:
    def test_the_older_one_is_told_and_earns_nothing_more(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        old = (studio.session_id, studio.seq, studio.token)
        studio.sign_in(device="computer")
        studio.session_id, studio.seq, studio.token = old
        ack = studio.beat((15_000, 30_000))
        assert (ack.state, ack.credited_ms) == ("replaced", 15_000)
        assert heartbeat_count(studio) == 1

    def test_never_earn_more_than_one_clock_together(self, studio):
        studio.plan[:] = [59_000]
        studio.sign_in()
        first = (studio.session_id, studio.seq, studio.token)
        studio.sign_in(device="computer")
        second = (studio.session_id, studio.seq, studio.token)
        for step in range(4):
            for player in (first, second):
                studio.session_id, studio.token = player[0], studio.issuer.token(player[0], step + 1)
                studio.seq = step
                studio.beat((step * 7_500, (step + 2) * 7_500), wait_s=3.75)
        assert studio.row(second[0]).credited_ms <= 4 * 7_500


class TestSleepingTab:
    def test_earns_three_intervals_at_most(self, studio):
        studio.plan[:] = [59_000]
        studio.sign_in()
        ack = studio.beat((0, 60_000), wait_s=7200)
        assert ack.credited_ms == 45_000
        assert ack.excluded == {"no_contact": 15_000}

    def test_is_ended_by_a_job_and_does_not_lock_the_trainee_out(self, studio):
        studio.sign_in()
        studio.clock.advance(timedelta(minutes=31))
        assert end_idle_sessions(studio.work) == 1
        ack = studio.beat((0, 15_000))
        assert (ack.state, ack.credited_ms) == ("ended", 0)
        studio.sign_in()
        assert studio.beat((0, 15_000)).credited_ms == 15_000


class TestSeeking:
    def test_beyond_the_confirmed_position_earns_nothing_and_says_why(self, studio):
        studio.sign_in()
        ack = studio.beat((45_000, 60_000))
        assert (ack.credited_ms, ack.furthest_ms) == (0, 0)
        assert ack.as_json()["excluded"] == [
            {
                "reason": "beyond_confirmed",
                "title": "跳过了前面没有看过的内容，请从上次看到的位置继续",
                "seconds": 15,
            }
        ]


class TestBlockedCheckIn:
    @pytest.mark.clause("CC-5.3.3c")
    def test_earns_nothing_from_its_moment_on(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        ack = studio.beat((15_000, 30_000))
        assert (ack.state, ack.credited_ms) == ("stopped", 20_000)
        assert ack.check_in == {"id": str(studio.lesson().id)}
        for _ in range(3):
            ack = studio.beat((20_000, 35_000))
        assert ack.credited_ms == 20_000

    def test_missed_stays_missed_in_a_new_session_until_made_up(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        studio.beat((15_000, 30_000))
        on_check_in_missed(studio.work, subject_id=studio.lesson().id, purpose="random", result="missed")
        studio.sign_in(device="computer")
        ack = studio.beat((20_000, 35_000))
        assert (ack.state, ack.credited_ms) == ("stopped", 20_000)
        assert "check_in_missed" in ack.excluded
        on_check_in_missed(studio.work, subject_id=studio.lesson().id, purpose="make_up", result="failed")
        studio.pass_check_in("make_up")
        assert studio.beat((20_000, 35_000)).credited_ms == 35_000

    def test_missed_while_no_player_is_open_is_not_forgotten(self, studio):
        studio.sign_in()
        studio.beat((0, 15_000))
        studio.beat((15_000, 30_000))
        end_session(studio.work, session_id=studio.session_id)
        on_check_in_missed(studio.work, subject_id=studio.lesson().id, purpose="random", result="missed")
        studio.sign_in()
        assert studio.row().phase == "stopped"

    def test_sign_in_that_fails_lets_nobody_in(self, studio):
        studio.open()
        on_check_in_missed(studio.work, subject_id=studio.lesson().id, purpose="sign_in", result="failed")
        ack = studio.beat((0, 15_000))
        assert (ack.state, ack.credited_ms) == ("awaiting_sign_in", 0)
        studio.pass_check_in("make_up")
        assert studio.beat((0, 15_000)).credited_ms == 15_000

    def test_without_a_plan_nobody_earns(self, studio):
        studio.plan.clear()
        studio.open()
        with pytest.raises(PlanMissing):
            studio.pass_check_in("sign_in")

    def test_plan_cannot_be_drawn_anew(self, studio):
        studio.sign_in()
        studio.sign_in(device="computer")
        set_check_in_plan(studio.work, progress_id=studio.lesson().id, planned_ms=[1])
        assert studio.lesson().check_plan == studio.row().plan == [20_000]

    def test_result_for_a_lesson_nobody_opened_changes_nothing(self, studio):
        on_check_in_passed(studio.work, subject_id=studio.lesson(2).id, purpose="random")
        on_check_in_missed(studio.work, subject_id=studio.lesson(2).id, purpose="random", result="missed")
        assert studio.work.session.scalars(select(func.count()).select_from(PlayStep)).one() == 0


class TestSpotCheck:
    @pytest.mark.clause("CC-A2-4.4")
    def test_called_by_a_supervisor_stops_the_clock_with_the_next_heartbeat(self, studio):
        studio.plan[:] = [59_000]
        studio.sign_in()
        studio.beat((0, 15_000))
        assert call_check_in(studio.work, progress_id=studio.lesson().id)
        ack = studio.beat((15_000, 30_000))
        assert (ack.state, ack.credited_ms) == ("stopped", 15_000)
        assert ack.check_in is not None
        studio.pass_check_in()
        assert studio.beat((15_000, 30_000)).credited_ms == 30_000
        assert settle_progress(studio.work.session, studio.lesson().id).credited_ms == 30_000

    def test_reaches_nobody_who_is_not_learning(self, studio):
        assert not call_check_in(studio.work, progress_id=studio.lesson().id)
        studio.open()
        assert not call_check_in(studio.work, progress_id=studio.lesson().id)


class TestOnline:
    def test_means_a_player_in_contact(self, studio):
        class_id = studio.enrollment.class_id
        session = studio.work.session
        assert online_enrollments(session, class_id=class_id, now=studio.clock.now()) == frozenset()
        studio.sign_in()
        assert online_enrollments(session, class_id=class_id, now=studio.clock.now()) == {studio.enrollment.id}
        studio.clock.advance(timedelta(seconds=46))
        assert online_enrollments(session, class_id=class_id, now=studio.clock.now()) == frozenset()


class TestOpening:
    def test_a_locked_lesson_is_refused(self, studio):
        with pytest.raises(LessonLocked):
            studio.open(2)

    @pytest.mark.clause("CC-5.3.2e")
    def test_nothing_is_learned_before_the_approval(self, studio):
        found = studio.work.session.get_one(TrainingClass, studio.enrollment.class_id)
        found.approved_at = studio.clock.now()
        studio.work.session.flush()
        studio.clock.advance(timedelta(seconds=-1))
        with pytest.raises(ClassNotOpen, match="获准"):
            studio.open()
        studio.clock.advance(timedelta(seconds=1))
        assert studio.open().phase == "awaiting_sign_in"

    @pytest.mark.parametrize("days", [-3, 60])
    def test_nothing_is_learned_outside_the_dates_of_the_class(self, studio, days):
        studio.clock.advance(timedelta(days=days))
        with pytest.raises(ClassNotOpen):
            studio.open()

    def test_waits_for_the_steps_before_learning(self, studio):
        with pytest.raises(NotReadyToLearn, match="实名"):
            open_session(
                studio.work,
                enrollment_id=studio.enrollment.id,
                lesson_id=studio.lesson().lesson_id,
                device_id="x",
                user_agent_class=None,
                may_learn=lambda *_: "请先完成实名登记",
            )

    def test_ending_twice_is_harmless(self, studio):
        studio.sign_in()
        end_session(studio.work, session_id=studio.session_id)
        assert end_session(studio.work, session_id=studio.session_id).phase == "ended"
