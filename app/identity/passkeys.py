"""Passkeys (WebAuthn): the trainee's own device proves its user, and no biometric leaves it.

This is the other way for whoever refuses face comparison (fingerprint sign-in, CC-5.3.3c). A challenge is made of a
random nonce *and* the subject it is for, so that the device's signature itself says what was confirmed; it is good
for one person, one subject, two minutes and one use.

Clauses: CC-A2-4.3, CC-5.3.3c
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.core import audit
from app.core.canonical import canonical_bytes, sha256_hex
from app.core.ids import new_id
from app.core.work import Work
from app.identity.errors import ChallengeExpired, PasskeyRefused, PersonNotFound, RealNameNeeded
from app.identity.events import PasskeyRegistered
from app.identity.models import Passkey, Person, WebauthnChallenge
from app.identity.people import PHONE
from app.identity.rules.contact import mask_phone

__all__ = [
    "CHALLENGE_LIFE",
    "MAX_PASSKEYS",
    "PasskeyProof",
    "RelyingParty",
    "assertion_options",
    "challenge_for",
    "register_passkey",
    "registration_options",
    "verify_assertion",
]

CHALLENGE_LIFE = timedelta(minutes=2)
MAX_PASSKEYS = 10
MAX_CREDENTIAL_BYTES = 64 * 1024
REGISTRATION = "passkey-registration"
_TIMEOUT_MS = int(CHALLENGE_LIFE.total_seconds() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """Who asks for the passkey, as browsers check it.

    Attributes:
        id: Host name of the site.
        origin: Scheme, host and port of the site.
        name: What the browser shows.
    """

    id: str
    origin: str
    name: str = "证学"

    @classmethod
    def from_public_url(cls, url: str) -> RelyingParty:
        """Derive it from the address users open."""
        parts = urlsplit(url)
        return cls(id=parts.hostname or "localhost", origin=f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyProof:
    """What a verified answer proves.

    Attributes:
        credential_id_hash: SHA-256 of the credential's id, 64 hex digits.
        user_verified: True: the device verified its user by fingerprint, face or screen lock.
        sign_count: The device's counter; 0 where it keeps none.
        evidence: Canonical JSON with all an auditor needs to check the signature again: nonce, subject, client
            data, authenticator data, signature, public key. To be sealed as the check-in's evidence file.
    """

    credential_id_hash: str
    user_verified: bool
    sign_count: int
    evidence: bytes = field(repr=False)


def registration_options(work: Work, *, person_id: UUID, rp: RelyingParty) -> dict[str, Any]:
    """Make the options with which a browser creates a passkey.

    Raises:
        RealNameNeeded: The person has not been matched with the list yet; a key must belong to somebody known.
        PasskeyRefused: The person has ten already.
    """
    person = _matched_person(work, person_id)
    existing = _passkeys_of(work, person_id)
    if len(existing) >= MAX_PASSKEYS:
        raise PasskeyRefused(f"每人最多登记{MAX_PASSKEYS}个通行密钥。")
    options = webauthn.generate_registration_options(
        rp_id=rp.id,
        rp_name=rp.name,
        user_id=person_id.bytes,
        user_name=mask_phone(work.vault.decrypt(person.phone_enc, purpose=PHONE)),
        user_display_name="证学学员",
        challenge=_new_challenge(work, person_id=person_id, purpose="register", subject=REGISTRATION),
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(passkey) for passkey in existing],
    )
    return _as_dict(options)


def register_passkey(work: Work, *, person_id: UUID, credential: dict[str, Any], rp: RelyingParty) -> Passkey:
    """Keep the public key a device made.

    Args:
        work: The unit of work.
        person_id: Whose device.
        credential: What `navigator.credentials.create()` gave, as JSON.
        rp: This site.

    Raises:
        ChallengeExpired: The challenge is used or past its time.
        PasskeyRefused: The answer does not hold, or the key is registered already.

    Clauses:
        CC-A2-4.3
    """
    _matched_person(work, person_id)
    challenge = _take_challenge(work, person_id=person_id, purpose="register", subject=REGISTRATION, given=credential)
    try:
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge.challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            require_user_verification=True,
        )
    except Exception as error:  # a foreign parser fed by strangers: whatever it raises means no
        raise PasskeyRefused from error
    passkey_id = work.session.scalar(
        insert(Passkey)
        .values(
            id=new_id(),
            person_id=person_id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=_transports(credential),
            is_backed_up=verified.credential_backed_up,
            created_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=[Passkey.credential_id])
        .returning(Passkey.id)
    )
    if passkey_id is None:
        raise PasskeyRefused("这个通行密钥已经登记过，请直接使用，或换一台设备登记。")
    audit.record(work, "register_passkey", subject_kind="person", subject_id=person_id)
    work.publish(PasskeyRegistered(person_id=person_id, passkey_id=passkey_id, registered_at=work.now))
    return work.session.get_one(Passkey, passkey_id)


def assertion_options(work: Work, *, person_id: UUID, subject: str, rp: RelyingParty) -> dict[str, Any]:
    """Make the options with which a browser asks for a passkey, bound to one subject.

    Args:
        work: The unit of work.
        person_id: Whose passkeys may answer.
        subject: What is confirmed, for example `check-in:<id>`.
        rp: This site.

    Raises:
        PasskeyRefused: The person has no passkey.
    """
    passkeys = _passkeys_of(work, person_id)
    if not passkeys:
        raise PasskeyRefused("您还没有登记通行密钥，请先登记，或改用人脸验证。")
    options = webauthn.generate_authentication_options(
        rp_id=rp.id,
        challenge=_new_challenge(work, person_id=person_id, purpose="assert", subject=subject),
        timeout=_TIMEOUT_MS,
        allow_credentials=[_descriptor(passkey) for passkey in passkeys],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _as_dict(options)


def verify_assertion(
    work: Work, *, person_id: UUID, subject: str, credential: dict[str, Any], rp: RelyingParty
) -> PasskeyProof:
    """Verify a passkey's answer for one subject; uses the challenge up.

    Args:
        work: The unit of work.
        person_id: Who is asked.
        subject: The same text as in the options.
        credential: What `navigator.credentials.get()` gave, as JSON.
        rp: This site.

    Raises:
        ChallengeExpired: No such challenge for this person and subject, or used, or past its time.
        PasskeyRefused: The answer does not hold: key, signature, counter, origin or user verification.

    Clauses:
        CC-A2-4.3, CC-5.3.3c
    """
    challenge = _take_challenge(work, person_id=person_id, purpose="assert", subject=subject, given=credential)
    passkey = _find_passkey(work, person_id=person_id, credential=credential)
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.challenge,
            expected_rp_id=rp.id,
            expected_origin=rp.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise PasskeyRefused from error
    passkey.sign_count = verified.new_sign_count
    passkey.used_at = work.now
    work.session.flush()
    return PasskeyProof(
        credential_id_hash=sha256_hex(passkey.credential_id),
        user_verified=verified.user_verified,
        sign_count=verified.new_sign_count,
        evidence=_evidence(challenge, passkey=passkey, response=credential["response"], rp=rp),
    )


def challenge_for(nonce: bytes, *, subject: str) -> bytes:
    """Compute the challenge of a nonce and a subject: SHA-256 over both under a fixed prefix, 32 bytes."""
    return hashlib.sha256(b"zhengxue-challenge\x00" + nonce + subject.encode()).digest()


def _new_challenge(work: Work, *, person_id: UUID, purpose: str, subject: str) -> bytes:
    nonce = secrets.token_bytes(32)
    row = WebauthnChallenge(
        person_id=person_id,
        purpose=purpose,
        subject=subject,
        nonce=nonce,
        challenge=challenge_for(nonce, subject=subject),
        expires_at=work.now + CHALLENGE_LIFE,
    )
    work.session.add(row)
    work.session.flush()
    return row.challenge


def _take_challenge(
    work: Work, *, person_id: UUID, purpose: str, subject: str, given: dict[str, Any]
) -> WebauthnChallenge:
    """Find the challenge the answer is for, and use it up."""
    row = work.session.scalars(
        select(WebauthnChallenge)
        .where(
            WebauthnChallenge.challenge == _answered_challenge(given),
            WebauthnChallenge.person_id == person_id,
            WebauthnChallenge.purpose == purpose,
            WebauthnChallenge.subject == subject,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or row.used_at is not None or work.now >= row.expires_at:
        raise ChallengeExpired
    row.used_at = work.now
    work.session.flush()
    return row


def _answered_challenge(credential: dict[str, Any]) -> bytes:
    """Read from the client data which challenge is answered.

    Raises:
        PasskeyRefused: It cannot be read.
    """
    try:
        client_data = credential["response"]["clientDataJSON"]
        if len(client_data) > MAX_CREDENTIAL_BYTES:
            raise PasskeyRefused
        return base64url_to_bytes(json.loads(base64url_to_bytes(client_data))["challenge"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise PasskeyRefused from error


def _find_passkey(work: Work, *, person_id: UUID, credential: dict[str, Any]) -> Passkey:
    """Find the person's own passkey that answers, locked, so that its counter moves one answer at a time."""
    try:
        credential_id = base64url_to_bytes(credential["id"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PasskeyRefused from error
    passkey = work.session.scalars(
        select(Passkey)
        .where(Passkey.credential_id == credential_id, Passkey.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if passkey is None:
        raise PasskeyRefused("这个通行密钥不是您登记的，请使用您本人登记过的设备。")
    return passkey


def _evidence(challenge: WebauthnChallenge, *, passkey: Passkey, response: dict[str, Any], rp: RelyingParty) -> bytes:
    return canonical_bytes(
        {
            "kind": "webauthn-assertion",
            "rp_id": rp.id,
            "origin": rp.origin,
            "subject": challenge.subject,
            "nonce": challenge.nonce.hex(),
            "credential_id_sha256": sha256_hex(passkey.credential_id),
            "public_key_cose": base64.b64encode(passkey.public_key).decode(),
            "client_data_json": str(response["clientDataJSON"]),
            "authenticator_data": str(response["authenticatorData"]),
            "signature": str(response["signature"]),
        }
    )


def _matched_person(work: Work, person_id: UUID) -> Person:
    person = work.session.get(Person, person_id)
    if person is None:
        raise PersonNotFound
    if person.matched_at is None:
        raise RealNameNeeded
    return person


def _passkeys_of(work: Work, person_id: UUID) -> list[Passkey]:
    return list(work.session.scalars(select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.id)))


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known = {item.value for item in AuthenticatorTransport}
    return PublicKeyCredentialDescriptor(
        id=passkey.credential_id,
        transports=[AuthenticatorTransport(name) for name in passkey.transports if name in known] or None,
    )


def _transports(credential: dict[str, Any]) -> list[str]:
    given = credential["response"].get("transports")
    known = {item.value for item in AuthenticatorTransport}
    return sorted({name for name in given if isinstance(name, str)} & known) if isinstance(given, list) else []


def _as_dict(options: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(options_to_json(options))
    return made
