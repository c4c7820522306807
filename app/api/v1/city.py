"""How delivery to the city's real-name system stands.

Clauses: CC-4.1.3b, CC-6.2
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.api.deps import AUDITOR, OPERATOR, WorkDep, allow
from app.core.ledger import LedgerChain
from app.core.work import Work
from app.realname.models import CityDigest
from app.realname.relay import status_of

router = APIRouter(prefix="/city", tags=["实名制系统"], dependencies=[allow(AUDITOR, OPERATOR)])

SHOWN_DIGESTS = 30


class DigestOut(BaseModel):
    """One daily comparison with the city."""

    day: date
    class_name: str = Field(description="班级编号")
    matches: bool | None = Field(description="空：实名制系统还没有答复")
    detail: str | None


class StatusOut(BaseModel):
    """Delivery in numbers, and the last comparisons."""

    pending: int
    oldest_pending_at: datetime | None
    dead: int
    stopped_reason: str | None
    last_success_at: datetime | None
    last_digest: DigestOut | None
    digests: list[DigestOut]


@router.get("/status")
def read_status(work: WorkDep) -> StatusOut:
    """Tell what waits for a receipt, what needs a person, and whether both sides hold the same."""
    status = status_of(work.session)
    digests = _digests(work)
    return StatusOut(
        pending=status.pending,
        oldest_pending_at=status.oldest_pending_at,
        dead=status.dead,
        stopped_reason=status.stopped_reason,
        last_success_at=status.last_success_at,
        last_digest=digests[0] if digests else None,
        digests=digests,
    )


def _digests(work: Work) -> list[DigestOut]:
    rows = work.session.execute(
        select(CityDigest, LedgerChain.code)
        .join(LedgerChain, LedgerChain.id == CityDigest.chain_id)
        .order_by(CityDigest.day.desc(), LedgerChain.code)
        .limit(SHOWN_DIGESTS)
    )
    return [
        DigestOut(day=digest.day, class_name=code, matches=digest.matched, detail=_detail(digest.differences))
        for digest, code in rows
    ]


def _detail(differences: dict[str, Any]) -> str | None:
    """Say in Chinese what differs; None when nothing does."""
    parts = []
    if missing := differences.get("missing"):
        ranges = "、".join(str(first) if first == last else f"{first} 至 {last}" for first, last in missing)
        parts.append(f"实名制系统缺少第 {ranges} 条，已自动补报")
    if learners := differences.get("unknown_learners"):
        parts.append(f"{len(learners)} 名学员不在实名制系统名册中")
    if members := differences.get("members"):
        parts.append(f"{len(members)} 项统计不一致")
    return "；".join(parts) or None
