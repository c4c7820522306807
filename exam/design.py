"""The final exam's blueprint: how many questions of each kind, points, time; published by a second person.

Clauses: CC-4.3.5, CC-4.3.7, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.errors import Unprocessable
from app.core.work import Work
from exam import bank as banks
from exam.errors import BankTooSmall, ExamNotFound, ExamPublished, NotFeasible, OwnWork
from exam.models import Exam
from exam.parameters import ExamRules
from exam.rules.bank import Feasibility, feasibility
from exam.vocabulary import DRAFT, KINDS, PUBLISHED

MAX_QUESTIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What an exam consists of.

    Attributes:
        title: Name of the exam.
        counts: Questions of each kind.
        scores: Points of a question of each kind.
        pass_score: Points needed to pass.
        duration: Time given.
    """

    title: str
    counts: Mapping[str, int]
    scores: Mapping[str, int]
    pass_score: int
    duration: timedelta

    @property
    def total(self) -> int:
        """Points possible."""
        return sum(self.counts.get(kind, 0) * self.scores.get(kind, 1) for kind in KINDS)


def put_blueprint(work: Work, course_id: UUID, blueprint: Blueprint) -> Exam:
    """Write or replace the blueprint of a course's exam while it is a draft.

    Raises:
        BankNotFound: Import questions first.
        ExamPublished: It can no longer be changed.
        Unprocessable: It has no questions, too many, or asks for more points than there are.
    """
    size = sum(blueprint.counts.values())
    if not 1 <= size <= MAX_QUESTIONS:
        raise Unprocessable(f"试卷要有 1 到 {MAX_QUESTIONS} 道题", pointers={"/counts": "题目数量不对"})
    if not 1 <= blueprint.pass_score <= blueprint.total:
        raise Unprocessable(f"及格分要在 1 到满分 {blueprint.total} 之间", pointers={"/pass_score": "及格分不对"})
    bank = banks.find_bank(work, course_id)
    exam = find_exam(work, course_id, lock=True)
    if exam is None:
        exam = Exam(course_id=course_id, bank_id=bank.id, status=DRAFT)
        work.session.add(exam)
    if exam.status == PUBLISHED:
        raise ExamPublished
    exam.title = blueprint.title
    exam.counts, exam.scores = dict(blueprint.counts), dict(blueprint.scores)
    exam.pass_score, exam.duration_s = blueprint.pass_score, int(blueprint.duration.total_seconds())
    if work.actor.account_id is not None:
        exam.designed_by = work.actor.account_id
    exam.designed_at = work.now
    work.session.flush()
    return exam


def feasibility_of(work: Work, exam: Exam, *, rules: ExamRules) -> Feasibility:
    """Compare an exam with its bank as it is now."""
    return feasibility(counts=exam.counts, approved=banks.approved_by_kind(work, exam.bank_id), ratio=rules.bank_ratio)


def publish(work: Work, course_id: UUID, *, rules: ExamRules) -> Exam:
    """Publish an exam; from now on it cannot be changed. Publishing twice changes nothing.

    Raises:
        ExamNotFound: There is none.
        OwnWork: The actor designed it.
        BankTooSmall: The bank holds less than the demanded multiple of the paper; says how many are missing.
        NotFeasible: A kind has too few questions for the paper.
    """
    exam = find_exam(work, course_id, lock=True)
    if exam is None:
        raise ExamNotFound
    if exam.status == PUBLISHED:
        return exam
    if exam.designed_by == work.actor.account_id:
        raise OwnWork("不能发布自己设置的考核，请由另一位老师审核发布")
    found = feasibility_of(work, exam, rules=rules)
    if found.missing:
        raise BankTooSmall(found.message, needed=found.needed, available=found.available, missing=found.missing)
    if not found.is_feasible:
        raise NotFeasible(found.message, missing_by_kind=dict(found.missing_by_kind))
    exam.status, exam.published_by, exam.published_at = PUBLISHED, work.actor.account_id, work.now
    work.session.flush()
    return exam


def get_exam(work: Work, exam_id: UUID) -> Exam:
    """Read an exam by its id.

    Raises:
        ExamNotFound: There is none.
    """
    exam = work.session.get(Exam, exam_id)
    if exam is None:
        raise ExamNotFound
    return exam


def find_exam(work: Work, course_id: UUID, *, lock: bool = False) -> Exam | None:
    """Find the exam of a course; None when it has none."""
    query = select(Exam).where(Exam.course_id == course_id)
    return work.session.scalars(query.with_for_update() if lock else query).one_or_none()
