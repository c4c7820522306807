"""Take over what the city holds: institutions, classes with their approval, rosters.

The city's codes are the keys; nothing of this can be made here. Pulling again changes only what the city changed.

Clauses: CC-5.3.1, CC-5.3.2a, CC-5.3.2e, CC-5.3.2f
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import structlog
from sqlalchemy import select

from app.core.db import Json
from app.core.errors import DomainError, Unavailable
from app.core.work import Work
from app.identity.people import import_organization, import_person
from app.realname.ports import CityClass, CitySystem, Failure, Roster
from app.realname.relay import Unit
from app.training.classes.imports import ClassSpec, RosterEntry, import_class, import_roster
from app.training.models import TrainingClass
from app.training.parameters import LessonRules

log = structlog.get_logger()


class CityUnreachable(Unavailable):
    """The real-name system gave no answer."""

    slug = "city-unreachable"
    title = "实名制系统暂时连不上，请稍后再试"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTerms:
    """What a policy pack says about its classes.

    Attributes:
        rules: How a lesson hour is earned.
        online_max_share: Most of the total hours that may be online.
        is_claimable: Whether hours may enter a subsidy claim at all.
    """

    rules: LessonRules
    online_max_share: Fraction
    is_claimable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a pull brought.

    Attributes:
        class_count: Classes the city holds for us.
        roster_count: Rosters that were new or had changed.
        refused: Class codes that could not be taken over, with the reason in Chinese.
    """

    class_count: int
    roster_count: int
    refused: Mapping[str, str]


def pull(*, unit: Unit, city: CitySystem, terms: Mapping[str, ClassTerms]) -> Pulled:
    """Take over all classes and their rosters; one class that cannot be read harms no other.

    Args:
        unit: Opens a transaction.
        city: The other side.
        terms: What each policy pack says, by its reference.

    Raises:
        CityUnreachable: The city did not answer.
    """
    classes = city.pull_classes()
    if isinstance(classes, Failure):
        raise CityUnreachable(classes.detail)
    rosters, refused = 0, {}
    for city_class in classes:
        try:
            rosters += _pull_class(city_class, unit=unit, city=city, terms=terms)
        except DomainError as error:
            refused[city_class.class_code] = error.detail
            log.warning("class_not_imported", class_code=city_class.class_code, code=error.slug)
    return Pulled(class_count=len(classes), roster_count=rosters, refused=refused)


def _pull_class(city_class: CityClass, *, unit: Unit, city: CitySystem, terms: Mapping[str, ClassTerms]) -> bool:
    own = terms.get(city_class.pack)
    if own is None:
        raise CityUnreachable(f"班级 {city_class.class_code} 使用的规则包 {city_class.pack} 不在本系统中，请升级")
    with unit() as work:
        _import_class(work, city_class, own)
        known = work.session.scalar(
            select(TrainingClass.roster_sha256).where(TrainingClass.code == city_class.class_code)
        )
    if city_class.roster_sha256 is None or city_class.roster_sha256 == known:
        return False
    roster = city.pull_roster(city_class.class_code)
    if isinstance(roster, Failure):
        raise CityUnreachable(roster.detail)
    if roster.roster_sha256 is None:
        return False
    with unit() as work:
        _import_roster(work, roster)
    return True


def _import_class(work: Work, city_class: CityClass, terms: ClassTerms) -> None:
    organization = import_organization(
        work,
        kind="enterprise" if city_class.organizer_kind == "enterprise" else "institution",
        authority_code=city_class.institution.institution_id,
        name=city_class.institution.name,
        uscc=city_class.institution.uscc,
        region=city_class.region,
    )
    import_class(
        work,
        ClassSpec(
            code=city_class.class_code,
            name=city_class.name,
            organization_id=organization.id,
            region=city_class.region,
            trade_code=city_class.trade_code,
            trade_name=city_class.trade_name,
            trade_class=city_class.class_abc,
            is_urgent=city_class.urgent,
            level=city_class.level,
            pack_ref=city_class.pack,
            is_claimable=city_class.claimable and terms.is_claimable,
            planned_hours=city_class.planned_hours,
            online_hours=city_class.online_hours,
            online_max_share=terms.online_max_share,
            start_on=city_class.start,
            end_on=city_class.end,
            application_at=city_class.application_at,
            approval_no=city_class.approval_no,
            approved_at=city_class.approved_at,
            supervision_profile=dict(city_class.supervision_profile) if city_class.supervision_profile else None,
            source=_source(city_class),
        ),
        rules=terms.rules,
    )


def _source(city_class: CityClass) -> Json:
    return {
        "training_type": city_class.training_type,
        "theory_hours": city_class.theory_hours,
        "practice_hours": city_class.practice_hours,
        "headcount": city_class.headcount,
        "teachers": list(city_class.teachers),
        "institution_uscc": city_class.institution_uscc,
        "approver_org": city_class.approver_org,
    }


def _import_roster(work: Work, roster: Roster) -> None:
    class_id = work.session.scalars(select(TrainingClass.id).where(TrainingClass.code == roster.class_code)).one()
    entries = [
        RosterEntry(
            person_id=import_person(
                work,
                name=row.name,
                id_number=row.id_no,
                phone=row.phone,
                city_key=row.person_key,
                id_type=row.id_type,
                hukou_region=row.hukou_region,
                education=row.education,
            ).id,
            learner_ref=row.learner_ref,
            category_code=row.category_code,
        )
        for row in roster.rows
    ]
    import_roster(work, class_id=class_id, roster_sha256=roster.roster_sha256 or "", entries=entries)
