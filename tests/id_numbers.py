"""Formally valid ID numbers of an unassigned region, so that they belong to nobody."""

from __future__ import annotations

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def generated_id_number(serial: int, *, born: str = "19800101") -> str:
    """Make the `serial`-th number (1 to 999) of region 990001."""
    body = f"990001{born}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
