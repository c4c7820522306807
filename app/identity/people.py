"""Persons and organisations as the authorities list them.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.core import audit
from app.core.clock import local_date
from app.core.ids import new_id
from app.core.work import Work
from app.identity.errors import PersonNotFound, ReasonMissing, UnmaskNotAllowed
from app.identity.events import PersonImported
from app.identity.models import Account, Organization, Person
from app.identity.rules.contact import parse_name, parse_phone
from app.identity.rules.id_number import IdNumber, parse_id_number
from app.identity.rules.uscc import parse_uscc
from app.identity.sessions import end_all_sessions

__all__ = [
    "ID_NUMBER",
    "NAME",
    "PHONE",
    "ClearPerson",
    "id_number_index",
    "import_organization",
    "import_person",
    "phone_index",
    "reveal_person",
]

ID_NUMBER = "id-number"
PHONE = "phone"
NAME = "person-name"
MIN_REASON = 4
MAX_REASON = 500
_MAY_UNMASK = frozenset({"bureau_auditor", "system"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearPerson:
    """A person in clear. Looking at one is audited."""

    person_id: UUID
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What the authority's list says of a person, brought into form."""

    name: str
    id_number: IdNumber
    phone: str
    city_key: str | None
    id_type: str
    hukou_region: str | None
    education: str | None


def import_person(
    work: Work,
    *,
    name: str,
    id_number: str,
    phone: str,
    city_key: str | None = None,
    id_type: str = "resident_id",
    hukou_region: str | None = None,
    education: str | None = None,
) -> Person:
    """Add a person of a class list, or bring what is known up to date.

    The ID number decides who it is. A phone that another person came with first stays theirs: the second one is
    kept, but cannot activate until the list gives a phone of their own (D25). A changed phone ends the person's
    sessions, because the old phone may be in other hands.

    Args:
        work: The unit of work.
        name: As on the ID card.
        id_number: 18 characters.
        phone: Mobile number.
        city_key: The real-name system's number of the person.
        id_type: Kind of document.
        hukou_region: Code of the household registration.
        education: Code of the education.

    Raises:
        NameRefused: Not a name.
        IdNumberRefused: Not an ID number, or the age is impossible.
        PhoneRefused: Not a mobile number.

    Clauses:
        CC-A2-4.2
    """
    listed = _Listed(
        name=parse_name(name),
        id_number=parse_id_number(id_number, today=local_date(work.now)),
        phone=parse_phone(phone),
        city_key=city_key,
        id_type=id_type,
        hukou_region=hukou_region,
        education=education,
    )
    person, is_new = _get_or_add(work, listed)
    if not is_new:
        _update(work, person, listed)
    holder = _claim_phone(work, person)
    work.publish(PersonImported(person_id=person.id, is_new=is_new, shares_phone_with=holder))
    return person


def import_organization(
    work: Work,
    *,
    kind: str,
    authority_code: str,
    name: str,
    uscc: str | None = None,
    region: str | None = None,
    designated_from: date | None = None,
    designated_until: date | None = None,
) -> Organization:
    """Add an organisation, or bring it up to date; the authority's code decides which one it is.

    Args:
        work: The unit of work.
        kind: `institution`, `enterprise`, `bureau` or `operator`.
        authority_code: The real-name system's number.
        name: Full name.
        uscc: Unified social credit code, checked.
        region: Code of the region it belongs to.
        designated_from: First day of its designation.
        designated_until: Last day of its designation.

    Raises:
        UsccRefused: The code's check character is wrong.
    """
    values = {
        "kind": kind,
        "name": name,
        "uscc": parse_uscc(uscc) if uscc else None,
        "region": region,
        "designated_from": designated_from,
        "designated_until": designated_until,
        "imported_at": work.now,
    }
    statement = (
        insert(Organization)
        .values(id=new_id(), authority_code=authority_code, **values)
        .on_conflict_do_update(index_elements=[Organization.authority_code], set_=values)
        .returning(Organization)
        .execution_options(populate_existing=True)
    )
    return work.session.scalars(statement).one()


def reveal_person(work: Work, *, person_id: UUID, reason: str) -> ClearPerson:
    """Show a person in clear; the look and its reason go to the audit trail.

    Raises:
        UnmaskNotAllowed: The actor's role may not.
        ReasonMissing: No reason was given.
        PersonNotFound: There is no such person.
    """
    if work.actor.kind not in _MAY_UNMASK:
        raise UnmaskNotAllowed
    reason = " ".join(reason[:MAX_REASON].split())
    if len(reason) < MIN_REASON:
        raise ReasonMissing(pointers={"/reason": ReasonMissing.title})
    person = work.session.get(Person, person_id)
    if person is None:
        raise PersonNotFound
    audit.record(work, "unmask_person", subject_kind="person", subject_id=person_id, reason=reason)
    return ClearPerson(
        person_id=person_id,
        name=work.vault.decrypt(person.name_enc, purpose=NAME),
        id_number=work.vault.decrypt(person.id_number_enc, purpose=ID_NUMBER),
        phone=work.vault.decrypt(person.phone_enc, purpose=PHONE),
    )


def id_number_index(work: Work, number: str) -> str:
    """Compute the blind index of an ID number in its stored form."""
    return work.vault.blind_index(number, purpose=ID_NUMBER)


def phone_index(work: Work, phone: str) -> str:
    """Compute the blind index of a phone in its stored form."""
    return work.vault.blind_index(phone, purpose=PHONE)


def _get_or_add(work: Work, listed: _Listed) -> tuple[Person, bool]:
    """Find the person by ID number, locked; or add them. Two imports at once end with one person."""
    index = id_number_index(work, listed.id_number.number)
    added = work.session.scalar(
        insert(Person)
        .values(
            id=new_id(),
            city_key=listed.city_key,
            name_enc=work.vault.encrypt(listed.name, purpose=NAME),
            id_type=listed.id_type,
            id_number_enc=work.vault.encrypt(listed.id_number.number, purpose=ID_NUMBER),
            id_number_index=index,
            phone_enc=work.vault.encrypt(listed.phone, purpose=PHONE),
            phone_index=phone_index(work, listed.phone),
            has_phone=False,
            status="imported",
            birth_on=listed.id_number.birth_on,
            sex=listed.id_number.sex,
            hukou_region=listed.hukou_region,
            education=listed.education,
            imported_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=[Person.id_number_index])
        .returning(Person.id)
    )
    found = work.session.scalars(
        select(Person)
        .where(Person.id_number_index == index)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return found, added is not None


def _update(work: Work, person: Person, listed: _Listed) -> None:
    person.city_key = listed.city_key or person.city_key
    person.hukou_region = listed.hukou_region or person.hukou_region
    person.education = listed.education or person.education
    person.imported_at = work.now
    if work.vault.decrypt(person.name_enc, purpose=NAME) != listed.name:
        person.name_enc = work.vault.encrypt(listed.name, purpose=NAME)
        person.matched_at = None
        audit.record(work, "correct_person", subject_kind="person", subject_id=person.id, field="name")
    index = phone_index(work, listed.phone)
    if person.phone_index != index:
        _change_phone(work, person, phone=listed.phone, index=index)
    work.session.flush()


def _change_phone(work: Work, person: Person, *, phone: str, index: str) -> None:
    left = person.phone_index if person.has_phone else None
    person.phone_enc = work.vault.encrypt(phone, purpose=PHONE)
    person.phone_index = index
    person.has_phone = False
    person.phone_verified_at = None
    work.session.flush()
    if left is not None:
        _pass_phone_on(work, left)
    audit.record(work, "correct_person", subject_kind="person", subject_id=person.id, field="phone")
    account_id = work.session.scalar(select(Account.id).where(Account.person_id == person.id))
    if account_id is not None:
        end_all_sessions(work, account_id=account_id)


def _claim_phone(work: Work, person: Person) -> UUID | None:
    """Give the person their phone if nobody holds it; else return who does."""
    if person.has_phone:
        return None
    holder = work.session.scalar(
        select(Person.id).where(Person.phone_index == person.phone_index, Person.has_phone).with_for_update()
    )
    if holder is not None:
        return holder
    person.has_phone = True
    work.session.flush()
    return None


def _pass_phone_on(work: Work, index: str) -> None:
    """Give a phone that became free to the one who came with it next."""
    following = select(Person.id).where(Person.phone_index == index).order_by(Person.id).limit(1).scalar_subquery()
    work.session.execute(update(Person).where(Person.id == following).values(has_phone=True))
