"""ID numbers of citizens (GB 11643-1999): read them, and refuse impossible ones.

18 characters: 6 of region, 8 of birth date, 3 of sequence (odd means male), 1 check character. Region codes are
withdrawn and re-drawn over the years while numbers stay valid, so an unknown region is a warning, never an error.
Cards for permanent residents from abroad follow the same standard with a first digit of 9.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from app.identity.errors import IdNumberRefused

__all__ = ["MAX_AGE", "MIN_AGE", "IdNumber", "IdNumberFault", "Sex", "age_on", "check_character", "parse_id_number"]

MIN_AGE = 16
"""Nobody younger may be employed, so nobody younger is trained for a trade."""
MAX_AGE = 120
"""A sanity bound only; no rule of subsidies has an upper age."""

Sex = Literal["M", "F"]

_SHAPE = re.compile(r"[0-9]{17}[0-9X]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91")
"""First two digits in use: provinces, the residence permits of 81 to 83, permanent residents from abroad."""


class IdNumberFault(StrEnum):
    """Why a number cannot be a person's."""

    SHAPE = "shape"
    CHECKSUM = "checksum"
    DATE = "date"
    FUTURE = "future"
    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"


_ADVICE = {
    IdNumberFault.SHAPE: "身份证号应为18位：前17位是数字，最后一位是数字或字母X。请对照身份证重新填写。",
    IdNumberFault.CHECKSUM: "身份证号有误：校验位不符，可能有一位填错。请对照身份证重新填写。",
    IdNumberFault.DATE: "身份证号有误：其中的出生日期不存在。请对照身份证重新填写。",
    IdNumberFault.FUTURE: "身份证号有误：其中的出生日期在今天之后。请对照身份证重新填写。",
    IdNumberFault.TOO_YOUNG: f"身份证号显示未满{MIN_AGE}周岁，不能参加职业技能培训。如有错误，请对照身份证重新填写。",
    IdNumberFault.TOO_OLD: f"身份证号显示超过{MAX_AGE}周岁，请对照身份证重新填写。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdNumber:
    """A number that passes every rule.

    Attributes:
        number: 18 characters, a final x written as X.
        region: First six digits: where the number was first given out.
        birth_on: Date of birth.
        sex: By the parity of the sequence, `M` or `F`.
        is_region_known: False when the province digits are unknown: a warning to look at, not a fault.
    """

    number: str
    region: str
    birth_on: date
    sex: Sex
    is_region_known: bool


def parse_id_number(text: str, *, today: date) -> IdNumber:
    """Read an ID number.

    Args:
        text: As typed; blanks around it and full-width or lower-case characters are forgiven.
        today: The Chinese calendar day, for the age.

    Raises:
        IdNumberRefused: It cannot be a person's number; `fault` (an `IdNumberFault`) says why.

    Clauses:
        CC-A2-4.2
    """
    number = _normalize(text)
    if not _SHAPE.fullmatch(number):
        raise _refusal(IdNumberFault.SHAPE)
    if check_character(number[:17]) != number[17]:
        raise _refusal(IdNumberFault.CHECKSUM)
    birth_on = _birth_on(number)
    age = age_on(birth_on, today=today)
    if birth_on > today:
        raise _refusal(IdNumberFault.FUTURE)
    if age < MIN_AGE:
        raise _refusal(IdNumberFault.TOO_YOUNG)
    if age > MAX_AGE:
        raise _refusal(IdNumberFault.TOO_OLD)
    return IdNumber(
        number=number,
        region=number[:6],
        birth_on=birth_on,
        sex="M" if int(number[16]) % 2 else "F",
        is_region_known=_PROVINCES.match(number) is not None,
    )


def check_character(first17: str) -> str:
    """Compute the check character of 17 digits (ISO 7064, MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return _CHECK_CHARACTERS[total % 11]


def age_on(birth_on: date, *, today: date) -> int:
    """Count the completed years of life; negative before birth. Those born on 29 February age on 1 March."""
    return today.year - birth_on.year - ((today.month, today.day) < (birth_on.month, birth_on.day))


def _normalize(text: str) -> str:
    """Forgive blanks, full-width forms and a lower-case x; anything over-long stays as it is and fails on shape."""
    if len(text) > 64:  # noqa: PLR2004 - far longer than any number with blanks; do not copy a megabyte
        return ""
    half_width = "".join(chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text)
    return "".join(half_width.split()).upper()


def _birth_on(number: str) -> date:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise _refusal(IdNumberFault.DATE) from None


def _refusal(fault: IdNumberFault) -> IdNumberRefused:
    return IdNumberRefused(_ADVICE[fault], pointers={"/id_number": _ADVICE[fault]}, fault=fault.value)
