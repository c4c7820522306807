from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.identity import queries
from app.identity.errors import (
    IdNumberRefused,
    NameRefused,
    PersonNotFound,
    PhoneRefused,
    ReasonMissing,
    UnmaskNotAllowed,
    UsccRefused,
)
from app.identity.events import PersonImported
from app.identity.people import import_organization, import_person, reveal_person
from tests.app.identity.samples import make_id_number, make_phone, make_uscc


@pytest.mark.clause("CC-A2-4.2")
class TestImportPerson:
    def test_knows_one_number_as_one_person(self, desk, listed):
        first = listed(1)
        again = listed(1, name="温若竹", phone=make_phone(1))
        assert again.id == first.id
        assert [event.is_new for event in desk.heard_of(PersonImported)] == [True, False]

    def test_reads_birth_and_sex_from_the_number(self, listed):
        person = listed(1, id_number=make_id_number(born=date(1985, 9, 9), sequence=282))
        assert (person.birth_on, person.sex, person.status) == (date(1985, 9, 9), "F", "imported")

    def test_stores_nothing_personal_in_clear(self, desk, listed):
        listed(1)
        row = desk.session.execute(text("SELECT row_to_json(p)::text FROM person p")).scalar_one()
        assert make_id_number(sequence=1) not in row
        assert make_phone(1) not in row
        assert "温若竹" not in row

    def test_keeps_the_second_person_of_a_phone_without_the_phone(self, desk, listed):
        first, second = listed(1), listed(2, phone=make_phone(1))
        assert (first.has_phone, second.has_phone) == (True, False)
        assert desk.heard_of(PersonImported)[-1].shares_phone_with == first.id
        assert queries.shared_phones(desk.session, [first.id, second.id]) == {second.id: first.id}

    def test_gives_a_phone_that_became_free_to_the_next(self, desk, listed):
        first, second = listed(1), listed(2, phone=make_phone(1))
        listed(1, phone=make_phone(9))
        desk.session.refresh(second)
        assert (first.has_phone, second.has_phone) == (True, True)

    def test_forgets_that_the_old_phone_was_proven(self, desk, listed):
        person = listed(1)
        person.phone_verified_at = desk.clock.now()
        assert listed(1, phone=make_phone(9)).phone_verified_at is None
        assert [entry.details["field"] for entry in desk.audited("correct_person")] == ["phone"]

    def test_asks_for_a_new_match_when_the_name_was_corrected(self, desk, listed):
        person = listed(1)
        person.matched_at = desk.clock.now()
        assert listed(1, name="温若筑").matched_at is None

    def test_keeps_what_a_later_list_does_not_say(self, desk, listed):
        listed(1)
        again = import_person(
            desk.work(), name="温若竹", id_number=make_id_number(sequence=1), phone=make_phone(1), city_key="PK1"
        )
        assert (again.hukou_region, again.city_key) == ("220104", "PK1")

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"name": "<温>"}, NameRefused),
            ({"id_number": "123"}, IdNumberRefused),
            ({"phone": "123"}, PhoneRefused),
        ],
    )
    def test_refuses_what_is_no_person(self, listed, changes, error):
        with pytest.raises(error):
            listed(1, **changes)


class TestImportOrganization:
    def test_brings_the_same_code_up_to_date(self, desk):
        first = import_organization(
            desk.work(), kind="institution", authority_code="JG1", name="旧名", uscc=make_uscc()
        )
        second = import_organization(
            desk.work(), kind="institution", authority_code="JG1", name="新名", designated_until=date(2027, 1, 1)
        )
        assert (second.id, second.name) == (first.id, "新名")
        assert queries.find_organization(desk.session, authority_code="JG1").name == "新名"

    def test_refuses_a_wrong_code(self, desk):
        with pytest.raises(UsccRefused):
            import_organization(desk.work(), kind="institution", authority_code="JG1", name="名", uscc="5" * 18)


class TestRevealPerson:
    def test_shows_everything_and_writes_down_who_looked_and_why(self, desk, listed):
        person = listed(1)
        shown = reveal_person(desk.work(kind="bureau_auditor"), person_id=person.id, reason="核对补贴申领")
        assert (shown.id_number, shown.phone, shown.name) == (make_id_number(sequence=1), make_phone(1), "温若竹")
        assert shown.id_number not in repr(shown)
        (entry,) = desk.audited("unmask_person")
        assert (entry.reason, entry.subject_id) == ("核对补贴申领", person.id)

    @pytest.mark.parametrize("kind", ["trainee", "institution_author", "institution_reviewer", "operator", "anonymous"])
    def test_is_only_for_the_bureau(self, desk, listed, kind):
        with pytest.raises(UnmaskNotAllowed):
            reveal_person(desk.work(kind=kind), person_id=listed(1).id, reason="核对补贴申领")

    @pytest.mark.parametrize("reason", ["", "    ", "看看 "])
    def test_needs_a_reason(self, desk, listed, reason):
        with pytest.raises(ReasonMissing):
            reveal_person(desk.work(kind="bureau_auditor"), person_id=listed(1).id, reason=reason)


class TestQueries:
    def test_show_a_person_masked(self, desk, listed):
        card = queries.person_card(desk.session, desk.vault, listed(1).id)
        assert (card.name_masked, card.phone_masked) == ("温**", "199****0001")
        assert card.id_number_masked == f"990101********{make_id_number(sequence=1)[-4:]}"

    def test_find_a_person_by_number_however_it_was_typed(self, desk, listed):
        person = listed(1)
        found = queries.find_person_by_id_number(
            desk.session, desk.vault, f" {make_id_number(sequence=1).lower()}", now=desk.clock.now()
        )
        assert found == person.id

    @pytest.mark.parametrize("typed", ["", "abc", make_id_number(sequence=77)])
    def test_find_nobody_by_another_number(self, desk, listed, typed):
        listed(1)
        assert queries.find_person_by_id_number(desk.session, desk.vault, typed, now=desk.clock.now()) is None

    def test_say_plainly_that_a_person_is_not_there(self, desk, listed):
        with pytest.raises(PersonNotFound):
            queries.person_card(desk.session, desk.vault, new_id())
