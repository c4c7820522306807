from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.ids import new_id
from app.core.work import Work
from proctoring import check_ins
from proctoring.check_ins import Subject
from proctoring.errors import CheckInClosed, CheckInNotFound, MethodNotOffered, NonceExpired
from proctoring.events import CheckInSettled
from proctoring.parameters import CheckInRules
from proctoring.ports import Outcome

RULES = CheckInRules(per_hour=1, window_s=120, methods=("face",), miss="no_credit", image_required=True)
HOUR_MS = 2_400_000
SEED = bytes(range(32))


def later(work: Work, seconds: float) -> Work:
    return replace(work, now=work.now + timedelta(seconds=seconds))


@pytest.fixture
def settled(bus) -> list[CheckInSettled]:
    events: list[CheckInSettled] = []
    bus.on(CheckInSettled, lambda _work, event: events.append(event))
    return events


@pytest.fixture
def subject(work: Work, make_person) -> Subject:
    return Subject(kind="lesson", id=new_id(), person_id=make_person())


@pytest.fixture
def due(work: Work, subject: Subject):
    return check_ins.open_now(work, subject, purpose="sign_in", rules=RULES, methods=("face", "passkey"))


def answer(work: Work, check_in, outcome: Outcome, method: str = "face"):
    nonce = check_ins.issue_nonce(work, check_in)
    made = check_ins.begin_try(work, check_in.id, person_id=check_in.person_id, nonce=nonce or "", method=method)
    return check_ins.finish_try(work, made.id, outcome=outcome, verdict={"outcome": outcome.value})


@pytest.mark.clause("CC-5.3.3c")
class TestDrawMoments:
    @given(st.integers(1, 4), st.integers(1, 3))
    def test_draws_the_asked_number_inside_each_hour(self, hours: int, per_hour: int):
        rules = replace(RULES, per_hour=per_hour)
        moments = check_ins.draw_moments(SEED, "e", "l", hours=hours, hour_ms=HOUR_MS, rules=rules)
        assert len(moments) == hours * per_hour
        for hour in range(hours):
            inside = [m for m in moments if hour * HOUR_MS <= m < (hour + 1) * HOUR_MS]
            assert len(inside) == per_hour
            assert all(Fraction(5, 100) <= Fraction(m - hour * HOUR_MS, HOUR_MS) <= Fraction(95, 100) for m in inside)

    def test_differs_from_person_to_person_and_repeats_for_the_auditor(self):
        def draw(who: str) -> list[int]:
            return check_ins.draw_moments(SEED, who, "lesson", "1", hours=1, hour_ms=HOUR_MS, rules=RULES)

        assert draw("a") == draw("a")
        assert len({tuple(draw(str(n))) for n in range(100)}) == 100


class TestOpenPlanned:
    def test_opens_the_drawn_moment_once(self, work: Work, subject: Subject):
        check_ins.plan(work, subject, moments_ms=[1000, 2000], rules=RULES)
        check_ins.plan(work, subject, moments_ms=[1000, 2000], rules=RULES)
        first = check_ins.open_planned(work, subject, planned_ms=1000, methods=("face",))
        assert check_ins.open_planned(later(work, 1), subject, planned_ms=1000, methods=("face",)) is first
        assert first.expires_at == work.now + timedelta(seconds=120)

    def test_never_shows_a_moment_before_it_is_due(self, work: Work, subject: Subject):
        check_ins.plan(work, subject, moments_ms=[1000], rules=RULES)
        opened = check_ins.open_planned(work, subject, planned_ms=1000, methods=("face",))
        check_ins.plan(work, subject, moments_ms=[1000, 5000], rules=RULES)
        secret = next(
            one for one in work.session.query(type(opened)).filter_by(subject_id=subject.id) if one.planned_ms == 5000
        )
        with pytest.raises(CheckInNotFound):
            check_ins.get_own(work, secret.id, person_id=subject.person_id)


class TestBeginTry:
    def test_takes_each_nonce_once(self, work: Work, due):
        nonce = check_ins.issue_nonce(work, due)
        check_ins.begin_try(work, due.id, person_id=due.person_id, nonce=nonce or "", method="face")
        with pytest.raises(NonceExpired):
            check_ins.begin_try(work, due.id, person_id=due.person_id, nonce=nonce or "", method="face")

    def test_refuses_an_old_nonce(self, work: Work, due):
        nonce = check_ins.issue_nonce(work, due)
        with pytest.raises(NonceExpired):
            check_ins.begin_try(later(work, 61), due.id, person_id=due.person_id, nonce=nonce or "", method="face")

    def test_refuses_an_answer_after_the_window(self, work: Work, due):
        nonce = check_ins.issue_nonce(work, due)
        with pytest.raises(CheckInClosed):
            check_ins.begin_try(later(work, 121), due.id, person_id=due.person_id, nonce=nonce or "", method="face")

    def test_refuses_another_person(self, work: Work, due, make_person):
        nonce = check_ins.issue_nonce(work, due)
        with pytest.raises(CheckInNotFound):
            check_ins.begin_try(work, due.id, person_id=make_person(), nonce=nonce or "", method="face")

    def test_refuses_a_method_that_was_not_offered(self, work: Work, due):
        nonce = check_ins.issue_nonce(work, due)
        with pytest.raises(MethodNotOffered):
            check_ins.begin_try(work, due.id, person_id=due.person_id, nonce=nonce or "", method="sms")


@pytest.mark.clause("CC-5.3.3c", "CC-A2-4.7")
class TestFinishTry:
    def test_settles_a_pass_once(self, work: Work, due, settled):
        assert answer(work, due, Outcome.PASS).status == "passed"
        assert [event.result for event in settled] == ["passed"]
        with pytest.raises(CheckInClosed):
            answer(work, due, Outcome.PASS)

    def test_lets_the_trainee_try_again_until_the_tries_are_used_up(self, work: Work, due, settled):
        assert answer(work, due, Outcome.FAIL).status == "due"
        assert answer(work, due, Outcome.UNSURE).status == "due"
        assert answer(work, due, Outcome.FAIL).status == "failed"
        assert [event.result for event in settled] == ["failed"]

    def test_counts_a_try_that_arrived_in_time_even_if_it_was_judged_late(self, work: Work, due, settled):
        nonce = check_ins.issue_nonce(work, due)
        made = check_ins.begin_try(later(work, 59), due.id, person_id=due.person_id, nonce=nonce or "", method="face")
        due.expires_at = work.now + timedelta(seconds=60)
        assert check_ins.expire_due(later(work, 65)) == 0
        done = check_ins.finish_try(later(work, 66), made.id, outcome=Outcome.PASS, verdict={})
        assert done.status == "passed"

    def test_gives_the_time_back_when_the_server_could_not_judge(self, work: Work, due):
        nonce = check_ins.issue_nonce(work, due)
        made = check_ins.begin_try(work, due.id, person_id=due.person_id, nonce=nonce or "", method="face")
        before = due.expires_at
        check_ins.abort_try(later(work, 8), made.id)
        assert due.expires_at == before + timedelta(seconds=18)
        assert check_ins.tries_left(work, due) == 3


@pytest.mark.clause("CC-5.3.3c")
class TestExpireDue:
    def test_misses_what_nobody_answered_and_offers_a_make_up(self, work: Work, subject: Subject, settled):
        check_ins.plan(work, subject, moments_ms=[1000], rules=RULES)
        missed = check_ins.open_planned(work, subject, planned_ms=1000, methods=("face",))
        assert check_ins.expire_due(later(work, 119)) == 0
        assert check_ins.expire_due(later(work, 121)) == 1
        assert [event.result for event in settled] == ["missed"]
        again = check_ins.make_up(
            later(work, 200), missed.id, person_id=subject.person_id, rules=RULES, methods=("face",)
        )
        assert (again.purpose, again.status, again.replaces_id) == ("make_up", "due", missed.id)
        same = check_ins.make_up(
            later(work, 201), missed.id, person_id=subject.person_id, rules=RULES, methods=("face",)
        )
        assert same.id == again.id
