from __future__ import annotations

from itertools import count

import pytest

from app.core.work import Work
from app.identity.people import import_person

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def generated_id_number(serial: int) -> str:
    """Make a formally valid ID number of an unassigned region."""
    body = f"99000119800101{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


@pytest.fixture
def make_person(work: Work):
    """Import a person; supervision only needs its id."""
    serials = count(1)

    def make():
        serial = next(serials)
        return import_person(
            work, name="测试学员", id_number=generated_id_number(serial), phone=f"1990000{serial:04d}"
        ).id

    return make
