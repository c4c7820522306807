"""The rules of a lesson hour as they are frozen into a class: JSON without floats, and back."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

from app.core.db import Json
from app.training.parameters import LessonRules


def freeze(rules: LessonRules) -> Json:
    """Write rules as JSON; ratios become `[numerator, denominator]`."""
    frozen: Json = {}
    for item in fields(rules):
        value = getattr(rules, item.name)
        frozen[item.name] = [value.numerator, value.denominator] if isinstance(value, Fraction) else value
    return frozen


def thaw(frozen: Json) -> LessonRules:
    """Read what `freeze` wrote.

    Raises:
        TypeError: A member is missing or unknown.
    """
    values: Json = {name: Fraction(*value) if isinstance(value, list) else value for name, value in frozen.items()}
    return LessonRules(**values)
