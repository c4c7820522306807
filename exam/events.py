"""What bank and sitting tell the other rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOpened:
    """A trainee entered the exam room; identity is still to be proven."""

    attempt_id: UUID
    exam_id: UUID
    enrollment_id: UUID
    person_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamStarted:
    """Identity is proven, the paper is frozen, the clock runs.

    Attributes:
        attempt_id: The attempt.
        exam_id: The exam.
        enrollment_id: Whose.
        paper_id: The frozen paper.
        paper_sha256: Hash of the canonical questions as shown.
        question_count: Questions on the paper.
        bank_count: Approved, distinct questions in the bank at that moment.
        duration_s: Time given, in seconds.
        started_at: Start.
        deadline_at: End; the server's clock decides.
    """

    attempt_id: UUID
    exam_id: UUID
    enrollment_id: UUID
    paper_id: UUID
    paper_sha256: str
    question_count: int
    bank_count: int
    duration_s: int
    started_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamSubmitted:
    """An attempt has ended.

    Attributes:
        attempt_id: The attempt.
        enrollment_id: Whose.
        mode: `learner` or `auto_timeout`.
        answered_count: Questions with an answer.
        answer_count: Answer records in all.
        answers_sha256: Hash of the canonical list of all answer records.
        submitted_at: When; never after the deadline.
        elapsed_s: Seconds used.
    """

    attempt_id: UUID
    enrollment_id: UUID
    mode: str
    answered_count: int
    answer_count: int
    answers_sha256: str
    submitted_at: datetime
    elapsed_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamGraded:
    """An attempt is marked.

    Attributes:
        attempt_id: The attempt.
        exam_id: The exam.
        enrollment_id: Whose.
        score: Points reached.
        total: Points possible.
        pass_score: Points needed.
        outcome: `passed`, `failed` or `identity_unverified`.
        identity_check_count: Passed identity checks inside the attempt.
        graded_at: When.
    """

    attempt_id: UUID
    exam_id: UUID
    enrollment_id: UUID
    score: int
    total: int
    pass_score: int
    outcome: str
    identity_check_count: int
    graded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvaluated:
    """A gate quiz is marked.

    Attributes:
        gate_id: The quiz.
        enrollment_id: Whose.
        lesson_id: After which lesson.
        progress_id: The lesson's progress.
        round: Which round of the lesson.
        attempt_no: Which quiz of this lesson, from 1.
        questions_sha256: Hash of the canonical questions.
        score: Right answers.
        total: Questions.
        pass_score: Right answers needed.
        passed: Whether the gate opens.
        started_at: When it was opened.
        submitted_at: When it was handed in.
    """

    gate_id: UUID
    enrollment_id: UUID
    lesson_id: UUID
    progress_id: UUID
    round: int
    attempt_no: int
    questions_sha256: str
    score: int
    total: int
    pass_score: int
    passed: bool
    started_at: datetime
    submitted_at: datetime
