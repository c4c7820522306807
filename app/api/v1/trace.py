"""What auditors of the bureau see: search, trace, files, evidence packs. Every look is on record.

Clauses: CC-4.1.5, CC-6.2, CC-A2-4.1
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import IO, Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from app.api.deps import AUDITOR, PlatformDep, Unit, UnitDep, WorkDep, allow, allow_unit
from app.identity.queries import PersonCard
from app.oversight import classes, trace
from app.oversight.errors import TraceNotFound
from app.oversight.trace import Trace, TracedEnrollment, TracedEntry
from app.reports.evidence_pack import build_pack
from app.reports.pack_facts import collect_pack
from storage.private import read_file

router = APIRouter(prefix="/trace", tags=["追溯"])

CHUNK = 256 * 1024
IN_MEMORY = 8 * 1024 * 1024
"""A pack larger than this goes through a nameless temporary file."""

SHOWN_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "application/pdf"})

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="文件内容的 SHA-256")]


class SearchIn(BaseModel):
    """Whom to look for, and why."""

    id_number: str = Field(max_length=64)
    reason: str = Field(max_length=500)


class ReasonIn(BaseModel):
    """Why."""

    reason: str = Field(max_length=500)


class PersonOut(BaseModel):
    """A trainee, masked."""

    name_masked: str
    id_number_masked: str
    phone_masked: str
    status: str


class ClearPersonOut(BaseModel):
    """A trainee in clear; the look is on record."""

    name: str
    id_number: str
    phone: str


class EnrollmentOut(BaseModel):
    """A trainee in a class."""

    enrollment_id: UUID
    learner_ref: str
    class_code: str
    class_name: str
    organization_name: str
    trade: str
    level: str
    claimable: bool
    start_on: date
    end_on: date


class SearchOut(BaseModel):
    """A trainee and their classes in my region."""

    person: PersonOut
    enrollments: list[EnrollmentOut]


class FileOut(BaseModel):
    """A sealed file."""

    sha256: str
    kind: str
    media_type: str
    size_bytes: int
    url: str


class DeliveryOut(BaseModel):
    """How delivery to the city stands."""

    status: str = Field(description="pending 待报送、delivered 已有回执、dead 需人工处理")
    delivered_at: datetime | None
    receipt_id: str | None


class EntryOut(BaseModel):
    """One record."""

    seq: int
    event_type: str
    title: str
    summary: str
    passed: bool | None = Field(description="是否通过；空：这条记录不涉及通过与否")
    occurred_at: datetime
    recorded_at: datetime
    files: list[FileOut]
    entry_hash: str
    delivery: DeliveryOut | None


class ChainOut(BaseModel):
    """Whether the class's ledger holds together, computed just now."""

    ok: bool
    head_seq: int
    head_hash: str
    problem: str | None


class TraceOut(BaseModel):
    """All records of a trainee in a class, from identity to receipt."""

    model_config = {"populate_by_name": True}

    person: PersonOut
    class_: EnrollmentOut = Field(alias="class")
    timeline: list[EntryOut]
    chain: ChainOut


class ClassOut(BaseModel):
    """A class of my region."""

    code: str
    name: str
    organization_name: str
    region: str
    trade: str
    level: str
    status: str
    claimable: bool
    start_on: date
    end_on: date
    headcount: int
    entry_count: int
    waiting_count: int


class ClassList(BaseModel):
    """Classes of my region, newest first."""

    items: list[ClassOut]
    next_cursor: None = None


@router.post("/search", dependencies=[allow_unit(AUDITOR)])
def search(body: SearchIn, unit: UnitDep) -> SearchOut:
    """Find a trainee by ID number; who asked, when and why is on record."""
    with unit() as work:
        found = trace.search(work, id_number=body.id_number, reason=body.reason)
    if found is None:
        raise TraceNotFound("您的管辖范围内没有这名学员的培训记录，请核对身份证号")
    return SearchOut(person=_person(found.person), enrollments=[_enrollment(one) for one in found.enrollments])


@router.get("/classes", dependencies=[allow(AUDITOR)])
def list_classes(work: WorkDep) -> ClassList:
    """List the classes of my region with the state of their ledgers."""
    return ClassList(
        items=[
            ClassOut(
                code=one.code,
                name=one.name,
                organization_name=one.organization_name,
                region=one.region,
                trade=one.trade,
                level=one.level,
                status=one.status,
                claimable=one.is_claimable,
                start_on=one.start_on,
                end_on=one.end_on,
                headcount=one.headcount,
                entry_count=one.entry_count,
                waiting_count=one.waiting_count,
            )
            for one in classes.classes_in_scope(work)
        ]
    )


@router.get("/enrollments/{enrollment_id}", dependencies=[allow_unit(AUDITOR)])
def read_trace(enrollment_id: UUID, unit: UnitDep) -> TraceOut:
    """Show all records of a trainee in a class, and check the class's ledger."""
    _look(unit, enrollment_id, trace.VIEW)
    with unit() as work:
        found = trace.read_trace(work, enrollment_id)
    return _trace(found)


@router.post("/enrollments/{enrollment_id}/person", dependencies=[allow_unit(AUDITOR)])
def unmask(enrollment_id: UUID, body: ReasonIn, unit: UnitDep) -> ClearPersonOut:
    """Show name and numbers in clear; the reason is on record."""
    _look(unit, enrollment_id, trace.UNMASK)
    with unit() as work:
        clear = trace.unmask(work, enrollment_id, reason=body.reason)
    return ClearPersonOut(name=clear.name, id_number=clear.id_number, phone=clear.phone)


@router.get(
    "/files/{sha256}",
    dependencies=[allow_unit(AUDITOR)],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "application/pdf": {}}}},
)
def read_traced_file(sha256: Digest, enrollment_id: UUID, unit: UnitDep, platform: PlatformDep) -> Response:
    """Show a picture or document that a record of this trainee refers to."""
    _look(unit, enrollment_id, trace.FILE, sha256=sha256)
    with unit() as work:
        place = trace.find_traced_file(work, enrollment_id, sha256)
    content = read_file(platform.store, platform.vault, place)
    is_shown = place.media_type in SHOWN_INLINE
    return Response(
        content,
        media_type=place.media_type if is_shown else "application/octet-stream",
        headers={
            "Content-Disposition": f'{"inline" if is_shown else "attachment"}; filename="{sha256[:16]}"',
            "Cache-Control": "no-store",
        },
    )


@router.post(
    "/enrollments/{enrollment_id}/evidence-pack",
    dependencies=[allow_unit(AUDITOR)],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}},
)
def make_evidence_pack(enrollment_id: UUID, unit: UnitDep, platform: PlatformDep) -> StreamingResponse:
    """Make the signed evidence pack of a trainee in a class; may take some seconds."""
    _look(unit, enrollment_id, trace.PACK)
    with unit() as work:
        facts = collect_pack(work, enrollment_id)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    try:
        build_pack(facts, store=platform.store, vault=platform.vault, city_keys=platform.city_keys(), target=target)
    except BaseException:
        target.close()
        raise
    size = target.tell()
    target.seek(0)
    name = f"证据包-{facts.class_code}-{facts.learner_ref}.zip"
    return StreamingResponse(
        _chunks(target),
        media_type="application/zip",
        headers={
            "Content-Disposition": f"attachment; filename=\"evidence.zip\"; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Length": str(size),
            "Cache-Control": "no-store",
        },
    )


def _look(unit: Unit, enrollment_id: UUID, action: str, **details: str) -> None:
    """Put a look on record before anything is shown.

    Raises:
        TraceNotFound: It is not in the auditor's region; that is on record too.
    """
    with unit() as work:
        allowed = trace.record_look(work, enrollment_id, action=action, **details)
    if not allowed:
        raise TraceNotFound


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _person(card: PersonCard) -> PersonOut:
    return PersonOut(
        name_masked=card.name_masked,
        id_number_masked=card.id_number_masked,
        phone_masked=card.phone_masked,
        status=card.status,
    )


def _enrollment(one: TracedEnrollment) -> EnrollmentOut:
    return EnrollmentOut(
        enrollment_id=one.enrollment_id,
        learner_ref=one.learner_ref,
        class_code=one.class_code,
        class_name=one.class_name,
        organization_name=one.organization_name,
        trade=one.trade,
        level=one.level,
        claimable=one.is_claimable,
        start_on=one.start_on,
        end_on=one.end_on,
    )


def _trace(found: Trace) -> TraceOut:
    chain = trace.check_chain(found)
    return TraceOut(
        person=_person(found.person),
        class_=_enrollment(found.enrollment),
        timeline=[_entry(entry, found.enrollment.enrollment_id) for entry in found.timeline],
        chain=ChainOut(ok=chain.ok, head_seq=chain.head_seq, head_hash=chain.head_hash, problem=chain.problem),
    )


def _entry(entry: TracedEntry, enrollment_id: UUID) -> EntryOut:
    delivery = entry.delivery
    return EntryOut(
        seq=entry.seq,
        event_type=entry.event_type,
        title=entry.title,
        summary=entry.summary,
        passed=entry.passed,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        files=[
            FileOut(
                sha256=file.sha256,
                kind=file.kind,
                media_type=file.media_type,
                size_bytes=file.size_bytes,
                url=f"/api/v1{router.prefix}/files/{file.sha256}?enrollment_id={enrollment_id}",
            )
            for file in entry.files
        ],
        entry_hash=entry.entry_hash,
        delivery=DeliveryOut(status=delivery.status, delivered_at=delivery.delivered_at, receipt_id=delivery.receipt_id)
        if delivery
        else None,
    )
