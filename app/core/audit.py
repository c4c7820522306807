"""The audit trail: who did, saw or was refused what, when and why.

Rows are append-only and written in the transaction of the act itself (a refusal is written in one of its own). A
periodic job seals the rows of the last minutes under a hash chain, so that a removed row is found even if somebody
gets past the database's own refusal.

Clauses: CC-4.1.6
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session

from app.core.canonical import canonical_hash
from app.core.clock import china_iso
from app.core.db import Base, Json, Sha256, UuidKey
from app.core.ledger import GENESIS
from app.core.work import Work

SEAL_LAG = timedelta(minutes=5)
"""Rows are sealed when this old: longer than any transaction may run."""


class AuditEntry(Base):
    """One act. Holds ids and reasons, never names, numbers or pictures."""

    __tablename__ = "audit_entry"

    id: Mapped[UuidKey]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    subject_kind: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    ip: Mapped[str | None]
    details: Mapped[Json]


class AuditSeal(Base):
    """The hash over all rows of a stretch of time, chained to the seal before it."""

    __tablename__ = "audit_seal"

    id: Mapped[UuidKey]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    entry_count: Mapped[int]
    prev_hash: Mapped[Sha256]
    seal_hash: Mapped[Sha256]


def record(
    work: Work,
    action: str,
    *,
    subject_kind: str | None = None,
    subject_id: UUID | None = None,
    outcome: str = "done",
    reason: str | None = None,
    **details: str | int | bool | None,
) -> None:
    """Write one act into the audit trail.

    Args:
        work: The unit of work; its actor is the one who acted.
        action: Verb and object, for example `view_evidence`.
        subject_kind: Kind of what was acted on.
        subject_id: Its id.
        outcome: `done` or `refused`.
        reason: Why it was refused, or why a person did it.
        **details: Canonical values without personal data.
    """
    work.session.add(
        AuditEntry(
            at=work.now,
            actor_kind=work.actor.kind,
            actor_id=work.actor.account_id,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            outcome=outcome,
            reason=reason,
            request_id=work.actor.request_id,
            ip=work.actor.ip,
            details=dict(details),
        )
    )


def seal(session: Session, *, now: datetime) -> AuditSeal | None:
    """Seal all rows that are old enough and not sealed yet; None when there is nothing to seal."""
    latest = session.scalars(select(AuditSeal).order_by(AuditSeal.to_at.desc()).limit(1)).one_or_none()
    to_at = now - SEAL_LAG
    rows = _rows(session, latest.to_at if latest else None, to_at)
    if not rows:
        return None
    prev_hash = latest.seal_hash if latest else GENESIS
    made = AuditSeal(
        from_at=latest.to_at if latest else rows[0].at,
        to_at=to_at,
        entry_count=len(rows),
        prev_hash=prev_hash,
        seal_hash=_hash(rows, prev_hash),
    )
    session.add(made)
    session.flush()
    return made


def find_broken_seal(session: Session) -> AuditSeal | None:
    """Re-compute every seal; the first one that does not hold, or None."""
    prev_hash, from_at = GENESIS, None
    for found in session.scalars(select(AuditSeal).order_by(AuditSeal.to_at)):
        rows = _rows(session, from_at, found.to_at)
        if found.prev_hash != prev_hash or found.seal_hash != _hash(rows, prev_hash):
            return found
        prev_hash, from_at = found.seal_hash, found.to_at
    return None


def _rows(session: Session, after: datetime | None, upto: datetime) -> list[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.at <= upto).order_by(AuditEntry.at, AuditEntry.id)
    if after is not None:
        query = query.where(AuditEntry.at > after)
    return list(session.scalars(query))


def _hash(rows: list[AuditEntry], prev_hash: str) -> str:
    return canonical_hash([prev_hash, *(_members(row) for row in rows)])


def _members(row: AuditEntry) -> Json:
    return {
        "id": str(row.id),
        "at": china_iso(row.at),
        "actor_kind": row.actor_kind,
        "actor_id": str(row.actor_id) if row.actor_id else None,
        "action": row.action,
        "subject_kind": row.subject_kind,
        "subject_id": str(row.subject_id) if row.subject_id else None,
        "outcome": row.outcome,
        "reason": row.reason,
        "details": row.details,
    }
