"""Read what is known of people and accounts; numbers leave here masked.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core.clock import local_date
from app.core.errors import DomainError
from app.core.security import Vault
from app.identity.adapters.local_sms import PURPOSE as SMS_OUTBOX
from app.identity.errors import PersonNotFound
from app.identity.models import (
    Account,
    Organization,
    Passkey,
    Person,
    RealNameProof,
    RealNameRecord,
    SmsOutbox,
)
from app.identity.people import ID_NUMBER, NAME, PHONE
from app.identity.real_name import FILE_NAME
from app.identity.rules.contact import mask_id_number, mask_name, mask_phone
from app.identity.rules.id_number import parse_id_number
from app.identity.rules.passwords import is_expired

__all__ = [
    "AccountView",
    "OrganizationView",
    "PasskeyView",
    "PersonCard",
    "ProofView",
    "SmsView",
    "account_view",
    "confirmed_enrollments",
    "find_organization",
    "find_person_by_id_number",
    "full_names",
    "has_passkey",
    "is_matched",
    "passkeys_of",
    "person_card",
    "person_cards",
    "proofs_by_enrollment",
    "real_name_record",
    "recent_messages",
    "shared_phones",
]

SHOWN_MESSAGES = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationView:
    """An organisation as its members see it."""

    id: UUID
    name: str
    kind: str
    authority_code: str
    region: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """The signed-in account as it sees itself.

    Attributes:
        display_name: A trainee's own name, masked until it was matched with the list.
        must_change_password: The password of a staff member is 90 days old.
    """

    account_id: UUID
    role: str
    display_name: str
    person_id: UUID | None
    organization: OrganizationView | None
    must_change_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    """A person, masked.

    Attributes:
        name_masked: First character of the name.
        id_number_masked: First 6 and last 4.
        phone_masked: First 3 and last 4.
        status: `imported`, `activated` or `verified`.
        is_matched: Name and number were matched with the list.
        sex: `M` or `F`.
        birth_year: Year of birth.
        has_phone: False when another person came with the same phone first (D25).
    """

    person_id: UUID
    name_masked: str
    id_number_masked: str
    phone_masked: str
    status: str
    is_matched: bool
    sex: str
    birth_year: int
    has_phone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """A proof file by its name."""

    object_id: UUID
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """A registered passkey."""

    id: UUID
    created_at: datetime
    used_at: datetime | None
    is_backed_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsView:
    """A message of the local adapter; its text in clear, for development."""

    phone_masked: str
    text: str
    sent_at: datetime


def account_view(session: Session, vault: Vault, account_id: UUID, *, now: datetime) -> AccountView:
    """Read the account as it sees itself.

    Raises:
        PersonNotFound: No such account.
    """
    account = session.get(Account, account_id)
    if account is None:
        raise PersonNotFound("没有找到该账号")
    organization = session.get(Organization, account.organization_id) if account.organization_id else None
    person = session.get(Person, account.person_id) if account.person_id else None
    return AccountView(
        account_id=account.id,
        role=account.role,
        display_name=_own_name(vault, person) if person else account.display_name,
        person_id=account.person_id,
        organization=_organization(organization) if organization else None,
        must_change_password=account.password_changed_at is not None
        and is_expired(account.password_changed_at, now=now),
    )


def person_card(session: Session, vault: Vault, person_id: UUID) -> PersonCard:
    """Read one person, masked.

    Raises:
        PersonNotFound: No such person.
    """
    cards = person_cards(session, vault, [person_id])
    if person_id not in cards:
        raise PersonNotFound
    return cards[person_id]


def person_cards(session: Session, vault: Vault, person_ids: Iterable[UUID]) -> Mapping[UUID, PersonCard]:
    """Read many persons, masked, by id."""
    rows = session.scalars(select(Person).where(Person.id.in_(list(person_ids))))
    return {row.id: _card(vault, row) for row in rows}


def full_names(session: Session, vault: Vault, person_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Read the names of many persons in clear, for papers that name them (reports, certificates, city push).

    The caller answers for who sees them and audits it.
    """
    rows = session.execute(select(Person.id, Person.name_enc).where(Person.id.in_(list(person_ids))))
    return {row.id: vault.decrypt(row.name_enc, purpose=NAME) for row in rows}


def find_person_by_id_number(session: Session, vault: Vault, id_number: str, *, now: datetime) -> UUID | None:
    """Find who has an ID number; None when it is impossible or unknown."""
    try:
        number = parse_id_number(id_number, today=local_date(now)).number
    except DomainError:
        return None
    index = vault.blind_index(number, purpose=ID_NUMBER)
    return session.scalar(select(Person.id).where(Person.id_number_index == index))


def shared_phones(session: Session, person_ids: Iterable[UUID]) -> Mapping[UUID, UUID]:
    """List who came with a phone that another person holds, and that other person (D25)."""
    holder = Person.__table__.alias("holder")
    rows = session.execute(
        select(Person.id, holder.c.id)
        .join(holder, holder.c.phone_index == Person.phone_index)
        .where(Person.id.in_(list(person_ids)), Person.has_phone.is_(False), holder.c.has_phone)
    )
    return {row[0]: row[1] for row in rows}


def find_organization(session: Session, *, authority_code: str) -> OrganizationView | None:
    """Find an organisation by the authority's code."""
    row = session.scalars(select(Organization).where(Organization.authority_code == authority_code)).one_or_none()
    return _organization(row) if row else None


def proofs_by_enrollment(session: Session, vault: Vault, person_id: UUID) -> Mapping[UUID, Sequence[ProofView]]:
    """List a person's proof files by enrolment, in the order they came."""
    found: dict[UUID, list[ProofView]] = {}
    rows = session.scalars(select(RealNameProof).where(RealNameProof.person_id == person_id).order_by(RealNameProof.id))
    for row in rows:
        name = vault.decrypt(row.file_name_enc, purpose=FILE_NAME)
        found.setdefault(row.enrollment_id, []).append(ProofView(object_id=row.object_id, file_name=name))
    return found


def confirmed_enrollments(session: Session, person_id: UUID) -> frozenset[UUID]:
    """List the enrolments whose six fields a person has confirmed; none while the name is to be matched anew.

    Clauses:
        CC-A2-4.2
    """
    return frozenset(
        session.scalars(
            select(RealNameRecord.enrollment_id)
            .join(Person, Person.id == RealNameRecord.person_id)
            .where(RealNameRecord.person_id == person_id, Person.matched_at.is_not(None))
        )
    )


def real_name_record(session: Session, enrollment_id: UUID) -> RealNameRecord | None:
    """Read the six confirmed fields of an enrolment."""
    return session.scalars(select(RealNameRecord).where(RealNameRecord.enrollment_id == enrollment_id)).one_or_none()


def is_matched(session: Session, person_id: UUID) -> bool:
    """Tell whether a person's name and number were matched with the list."""
    return session.scalar(select(exists().where(Person.id == person_id, Person.matched_at.is_not(None)))) is True


def has_passkey(session: Session, person_id: UUID) -> bool:
    """Tell whether a person has registered a passkey."""
    return session.scalar(select(exists().where(Passkey.person_id == person_id))) is True


def passkeys_of(session: Session, person_id: UUID) -> Sequence[PasskeyView]:
    """List a person's passkeys, oldest first."""
    rows = session.scalars(select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.id))
    return [
        PasskeyView(id=row.id, created_at=row.created_at, used_at=row.used_at, is_backed_up=row.is_backed_up)
        for row in rows
    ]


def recent_messages(session: Session, vault: Vault, *, now: datetime, limit: int = 50) -> Sequence[SmsView]:
    """List the local adapter's messages of the last hour, newest first."""
    rows = session.scalars(
        select(SmsOutbox)
        .where(SmsOutbox.sent_at > now - SHOWN_MESSAGES)
        .order_by(SmsOutbox.sent_at.desc(), SmsOutbox.id.desc())
        .limit(limit)
    )
    return [
        SmsView(
            phone_masked=mask_phone(vault.decrypt(row.phone_enc, purpose=SMS_OUTBOX)),
            text=vault.decrypt(row.text_enc, purpose=SMS_OUTBOX),
            sent_at=row.sent_at,
        )
        for row in rows
    ]


def _own_name(vault: Vault, person: Person) -> str:
    name = vault.decrypt(person.name_enc, purpose=NAME)
    return name if person.matched_at is not None else mask_name(name)


def _organization(row: Organization) -> OrganizationView:
    return OrganizationView(
        id=row.id, name=row.name, kind=row.kind, authority_code=row.authority_code, region=row.region
    )


def _card(vault: Vault, row: Person) -> PersonCard:
    return PersonCard(
        person_id=row.id,
        name_masked=mask_name(vault.decrypt(row.name_enc, purpose=NAME)),
        id_number_masked=mask_id_number(vault.decrypt(row.id_number_enc, purpose=ID_NUMBER)),
        phone_masked=mask_phone(vault.decrypt(row.phone_enc, purpose=PHONE)),
        status=row.status,
        is_matched=row.matched_at is not None,
        sex=row.sex,
        birth_year=row.birth_on.year,
        has_phone=row.has_phone,
    )
