"""Real-name verification: name and number match the list, six fields are confirmed for each class.

The six fields are ID card, phone, trade, level, category and proofs. The phone is proven by the code of the
sign-in; trade, level and category come from the class list; the trainee confirms them and adds the proofs.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import local_date
from app.core.work import Work
from app.identity.consents import require_consents, versions_given
from app.identity.errors import (
    AlreadyConfirmed,
    PersonNotFound,
    PhoneShared,
    ProofNeeded,
    ProofRefused,
    RealNameLocked,
    RealNameMismatch,
    RealNameNeeded,
)
from app.identity.events import ProofFile, RealNameVerified
from app.identity.models import Person, RealNameProof, RealNameRecord
from app.identity.outcomes import Refused
from app.identity.people import NAME, id_number_index
from app.identity.ports import ClassPlace
from app.identity.rules.contact import parse_name
from app.identity.rules.id_number import parse_id_number
from app.identity.throttle import Limit, clear, take

__all__ = [
    "FILE_NAME",
    "MAX_PROOFS",
    "VERIFY_METHOD",
    "add_proof",
    "check_proof_allowed",
    "check_real_name",
    "confirm_enrollment",
    "proofs_of",
]

VERIFY_METHOD = "roster_match+sms_code"
FILE_NAME = "file-name"
MAX_PROOFS = 10
MAX_FILE_NAME = 120
_LOCK = Limit(name="real-name", count=5, within=timedelta(minutes=15), block=timedelta(minutes=15))


def check_real_name(work: Work, *, person_id: UUID, name: str, id_number: str) -> Refused | None:
    """Match name and ID number with the class list; commit whatever comes back.

    Args:
        work: The unit of work.
        person_id: The signed-in trainee's person.
        name: As typed.
        id_number: As typed.

    Returns:
        None when both match; else the refusal. Five wrong pairs lock the check for a quarter of an hour.

    Raises:
        ConsentNeeded: The consent to process the ID card is missing.
        NameRefused: Not a name.
        IdNumberRefused: Not an ID number.
        RealNameLocked: Locked after five wrong pairs.

    Clauses:
        CC-A2-4.2
    """
    require_consents(work.session, person_id, ("id_card",))
    name = parse_name(name)
    number = parse_id_number(id_number, today=local_date(work.now)).number
    taken = take(work, _LOCK, who=str(person_id))
    if taken.retry_after_s is not None:
        raise RealNameLocked(retry_after_s=taken.retry_after_s)
    person = _locked(work, person_id)
    index = id_number_index(work, number)
    is_number = hmac.compare_digest(index, person.id_number_index)
    if not _has_name(work, person, name) or not is_number:
        audit.record(work, "match_real_name", subject_kind="person", subject_id=person_id, outcome="refused")
        if taken.is_last:
            audit.record(work, "lock_real_name", subject_kind="person", subject_id=person_id)
        is_other = _is_other_with_same_phone(work, person, index=index, name=name)
        return Refused(error=PhoneShared() if is_other else RealNameMismatch())
    clear(work, _LOCK, who=str(person_id))
    if person.matched_at is None:
        person.matched_at = work.now
        audit.record(work, "match_real_name", subject_kind="person", subject_id=person_id)
    work.session.flush()
    return None


def check_proof_allowed(work: Work, *, person_id: UUID, place: ClassPlace) -> None:
    """Check that a proof may be added to an enrolment, before its bytes are stored.

    Raises:
        RealNameNeeded: Name and number have not been matched.
        AlreadyConfirmed: The record is closed.
        ProofRefused: There are ten already.
    """
    person = _locked(work, person_id)
    if person.matched_at is None:
        raise RealNameNeeded
    if _record_of(work.session, place.enrollment_id) is not None:
        raise AlreadyConfirmed
    if len(proofs_of(work.session, place.enrollment_id)) >= MAX_PROOFS:
        raise ProofRefused(f"每个班级最多上传{MAX_PROOFS}份证明材料。")


def add_proof(work: Work, *, person_id: UUID, place: ClassPlace, proof: ProofFile, file_name: str) -> RealNameProof:
    """Add a sealed proof file to an enrolment.

    Args:
        work: The unit of work.
        person_id: The trainee's person.
        place: Their place in the class.
        proof: The file, sealed in storage.
        file_name: As the trainee named it; stored encrypted, names of files hold names of people.

    Raises:
        RealNameNeeded: Name and number have not been matched.
        AlreadyConfirmed: The record is closed.
        ProofRefused: There are ten already.

    Clauses:
        CC-A2-4.2
    """
    check_proof_allowed(work, person_id=person_id, place=place)
    row = RealNameProof(
        enrollment_id=place.enrollment_id,
        person_id=person_id,
        object_id=proof.object_id,
        file_name_enc=work.vault.encrypt(_plain_file_name(file_name), purpose=FILE_NAME),
        sha256=proof.sha256,
        size_bytes=proof.size_bytes,
        media_type=proof.media_type,
        added_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    audit.record(work, "add_proof", subject_kind="enrollment", subject_id=place.enrollment_id)
    return row


def confirm_enrollment(work: Work, *, person_id: UUID, place: ClassPlace) -> RealNameRecord:
    """Confirm the six fields of one enrolment; the first confirmation makes the person verified.

    To confirm again changes nothing.

    Args:
        work: The unit of work.
        person_id: The trainee's person.
        place: Their place in the class.

    Raises:
        RealNameNeeded: Name and number have not been matched, or the phone was never proven.
        ConsentNeeded: The consent to hand the data to the real-name system is missing.
        ProofNeeded: The category needs a proof and there is none.

    Clauses:
        CC-A2-4.2, CC-1.1
    """
    person = _locked(work, person_id)
    existing = _record_of(work.session, place.enrollment_id)
    if existing is not None:
        return existing
    if person.matched_at is None or person.phone_verified_at is None:
        raise RealNameNeeded
    require_consents(work.session, person_id, ("account", "id_card", "push_to_realname_system"))
    proofs = proofs_of(work.session, place.enrollment_id)
    if place.needs_proof and not proofs:
        raise ProofNeeded
    record = RealNameRecord(
        enrollment_id=place.enrollment_id,
        person_id=person_id,
        trade_code=place.trade_code,
        level=place.level,
        category_code=place.category_code,
        phone_verified_at=person.phone_verified_at,
        matched_at=person.matched_at,
        proof_object_ids=[proof.object_id for proof in proofs],
        confirmed_at=work.now,
    )
    work.session.add(record)
    person.status = "verified"
    work.session.flush()
    audit.record(work, "confirm_real_name", subject_kind="enrollment", subject_id=place.enrollment_id)
    work.publish(_verified(work, person, record=record, proofs=proofs))
    return record


def proofs_of(session: Session, enrollment_id: UUID) -> Sequence[RealNameProof]:
    """List the proofs of an enrolment in the order they came."""
    return session.scalars(
        select(RealNameProof).where(RealNameProof.enrollment_id == enrollment_id).order_by(RealNameProof.id)
    ).all()


def _verified(
    work: Work, person: Person, *, record: RealNameRecord, proofs: Sequence[RealNameProof]
) -> RealNameVerified:
    return RealNameVerified(
        person_id=person.id,
        enrollment_id=record.enrollment_id,
        verify_method=VERIFY_METHOD,
        verified_at=work.now,
        id_type=person.id_type,
        birth_year=person.birth_on.year,
        sex=person.sex,
        hukou_region=person.hukou_region,
        education=person.education,
        trade_code=record.trade_code,
        level=record.level,
        category_code=record.category_code,
        phone_verified_at=record.phone_verified_at,
        consent_versions=versions_given(work.session, person.id),
        proofs=tuple(
            ProofFile(
                object_id=proof.object_id,
                sha256=proof.sha256,
                size_bytes=proof.size_bytes,
                media_type=proof.media_type,
            )
            for proof in proofs
        ),
    )


def _locked(work: Work, person_id: UUID) -> Person:
    person = work.session.get(Person, person_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise PersonNotFound
    return person


def _record_of(session: Session, enrollment_id: UUID) -> RealNameRecord | None:
    return session.scalars(select(RealNameRecord).where(RealNameRecord.enrollment_id == enrollment_id)).one_or_none()


def _has_name(work: Work, person: Person, name: str) -> bool:
    return hmac.compare_digest(work.vault.decrypt(person.name_enc, purpose=NAME).encode(), name.encode())


def _is_other_with_same_phone(work: Work, person: Person, *, index: str, name: str) -> bool:
    """Tell whether the pair is that of the second person who came with this phone (D25)."""
    other = work.session.scalars(
        select(Person).where(
            Person.id_number_index == index, Person.phone_index == person.phone_index, Person.id != person.id
        )
    ).one_or_none()
    return other is not None and _has_name(work, other, name)


def _plain_file_name(file_name: str) -> str:
    """Keep the last part of a path and only printable characters; never empty."""
    last = file_name[-1000:].replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    return "".join(char for char in last if char.isprintable()).strip()[-MAX_FILE_NAME:] or "证明材料"
