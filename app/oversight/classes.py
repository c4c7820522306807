"""The classes of an auditor's region, with the state of their ledgers.

Clauses: CC-6.2
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app.core.ledger import DELIVERED, LedgerChain, OutboxMessage
from app.core.work import Work
from app.identity.models import Organization
from app.oversight.scope import prefix_of
from app.training.models import Enrollment, TrainingClass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedClass:
    """A class as an auditor lists it.

    Attributes:
        code: The authority's number.
        name: Name of the class.
        organization_name: Who runs it.
        region: Code of its region.
        trade: Name of the trade.
        level: Code of the level.
        status: Where the class is.
        is_claimable: False for demonstration classes.
        start_on: First day.
        end_on: Last day.
        headcount: Trainees on the roster.
        entry_count: Entries of its ledger.
        waiting_count: Entries the city has not confirmed.
    """

    code: str
    name: str
    organization_name: str
    region: str
    trade: str
    level: str
    status: str
    is_claimable: bool
    start_on: date
    end_on: date
    headcount: int
    entry_count: int
    waiting_count: int


def classes_in_scope(work: Work) -> list[AuditedClass]:
    """List the classes of the actor's region, newest first; none for who has no region."""
    prefix = prefix_of(work.session, work.actor)
    if prefix is None:
        return []
    heads = (
        select(func.count())
        .where(Enrollment.class_id == TrainingClass.id, Enrollment.removed_at.is_(None))
        .scalar_subquery()
    )
    waiting = (
        select(func.count())
        .where(OutboxMessage.chain_id == TrainingClass.id, OutboxMessage.status != DELIVERED)
        .scalar_subquery()
    )
    rows = work.session.execute(
        select(TrainingClass, Organization.name, LedgerChain.head_seq, heads, waiting)
        .join(Organization, Organization.id == TrainingClass.organization_id)
        .outerjoin(LedgerChain, LedgerChain.id == TrainingClass.id)
        .where(TrainingClass.region.startswith(prefix, autoescape=True))
        .order_by(TrainingClass.start_on.desc(), TrainingClass.code)
    )
    return [
        AuditedClass(
            code=found.code,
            name=found.name,
            organization_name=organization_name,
            region=found.region,
            trade=found.trade_name,
            level=found.level,
            status=found.status,
            is_claimable=found.is_claimable,
            start_on=found.start_on,
            end_on=found.end_on,
            headcount=headcount,
            entry_count=head_seq or 0,
            waiting_count=waiting_count,
        )
        for found, organization_name, head_seq, headcount, waiting_count in rows
    ]
