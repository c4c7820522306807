from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from app.core.ids import new_id
from app.core.work import Work
from exam import attempts, design
from exam.answers import Answer, Saved, record_answers
from exam.design import Blueprint
from exam.errors import (
    AnswerConflict,
    AttemptClosed,
    AttemptNotFound,
    BankTooSmall,
    ExamNotPublished,
    NoSuchQuestion,
    OwnWork,
    TimeIsUp,
)
from exam.events import ExamGraded, ExamStarted, ExamSubmitted
from exam.models import Attempt
from tests.exam.conftest import RULES, SEED, later

HOUR = 3600


@pytest.fixture
def events(bus) -> list[object]:
    seen: list[object] = []
    for kind in (ExamStarted, ExamSubmitted, ExamGraded):
        bus.on(kind, lambda _work, event: seen.append(event))
    return seen


@pytest.fixture
def attempt(work: Work, exam, person_id, events):
    opened = attempts.open_attempt(work, exam, enrollment_id=new_id(), person_id=person_id, rules=RULES)
    return attempts.confirm_identity(work, opened.id, seed=SEED)


def answer(work: Work, attempt, *, seq: int, no: int = 1, value=("A",), person_id=None):
    one = Answer(
        attempt_id=attempt.id,
        person_id=person_id or attempt.person_id,
        seq=seq,
        no=no,
        value=tuple(value),
        client_at=None,
        received_at=work.now,
    )
    return record_answers(work.session, [one])[0]


def answer_all_right(work: Work, attempt) -> None:
    key = attempts.paper_of(work, attempt).key
    for seq, (no, value) in enumerate(key.items(), start=1):
        assert isinstance(answer(work, attempt, seq=seq, no=int(no), value=value), Saved)


@pytest.mark.clause("CC-4.3.5", "CC-4.3.7")
class TestPublish:
    def test_refuses_a_bank_below_five_times_the_paper(self, author, reviewer, course_id, fill):
        fill(single=14)
        blueprint = Blueprint(
            title="考核", counts={"single": 3}, scores={}, pass_score=2, duration=timedelta(minutes=1)
        )
        design.put_blueprint(author, course_id, blueprint)
        with pytest.raises(BankTooSmall, match="还缺 1 道") as refused:
            design.publish(reviewer, course_id, rules=RULES)
        assert refused.value.extensions == {"needed": 15, "available": 14, "missing": 1}

    def test_refuses_its_designer(self, author, course_id, fill):
        fill(single=5)
        blueprint = Blueprint(
            title="考核", counts={"single": 1}, scores={}, pass_score=1, duration=timedelta(minutes=1)
        )
        design.put_blueprint(author, course_id, blueprint)
        with pytest.raises(OwnWork):
            design.publish(author, course_id, rules=RULES)

    def test_closes_the_door_to_a_draft(self, work, author, course_id, fill, person_id):
        fill(single=5)
        blueprint = Blueprint(
            title="考核", counts={"single": 1}, scores={}, pass_score=1, duration=timedelta(minutes=1)
        )
        exam = design.put_blueprint(author, course_id, blueprint)
        with pytest.raises(ExamNotPublished):
            attempts.open_attempt(work, exam, enrollment_id=new_id(), person_id=person_id, rules=RULES)


@pytest.mark.clause("CC-4.1.4a")
class TestOpenAttempt:
    def test_gives_the_same_attempt_again(self, work: Work, exam, person_id):
        enrollment_id = new_id()
        first = attempts.open_attempt(work, exam, enrollment_id=enrollment_id, person_id=person_id, rules=RULES)
        again = attempts.open_attempt(
            later(work, 60), exam, enrollment_id=enrollment_id, person_id=person_id, rules=RULES
        )
        assert first.id == again.id

    def test_is_refused_a_second_row_by_the_database_itself(self, work: Work, attempt):
        with pytest.raises(IntegrityError, match="uq_attempt"):
            work.session.execute(
                text(
                    "INSERT INTO attempt (id, exam_id, enrollment_id, person_id, shape, state, grace_s, identity_min,"
                    " identity_check_count, opened_at, marks)"
                    " SELECT gen_random_uuid(), exam_id, enrollment_id, person_id, shape, 'identity_pending', 3, 1, 0,"
                    " opened_at, marks FROM attempt"
                )
            )


@pytest.mark.clause("CC-A2-4.6")
class TestConfirmIdentity:
    def test_freezes_the_paper_and_starts_the_clock_once(self, work: Work, attempt, events):
        again = attempts.confirm_identity(later(work, 30), attempt.id, seed=SEED)
        assert again.started_at == work.now
        assert again.deadline_at == work.now + timedelta(minutes=60)
        assert again.identity_check_count == 2
        assert [type(event) for event in events] == [ExamStarted]

    def test_shows_no_paper_before(self, work: Work, exam, person_id):
        waiting = attempts.open_attempt(work, exam, enrollment_id=new_id(), person_id=person_id, rules=RULES)
        assert attempts.paper_of(work, waiting) is None
        with pytest.raises(AttemptClosed):
            attempts.submit(work, waiting.id, person_id=person_id)
        assert isinstance(answer(work, waiting, seq=1), AttemptClosed)


class TestRecordAnswers:
    def test_acknowledges_the_same_record_again(self, work: Work, attempt):
        first = answer(work, attempt, seq=1)
        assert answer(later(work, 5), attempt, seq=1) == first

    def test_refuses_another_answer_under_the_same_number(self, work: Work, attempt):
        answer(work, attempt, seq=1)
        assert isinstance(answer(work, attempt, seq=1, value=["B"]), AnswerConflict)

    def test_lets_the_highest_number_win_whatever_the_order_of_arrival(self, work: Work, attempt):
        answer(work, attempt, seq=3, value=["C"])
        answer(work, attempt, seq=1, value=["A"])
        answer(work, attempt, seq=2, value=["B"])
        final = attempts.final_answers(attempts.answers_of(work, attempt.id))
        assert final[1].value == ["C"]

    def test_takes_what_arrives_within_the_grace_and_nothing_later(self, work: Work, attempt):
        assert isinstance(answer(later(work, HOUR + 3), attempt, seq=1), Saved)
        assert isinstance(answer(later(work, HOUR + 3.01), attempt, seq=2), TimeIsUp)

    def test_refuses_foreign_people_and_impossible_answers(self, work: Work, attempt):
        assert isinstance(answer(work, attempt, seq=1, person_id=new_id()), AttemptNotFound)
        assert isinstance(answer(work, attempt, seq=1, no=4), NoSuchQuestion)
        assert isinstance(answer(work, attempt, seq=1, value=["A", "B"]), NoSuchQuestion)

    def test_is_final_in_the_database_itself(self, work: Work, attempt):
        answer(work, attempt, seq=1)
        with pytest.raises(IntegrityError, match="append-only"):
            work.session.execute(text("UPDATE answer_record SET value = '[]'"))


@pytest.mark.clause("CC-4.1.4a", "CC-A2-4.6")
class TestSubmit:
    def test_marks_at_once_and_gives_the_same_result_again(self, work: Work, attempt, events):
        answer_all_right(work, attempt)
        done = attempts.submit(later(work, 600), attempt.id, person_id=attempt.person_id)
        again = attempts.submit(later(work, 700), attempt.id, person_id=attempt.person_id)
        assert (done.score, done.total, done.outcome, done.mode) == (100, 100, "passed", "learner")
        assert again is done
        assert [type(event) for event in events] == [ExamStarted, ExamSubmitted, ExamGraded]
        assert events[1].elapsed_s == 600

    def test_fails_below_the_pass_line(self, work: Work, attempt):
        done = attempts.submit(work, attempt.id, person_id=attempt.person_id)
        assert (done.score, done.outcome) == (0, "failed")

    def test_refuses_answers_afterwards(self, work: Work, attempt):
        attempts.submit(work, attempt.id, person_id=attempt.person_id)
        assert isinstance(answer(work, attempt, seq=9), AttemptClosed)

    def test_never_passes_anybody_whose_identity_was_not_proven(self, work: Work, attempt):
        attempt.identity_min = 2
        answer_all_right(work, attempt)
        done = attempts.submit(work, attempt.id, person_id=attempt.person_id)
        assert (done.score, done.outcome) == (100, "identity_unverified")


@pytest.mark.clause("CC-A2-4.6")
class TestFinishIfOver:
    def test_hands_in_when_deadline_and_grace_are_over(self, work: Work, attempt):
        answer_all_right(work, attempt)
        assert not attempts.finish_if_over(later(work, HOUR + 3), attempt.id)
        over = later(work, HOUR + 4)
        assert attempts.overdue(over) == [attempt.id]
        assert attempts.finish_if_over(over, attempt.id)
        assert not attempts.finish_if_over(over, attempt.id)
        assert (attempt.mode, attempt.submitted_at) == ("auto_timeout", work.now + timedelta(hours=1))
        assert attempt.outcome == "passed"


@pytest.mark.commits
@pytest.mark.clause("CC-4.1.4a")
class TestConcurrentStart:
    def test_makes_one_attempt_of_fifty_simultaneous_starts(self, database: Database, make_work):
        from tests.exam.seeding import seed_exam

        with database.transaction() as session:
            exam_id, person_id = seed_exam(make_work(session))
        enrollment_id, ids, gate = new_id(), [], threading.Barrier(50)

        def start() -> None:
            gate.wait()
            with database.transaction() as session:
                work = make_work(session)
                exam = design.get_exam(work, exam_id)
                opened = attempts.open_attempt(
                    work, exam, enrollment_id=enrollment_id, person_id=person_id, rules=RULES
                )
                ids.append(opened.id)

        threads = [threading.Thread(target=start) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 50
        assert len(set(ids)) == 1
        with database.transaction() as session:
            assert session.scalar(select(func.count()).select_from(Attempt)) == 1
