from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.identity import consents
from app.identity.consent_texts import ConsentText, Parties, load_texts
from app.identity.errors import ConsentNeeded, TextChanged
from app.identity.events import ConsentGiven, ConsentRefused, ConsentWithdrawn
from app.identity.models import Consent

TEXTS = load_texts(Parties(operator="某某科技有限公司", contact="0431-00000000"))
FACE = TEXTS["face_verify"]


@pytest.fixture
def person_id(listed):
    return listed(1).id


def answer(desk, person_id, granted=True, *, shown: ConsentText = FACE, shown_sha256=None):
    return consents.answer_consent(
        desk.work(kind="trainee"),
        person_id=person_id,
        text=shown,
        granted=granted,
        shown_sha256=shown_sha256 or shown.sha256,
        user_agent="Mozilla/5.0",
    )


def newer(shown: ConsentText) -> ConsentText:
    return ConsentText(
        purpose=shown.purpose,
        version="9.0",
        title=shown.title,
        body_markdown="新的文本",
        sha256="f" * 64,
        is_required=shown.is_required,
    )


@pytest.mark.clause("L-PI-1")
class TestAnswerConsent:
    def test_keeps_text_version_time_and_client(self, desk, person_id):
        answer(desk, person_id)
        row = desk.session.scalars(select(Consent)).one()
        assert (row.purpose, row.state, row.version, row.text_sha256) == (
            "face_verify",
            "given",
            FACE.version,
            FACE.sha256,
        )
        assert (row.at, row.ip, row.user_agent) == (desk.clock.now(), "203.0.113.7", "Mozilla/5.0")
        assert [heard.purpose for heard in desk.heard_of(ConsentGiven)] == ["face_verify"]

    def test_answers_one_purpose_and_no_other(self, desk, person_id):
        answer(desk, person_id)
        assert [purpose for purpose in TEXTS if consents.has_consent(desk.session, person_id, purpose)] == [
            "face_verify"
        ]

    def test_needs_the_text_that_was_shown_to_be_the_present_one(self, desk, person_id):
        with pytest.raises(TextChanged, match="请刷新页面"):
            answer(desk, person_id, shown_sha256="0" * 64)
        assert not consents.has_consent(desk.session, person_id, "face_verify")

    @pytest.mark.clause("L-FR-6")
    def test_records_a_refusal_as_an_answer(self, desk, person_id):
        answer(desk, person_id, granted=False)
        latest = consents.answers_of(desk.session, person_id)["face_verify"]
        assert consents.state_for(latest, FACE) == "refused"
        assert consents.state_for(latest, newer(FACE)) == "refused"
        assert len(desk.heard_of(ConsentRefused)) == 1

    @pytest.mark.parametrize("granted", [True, False])
    def test_changes_nothing_when_the_answer_is_the_same(self, desk, person_id, granted):
        for _ in range(3):
            answer(desk, person_id, granted=granted)
        assert len(desk.session.scalars(select(Consent)).all()) == 1
        assert len(desk.heard_of(ConsentGiven)) + len(desk.heard_of(ConsentRefused)) == 1

    def test_takes_a_refusal_of_what_was_given_for_a_withdrawal(self, desk, person_id):
        answer(desk, person_id)
        assert answer(desk, person_id, granted=False).state == "withdrawn"
        assert len(desk.heard_of(ConsentWithdrawn)) == 1

    def test_lets_somebody_agree_after_all(self, desk, person_id):
        answer(desk, person_id, granted=False)
        answer(desk, person_id)
        assert consents.has_consent(desk.session, person_id, "face_verify")

    def test_asks_again_when_the_text_somebody_agreed_to_has_changed(self, desk, person_id):
        answer(desk, person_id)
        latest = consents.answers_of(desk.session, person_id)["face_verify"]
        assert consents.state_for(latest, newer(FACE)) == "unanswered"
        assert consents.has_consent(desk.session, person_id, "face_verify")
        answer(desk, person_id, shown=newer(FACE))
        assert consents.versions_given(desk.session, person_id) == {"face_verify": "9.0"}

    def test_cannot_be_changed_afterwards(self, desk, person_id):
        answer(desk, person_id)
        with pytest.raises(DBAPIError, match="append-only"):
            desk.session.execute(text("UPDATE consent SET state = 'refused'"))


@pytest.mark.clause("L-PI-1")
class TestWithdrawConsent:
    def test_works_at_once_and_tells_the_other_rooms(self, desk, person_id):
        answer(desk, person_id)
        consents.withdraw_consent(desk.work(), person_id=person_id, purpose="face_verify")
        assert not consents.has_consent(desk.session, person_id, "face_verify")
        (heard,) = desk.heard_of(ConsentWithdrawn)
        assert (heard.person_id, heard.purpose) == (person_id, "face_verify")
        assert [entry.details["state"] for entry in desk.audited("answer_consent")] == ["given", "withdrawn"]

    @pytest.mark.parametrize("before", [None, False])
    def test_is_harmless_when_nothing_was_given(self, desk, person_id, before):
        if before is not None:
            answer(desk, person_id, granted=before)
        consents.withdraw_consent(desk.work(), person_id=person_id, purpose="face_verify")
        assert desk.heard_of(ConsentWithdrawn) == []


class TestRequireConsents:
    def test_names_the_first_one_missing(self, desk, person_id):
        answer(desk, person_id, shown=TEXTS["account"])
        with pytest.raises(ConsentNeeded) as caught:
            consents.require_consents(desk.session, person_id, ("account", "id_card"))
        assert caught.value.extensions["purpose"] == "id_card"

    def test_does_not_count_what_was_withdrawn(self, desk, person_id):
        answer(desk, person_id, shown=TEXTS["account"])
        consents.withdraw_consent(desk.work(), person_id=person_id, purpose="account")
        with pytest.raises(ConsentNeeded):
            consents.require_consents(desk.session, person_id, ("account",))

    def test_does_not_count_somebody_elses(self, desk, listed, person_id):
        answer(desk, listed(2).id, shown=TEXTS["account"])
        with pytest.raises(ConsentNeeded):
            consents.require_consents(desk.session, person_id, ("account",))
