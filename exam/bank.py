"""The question bank: import from a workbook, approval by a second person.

Clauses: CC-4.3.5, CC-4.3.7
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.ids import new_id
from app.core.work import Work
from exam.errors import BankNotFound, OwnWork
from exam.models import Question, QuestionBank
from exam.rules.bank import QuestionDraft, RowError, read_rows
from exam.vocabulary import APPROVED, DRAFT, REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a workbook.

    Attributes:
        row_count: Rows with content.
        good_count: Questions that can be taken.
        imported_count: Questions that were taken; 0 in a dry run.
        errors: What is wrong, per row and column.
    """

    row_count: int
    good_count: int
    imported_count: int
    errors: tuple[RowError, ...]


def bank_of(work: Work, course_id: UUID, *, organization_id: UUID) -> QuestionBank:
    """Find a course's bank, or make it."""
    work.session.execute(
        insert(QuestionBank)
        .values(course_id=course_id, organization_id=organization_id, created_at=work.now)
        .on_conflict_do_nothing()
    )
    return work.session.scalars(select(QuestionBank).where(QuestionBank.course_id == course_id)).one()


def import_rows(
    work: Work, course_id: UUID, *, organization_id: UUID, rows: Sequence[Sequence[str]], dry_run: bool
) -> ImportResult:
    """Take the good rows of a workbook in, and say of every other one what is wrong.

    Questions that the bank already holds are reported and not taken twice.

    Args:
        work: The unit of work; its actor becomes the author.
        course_id: Whose bank.
        organization_id: Whose course.
        rows: Cells of the sheet as text, headers first.
        dry_run: Only tell, take nothing.
    """
    drafts, errors = read_rows(rows)
    bank = bank_of(work, course_id, organization_id=organization_id)
    known = set(work.session.scalars(select(Question.content_hash).where(Question.bank_id == bank.id)))
    fresh = [draft for draft in drafts if draft.content_hash not in known]
    errors += [
        RowError(row=draft.row, column="题干", message="题库中已有这道题，未重复导入")
        for draft in drafts
        if draft.content_hash in known
    ]
    if fresh and not dry_run:
        work.session.execute(insert(Question).on_conflict_do_nothing(), [_row(work, bank.id, one) for one in fresh])
    return ImportResult(
        row_count=sum(any(cell.strip() for cell in row) for row in rows[1:]),
        good_count=len(fresh),
        imported_count=0 if dry_run else len(fresh),
        errors=tuple(sorted(errors, key=lambda error: error.row)),
    )


def review(work: Work, course_id: UUID, *, question_ids: Sequence[UUID] | None, approve: bool = True) -> int:
    """Approve or reject draft questions; how many.

    Args:
        work: The unit of work; its actor must not be the author of any of them.
        course_id: Whose bank.
        question_ids: Which ones; None for all drafts of other people.
        approve: Approve, or reject.

    Raises:
        BankNotFound: The course has none.
        OwnWork: One of the named questions is the actor's own.
    """
    bank = find_bank(work, course_id)
    query = select(Question).where(Question.bank_id == bank.id, Question.status == DRAFT)
    if question_ids is not None:
        query = query.where(Question.id.in_(question_ids))
    found = work.session.scalars(query.with_for_update()).all()
    theirs = [question for question in found if question.created_by != work.actor.account_id]
    if (found and not theirs) or (question_ids is not None and len(theirs) < len(found)):
        raise OwnWork
    for question in theirs:
        question.status = APPROVED if approve else REJECTED
        question.reviewed_by, question.reviewed_at = work.actor.account_id, work.now
    work.session.flush()
    return len(theirs)


def find_bank(work: Work, course_id: UUID) -> QuestionBank:
    """Find a course's bank.

    Raises:
        BankNotFound: There is none.
    """
    bank = work.session.scalars(select(QuestionBank).where(QuestionBank.course_id == course_id)).one_or_none()
    if bank is None:
        raise BankNotFound
    return bank


def approved_by_kind(work: Work, bank_id: UUID) -> Counter[str]:
    """Count the approved questions of each kind; every one is distinct by the table's own rule."""
    rows = work.session.execute(
        select(Question.kind, func.count())
        .where(Question.bank_id == bank_id, Question.status == APPROVED)
        .group_by(Question.kind)
    )
    return Counter({kind: int(count) for kind, count in rows})


def _row(work: Work, bank_id: UUID, draft: QuestionDraft) -> dict[str, object]:
    return {
        "id": new_id(),
        "bank_id": bank_id,
        "kind": draft.kind,
        "stem": draft.stem,
        "options": [{"key": key, "text": text} for key, text in draft.options],
        "answer": list(draft.answer),
        "knowledge_point": draft.knowledge_point,
        "difficulty": draft.difficulty,
        "explanation": draft.explanation,
        "content_hash": draft.content_hash,
        "status": DRAFT,
        "created_by": work.actor.account_id,
        "created_at": work.now,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPage:
    """A bank's numbers and some of its questions.

    Attributes:
        total: Questions that were not rejected.
        approved: Approved ones.
        drafts: Ones that wait for a second person.
        by_kind: Approved ones of each kind.
        rows: One page, ordered by id.
    """

    total: int
    approved: int
    drafts: int
    by_kind: Mapping[str, int]
    rows: Sequence[Question]


def page_of(work: Work, course_id: UUID, *, after: UUID | None, limit: int) -> BankPage:
    """Read a bank's numbers and the page of questions after one id.

    Raises:
        BankNotFound: The course has none.
    """
    bank = find_bank(work, course_id)
    counts = {
        status: int(count)
        for status, count in work.session.execute(
            select(Question.status, func.count()).where(Question.bank_id == bank.id).group_by(Question.status)
        )
    }
    query = select(Question).where(Question.bank_id == bank.id).order_by(Question.id).limit(limit)
    if after is not None:
        query = query.where(Question.id > after)
    return BankPage(
        total=counts.get(DRAFT, 0) + counts.get(APPROVED, 0),
        approved=counts.get(APPROVED, 0),
        drafts=counts.get(DRAFT, 0),
        by_kind=approved_by_kind(work, bank.id),
        rows=work.session.scalars(query).all(),
    )
