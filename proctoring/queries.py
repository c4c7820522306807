"""Read what supervision knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from proctoring.models import PASSED, RANDOM, CheckIn, CheckInTry, FaceEnrolment, FacePhoto


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInCounts:
    """Check-ins of one round of a subject, sign-ins apart.

    Attributes:
        required: Moments that were drawn.
        passed: Drawn moments that were passed, or made up for.
        missed: Check-ins that ran out or failed.
    """

    required: int
    passed: int
    missed: int


def has_template(session: Session, person_id: UUID) -> bool:
    """Tell whether a person's face is on file."""
    return (
        session.scalar(
            select(func.count())
            .select_from(FaceEnrolment)
            .where(FaceEnrolment.person_id == person_id, FaceEnrolment.state == "complete")
        )
        == 1
    )


def counts_of(session: Session, subject_id: UUID, *, round_: int) -> CheckInCounts:
    """Count the check-ins of one round of a subject."""
    rows = session.scalars(
        select(CheckIn).where(
            CheckIn.subject_id == subject_id, CheckIn.round == round_, CheckIn.purpose.in_(["random", "make_up"])
        )
    ).all()
    return CheckInCounts(
        required=sum(row.purpose == RANDOM for row in rows),
        passed=sum(row.status == PASSED for row in rows),
        missed=sum(row.status in {"missed", "failed"} for row in rows),
    )


def passed_count(session: Session, subject_id: UUID, *, purpose: str) -> int:
    """Count the passed check-ins of a subject with one purpose."""
    return (
        session.scalar(
            select(func.count())
            .select_from(CheckIn)
            .where(CheckIn.subject_id == subject_id, CheckIn.purpose == purpose, CheckIn.status == PASSED)
        )
        or 0
    )


def seen_frames(session: Session, person_id: UUID) -> frozenset[str]:
    """List the hashes of every picture a person has ever handed in; a camera never gives the same one twice."""
    tries = session.scalars(
        select(CheckInTry.frame_hashes)
        .join(CheckIn, CheckIn.id == CheckInTry.check_in_id)
        .where(CheckIn.person_id == person_id)
    )
    photos = session.scalars(
        select(FacePhoto.frame_sha256)
        .join(FaceEnrolment, FaceEnrolment.id == FacePhoto.face_enrolment_id)
        .where(FaceEnrolment.person_id == person_id)
    )
    return frozenset(photos) | {frame for frames in tries for frame in frames}


def tries_of(session: Session, check_in_id: UUID) -> Sequence[CheckInTry]:
    """List the answers to a check-in in order."""
    return session.scalars(
        select(CheckInTry).where(CheckInTry.check_in_id == check_in_id).order_by(CheckInTry.try_no)
    ).all()


def latest_of(session: Session, subject_id: UUID, *, purpose: str) -> CheckIn | None:
    """Find the newest opened check-in of a subject with one purpose."""
    return session.scalars(
        select(CheckIn)
        .where(CheckIn.subject_id == subject_id, CheckIn.purpose == purpose, CheckIn.due_at.is_not(None))
        .order_by(CheckIn.due_at.desc(), CheckIn.id.desc())
        .limit(1)
    ).one_or_none()


def newest_of(session: Session, subject_ids: Sequence[UUID]) -> Sequence[CheckIn]:
    """Find the newest opened check-in of each subject."""
    return session.scalars(
        select(CheckIn)
        .ext(distinct_on(CheckIn.subject_id))
        .where(CheckIn.subject_id.in_(subject_ids), CheckIn.due_at.is_not(None))
        .order_by(CheckIn.subject_id, CheckIn.due_at.desc(), CheckIn.id.desc())
    ).all()
