"""What happened to people: events other rooms react to, in the same transaction.

None of them carries a name, a number or a phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonImported:
    """A person came with a class list, for the first time or again.

    Attributes:
        person_id: The person.
        is_new: Whether the platform did not know them before.
        shares_phone_with: The person who holds the same phone already (D25), or None.
    """

    person_id: UUID
    is_new: bool
    shares_phone_with: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonActivated:
    """An imported person signed in for the first time."""

    person_id: UUID
    account_id: UUID
    activated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven:
    """A person allowed one purpose."""

    person_id: UUID
    purpose: str
    version: str
    text_sha256: str
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRefused:
    """A person refused one purpose; nobody asks again."""

    person_id: UUID
    purpose: str
    version: str
    text_sha256: str
    refused_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn:
    """A person took back what they had allowed: processing for that purpose stops now."""

    person_id: UUID
    purpose: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFile:
    """A sealed proof file.

    Attributes:
        object_id: The object in storage.
        sha256: Hash of the file as the trainee sent it, 64 hex digits.
        size_bytes: Its size.
        media_type: What it is.
    """

    object_id: UUID
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RealNameVerified:
    """A person confirmed the six fields of one enrolment.

    Attributes:
        person_id: The person.
        enrollment_id: The enrolment.
        verify_method: How: `roster_match+sms_code`.
        verified_at: When.
        id_type: Kind of document, `resident_id` for citizens.
        birth_year: From the ID number.
        sex: `M` or `F`, from the ID number.
        hukou_region: As the city's list says, or None.
        education: As the city's list says, or None.
        trade_code: Trade of the class.
        level: Level of the class, `5` to `1`.
        category_code: The subsidised group.
        phone_verified_at: When the phone was last proven by a code.
        consent_versions: Version of the text given for each purpose; refused ones are absent.
        proofs: The proof files.
    """

    person_id: UUID
    enrollment_id: UUID
    verify_method: str
    verified_at: datetime
    id_type: str
    birth_year: int
    sex: str
    hukou_region: str | None
    education: str | None
    trade_code: str
    level: str
    category_code: str
    phone_verified_at: datetime
    consent_versions: Mapping[str, str]
    proofs: tuple[ProofFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRegistered:
    """A person's device gave its public key."""

    person_id: UUID
    passkey_id: UUID
    registered_at: datetime
