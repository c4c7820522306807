"""Misbehave on purpose: what a city system does on its bad days.

A plan says how often each misfortune happens; the dice are seeded, so a run can be repeated. Before the request is
processed the city may be down, answer 5xx or be slow. After it was processed and committed the answer may be cut off,
come too late, be unreadable, or belong to other events.
"""

from __future__ import annotations

import json
import random
import threading
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from app.core.canonical import canonical_bytes
from app.core.errors import Unprocessable
from app.realname.protocol import SigningKey, signed_document


class FaultPlanInvalid(Unprocessable):
    """The plan names an unknown fault or a wrong value."""

    slug = "fault_plan_invalid"
    title = "故障设置不正确"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """How often each misfortune happens; ratios are 0 to 1 per request.

    Attributes:
        error_ratio: 5xx before anything is processed.
        lost_answer_ratio: Processed, then the connection breaks inside the answer.
        late_answer_ratio: Processed, then the answer is held back for `late_answer_s`.
        broken_answer_ratio: Processed, then half of the body with status 200.
        duplicate_ratio: The request is processed twice, as if the network had doubled it.
        wrong_receipt_ratio: Processed, then a properly signed receipt for other events.
        latency_s: Seconds every answer takes longer.
        late_answer_s: Seconds a late answer is held back.
        clock_skew_s: Seconds the city's clock is ahead.
        down_s: Seconds from now in which every request gets 503.
        seed: Seed of the dice.
    """

    error_ratio: float = 0.0
    lost_answer_ratio: float = 0.0
    late_answer_ratio: float = 0.0
    broken_answer_ratio: float = 0.0
    duplicate_ratio: float = 0.0
    wrong_receipt_ratio: float = 0.0
    latency_s: float = 0.0
    late_answer_s: float = 40.0
    clock_skew_s: float = 0.0
    down_s: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Misfortune:
    """What happens to one request."""

    is_down: bool = False
    is_error: bool = False
    is_lost: bool = False
    is_broken: bool = False
    is_duplicated: bool = False
    is_wrong_receipt: bool = False
    delay_s: float = 0.0


class Faults:
    """The dice, the plan and a count of what was done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan = FaultPlan()
        self._random = random.Random(0)  # noqa: S311 - dice, not secrets
        self._down_until: datetime | None = None
        self._counts: dict[str, int] = {}

    def set_plan(self, values: Any, *, now: datetime) -> None:
        """Replace the plan; what is not named is switched off.

        Raises:
            FaultPlanInvalid: An unknown name, or a value that is not a number of at least 0 (skew may be negative).
        """
        known = {item.name for item in fields(FaultPlan)}
        if not isinstance(values, dict) or not values.keys() <= known:
            raise FaultPlanInvalid("可用的设置：" + "、".join(sorted(known)))
        for name, value in values.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or (value < 0 and name != "clock_skew_s"):
                raise FaultPlanInvalid(f"{name} 应为不小于 0 的数")
        with self._lock:
            self._plan = FaultPlan(**values)
            self._random = random.Random(self._plan.seed)  # noqa: S311 - dice, not secrets
            self._down_until = now + timedelta(seconds=self._plan.down_s) if self._plan.down_s else None
            self._counts = {}

    def describe(self) -> dict[str, Any]:
        """Tell the present plan and how often each misfortune happened."""
        with self._lock:
            return {"plan": asdict(self._plan), "counts": dict(self._counts)}

    def skewed(self, now: datetime) -> datetime:
        """Read the city's possibly wrong clock."""
        return now + timedelta(seconds=self._plan.clock_skew_s)

    def draw(self, now: datetime) -> Misfortune:
        """Roll the dice for one request."""
        with self._lock:
            plan = self._plan
            if self._down_until is not None and now < self._down_until:
                return self._counted(Misfortune(is_down=True))
            late = self._hits(plan.late_answer_ratio)
            return self._counted(
                Misfortune(
                    is_error=self._hits(plan.error_ratio),
                    is_lost=self._hits(plan.lost_answer_ratio),
                    is_broken=self._hits(plan.broken_answer_ratio),
                    is_duplicated=self._hits(plan.duplicate_ratio),
                    is_wrong_receipt=self._hits(plan.wrong_receipt_ratio),
                    delay_s=plan.latency_s + (plan.late_answer_s if late else 0.0),
                )
            )

    def _hits(self, ratio: float) -> bool:
        return self._random.random() < ratio

    def _counted(self, misfortune: Misfortune) -> Misfortune:
        for name, value in asdict(misfortune).items():
            if value:
                self._counts[name] = self._counts.get(name, 0) + 1
        return misfortune


def wrong_receipt(body: bytes, *, signer: SigningKey) -> bytes:
    """Turn a receipt into one for other events, properly signed: the end of each event id is reversed."""
    document = json.loads(body)
    for result in document.get("results", []):
        if result.get("event_id"):
            result["event_id"] = result["event_id"][:24] + result["event_id"][:23:-1]
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    return canonical_bytes(signed_document(unsigned, signer=signer))
