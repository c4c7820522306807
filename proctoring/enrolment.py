"""Face enrolment: at least three photos with pauses and small head turns, averaged into one template.

The pictures were read by the engine before these functions are called; here is only what is decided and kept.
Readings of the photos stay encrypted until the template is made, then only the template remains.

Clauses: CC-A2-4.2, CC-4.1.3a
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import delete, select

from app.core.ledger import FileRef
from app.core.work import Work
from proctoring.errors import EnrolmentComplete, NotEnrolled
from proctoring.events import FaceEnrolled
from proctoring.models import FaceEnrolment, FacePhoto
from proctoring.parameters import CheckInRules
from proctoring.ports import Box, Embedding, Engine, Face, FaceReading, FaceTemplate, QualityIssue, Reason, Rejection
from proctoring.rules import faces

COLLECTING = "collecting"
COMPLETE = "complete"
WITHDRAWN = "withdrawn"

TEMPLATE = "face-template"
"""Purpose of the key that encrypts templates and readings."""

MAX_PHOTOS = 8
"""Photos kept while collecting; the oldest goes when the set does not make a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a trainee's enrolment has come.

    Attributes:
        state: `none`, `collecting` or `complete`.
        photos_taken: Accepted photos.
        photos_needed: Photos needed at least.
        advice: What to do next, in Chinese sentences.
    """

    state: str
    photos_taken: int
    photos_needed: int
    advice: tuple[str, ...]


def find_current(work: Work, person_id: UUID, *, lock: bool = False) -> FaceEnrolment | None:
    """Find a person's enrolment that was not withdrawn."""
    query = select(FaceEnrolment).where(FaceEnrolment.person_id == person_id, FaceEnrolment.state != WITHDRAWN)
    return work.session.scalars(query.with_for_update() if lock else query).one_or_none()


def progress_of(work: Work, person_id: UUID, *, rules: CheckInRules, advice: Sequence[str] = ()) -> Progress:
    """Tell how far a person's enrolment has come."""
    current = find_current(work, person_id)
    if current is None:
        return Progress(state="none", photos_taken=0, photos_needed=rules.enrolment_photos_min, advice=tuple(advice))
    taken = current.photos_averaged if current.state == COMPLETE else len(_photos(work, current.id))
    return Progress(
        state=current.state, photos_taken=taken, photos_needed=rules.enrolment_photos_min, advice=tuple(advice)
    )


def refuse_when_complete(work: Work, person_id: UUID) -> None:
    """Stop before a picture is read when there is nothing to enrol.

    Raises:
        EnrolmentComplete: The photos are on file; a new enrolment needs the old one withdrawn.
    """
    current = find_current(work, person_id)
    if current is not None and current.state == COMPLETE:
        raise EnrolmentComplete("人脸照片已登记完成；如需重拍，请先在“我的”页面撤回后再登记")


def add_photo(
    work: Work,
    person_id: UUID,
    *,
    reading: FaceReading | Rejection,
    file: FileRef | None,
    engine: Engine,
    rules: CheckInRules,
) -> tuple[tuple[QualityIssue, ...], Progress]:
    """Take one photo in; make the template when the set is good.

    Args:
        work: The unit of work.
        person_id: The trainee.
        reading: What the engine saw.
        file: The sealed picture; None when it could not be read at all.
        engine: The engine that read it.
        rules: How many photos are needed.

    Returns:
        What is wrong with this photo (empty when it was accepted), and how far the enrolment has come.

    Raises:
        EnrolmentComplete: Nothing is left to enrol.
    """
    issues = faces.quality_issues(reading)
    if issues or not isinstance(reading, FaceReading) or file is None:
        return issues, progress_of(work, person_id, rules=rules, advice=[issue.advice for issue in issues[:1]])
    current = find_current(work, person_id, lock=True) or _begin(work, person_id, engine)
    if current.state == COMPLETE:
        raise EnrolmentComplete
    work.session.add(
        FacePhoto(
            face_enrolment_id=current.id,
            taken_at=work.now,
            frame_sha256=reading.sha256,
            file_sha256=file.sha256,
            turn_e4=round(reading.face.turn * 10_000) if reading.face else 0,
            reading=work.vault.encrypt_bytes(_dump(reading), purpose=TEMPLATE),
        )
    )
    work.session.flush()
    advice = _try_to_complete(work, current, engine=engine, rules=rules)
    return (), progress_of(work, person_id, rules=rules, advice=advice)


def template_of(work: Work, person_id: UUID) -> FaceTemplate:
    """Decrypt a person's template.

    Raises:
        NotEnrolled: There is none.
    """
    current = find_current(work, person_id)
    if current is None or current.template is None:
        raise NotEnrolled
    return FaceTemplate(
        embedding=Embedding(work.vault.decrypt_bytes(current.template, purpose=TEMPLATE)),
        photos_averaged=current.photos_averaged,
        engine=Engine(**current.engine),
    )


def withdraw(work: Work, person_id: UUID) -> None:
    """Delete a person's template and readings at once; that it was there stays on record."""
    current = find_current(work, person_id, lock=True)
    if current is None:
        return
    current.state, current.withdrawn_at, current.template = WITHDRAWN, work.now, None
    for photo in _photos(work, current.id):
        photo.reading = None
    work.session.flush()


def _begin(work: Work, person_id: UUID, engine: Engine) -> FaceEnrolment:
    made = FaceEnrolment(
        person_id=person_id, state=COLLECTING, photos_averaged=0, engine=asdict(engine), created_at=work.now
    )
    work.session.add(made)
    work.session.flush()
    return made


def _try_to_complete(work: Work, current: FaceEnrolment, *, engine: Engine, rules: CheckInRules) -> list[str]:
    photos = _photos(work, current.id)
    result = faces.enrol(
        [faces.EnrolmentPhoto(_load(work, photo), photo.taken_at) for photo in photos],
        engine=engine,
        min_photos=rules.enrolment_photos_min,
    )
    if result.template is None:
        if len(photos) >= MAX_PHOTOS or Reason.IDENTICAL_FRAMES in result.reasons:
            work.session.execute(delete(FacePhoto).where(FacePhoto.id == photos[0].id))
        waiting = len(photos) < rules.enrolment_photos_min
        return [reason.advice for reason in result.reasons if not (waiting and reason is Reason.TOO_FEW_FRAMES)]
    current.state, current.completed_at = COMPLETE, work.now
    current.template = work.vault.encrypt_bytes(result.template.embedding.data, purpose=TEMPLATE)
    current.photos_averaged = result.template.photos_averaged
    current.engine = asdict(engine)
    for photo in photos:
        photo.reading = None
    work.session.flush()
    work.publish(
        FaceEnrolled(
            person_id=current.person_id,
            photos_averaged=current.photos_averaged,
            engine=engine.name,
            model_sha256=engine.model_sha256,
        )
    )
    return []


def _photos(work: Work, enrolment_id: UUID) -> Sequence[FacePhoto]:
    return work.session.scalars(
        select(FacePhoto).where(FacePhoto.face_enrolment_id == enrolment_id).order_by(FacePhoto.taken_at, FacePhoto.id)
    ).all()


def _dump(reading: FaceReading) -> bytes:
    document = asdict(reading)
    if reading.face is not None:
        document["face"]["embedding"] = reading.face.embedding.data.hex()
    return json.dumps(document).encode()


def _load(work: Work, photo: FacePhoto) -> FaceReading:
    document = json.loads(work.vault.decrypt_bytes(photo.reading or b"", purpose=TEMPLATE))
    face = document.pop("face")
    if face is not None:
        face["box"] = Box(**face["box"])
        face["embedding"] = Embedding(bytes.fromhex(face["embedding"]))
        face = Face(**face)
    return FaceReading(**document, face=face)
