"""Take classes and rosters over from the authority: idempotent, and the only way either changes.

Clauses: CC-5.3.2e, CC-5.3.2f
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Json
from app.core.ids import new_id
from app.core.work import Work
from app.training.classes.models import ClassStep, Enrollment, TrainingClass
from app.training.classes.moves import judge, learner_of, lock_class, note, remind
from app.training.errors import ClassRefused, RosterMismatch
from app.training.events import RosterChanged
from app.training.frozen_rules import freeze
from app.training.parameters import LessonRules
from app.training.playback.completion import add_progress
from app.training.vocabulary import PersonCategory


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSpec:
    """A class as the authority describes it.

    Attributes:
        code: The authority's number of the class.
        organization_id: The institution or enterprise that holds it.
        pack_ref: The policy pack it is run by.
        online_max_share: Most of the total hours that may be online.
        start_on: First day, inclusive.
        end_on: Last day, inclusive.
        supervision_profile: What supervision the authority demands; None when not given yet.
        source: The authority's own words, canonical values without personal data.
    """

    code: str
    name: str
    organization_id: UUID
    region: str
    trade_code: str
    trade_name: str
    trade_class: str
    is_urgent: bool
    level: str
    pack_ref: str
    is_claimable: bool
    planned_hours: int
    online_hours: int
    online_max_share: Fraction
    start_on: date
    end_on: date
    application_at: datetime
    approval_no: str | None
    approved_at: datetime | None
    supervision_profile: Json | None
    source: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """A trainee on the authority's roster."""

    person_id: UUID
    learner_ref: str
    category_code: str


_FROZEN_WHEN_OPEN = frozenset(
    {
        "organization_id",
        "region",
        "trade_code",
        "trade_name",
        "trade_class",
        "is_urgent",
        "level",
        "pack_ref",
        "is_claimable",
        "planned_hours",
        "online_hours",
        "online_max_share",
        "start_on",
        "application_at",
        "approval_no",
        "approved_at",
        "supervision_profile",
    }
)
"""What an import no longer changes once the class is open; the difference is kept in its history."""


def import_class(work: Work, spec: ClassSpec, *, rules: LessonRules) -> TrainingClass:
    """Add a class, or bring it up to date; the authority's code decides which one it is.

    Args:
        work: The unit of work.
        spec: The class as the authority describes it.
        rules: Rules of a lesson hour of its pack; they stay with the class.

    Raises:
        ClassRefused: Dates or hours do not fit together.

    Clauses:
        CC-5.3.2f.
    """
    if spec.end_on < spec.start_on or spec.planned_hours <= 0 or not 0 <= spec.online_hours <= spec.planned_hours:
        raise ClassRefused(f"班级{spec.code}的日期或学时有误，请在实名制系统更正后重新同步")
    values = {**asdict(spec), "online_max_share": [spec.online_max_share.numerator, spec.online_max_share.denominator]}
    found = work.session.scalars(
        select(TrainingClass).where(TrainingClass.code == spec.code).with_for_update()
    ).one_or_none()
    if found is None:
        found = TrainingClass(
            id=new_id(), status="imported", lesson_rules=freeze(rules), imported_at=work.now, **values
        )
        work.session.add(found)
        work.session.flush()
        note(work, found, "imported", before=None, details={})
    else:
        _update(work, found, values, rules=rules)
    judge(work, found)
    return found


def _update(work: Work, found: TrainingClass, values: Json, *, rules: LessonRules) -> None:
    changed = {name: value for name, value in values.items() if getattr(found, name) != value}
    kept: list[str] = []
    if found.status in {"open", "closed"}:
        kept = sorted(set(changed) & _FROZEN_WHEN_OPEN)
        changed = {name: value for name, value in changed.items() if name not in _FROZEN_WHEN_OPEN}
    elif (frozen := freeze(rules)) != found.lesson_rules:
        changed["lesson_rules"] = frozen
    if not changed and not kept:
        return
    for name, value in changed.items():
        setattr(found, name, value)
    details: Json = {"changed": sorted(changed), "not_applied": kept}
    if not changed and _last_details(work.session, found.id) == details:
        return
    note(work, found, "changed", before=found.status, details=details)


def _last_details(session: Session, class_id: UUID) -> Json | None:
    return session.scalars(
        select(ClassStep.details).where(ClassStep.class_id == class_id).order_by(ClassStep.id.desc()).limit(1)
    ).one_or_none()


def import_roster(work: Work, *, class_id: UUID, roster_sha256: str, entries: Sequence[RosterEntry]) -> None:
    """Take over the complete roster of a class; who is no longer on it is removed, never deleted.

    Args:
        work: The unit of work.
        class_id: The class.
        roster_sha256: Hash over the authority's canonical roster, checked by whoever fetched it.
        entries: Everybody on it.

    Raises:
        ClassNotFound: There is no such class.
        RosterMismatch: Empty, a category is unknown, or somebody stands on it twice.

    Clauses:
        CC-5.3.2f.
    """
    found = lock_class(work.session, class_id)
    _check_roster(entries)
    if found.roster_sha256 == roster_sha256:
        return
    known = {
        row.learner_ref: row for row in work.session.scalars(select(Enrollment).where(Enrollment.class_id == class_id))
    }
    added = [_enrol(work, class_id, known, entry) for entry in entries]
    named = {entry.learner_ref for entry in entries}
    removed = [row for row in known.values() if row.learner_ref not in named and row.removed_at is None]
    for row in removed:
        row.removed_at = work.now
    found.roster_sha256, found.roster_at = roster_sha256, work.now
    work.session.flush()
    new = [row for row in added if row is not None]
    details: Json = {"roster_sha256": roster_sha256, "added": len(new), "removed": len(removed), "total": len(entries)}
    note(work, found, "roster", before=found.status, details=details)
    if found.status == "open" and found.course_id is not None:
        _spread_change(work, found, found.course_id, new=new, removed=removed)
    judge(work, found)


def _check_roster(entries: Sequence[RosterEntry]) -> None:
    if not entries:
        raise RosterMismatch("名册是空的，请在实名制系统补全学员后重新同步")
    refs = [entry.learner_ref for entry in entries]
    people = [entry.person_id for entry in entries]
    if len(set(refs)) != len(refs) or len(set(people)) != len(people):
        raise RosterMismatch("名册中有重复的学员，请在实名制系统更正后重新同步")
    unknown = {entry.category_code for entry in entries} - set(PersonCategory)
    if unknown:
        raise RosterMismatch(f"名册中有不认识的人员类别：{'、'.join(sorted(unknown))}")


def _enrol(work: Work, class_id: UUID, known: dict[str, Enrollment], entry: RosterEntry) -> Enrollment | None:
    """Add or bring back one trainee; None when they were enrolled already."""
    row = known.get(entry.learner_ref)
    if row is None:
        row = Enrollment(
            id=new_id(),
            class_id=class_id,
            person_id=entry.person_id,
            learner_ref=entry.learner_ref,
            category_code=entry.category_code,
            enrolled_at=work.now,
        )
        work.session.add(row)
        return row
    if row.person_id != entry.person_id:
        raise RosterMismatch(f"学员编号{entry.learner_ref}对应的人员发生变化，请在实名制系统核对")
    row.category_code = entry.category_code
    if row.removed_at is None:
        return None
    row.removed_at = None
    return row


def _spread_change(
    work: Work, found: TrainingClass, course_id: UUID, *, new: Sequence[Enrollment], removed: Sequence[Enrollment]
) -> None:
    add_progress(work.session, enrollment_ids=[row.id for row in new], course_id=course_id)
    work.publish(
        RosterChanged(
            class_id=found.id,
            roster_sha256=found.roster_sha256 or "",
            added=tuple(map(learner_of, new)),
            removed=tuple(map(learner_of, removed)),
        )
    )
    remind(work, found, new)
