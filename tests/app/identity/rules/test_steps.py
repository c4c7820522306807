from __future__ import annotations

from dataclasses import replace

import pytest

from app.identity.rules.steps import TraineeFacts, steps_of

GIVEN = dict.fromkeys(
    ["account", "id_card", "push_to_realname_system", "face_verify", "face_store_and_transfer", "recording"], "given"
)
READY = TraineeFacts(
    is_activated=True,
    consents=GIVEN,
    is_matched=True,
    has_unconfirmed_class=False,
    has_face_enrolment=True,
    has_passkey=False,
)


def done(facts: TraineeFacts) -> dict[str, bool]:
    return {step.key: step.done for step in steps_of(facts)}


@pytest.mark.clause("CC-A2-4.2")
class TestStepsOf:
    def test_stand_in_their_order(self):
        assert [step.key for step in steps_of(READY)] == [
            "activate",
            "consents",
            "real_name",
            "identity_method",
            "learn",
        ]

    def test_are_all_done_before_learning(self):
        assert done(READY) == {
            "activate": True,
            "consents": True,
            "real_name": True,
            "identity_method": True,
            "learn": False,
        }

    @pytest.mark.parametrize("purpose", ["account", "id_card", "push_to_realname_system"])
    @pytest.mark.parametrize("state", ["refused", "withdrawn", "unanswered"])
    def test_need_the_required_consents(self, purpose, state):
        assert not done(replace(READY, consents=GIVEN | {purpose: state}))["consents"]

    def test_take_a_refusal_of_an_optional_consent_for_an_answer(self):
        assert done(replace(READY, consents=GIVEN | {"recording": "refused"}))["consents"]
        assert not done(replace(READY, consents=GIVEN | {"recording": "unanswered"}))["consents"]

    def test_go_on_with_a_passkey_when_faces_are_refused(self):
        refused = replace(READY, consents=GIVEN | {"face_verify": "refused"})
        assert not done(refused)["identity_method"]
        assert done(replace(refused, has_passkey=True))["identity_method"]

    def test_stop_counting_face_photos_when_the_consent_is_withdrawn(self):
        withdrawn = replace(READY, consents=GIVEN | {"face_store_and_transfer": "withdrawn"})
        assert not done(withdrawn)["identity_method"]

    def test_wait_for_every_class_to_be_confirmed(self):
        assert not done(replace(READY, has_unconfirmed_class=True))["real_name"]
