"""Kinds of values a pack may hold, and the base of its sections.

Floats are refused everywhere: seven tenths is written ``"7/10"``, ten yuan ``1000`` (fen).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """One table of a pack file: frozen, without unknown keys, without silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _exact(value: Any) -> Fraction:
    """Turn ``"7/10"``, ``"0.7"`` or a whole number into a fraction; refuse floats.

    Raises:
        ValueError: The value is a float or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Fraction)):
        raise ValueError('a ratio is written as text, such as "7/10"')  # noqa: TRY004 - pydantic collects ValueError
    return Fraction(value)


Exact = Annotated[Fraction, BeforeValidator(_exact)]
Share = Annotated[Exact, Field(ge=0, le=1)]
"""A ratio from nothing to all."""
PositiveInt = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Fen = Annotated[int, Field(ge=0)]
"""An amount of money in fen, a hundredth of a yuan."""
