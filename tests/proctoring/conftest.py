from __future__ import annotations

from itertools import count

import pytest

from app.core.work import Work
from app.identity.people import import_person
from tests.id_numbers import generated_id_number


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
