from __future__ import annotations

import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from webauthn.helpers import base64url_to_bytes

from app.identity import passkeys, queries
from app.identity.errors import ChallengeExpired, PasskeyRefused, RealNameNeeded
from app.identity.events import PasskeyRegistered
from app.identity.models import Passkey
from app.identity.passkeys import RelyingParty
from tests.app.identity.authenticator import USER_PRESENT, Authenticator

RP = RelyingParty.from_public_url("http://localhost:8000")
SUBJECT = "check-in:0190"


@pytest.fixture
def person_id(desk, listed):
    person = listed(1)
    person.matched_at = desk.clock.now()
    desk.session.flush()
    return person.id


def register(desk, person_id, device) -> Passkey:
    options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
    return passkeys.register_passkey(desk.work(), person_id=person_id, credential=device.create(options), rp=RP)


def ask(desk, person_id, subject=SUBJECT) -> dict:
    return passkeys.assertion_options(desk.work(), person_id=person_id, subject=subject, rp=RP)


def verify(desk, person_id, credential, subject=SUBJECT):
    return passkeys.verify_assertion(desk.work(), person_id=person_id, subject=subject, credential=credential, rp=RP)


@pytest.fixture
def device(desk, person_id) -> Authenticator:
    made = Authenticator()
    register(desk, person_id, made)
    return made


class TestRelyingParty:
    @pytest.mark.parametrize(
        ("url", "rp_id", "origin"),
        [
            ("http://localhost:8000", "localhost", "http://localhost:8000"),
            ("https://px.example.cn/", "px.example.cn", "https://px.example.cn"),
        ],
    )
    def test_is_derived_from_the_public_address(self, url, rp_id, origin):
        party = RelyingParty.from_public_url(url)
        assert (party.id, party.origin) == (rp_id, origin)


@pytest.mark.clause("CC-A2-4.3")
class TestRegisterPasskey:
    def test_asks_for_user_verification_and_prefers_a_resident_key(self, desk, person_id):
        options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["authenticatorSelection"]["residentKey"] == "preferred"
        assert options["attestation"] == "none"
        assert "199****0001" in options["user"]["name"]

    def test_keeps_the_public_key(self, desk, person_id, device):
        assert queries.has_passkey(desk.session, person_id)
        assert [heard.person_id for heard in desk.heard_of(PasskeyRegistered)] == [person_id]
        assert desk.session.scalars(select(Passkey)).one().transports == ["internal"]

    def test_excludes_the_devices_registered_already(self, desk, person_id, device):
        options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
        assert [base64url_to_bytes(one["id"]) for one in options["excludeCredentials"]] == [device.credential_id]

    def test_needs_a_person_who_is_matched_with_the_list(self, desk, listed):
        with pytest.raises(RealNameNeeded):
            passkeys.registration_options(desk.work(), person_id=listed(2).id, rp=RP)

    def test_takes_ten_devices(self, desk, person_id):
        for _ in range(10):
            register(desk, person_id, Authenticator())
        with pytest.raises(PasskeyRefused, match="10个"):
            register(desk, person_id, Authenticator())

    def test_refuses_a_device_that_did_not_verify_its_user(self, desk, person_id):
        device = Authenticator()
        device.flags = USER_PRESENT
        with pytest.raises(PasskeyRefused):
            register(desk, person_id, device)

    @pytest.mark.parametrize(
        "lie", [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"origin": "http://localhost:8001"}]
    )
    def test_refuses_another_site(self, desk, person_id, lie):
        with pytest.raises(PasskeyRefused):
            register(desk, person_id, Authenticator(**lie))

    def test_takes_an_answer_once(self, desk, person_id):
        options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
        credential = Authenticator().create(options)
        passkeys.register_passkey(desk.work(), person_id=person_id, credential=credential, rp=RP)
        with pytest.raises(ChallengeExpired):
            passkeys.register_passkey(desk.work(), person_id=person_id, credential=credential, rp=RP)

    def test_refuses_a_key_somebody_else_registered(self, desk, listed, device):
        other = listed(2)
        other.matched_at = desk.clock.now()
        with pytest.raises(PasskeyRefused, match="已经登记过"):
            register(desk, other.id, device)


@pytest.mark.clause("CC-A2-4.3", "CC-5.3.3c", "L-FR-4")
class TestVerifyAssertion:
    def test_proves_the_person_for_the_subject(self, desk, person_id, device):
        proof = verify(desk, person_id, device.get(ask(desk, person_id)))
        assert proof.user_verified
        assert proof.sign_count == 1
        assert proof.credential_id_hash == hashlib.sha256(device.credential_id).hexdigest()

    def test_leaves_evidence_that_an_auditor_can_check_alone(self, desk, person_id, device):
        evidence = json.loads(verify(desk, person_id, device.get(ask(desk, person_id))).evidence)
        client_data = base64url_to_bytes(evidence["client_data_json"])
        challenge = base64url_to_bytes(json.loads(client_data)["challenge"])
        prefix = b"zhengxue-challenge\x00"
        assert (
            challenge
            == hashlib.sha256(prefix + bytes.fromhex(evidence["nonce"]) + evidence["subject"].encode()).digest()
        )
        signed = base64url_to_bytes(evidence["authenticator_data"]) + hashlib.sha256(client_data).digest()
        device.key.public_key().verify(base64url_to_bytes(evidence["signature"]), signed, ec.ECDSA(SHA256()))
        assert evidence["subject"] == SUBJECT

    def test_takes_an_answer_once(self, desk, person_id, device):
        answer = device.get(ask(desk, person_id))
        verify(desk, person_id, answer)
        with pytest.raises(ChallengeExpired):
            verify(desk, person_id, answer)

    def test_takes_an_answer_for_two_minutes(self, desk, person_id, device):
        options = ask(desk, person_id)
        desk.pass_time(minutes=2)
        with pytest.raises(ChallengeExpired, match="请重新开始"):
            verify(desk, person_id, device.get(options))

    def test_takes_no_answer_for_another_subject(self, desk, person_id, device):
        with pytest.raises(ChallengeExpired):
            verify(desk, person_id, device.get(ask(desk, person_id)), subject="check-in:0191")

    def test_takes_no_answer_to_a_challenge_it_never_put(self, desk, person_id, device):
        with pytest.raises(ChallengeExpired):
            verify(desk, person_id, device.get({"challenge": "AAAA"}))

    def test_takes_no_registration_for_a_proof(self, desk, person_id, device):
        options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
        with pytest.raises(ChallengeExpired):
            verify(desk, person_id, device.get(options))

    def test_takes_no_answer_of_another_person(self, desk, listed, person_id, device):
        other = listed(2)
        other.matched_at = desk.clock.now()
        helper = Authenticator()
        register(desk, other.id, helper)
        with pytest.raises(PasskeyRefused, match="不是您登记的"):
            verify(desk, person_id, helper.get(ask(desk, person_id)))
        with pytest.raises(ChallengeExpired):
            verify(desk, other.id, helper.get(ask(desk, person_id)))

    def test_refuses_a_device_that_did_not_verify_its_user(self, desk, person_id, device):
        device.flags = USER_PRESENT
        with pytest.raises(PasskeyRefused):
            verify(desk, person_id, device.get(ask(desk, person_id)))

    def test_refuses_a_counter_that_goes_back(self, desk, person_id, device):
        device.sign_count = 41
        verify(desk, person_id, device.get(ask(desk, person_id)))
        device.sign_count = 41
        with pytest.raises(PasskeyRefused):
            verify(desk, person_id, device.get(ask(desk, person_id)))

    def test_refuses_a_wrong_key(self, desk, person_id, device):
        device.key = ec.generate_private_key(ec.SECP256R1())
        with pytest.raises(PasskeyRefused):
            verify(desk, person_id, device.get(ask(desk, person_id)))

    @pytest.mark.parametrize(("member", "lie"), [("origin", "https://evil.example"), ("rp_id", "evil.example")])
    def test_refuses_another_site(self, desk, person_id, device, member, lie):
        setattr(device, member, lie)
        with pytest.raises(PasskeyRefused):
            verify(desk, person_id, device.get(ask(desk, person_id)))

    def test_says_what_to_do_without_a_passkey(self, desk, listed):
        with pytest.raises(PasskeyRefused, match="请先登记"):
            ask(desk, listed(3).id)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


class TestHostileCredentials:
    """Whatever a stranger sends, the answer is a refusal and never a fault of ours."""

    REFUSALS = (PasskeyRefused, ChallengeExpired)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        credential=st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response"]),
            json_values | st.dictionaries(st.sampled_from(["clientDataJSON", "signature"]), json_values, max_size=2),
        )
    )
    def test_shapes_are_refused(self, desk, person_id, device, credential):
        with pytest.raises(self.REFUSALS):
            verify(desk, person_id, credential)
        with pytest.raises(self.REFUSALS):
            passkeys.register_passkey(desk.work(), person_id=person_id, credential=credential, rp=RP)

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        member=st.sampled_from(["authenticatorData", "signature", "userHandle"]),
        value=st.text(max_size=60) | st.integers() | st.lists(st.integers(), max_size=2),
    )
    def test_members_are_refused(self, desk, person_id, device, member, value):
        answer = device.get(ask(desk, person_id))
        answer["response"][member] = value
        try:
            verify(desk, person_id, answer)
        except self.REFUSALS:
            return
        assert member == "userHandle"

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(garbage=st.binary(max_size=200))
    def test_attestations_are_refused(self, desk, person_id, garbage):
        options = passkeys.registration_options(desk.work(), person_id=person_id, rp=RP)
        credential = Authenticator().create(options)
        import base64

        credential["response"]["attestationObject"] = base64.urlsafe_b64encode(garbage).decode().rstrip("=")
        with pytest.raises(self.REFUSALS):
            passkeys.register_passkey(desk.work(), person_id=person_id, credential=credential, rp=RP)

    @pytest.mark.parametrize("fmt", ["packed", "tpm", "android-key", "android-safetynet", "apple", "fido-u2f", "x"])
    def test_other_attestations_without_a_statement_are_refused(self, desk, person_id, fmt):
        device = Authenticator()
        credential = device.create(passkeys.registration_options(desk.work(), person_id=person_id, rp=RP))
        attestation = cbor2.loads(base64url_to_bytes(credential["response"]["attestationObject"]))
        from webauthn.helpers import bytes_to_base64url

        credential["response"]["attestationObject"] = bytes_to_base64url(cbor2.dumps(attestation | {"fmt": fmt}))
        with pytest.raises(self.REFUSALS):
            passkeys.register_passkey(desk.work(), person_id=person_id, credential=credential, rp=RP)

    def test_a_megabyte_is_refused(self, desk, person_id, device):
        answer = device.get(ask(desk, person_id))
        answer["response"]["clientDataJSON"] = "A" * 1_000_000
        with pytest.raises(PasskeyRefused):
            verify(desk, person_id, answer)
