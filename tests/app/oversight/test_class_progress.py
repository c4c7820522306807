"""How the trainees of a class stand, for institution and bureau."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core.ids import new_id
from app.oversight.class_progress import IN_EXAM, CheckInTotals, check_ins_of, exams_of
from app.training.models import LessonProgress
from exam.models import Attempt, Exam, QuestionBank
from proctoring.models import CheckIn
from tests.app.training.factories import Cast


@pytest.fixture
def cast(work):
    return Cast.make(work)


@pytest.fixture
def enrollment(cast):
    """The one trainee of an opened class."""
    [one] = cast.enrollments(cast.opened().id)
    return one


def check_in(work, enrollment, *, purpose: str, status: str, lesson: int = 1, planned_ms: int | None = None) -> None:
    progress_id = work.session.scalars(
        select(LessonProgress.id).where(
            LessonProgress.enrollment_id == enrollment.id, LessonProgress.position == lesson
        )
    ).one()
    work.session.add(
        CheckIn(
            id=new_id(),
            subject_kind="lesson",
            subject_id=progress_id,
            round=1,
            person_id=enrollment.person_id,
            purpose=purpose,
            status=status,
            methods=["passkey"],
            planned_ms=planned_ms,
            window_s=60,
            max_tries=3,
            due_at=None if status == "planned" else work.now,
        )
    )
    work.session.flush()


def attempt(cast, enrollment, **changes) -> None:
    course_id = new_id()
    bank = QuestionBank(course_id=course_id, organization_id=cast.organization_id, created_at=cast.work.now)
    cast.work.session.add(bank)
    cast.work.session.flush()
    exam = Exam(
        course_id=course_id,
        bank_id=bank.id,
        title="考核",
        counts={},
        scores={},
        pass_score=60,
        duration_s=60,
        status="draft",
        designed_by=cast.author.account_id,
        designed_at=cast.work.now,
    )
    cast.work.session.add(exam)
    cast.work.session.flush()
    cast.work.session.add(
        Attempt(
            **{
                "exam_id": exam.id,
                "enrollment_id": enrollment.id,
                "person_id": enrollment.person_id,
                "shape": [],
                "state": "identity_pending",
                "grace_s": 0,
                "identity_min": 1,
                "opened_at": cast.work.now,
                "marks": [],
                **changes,
            }
        )
    )
    cast.work.session.flush()


class TestCheckInsOf:
    def test_counts_drawn_and_made_up_ones_over_all_lessons(self, work, enrollment):
        check_in(work, enrollment, purpose="random", status="passed", planned_ms=1)
        check_in(work, enrollment, purpose="random", status="missed", planned_ms=2)
        check_in(work, enrollment, purpose="make_up", status="passed")
        check_in(work, enrollment, purpose="random", status="failed", planned_ms=1, lesson=2)
        assert check_ins_of(work.session, [enrollment.id]) == {enrollment.id: CheckInTotals(passed=2, missed=2)}

    def test_leaves_out_sign_ins_and_what_is_not_settled(self, work, enrollment):
        check_in(work, enrollment, purpose="sign_in", status="passed")
        check_in(work, enrollment, purpose="random", status="planned", planned_ms=1)
        check_in(work, enrollment, purpose="random", status="due", planned_ms=2)
        found = check_ins_of(work.session, [enrollment.id]).get(enrollment.id, CheckInTotals())
        assert (found.passed, found.missed) == (0, 0)

    def test_leaves_other_enrolments_out(self, work, enrollment):
        check_in(work, enrollment, purpose="random", status="passed", planned_ms=1)
        assert check_ins_of(work.session, [new_id()]) == {}


class TestExamsOf:
    def test_leaves_out_who_has_not_begun(self, work, enrollment):
        assert exams_of(work.session, [enrollment.id]) == {}

    def test_says_that_the_exam_runs(self, cast, enrollment):
        attempt(cast, enrollment)
        assert exams_of(cast.work.session, [enrollment.id]) == {enrollment.id: IN_EXAM}

    def test_says_outcome_and_points(self, cast, enrollment):
        attempt(
            cast,
            enrollment,
            state="graded",
            deadline_at=cast.work.now,
            outcome="passed",
            score=86,
            total=100,
        )
        assert exams_of(cast.work.session, [enrollment.id]) == {enrollment.id: "合格，86 分"}
