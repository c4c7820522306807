"""Quizzes and exams of an enrolment: who may sit, by which rules.

Clauses: CC-4.1.4a, CC-5.3.4b, CC-A2-4.4, CC-A2-4.6
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, NotFound
from app.core.work import Work
from app.reports.paper_job import find_sealed
from app.training.classes.opening import get_seed
from app.training.frozen_rules import thaw
from app.training.models import Enrollment, LessonProgress, TrainingClass
from app.training.playback.completion import lessons_left
from app.wiring.supervision import Packs, class_of_enrollment, exam_rules_of, methods_of
from exam import attempts, design, gates
from exam.errors import ExamNotPublished
from exam.models import Attempt, GateAttempt
from exam.vocabulary import PUBLISHED


class NotReadyForExam(Conflict):
    """Something is still missing before the exam."""

    slug = "not-ready-for-exam"
    title = "还不能参加结业考核"


class GateNotOpen(Conflict):
    """The lesson was not watched to its end, or its quiz was passed."""

    slug = "gate-not-open"
    title = "看完本课时后才能做随堂测验"


def start(work: Work, enrollment_id: UUID, *, person_id: UUID, packs: Packs) -> Attempt:
    """Enter the exam room of an enrolment's class.

    Raises:
        NotFound: The enrolment is not this person's.
        NotReadyForExam: Says what is missing.
    """
    training_class = own_class(work.session, enrollment_id, person_id=person_id)
    exam = design.find_exam(work, training_class.course_id) if training_class.course_id else None
    if exam is None:
        raise ExamNotPublished
    if attempts.find_attempt(work, exam.id, enrollment_id) is None:
        missing = missing_for_exam(work, enrollment_id)
        if missing:
            raise NotReadyForExam("还不能参加结业考核：" + "；".join(missing), missing=missing)
        methods_of(work.session, person_id)
    return attempts.open_attempt(
        work,
        exam,
        enrollment_id=enrollment_id,
        person_id=person_id,
        rules=exam_rules_of(work.session, packs, enrollment_id),
    )


def missing_for_exam(work: Work, enrollment_id: UUID) -> list[str]:
    """List in Chinese what an enrolment still lacks before its exam."""
    training_class = class_of_enrollment(work.session, enrollment_id)
    missing = []
    if training_class.status != "open":
        missing.append("班级不在开课状态")
    left = lessons_left(work.session, enrollment_id)
    if left:
        missing.append(f"还有 {left} 个课时没有完成")
    exam = design.find_exam(work, training_class.course_id) if training_class.course_id else None
    if exam is None or exam.status != PUBLISHED:
        missing.append("培训机构还没有发布结业考核")
    return missing


def open_gate(work: Work, enrollment_id: UUID, *, lesson_id: UUID, person_id: UUID) -> GateAttempt:
    """Open the quiz after a lesson.

    Raises:
        NotFound: The enrolment is not this person's, or has no such lesson.
        GateNotOpen: The lesson was not watched to its end.
    """
    training_class = own_class(work.session, enrollment_id, person_id=person_id)
    progress = work.session.scalars(
        select(LessonProgress)
        .where(LessonProgress.enrollment_id == enrollment_id, LessonProgress.lesson_id == lesson_id)
        .with_for_update()
    ).one_or_none()
    if progress is None or training_class.course_id is None:
        raise NotFound("没有找到这个课时")
    if progress.status != "watched":
        raise GateNotOpen
    rules = thaw(training_class.lesson_rules)
    return gates.open_gate(
        work,
        gates.Gate(
            enrollment_id=enrollment_id,
            person_id=person_id,
            lesson_id=lesson_id,
            progress_id=progress.id,
            round=progress.round,
            course_id=training_class.course_id,
        ),
        seed=get_seed(work, training_class.id),
        question_count=rules.gate_questions,
        pass_ratio=rules.gate_pass_ratio,
    )


def own_class(session: Session, enrollment_id: UUID, *, person_id: UUID) -> TrainingClass:
    """Find the class of a person's own enrolment.

    Raises:
        NotFound: The enrolment is not theirs.
    """
    found = session.scalars(
        select(TrainingClass)
        .join(Enrollment, Enrollment.class_id == TrainingClass.id)
        .where(Enrollment.id == enrollment_id, Enrollment.person_id == person_id, Enrollment.removed_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NotFound("没有找到您的班级")
    return found


def is_claimable(session: Session, enrollment_id: UUID) -> bool:
    """Tell whether the hours of an enrolment may enter a subsidy claim."""
    return class_of_enrollment(session, enrollment_id).is_claimable


def has_paper_pdf(session: Session, attempt: Attempt) -> bool:
    """Tell whether the paper of an attempt exists as a document."""
    return find_sealed(session, attempt.id) is not None
