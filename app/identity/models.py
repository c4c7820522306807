"""Tables of people, accounts and proofs of identity.

Names, numbers and phones lie encrypted; beside what must be found again stands its blind index (a keyed hash).
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256, UuidKey

__all__ = [
    "Account",
    "Consent",
    "LoginSession",
    "Organization",
    "Passkey",
    "Person",
    "RealNameProof",
    "RealNameRecord",
    "SmsCode",
    "SmsOutbox",
    "Throttle",
    "WebauthnChallenge",
]


class Organization(Base):
    """An institution, enterprise, bureau, or the platform's operator; known by the authority's code."""

    __tablename__ = "organization"
    __table_args__ = (
        CheckConstraint("kind IN ('institution', 'enterprise', 'bureau', 'operator')", name="kind_known"),
        CheckConstraint("designated_from <= designated_until", name="designation_ordered"),
    )

    id: Mapped[UuidKey]
    kind: Mapped[str]
    authority_code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    uscc: Mapped[str | None]
    region: Mapped[str | None]
    designated_from: Mapped[date | None]
    designated_until: Mapped[date | None]
    imported_at: Mapped[datetime]


class Person(Base):
    """A trainee of the class lists; one ID number is one person.

    `has_phone` is true for the one person who may sign in with the phone: the first who came with it (D25).
    `status` goes from imported to activated (first sign-in) to verified (six fields confirmed for a class).
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("status IN ('imported', 'activated', 'verified')", name="status_known"),
        CheckConstraint("sex IN ('M', 'F')", name="sex_known"),
        Index("uq_person_phone_index_holder", "phone_index", unique=True, postgresql_where=text("has_phone")),
        Index("ix_person_phone_index", "phone_index"),
    )

    id: Mapped[UuidKey]
    city_key: Mapped[str | None] = mapped_column(index=True)
    name_enc: Mapped[str]
    id_type: Mapped[str]
    id_number_enc: Mapped[str]
    id_number_index: Mapped[Sha256] = mapped_column(unique=True)
    phone_enc: Mapped[str]
    phone_index: Mapped[Sha256]
    has_phone: Mapped[bool]
    status: Mapped[str]
    birth_on: Mapped[date]
    sex: Mapped[str]
    hukou_region: Mapped[str | None]
    education: Mapped[str | None]
    imported_at: Mapped[datetime]
    phone_verified_at: Mapped[datetime | None]
    matched_at: Mapped[datetime | None]


class Account(Base):
    """What signs in: a trainee's by SMS code, a staff member's by password and one-time code."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint(
            "role IN ('trainee', 'institution_author', 'institution_reviewer', 'bureau_auditor', 'operator')",
            name="role_known",
        ),
        CheckConstraint("kind IN ('trainee', 'staff')", name="kind_known"),
        CheckConstraint("(kind = 'trainee') = (role = 'trainee')", name="role_of_kind"),
        CheckConstraint("(kind = 'trainee') = (person_id IS NOT NULL)", name="person_of_trainee"),
        CheckConstraint("(kind = 'staff') = (organization_id IS NOT NULL)", name="organization_of_staff"),
        CheckConstraint(
            "kind <> 'staff' OR num_nulls(login_name, password_hash, totp_secret_enc) = 0", name="staff_factors"
        ),
    )

    id: Mapped[UuidKey]
    kind: Mapped[str]
    role: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("person.id"), unique=True)
    organization_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("organization.id"), index=True)
    login_name: Mapped[str | None] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    totp_secret_enc: Mapped[str | None]
    totp_last_step: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class LoginSession(Base):
    """One sign-in. The token itself is only in the browser's cookie."""

    __tablename__ = "login_session"

    id: Mapped[UuidKey]
    token_hash: Mapped[Sha256] = mapped_column(unique=True)
    account_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    idle_s: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    ip: Mapped[str | None]


class Throttle(Base):
    """Tries counted under one key, over all processes. `hits` are instants in ms since 1970, oldest first."""

    __tablename__ = "throttle"

    key: Mapped[Sha256] = mapped_column(primary_key=True)
    hits: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    blocked_until: Mapped[datetime | None]
    stale_at: Mapped[datetime] = mapped_column(index=True)


class SmsCode(Base):
    """A code sent, or not sent because nobody has that phone; both look alike from outside.

    It is good only in the browser that asked for it, so that nobody else can use it, or use it up.
    """

    __tablename__ = "sms_code"
    __table_args__ = (Index("ix_sms_code_phone_index_browser_index", "phone_index", "browser_index"),)

    id: Mapped[UuidKey]
    phone_index: Mapped[Sha256]
    browser_index: Mapped[Sha256]
    person_id: Mapped[UUID | None] = mapped_column(Uuid, ForeignKey("person.id"))
    code_hash: Mapped[Sha256]
    try_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SmsOutbox(Base):
    """A text message as the local adapter keeps it, to be read on a page in development."""

    __tablename__ = "sms_outbox"

    id: Mapped[UuidKey]
    phone_enc: Mapped[str]
    text_enc: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(index=True)


class Consent(Base):
    """One answer to one text for one purpose; only ever added, the latest one counts."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint("state IN ('given', 'refused', 'withdrawn')", name="state_known"),
        Index("ix_consent_person_id_purpose_at", "person_id", "purpose", "at"),
    )

    id: Mapped[UuidKey]
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    purpose: Mapped[str]
    state: Mapped[str]
    version: Mapped[str]
    text_sha256: Mapped[Sha256]
    at: Mapped[datetime]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]


class Passkey(Base):
    """A public key of a trainee's device."""

    __tablename__ = "passkey"

    id: Mapped[UuidKey]
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_backed_up: Mapped[bool]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class WebauthnChallenge(Base):
    """A challenge put to a device: for one person, one purpose and one subject, once."""

    __tablename__ = "webauthn_challenge"
    __table_args__ = (CheckConstraint("purpose IN ('register', 'assert')", name="purpose_known"),)

    id: Mapped[UuidKey]
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    purpose: Mapped[str]
    subject: Mapped[str]
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    challenge: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RealNameRecord(Base):
    """The six fields of one enrolment, as the trainee confirmed them; never changed."""

    __tablename__ = "real_name_record"

    id: Mapped[UuidKey]
    enrollment_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"), index=True)
    trade_code: Mapped[str]
    level: Mapped[str]
    category_code: Mapped[str]
    phone_verified_at: Mapped[datetime]
    matched_at: Mapped[datetime]
    proof_object_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    confirmed_at: Mapped[datetime]


class RealNameProof(Base):
    """A proof file of one enrolment's category; the bytes lie encrypted in the object store."""

    __tablename__ = "real_name_proof"

    id: Mapped[UuidKey]
    enrollment_id: Mapped[UUID] = mapped_column(Uuid, index=True)
    person_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("person.id"))
    object_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    file_name_enc: Mapped[str]
    sha256: Mapped[Sha256]
    size_bytes: Mapped[int]
    media_type: Mapped[str]
    added_at: Mapped[datetime]
