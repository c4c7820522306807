"""Real-name verification of the signed-in trainee: match, prove, confirm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, PlatformDep, UnitDep, WorkDep, allow, allow_unit
from app.api.roster import RosterPlace, get_place, places_of
from app.core.work import Work
from app.identity import queries, real_name
from app.identity.errors import ClassNotRunning, PersonNotFound, ProofRefused
from app.identity.events import ProofFile
from app.identity.rules.contact import MAX_NAME
from app.identity.rules.proofs import MAX_PROOF_BYTES, PROOF_ADVICE, proof_media_type
from storage.private import put_private, record_private
from storage.rules import RetentionClass

router = APIRouter(prefix="/me/real-name", tags=["实名认证"])

PROOF_KIND = "real_name_proof"


class PersonOut(BaseModel):
    """Me, masked."""

    name_masked: str
    id_number_masked: str
    phone_masked: str
    status: str = Field(description="imported 未激活、activated 已激活、verified 已实名")
    matched: bool = Field(description="姓名和身份证号已与名单核对一致")


class ProofOut(BaseModel):
    """A proof file."""

    object_id: UUID
    file_name: str


class EnrollmentOut(BaseModel):
    """The six fields of one class."""

    enrollment_id: UUID
    class_name: str
    trade: str
    level: str
    category: str
    category_title: str
    needs_proof: bool
    proof_title: str | None
    proofs: list[ProofOut]
    confirmed: bool
    can_confirm: bool = Field(description="班级已开班，可以确认")


class RealName(BaseModel):
    """How far my real-name verification is."""

    person: PersonOut
    enrollments: list[EnrollmentOut]


class NameAndNumber(BaseModel):
    """As on the ID card."""

    name: str = Field(max_length=MAX_NAME)
    id_number: str = Field(max_length=64)


@router.get("", dependencies=[allow(TRAINEE)])
def read_real_name(work: WorkDep) -> RealName:
    """Show what is on file about me, masked, and what each class still needs."""
    return _view(work, _person(work))


@router.post("", dependencies=[allow_unit(TRAINEE)])
def match(body: NameAndNumber, unit: UnitDep) -> RealName:
    """Match my name and ID number with the class list."""
    with unit() as work:
        refused = real_name.check_real_name(work, person_id=_person(work), name=body.name, id_number=body.id_number)
    if refused is not None:
        raise refused.error
    with unit() as work:
        return _view(work, _person(work))


@router.post("/{enrollment_id}/proofs", status_code=201, dependencies=[allow_unit(TRAINEE)])
def add_proof(
    enrollment_id: UUID,
    unit: UnitDep,
    platform: PlatformDep,
    file: Annotated[UploadFile, File(description="证明材料，JPG、PNG 或 PDF，不超过 10 MB")],
) -> RealName:
    """Add a proof of my category; the file is encrypted before it is stored."""
    content = file.file.read(MAX_PROOF_BYTES + 1)
    media_type = proof_media_type(content)
    if media_type is None:
        raise ProofRefused(PROOF_ADVICE, pointers={"/file": PROOF_ADVICE})
    with unit() as work:
        found = get_place(work.session, _person(work), enrollment_id)
        real_name.check_proof_allowed(work, person_id=_person(work), place=found.place)
        now = work.now
    private = put_private(
        platform.store,
        platform.vault,
        content,
        kind=PROOF_KIND,
        media_type=media_type,
        retention=RetentionClass.PROOF,
        now=now,
        purpose=PROOF_KIND,
    )
    with unit() as work:
        person_id = _person(work)
        sealed = record_private(work.session, private, now=work.now, created_by=person_id)
        proof = ProofFile(
            object_id=private.sealed.ref.id,
            sha256=sealed.sha256,
            size_bytes=sealed.bytes,
            media_type=sealed.media_type,
        )
        real_name.add_proof(work, person_id=person_id, place=found.place, proof=proof, file_name=file.filename or "")
        return _view(work, person_id)


@router.post("/{enrollment_id}/confirm", dependencies=[allow(TRAINEE)])
def confirm(enrollment_id: UUID, work: WorkDep) -> RealName:
    """Confirm trade, level, category and proofs of one class."""
    person_id = _person(work)
    found = get_place(work.session, person_id, enrollment_id)
    if not found.is_open:
        raise ClassNotRunning
    real_name.confirm_enrollment(work, person_id=person_id, place=found.place)
    return _view(work, person_id)


def _person(work: Work) -> UUID:
    if work.actor.person_id is None:
        raise PersonNotFound
    return work.actor.person_id


def _view(work: Work, person_id: UUID) -> RealName:
    card = queries.person_card(work.session, work.vault, person_id)
    places = places_of(work.session, person_id)
    confirmed = queries.confirmed_enrollments(work.session, person_id)
    proofs = queries.proofs_by_enrollment(work.session, work.vault, person_id)
    return RealName(
        person=PersonOut(
            name_masked=card.name_masked,
            id_number_masked=card.id_number_masked,
            phone_masked=card.phone_masked,
            status=card.status,
            matched=card.is_matched,
        ),
        enrollments=[
            _enrollment(found, proofs=proofs.get(found.place.enrollment_id, ()), confirmed=confirmed)
            for found in places
        ],
    )


def _enrollment(
    found: RosterPlace, *, proofs: Sequence[queries.ProofView], confirmed: frozenset[UUID]
) -> EnrollmentOut:
    return EnrollmentOut(
        enrollment_id=found.place.enrollment_id,
        class_name=found.class_name,
        trade=found.trade,
        level=found.level,
        category=found.place.category_code,
        category_title=found.category_title,
        needs_proof=found.place.needs_proof,
        proof_title=found.proof_title,
        proofs=[ProofOut(object_id=proof.object_id, file_name=proof.file_name) for proof in proofs],
        confirmed=found.place.enrollment_id in confirmed,
        can_confirm=found.is_open and found.place.enrollment_id not in confirmed,
    )
