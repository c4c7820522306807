"""What supervision tells the other rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import Json
from app.core.ledger import FileRef


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEnrolled:
    """A trainee's face template is complete.

    Attributes:
        person_id: The trainee.
        photos_averaged: Photos in the template.
        engine: Name of the engine that computed it.
        model_sha256: Hash of the encoder that ran.
    """

    person_id: UUID
    photos_averaged: int
    engine: str
    model_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInSettled:
    """A check-in has its final result.

    Attributes:
        check_in_id: The check-in.
        subject_kind: `lesson` or `exam_attempt`.
        subject_id: Progress of a lesson, or an exam attempt.
        person_id: The trainee.
        purpose: `sign_in`, `random`, `make_up` or `exam_identity`.
        result: `passed`, `failed` or `missed`.
        method: `face`, `passkey`, or None when it was missed.
        planned_ms: Position on the subject's own clock it was drawn for, in milliseconds; None when not drawn.
        due_at: When it was opened to the trainee.
        answered_at: When the deciding answer arrived; None when missed.
        window_s: Seconds it was open for.
        try_count: Answers given.
        verdict: Facts of the deciding answer: distances, thresholds, engine; canonical values.
        files: Sealed pictures of the deciding answer.
    """

    check_in_id: UUID
    subject_kind: str
    subject_id: UUID
    person_id: UUID
    purpose: str
    result: str
    method: str | None
    planned_ms: int | None
    due_at: datetime
    answered_at: datetime | None
    window_s: int
    try_count: int
    verdict: Json
    files: tuple[FileRef, ...]
