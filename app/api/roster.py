"""A trainee's places in classes, and where they stand: put together from the rooms that know a part each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.identity import consents, queries
from app.identity.consent_texts import ConsentText
from app.identity.errors import EnrollmentNotYours
from app.identity.ports import ClassPlace
from app.identity.rules.steps import Step, TraineeFacts, steps_of
from app.training.models import Enrollment, TrainingClass
from app.training.vocabulary import Level, PersonCategory
from proctoring.queries import has_template

__all__ = ["RosterPlace", "get_place", "places_of", "trainee_steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterPlace:
    """A trainee's place in a class, with the words it is shown in.

    Attributes:
        place: What real-name verification needs of it.
        class_name: Name of the class.
        trade: Name of the trade.
        level: Name of the level.
        category_title: Name of the subsidised group.
        proof_title: The document that proves membership; None when none is asked for.
        is_open: Whether the class runs; its record can be confirmed while it does.
    """

    place: ClassPlace
    class_name: str
    trade: str
    level: str
    category_title: str
    proof_title: str | None
    is_open: bool


def places_of(session: Session, person_id: UUID) -> Sequence[RosterPlace]:
    """List a person's places in classes, newest first; places a later list took away are left out."""
    rows = session.execute(
        select(Enrollment, TrainingClass)
        .join(TrainingClass, TrainingClass.id == Enrollment.class_id)
        .where(Enrollment.person_id == person_id, Enrollment.removed_at.is_(None))
        .order_by(TrainingClass.start_on.desc(), Enrollment.id)
    )
    return [_place(row[0], row[1]) for row in rows]


def get_place(session: Session, person_id: UUID, enrollment_id: UUID) -> RosterPlace:
    """Find one of a person's own places.

    Raises:
        EnrollmentNotYours: It is not theirs, or does not exist.
    """
    for found in places_of(session, person_id):
        if found.place.enrollment_id == enrollment_id:
            return found
    raise EnrollmentNotYours


def trainee_steps(session: Session, person_id: UUID, texts: Mapping[str, ConsentText]) -> tuple[Step, ...]:
    """Compute the steps of a signed-in trainee."""
    answers = consents.answers_of(session, person_id)
    running = {found.place.enrollment_id for found in places_of(session, person_id) if found.is_open}
    return steps_of(
        TraineeFacts(
            is_activated=True,
            consents={purpose: consents.state_for(answers.get(purpose), text) for purpose, text in texts.items()},
            is_matched=queries.is_matched(session, person_id),
            has_unconfirmed_class=bool(running - queries.confirmed_enrollments(session, person_id)),
            has_face_enrolment=has_template(session, person_id),
            has_passkey=queries.has_passkey(session, person_id),
        )
    )


def _place(enrollment: Enrollment, training_class: TrainingClass) -> RosterPlace:
    category = _category(enrollment.category_code)
    return RosterPlace(
        place=ClassPlace(
            enrollment_id=enrollment.id,
            trade_code=training_class.trade_code,
            level=training_class.level,
            category_code=enrollment.category_code,
            needs_proof=category is None or bool(category.proof),
        ),
        class_name=training_class.name,
        trade=training_class.trade_name,
        level=_level_label(training_class.level),
        category_title=category.label if category else enrollment.category_code,
        proof_title=category.proof if category else None,
        is_open=training_class.status == "open",
    )


def _category(code: str) -> PersonCategory | None:
    return PersonCategory(code) if code in set(PersonCategory) else None


def _level_label(code: str) -> str:
    return Level(code).label if code in set(Level) else code
