"""Check-ins of the signed-in trainee: look, answer by face or passkey, make up for a missed one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, PlatformDep, UnitDep, WorkDep, allow, allow_unit
from app.core.errors import Unavailable, Unprocessable
from app.core.work import Work
from app.identity import passkeys
from app.wiring import supervision
from proctoring import check_ins, enrolment, queries
from proctoring.models import FACE, PASSKEY, CheckIn
from proctoring.ports import Outcome, Rejection
from proctoring.rules import faces
from storage.rules import RetentionClass

router = APIRouter(prefix="/me/check-ins", tags=["打卡验证"])

FACE_DEADLINE_S = 8.0
MAX_FRAMES = 5
MAX_FRAME_BYTES = 5_000_000

TITLES = {
    "sign_in": "课程签到",
    "random": "随机打卡",
    "make_up": "补打卡",
    "exam_identity": "考试身份验证",
}
ADVICE = {
    "due": "请在倒计时结束前完成验证，证明是本人在学习",
    "passed": "验证通过",
    "failed": "没有通过验证，计时已停止；可以重新验证，也可以换一种方式",
    "missed": "没有在规定时间内完成，计时已停止；重新验证后继续计时",
    "canceled": "这次验证已取消",
}


class CheckInView(BaseModel):
    """A check-in as its trainee sees it."""

    id: UUID
    purpose: str
    status: str = Field(description="due、passed、failed、missed 或 canceled")
    methods: list[str] = Field(description="可以使用的方式：face、passkey")
    nonce: str | None = Field(description="下一次作答必须带上的一次性口令")
    window_s: int
    expires_at: datetime | None
    tries_left: int
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Burst:
    """A burst of camera frames with the code it answers to."""

    pictures: list[bytes]
    nonce: str


class TryResult(BaseModel):
    """What became of an answer."""

    status: str
    outcome: str = Field(description="pass、unsure 或 fail")
    advice: list[str]
    tries_left: int
    check_in: CheckInView


class PasskeyAnswer(BaseModel):
    """An answer by passkey."""

    nonce: str = Field(max_length=128)
    credential: dict[str, Any]


def read_burst(
    frames: Annotated[list[UploadFile], File(description="连续拍摄的 2 到 5 张照片")],
    nonce: Annotated[str, Form(max_length=128)],
) -> Burst:
    """Read the frames of a burst into memory.

    Raises:
        Unprocessable: Too many frames, or one too large.
    """
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise Unprocessable(f"请一次提交 2 到 {MAX_FRAMES} 张照片", pointers={"/frames": "照片张数不对"})
    pictures = [frame.file.read(MAX_FRAME_BYTES + 1) for frame in frames]
    if any(len(picture) > MAX_FRAME_BYTES for picture in pictures):
        raise Unprocessable("照片太大，每张不要超过 5 MB", pointers={"/frames": "照片太大"})
    return Burst(pictures, nonce)


def view(work: Work, check_in: CheckIn) -> CheckInView:
    """Show a check-in to its trainee; issues the code for the next answer."""
    return CheckInView(
        id=check_in.id,
        purpose=check_in.purpose,
        status=check_in.status,
        methods=check_in.methods,
        nonce=check_ins.issue_nonce(work, check_in),
        window_s=check_in.window_s,
        expires_at=check_in.expires_at,
        tries_left=check_ins.tries_left(work, check_in),
        title=TITLES[check_in.purpose],
        advice=ADVICE[check_in.status],
    )


def own_person(work: Work) -> UUID:
    """Name the signed-in trainee."""
    if work.actor.person_id is None:
        raise Unprocessable
    return work.actor.person_id


@router.get("/{check_in_id}", dependencies=[allow(TRAINEE)])
def read_check_in(check_in_id: UUID, work: WorkDep) -> CheckInView:
    """Show one of my check-ins; an open one comes with a fresh one-time code."""
    return view(work, check_ins.get_own(work, check_in_id, person_id=own_person(work), lock=True))


@router.post("/{check_in_id}/make-up", dependencies=[allow(TRAINEE)])
def make_up(check_in_id: UUID, work: WorkDep, platform: PlatformDep) -> CheckInView:
    """Open another chance after a missed or failed check-in of mine."""
    person_id = own_person(work)
    missed = check_ins.get_own(work, check_in_id, person_id=person_id)
    made = check_ins.make_up(
        work,
        check_in_id,
        person_id=person_id,
        rules=supervision.check_in_rules_of(
            work.session,
            platform.packs,
            supervision.enrollment_of_subject(work.session, missed.subject_kind, missed.subject_id),
        ),
        methods=supervision.methods_of(work.session, person_id),
    )
    return view(work, made)


@router.post("/{check_in_id}/face", dependencies=[allow_unit(TRAINEE)])
def answer_by_face(
    check_in_id: UUID, unit: UnitDep, platform: PlatformDep, burst: Annotated[Burst, Depends(read_burst)]
) -> TryResult:
    """Answer with a burst of camera frames; compared on the server with my enrolled face.

    The frames are judged by the moment they arrive. When the server is too busy to judge, nothing is lost: the
    answer does not count and the window grows.
    """
    pictures = burst.pictures
    with unit() as work:
        person_id = own_person(work)
        supervision.require_face_consent(work.session, person_id)
        template = enrolment.template_of(work, person_id)
        seen = queries.seen_frames(work.session, person_id)
        begun = check_ins.begin_try(
            work,
            check_in_id,
            person_id=person_id,
            nonce=burst.nonce,
            method=FACE,
            frame_hashes=[hashlib.sha256(picture).hexdigest() for picture in pictures],
        )
    try:
        readings = platform.faces.read(pictures, deadline_s=FACE_DEADLINE_S)
        verdict = faces.verify(readings, template=template, engine=platform.faces.engine, seen_frames=seen)
        kept = [
            picture for picture, reading in zip(pictures, readings, strict=True) if not isinstance(reading, Rejection)
        ]
        sealed = platform.put_pictures(kept, kind="checkin_image", retention=RetentionClass.PRESENCE)
    except Unavailable:
        with unit() as work:
            check_ins.abort_try(work, begun.id)
        raise
    with unit() as work:
        files = platform.record_pictures(work, sealed)
        check_in = check_ins.finish_try(work, begun.id, outcome=verdict.outcome, verdict=verdict.facts(), files=files)
        advice = [] if verdict.outcome is Outcome.PASS or verdict.advice is None else [verdict.advice]
        return _result(work, check_in, verdict.outcome, advice)


@router.post("/{check_in_id}/passkey-options", dependencies=[allow(TRAINEE)])
def passkey_options(check_in_id: UUID, work: WorkDep, platform: PlatformDep) -> dict[str, Any]:
    """Give the options my browser needs to ask for fingerprint or screen lock."""
    person_id = own_person(work)
    check_in = check_ins.get_own(work, check_in_id, person_id=person_id)
    return passkeys.assertion_options(
        work, person_id=person_id, subject=f"check-in:{check_in.id}", rp=platform.relying_party
    )


@router.post("/{check_in_id}/passkey", dependencies=[allow_unit(TRAINEE)])
def answer_by_passkey(check_in_id: UUID, body: PasskeyAnswer, unit: UnitDep, platform: PlatformDep) -> TryResult:
    """Answer with a passkey: the device has verified its user by fingerprint, face or screen lock.

    What the device signed is sealed as evidence, so that an auditor can check the signature again.
    """
    with unit() as work:
        begun = check_ins.begin_try(work, check_in_id, person_id=own_person(work), nonce=body.nonce, method=PASSKEY)
        proof = passkeys.verify_assertion(
            work,
            person_id=own_person(work),
            subject=f"check-in:{check_in_id}",
            credential=body.credential,
            rp=platform.relying_party,
        )
    verdict = {
        "outcome": Outcome.PASS.value,
        "credential_sha256": proof.credential_id_hash,
        "user_verified": proof.user_verified,
        "sign_count": proof.sign_count,
    }
    try:
        sealed = platform.put_proof(proof.evidence, kind="passkey_assertion")
    except Unavailable:
        with unit() as work:
            check_ins.abort_try(work, begun.id)
        raise
    with unit() as work:
        files = platform.record_pictures(work, [sealed])
        check_in = check_ins.finish_try(work, begun.id, outcome=Outcome.PASS, verdict=verdict, files=files)
        return _result(work, check_in, Outcome.PASS, [])


def _result(work: Work, check_in: CheckIn, outcome: Outcome, advice: list[str]) -> TryResult:
    return TryResult(
        status=check_in.status,
        outcome=outcome.value,
        advice=advice,
        tries_left=check_ins.tries_left(work, check_in),
        check_in=view(work, check_in),
    )
