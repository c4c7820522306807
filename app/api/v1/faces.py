"""The signed-in trainee's face photos: take them one by one, see how far it is, take them back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, PlatformDep, UnitDep, WorkDep, allow, allow_unit
from app.api.v1.check_ins import own_person
from app.core.errors import Unprocessable
from app.wiring import supervision
from proctoring import enrolment
from proctoring.rules.faces import quality_issues
from storage.rules import RetentionClass

router = APIRouter(prefix="/me/face-enrolment", tags=["人脸照片"])

FACE_DEADLINE_S = 8.0
MAX_PHOTO_BYTES = 5_000_000


class EnrolmentView(BaseModel):
    """How far the enrolment has come."""

    state: str = Field(description="none、collecting 或 complete")
    photos_taken: int
    photos_needed: int
    advice: list[str]


class Issue(BaseModel):
    """What is wrong with a photo, and what to do."""

    code: str
    advice: str


class PhotoResult(BaseModel):
    """What became of a photo."""

    accepted: bool
    issues: list[Issue]
    enrolment: EnrolmentView


def _view(progress: enrolment.Progress) -> EnrolmentView:
    return EnrolmentView(
        state=progress.state,
        photos_taken=progress.photos_taken,
        photos_needed=progress.photos_needed,
        advice=list(progress.advice),
    )


@router.get("", dependencies=[allow(TRAINEE)])
def read_enrolment(work: WorkDep, platform: PlatformDep) -> EnrolmentView:
    """Tell how many of my photos are on file."""
    person_id = own_person(work)
    return _view(
        enrolment.progress_of(
            work, person_id, rules=supervision.enrolment_rules(work.session, platform.packs, person_id)
        )
    )


@router.post("/photos", dependencies=[allow_unit(TRAINEE)])
def add_photo(
    unit: UnitDep, platform: PlatformDep, photo: Annotated[UploadFile, File(description="一张照片，JPG、PNG 或 WebP")]
) -> PhotoResult:
    """Add one photo; it is checked at once, and what is wrong is said in plain words."""
    picture = photo.file.read(MAX_PHOTO_BYTES + 1)
    if len(picture) > MAX_PHOTO_BYTES:
        raise Unprocessable("照片太大，请用本页面的相机重新拍摄", pointers={"/photo": "照片太大"})
    with unit() as work:
        person_id = own_person(work)
        supervision.require_face_consent(work.session, person_id)
        enrolment.refuse_when_complete(work, person_id)
        rules = supervision.enrolment_rules(work.session, platform.packs, person_id)
    reading = platform.faces.read([picture], deadline_s=FACE_DEADLINE_S)[0]
    is_good = not quality_issues(reading)
    sealed = (
        platform.put_pictures([picture], kind="enrolment_photo", retention=RetentionClass.FACE_TEMPLATE)
        if is_good
        else []
    )
    with unit() as work:
        files = platform.record_pictures(work, sealed)
        issues, progress = enrolment.add_photo(
            work,
            person_id,
            reading=reading,
            file=files[0] if files else None,
            engine=platform.faces.engine,
            rules=rules,
        )
        return PhotoResult(
            accepted=not issues,
            issues=[Issue(code=issue.value, advice=issue.advice) for issue in issues],
            enrolment=_view(progress),
        )


@router.delete("", dependencies=[allow(TRAINEE)], status_code=204)
def withdraw(work: WorkDep) -> None:
    """Take my face photos back: the template is deleted at once."""
    enrolment.withdraw(work, own_person(work))
