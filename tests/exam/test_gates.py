from __future__ import annotations

from fractions import Fraction

import pytest

from app.core.errors import Unprocessable
from app.core.ids import new_id
from app.core.work import Work
from exam import gates
from exam.errors import BankTooSmall, GateNotFound, NoSuchQuestion
from exam.events import GateEvaluated
from exam.gates import Gate
from tests.exam.conftest import SEED


@pytest.fixture
def place(course_id, person_id) -> Gate:
    return Gate(
        enrollment_id=new_id(),
        person_id=person_id,
        lesson_id=new_id(),
        progress_id=new_id(),
        round=1,
        course_id=course_id,
    )


def opened(work: Work, place: Gate):
    return gates.open_gate(work, place, seed=SEED, question_count=5, pass_ratio=Fraction(3, 5))


def right(gate) -> dict[int, list[str]]:
    return {int(no): value for no, value in gate.key.items()}


@pytest.mark.clause("CC-A2-4.4")
class TestOpenGate:
    def test_gives_the_open_quiz_again(self, work: Work, place: Gate, fill):
        fill(single=10, true_false=5)
        first = opened(work, place)
        assert opened(work, place) is first
        assert (len(first.questions), first.pass_score) == (5, 3)

    def test_asks_other_questions_the_next_time(self, work: Work, place: Gate, fill):
        fill(single=60)
        first = opened(work, place)
        gates.submit(work, first.id, person_id=place.person_id, answers=right(first))
        second = opened(work, place)
        assert second.attempt_no == 2
        assert [one["question_id"] for one in first.questions] != [one["question_id"] for one in second.questions]

    def test_needs_enough_questions(self, work: Work, place: Gate, fill):
        fill(single=4)
        with pytest.raises(BankTooSmall):
            opened(work, place)


@pytest.mark.clause("CC-A2-4.4")
class TestSubmit:
    def test_says_which_way_to_go_once(self, work: Work, place: Gate, fill, bus):
        events: list[GateEvaluated] = []
        bus.on(GateEvaluated, lambda _work, event: events.append(event))
        fill(single=10)
        gate = opened(work, place)
        assert gates.submit(work, gate.id, person_id=place.person_id, answers=right(gate)).passed
        gates.submit(work, gate.id, person_id=place.person_id, answers={})
        assert [(event.passed, event.score) for event in events] == [(True, 5)]

    def test_fails_below_the_line(self, work: Work, place: Gate, fill):
        fill(true_false=10)
        gate = opened(work, place)
        wrong = {int(no): ["B" if value == ["A"] else "A"] for no, value in gate.key.items()}
        done = gates.submit(work, gate.id, person_id=place.person_id, answers=wrong)
        assert (done.passed, done.score) == (False, 0)

    def test_refuses_gaps_foreign_people_and_impossible_answers(self, work: Work, place: Gate, fill):
        fill(single=10)
        gate = opened(work, place)
        with pytest.raises(Unprocessable):
            gates.submit(work, gate.id, person_id=place.person_id, answers={1: ["A"]})
        with pytest.raises(GateNotFound):
            gates.submit(work, gate.id, person_id=new_id(), answers=right(gate))
        with pytest.raises(NoSuchQuestion):
            gates.submit(work, gate.id, person_id=place.person_id, answers={9: ["A"]})
