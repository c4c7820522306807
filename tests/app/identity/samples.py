"""Numbers for tests: made up, with regions that are given to nobody."""

from __future__ import annotations

from datetime import date

from app.identity.rules.id_number import check_character
from app.identity.rules.uscc import uscc_check_character


def make_id_number(*, born: date = date(1990, 5, 17), sequence: int = 1, region: str = "990101") -> str:
    """Make an ID number that passes every rule, in an unassigned region."""
    first17 = f"{region}{born:%Y%m%d}{sequence:03d}"
    return first17 + check_character(first17)


def make_phone(number: int = 1) -> str:
    """Make a mobile number of a range used for tests only."""
    return f"199{number:08d}"


def make_uscc(number: int = 1) -> str:
    """Make a social credit code in an unassigned region."""
    first17 = f"52990100MJ{number:07d}"
    return first17 + uscc_check_character(first17)
