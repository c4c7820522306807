from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.ids import new_id
from app.identity import consents, queries, real_name
from app.identity.consent_texts import Parties, load_texts
from app.identity.errors import (
    AlreadyConfirmed,
    ConsentNeeded,
    IdNumberRefused,
    NameRefused,
    PhoneShared,
    ProofNeeded,
    ProofRefused,
    RealNameLocked,
    RealNameMismatch,
    RealNameNeeded,
)
from app.identity.events import ProofFile, RealNameVerified
from app.identity.models import Person
from app.identity.outcomes import Refused
from app.identity.ports import ClassPlace
from tests.app.identity.samples import make_id_number, make_phone

TEXTS = load_texts(Parties(operator="某某科技有限公司", contact="0431-00000000"))


def agree(desk, person_id: UUID, *purposes: str) -> None:
    for purpose in purposes or TEXTS:
        consents.answer_consent(
            desk.work(), person_id=person_id, text=TEXTS[purpose], granted=True, shown_sha256=TEXTS[purpose].sha256
        )


def match(desk, person: Person, *, name="温若竹", id_number=None):
    return real_name.check_real_name(
        desk.work(), person_id=person.id, name=name, id_number=id_number or make_id_number(sequence=1)
    )


def proof(number: int = 1) -> ProofFile:
    return ProofFile(object_id=new_id(), sha256=f"{number:064x}", size_bytes=1000, media_type="image/jpeg")


@pytest.fixture
def person(desk, listed) -> Person:
    """Somebody who has signed in and agreed to everything."""
    made = listed(1)
    made.status, made.phone_verified_at = "activated", desk.clock.now()
    agree(desk, made.id)
    return made


@pytest.fixture
def place() -> ClassPlace:
    return ClassPlace(
        enrollment_id=new_id(), trade_code="4-10-01-05", level="5", category_code="employee", needs_proof=True
    )


@pytest.mark.clause("CC-A2-4.2")
class TestCheckRealName:
    @pytest.mark.parametrize("name", ["温若竹", " 温 若竹"])
    def test_matches_name_and_number_however_they_were_typed(self, desk, person, name):
        assert match(desk, person, name=name, id_number=f" {make_id_number(sequence=1).lower()} ") is None
        assert person.matched_at == desk.clock.now()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": "温若筑"},
            {"id_number": make_id_number(sequence=2)},
            {"name": "江", "id_number": make_id_number(sequence=2)},
        ],
    )
    def test_never_says_which_of_the_two_is_wrong(self, desk, person, wrong):
        refused = match(desk, person, **wrong)
        assert isinstance(refused, Refused)
        assert type(refused.error) is RealNameMismatch
        assert refused.error.detail == RealNameMismatch.title
        assert person.matched_at is None

    def test_does_not_match_another_person_of_the_list(self, desk, listed, person):
        listed(2, name="江望舒")
        refused = match(desk, person, name="江望舒", id_number=make_id_number(sequence=2))
        assert type(refused.error) is RealNameMismatch

    def test_locks_after_five_wrong_pairs_for_a_quarter_of_an_hour(self, desk, person):
        for _ in range(5):
            match(desk, person, name="江")
        with pytest.raises(RealNameLocked):
            match(desk, person)
        assert len(desk.audited("lock_real_name")) == 1
        desk.pass_time(minutes=15)
        assert match(desk, person) is None

    def test_forgets_wrong_pairs_after_a_right_one(self, desk, person):
        for _ in range(2):
            for _ in range(4):
                assert isinstance(match(desk, person, name="江"), Refused)
            assert match(desk, person) is None

    def test_counts_nothing_that_cannot_be_a_guess(self, desk, person):
        for _ in range(9):
            with pytest.raises(IdNumberRefused):
                match(desk, person, id_number="123")
            with pytest.raises(NameRefused):
                match(desk, person, name="温" * 1_000_000)
        assert match(desk, person) is None

    def test_tells_the_second_one_of_a_phone_what_to_do(self, desk, listed, person):
        listed(2, name="江望舒", phone=make_phone(1))
        refused = match(desk, person, name="江望舒", id_number=make_id_number(sequence=2))
        assert type(refused.error) is PhoneShared
        assert "联系培训机构更正" in refused.error.detail

    def test_needs_the_consent_to_process_the_id_card(self, desk, person):
        consents.withdraw_consent(desk.work(), person_id=person.id, purpose="id_card")
        with pytest.raises(ConsentNeeded):
            match(desk, person)

    def test_writes_no_name_into_the_audit_trail(self, desk, person):
        match(desk, person, name="江")
        match(desk, person)
        assert [entry.outcome for entry in desk.audited("match_real_name")] == ["refused", "done"]
        rows = desk.session.execute(text("SELECT json_agg(a)::text FROM audit_entry a")).scalar_one()
        assert "温若竹" not in rows
        assert make_id_number(sequence=1) not in rows


@pytest.mark.clause("CC-A2-4.2", "CC-1.1")
class TestConfirmEnrollment:
    def confirm(self, desk, person, place):
        return real_name.confirm_enrollment(desk.work(), person_id=person.id, place=place)

    def prove(self, desk, person, place, number=1, *, file_name="证明.jpg"):
        return real_name.add_proof(
            desk.work(), person_id=person.id, place=place, proof=proof(number), file_name=file_name
        )

    def test_verifies_the_person_with_all_six_fields(self, desk, person, place):
        match(desk, person)
        row = self.prove(desk, person, place)
        record = self.confirm(desk, person, place)
        assert person.status == "verified"
        assert (record.trade_code, record.level, record.category_code) == ("4-10-01-05", "5", "employee")
        assert record.proof_object_ids == [row.object_id]
        assert record.phone_verified_at == person.phone_verified_at
        assert queries.confirmed_enrollments(desk.session, person.id) == {place.enrollment_id}

    def test_says_everything_the_real_name_system_wants_and_nothing_in_clear(self, desk, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        self.confirm(desk, person, place)
        (heard,) = desk.heard_of(RealNameVerified)
        assert (heard.verify_method, heard.verified_at) == ("roster_match+sms_code", desk.clock.now())
        assert (heard.birth_year, heard.sex, heard.hukou_region, heard.id_type) == (1990, "M", "220104", "resident_id")
        assert heard.consent_versions == {purpose: TEXTS[purpose].version for purpose in sorted(TEXTS)}
        assert [one.sha256 for one in heard.proofs] == [f"{1:064x}"]
        said = repr(heard)
        assert not any(secret in said for secret in ("温若竹", make_id_number(sequence=1), make_phone(1)))

    def test_needs_a_match_first(self, desk, person, place):
        with pytest.raises(RealNameNeeded):
            self.prove(desk, person, place)
        with pytest.raises(RealNameNeeded):
            self.confirm(desk, person, place)

    def test_needs_a_phone_that_was_proven(self, desk, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        person.phone_verified_at = None
        desk.session.flush()
        with pytest.raises(RealNameNeeded):
            self.confirm(desk, person, place)

    def test_needs_the_proof_of_a_category_that_asks_for_one(self, desk, person, place):
        match(desk, person)
        with pytest.raises(ProofNeeded):
            self.confirm(desk, person, place)
        assert person.status == "activated"

    def test_needs_no_proof_of_a_category_that_asks_for_none(self, desk, person):
        match(desk, person)
        free = ClassPlace(
            enrollment_id=new_id(), trade_code="1", level="5", category_code="employee", needs_proof=False
        )
        assert self.confirm(desk, person, free).proof_object_ids == []

    @pytest.mark.parametrize("purpose", ["account", "id_card", "push_to_realname_system"])
    def test_needs_the_required_consents(self, desk, person, place, purpose):
        match(desk, person)
        self.prove(desk, person, place)
        consents.withdraw_consent(desk.work(), person_id=person.id, purpose=purpose)
        with pytest.raises(ConsentNeeded):
            self.confirm(desk, person, place)

    def test_needs_no_consent_to_faces_or_recording(self, desk, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        for purpose in ("face_verify", "face_store_and_transfer", "recording"):
            consents.withdraw_consent(desk.work(), person_id=person.id, purpose=purpose)
        assert self.confirm(desk, person, place)
        (heard,) = desk.heard_of(RealNameVerified)
        assert sorted(heard.consent_versions) == ["account", "id_card", "push_to_realname_system"]

    def test_happens_once(self, desk, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        first = self.confirm(desk, person, place)
        assert self.confirm(desk, person, place).id == first.id
        assert len(desk.heard_of(RealNameVerified)) == 1

    def test_closes_the_record(self, desk, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        self.confirm(desk, person, place)
        with pytest.raises(AlreadyConfirmed):
            self.prove(desk, person, place, 2)
        with pytest.raises(DBAPIError, match="append-only"):
            desk.session.execute(text("UPDATE real_name_record SET level = '1'"))

    def test_takes_ten_proofs(self, desk, person, place):
        match(desk, person)
        for number in range(10):
            self.prove(desk, person, place, number)
        with pytest.raises(ProofRefused, match="10份"):
            self.prove(desk, person, place, 11)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("C:\\Users\\me\\参保证明.pdf", "参保证明.pdf"),
            ("../../etc/passwd", "passwd"),
            ("a\x00b\n.jpg", "ab.jpg"),
            ("", "证明材料"),
            ("/", "证明材料"),
        ],
    )
    def test_keeps_a_plain_file_name_encrypted(self, desk, person, place, given, kept):
        match(desk, person)
        row = self.prove(desk, person, place, file_name=given)
        assert kept not in row.file_name_enc
        proofs = queries.proofs_by_enrollment(desk.session, desk.vault, person.id)
        assert [one.file_name for one in proofs[place.enrollment_id]] == [kept]

    def test_counts_no_more_while_a_corrected_name_waits_for_its_match(self, desk, listed, person, place):
        match(desk, person)
        self.prove(desk, person, place)
        self.confirm(desk, person, place)
        listed(1, name="温若筑")
        assert queries.confirmed_enrollments(desk.session, person.id) == frozenset()
        match(desk, person, name="温若筑")
        assert queries.confirmed_enrollments(desk.session, person.id) == {place.enrollment_id}
