"""Read what a paper shows: exam, class, person (masked), identity, place in the ledger.

Clauses: CC-4.1.4b, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.canonical import canonical_hash
from app.core.ledger import LedgerEntry
from app.core.work import Work
from app.identity.models import Organization
from app.identity.queries import person_card
from app.reports.errors import PaperNotReady
from app.reports.paper import ChainPlace, IdentityCheck, PaperQuestion, PaperReport
from app.training.models import Enrollment, TrainingClass
from app.training.vocabulary import Level
from exam.attempts import answer_document, answers_of, final_answers, paper_of
from exam.models import AnswerRecord, Attempt, Exam, Paper
from exam.vocabulary import GRADED, KIND_TITLES, OUTCOME_TITLES
from proctoring.models import EXAM_ATTEMPT, PASSED, CheckIn, CheckInTry
from storage.errors import ObjectMissing
from storage.private import FilePlace, find_file

GRADED_FACT = "exam.graded"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFacts:
    """A paper to make, free of any session.

    Attributes:
        enrollment_id: Whose.
        report: What it shows.
        pictures: Where the pictures of the identity checks lie; deleted ones are absent.
        read_at: When this was read.
    """

    enrollment_id: UUID
    report: PaperReport
    pictures: tuple[FilePlace, ...]
    read_at: datetime


def read_paper_facts(work: Work, attempt_id: UUID) -> PaperFacts:
    """Read what the paper of a marked attempt shows.

    Raises:
        PaperNotReady: The attempt is not marked.
    """
    attempt = work.session.get(Attempt, attempt_id)
    paper = paper_of(work, attempt) if attempt is not None else None
    if attempt is None or paper is None or attempt.state != GRADED:
        raise PaperNotReady
    identity = _identity(work.session, attempt_id)
    return PaperFacts(
        enrollment_id=attempt.enrollment_id,
        report=_report(work, attempt, paper, identity),
        pictures=_places(work.session, [sha256 for check in identity for sha256 in check.pictures]),
        read_at=work.now,
    )


def _report(work: Work, attempt: Attempt, paper: Paper, identity: tuple[IdentityCheck, ...]) -> PaperReport:
    session = work.session
    enrollment = session.get_one(Enrollment, attempt.enrollment_id)
    training_class = session.get_one(TrainingClass, enrollment.class_id)
    exam = session.get_one(Exam, attempt.exam_id)
    card = person_card(session, work.vault, attempt.person_id)
    records = answers_of(work, attempt.id)
    if attempt.started_at is None or attempt.submitted_at is None or attempt.graded_at is None:
        raise PaperNotReady
    return PaperReport(
        title=exam.title,
        class_name=training_class.name,
        class_code=training_class.code,
        institution=session.get_one(Organization, training_class.organization_id).name,
        trade=training_class.trade_name,
        level=_level(training_class.level),
        is_claimable=training_class.is_claimable,
        name_masked=card.name_masked,
        id_number_masked=card.id_number_masked,
        learner_ref=enrollment.learner_ref,
        started_at=attempt.started_at,
        submitted_at=attempt.submitted_at,
        graded_at=attempt.graded_at,
        duration_s=exam.duration_s,
        elapsed_s=int((attempt.submitted_at - attempt.started_at).total_seconds()),
        mode=attempt.mode or "",
        score=attempt.score or 0,
        total=attempt.total or 0,
        pass_score=exam.pass_score,
        outcome_title=OUTCOME_TITLES.get(attempt.outcome or "", ""),
        identity=identity,
        questions=_questions(attempt, paper, records),
        paper_hash=paper.paper_hash,
        answers_sha256=canonical_hash([answer_document(record) for record in records]),
        place=_place(session, attempt),
    )


def _questions(attempt: Attempt, paper: Paper, records: Sequence[AnswerRecord]) -> tuple[PaperQuestion, ...]:
    final = final_answers(records)
    marks = {mark["no"]: mark for mark in attempt.marks}
    return tuple(
        PaperQuestion(
            no=question["no"],
            kind_title=KIND_TITLES[question["kind"]],
            stem=question["stem"],
            options=tuple((option["key"], option["text"]) for option in question["options"]),
            given=tuple(sorted(final[question["no"]].value)) if question["no"] in final else (),
            is_right=marks[question["no"]]["is_right"],
            score=marks[question["no"]]["score"],
            max_score=marks[question["no"]]["max_score"],
        )
        for question in paper.questions
    )


def _identity(session: Session, attempt_id: UUID) -> tuple[IdentityCheck, ...]:
    rows = session.execute(
        select(CheckIn, CheckInTry)
        .join(CheckInTry, CheckInTry.check_in_id == CheckIn.id)
        .where(
            CheckIn.subject_kind == EXAM_ATTEMPT,
            CheckIn.subject_id == attempt_id,
            CheckIn.status == PASSED,
            CheckInTry.outcome == "pass",
        )
        .order_by(CheckInTry.received_at, CheckInTry.id)
    )
    return tuple(
        IdentityCheck(
            at=answer.received_at,
            method=answer.method,
            result=check_in.status,
            pictures=tuple(file["sha256"] for file in answer.files if file["media_type"] == "image/jpeg"),
        )
        for check_in, answer in rows
    )


def _places(session: Session, hashes: Sequence[str]) -> tuple[FilePlace, ...]:
    found = []
    for sha256 in dict.fromkeys(hashes):
        try:
            found.append(find_file(session, sha256))
        except ObjectMissing:
            continue  # deleted when its time was over; the paper says so
    return tuple(found)


def _place(session: Session, attempt: Attempt) -> ChainPlace:
    entries = session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.subject_id == attempt.enrollment_id, LedgerEntry.event_type == GRADED_FACT)
        .order_by(LedgerEntry.seq)
    )
    for entry in entries:
        if entry.payload["attempt_id"] == str(attempt.id):
            return ChainPlace(seq=entry.seq, entry_hash=entry.entry_hash)
    raise PaperNotReady("阅卷结果还没有写入存证账本，请稍后再试")


def _level(code: str) -> str:
    try:
        return Level(code).label
    except ValueError:
        return code
