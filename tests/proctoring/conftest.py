from __future__ import annotations

import pytest

from app.core.ids import new_id
from app.core.work import Work


@pytest.fixture
def make_person(work: Work):
    """Make a person row; supervision only needs its id."""

    def make():
        from app.identity.models import Person

        person = Person(
            id=new_id(),
            name_enc="1.x",
            id_number_enc="1.x",
            id_number_index=new_id().hex,
            phone_enc="1.x",
            phone_index=new_id().hex,
            status="imported",
        )
        work.session.add(person)
        work.session.flush()
        return person.id

    return make


