"""What a trainee who has studied knows: the right options of every question of the demonstration's bank."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from app.demo.questions import load_questions


@cache
def _right_texts() -> dict[str, frozenset[str]]:
    return {
        question.stem: frozenset(question.options[ord(letter) - ord("A")] for letter in question.answer)
        for question in load_questions()
    }


def right_texts(stem: str) -> frozenset[str]:
    """Give the texts of the right options; papers show options in another order than the bank.

    Raises:
        KeyError: The question is not of the demonstration's bank.
    """
    return _right_texts()[stem.strip()]


def right_keys(stem: str, options: Iterable[tuple[str, str]]) -> list[str]:
    """Choose the keys of the right options.

    Args:
        stem: The question.
        options: Key and text of each option as shown.
    """
    right = right_texts(stem)
    return [key for key, text in options if text in right]
