"""Draw a paper from a bank by committed chance, and mark the answers.

The same seed, exam and person give the same paper again, so an auditor can draw it anew after the seed is revealed.

Clauses: CC-4.1.4a, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.canonical import canonical_hash
from app.core.chance import Draw
from exam.vocabulary import KINDS, LETTERS, MULTIPLE, TRUE_FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class BankQuestion:
    """A question as the draw sees it.

    Attributes:
        id: Its id as text; questions are drawn from their order by id.
        kind: `single`, `multiple` or `true_false`.
        content_hash: What makes it itself.
        stem: The question.
        options: Key and text, in the bank's order.
        answer: Keys of the right options.
    """

    id: str
    kind: str
    content_hash: str
    stem: str
    options: tuple[tuple[str, str], ...]
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnPaper:
    """A paper, ready to freeze.

    Attributes:
        questions: As shown: no, question_id, content_hash, kind, stem, options [{key, text}], score.
        key: Question number as text -> right keys on this paper.
        paper_hash: Hash of the canonical `questions`.
        shape: Kind and number of options of each question, to check answers without the paper.
    """

    questions: list[dict[str, Any]]
    key: dict[str, list[str]]
    paper_hash: str
    shape: list[list[Any]]


def draw_paper(
    bank: Sequence[BankQuestion], *, counts: Mapping[str, int], scores: Mapping[str, int], draw: Draw
) -> DrawnPaper:
    """Draw a paper.

    Args:
        bank: Approved, distinct questions.
        counts: Questions of each kind.
        scores: Points of a question of each kind.
        draw: The committed stream of this person and exam.
    """
    questions: list[dict[str, Any]] = []
    key: dict[str, list[str]] = {}
    for kind in KINDS:
        pool = sorted((one for one in bank if one.kind == kind), key=lambda one: one.id)
        for question in draw.sample(pool, counts.get(kind, 0)):
            number = len(questions) + 1
            options = list(question.options) if kind == TRUE_FALSE else draw.shuffled(question.options)
            renamed = {old: LETTERS[place] for place, (old, _) in enumerate(options)}
            questions.append(
                {
                    "no": number,
                    "question_id": question.id,
                    "content_hash": question.content_hash,
                    "kind": kind,
                    "stem": question.stem,
                    "options": [{"key": renamed[old], "text": text} for old, text in options],
                    "score": scores.get(kind, 1),
                }
            )
            key[str(number)] = sorted(renamed[old] for old in question.answer)
    return DrawnPaper(
        questions=questions,
        key=key,
        paper_hash=canonical_hash(questions),
        shape=[[one["kind"], len(one["options"])] for one in questions],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What one question earned."""

    no: int
    score: int
    max_score: int
    is_right: bool


def mark_paper(
    questions: Sequence[Mapping[str, Any]], key: Mapping[str, Sequence[str]], answers: Mapping[int, Sequence[str]]
) -> list[Mark]:
    """Mark every question: all right options and no other, or nothing.

    Args:
        questions: As drawn.
        key: Right keys by question number.
        answers: Given keys by question number; unanswered ones are absent or empty.
    """
    marks = []
    for question in questions:
        given = sorted(set(answers.get(question["no"], ())))
        is_right = bool(given) and given == sorted(key[str(question["no"])])
        marks.append(
            Mark(
                no=question["no"],
                score=question["score"] if is_right else 0,
                max_score=question["score"],
                is_right=is_right,
            )
        )
    return marks


def is_possible(shape: Sequence[Sequence[Any]], no: int, value: Sequence[str]) -> bool:
    """Tell whether an answer can belong to the paper; an empty value takes an answer back."""
    if not 1 <= no <= len(shape):
        return False
    kind, option_count = shape[no - 1]
    letters = LETTERS[:option_count]
    if len(set(value)) != len(value) or any(key not in letters or len(key) != 1 for key in value):
        return False
    return kind == MULTIPLE or len(value) <= 1
