"""The money sections of a pack: amounts, ceilings and how ambiguous wording is read.

All amounts are integer fen. Nothing here computes: the subsidy domain does.

Clauses:
    CC-2.1c, CC-2.2a, CC-3.1.1b, CC-3.1.3a, CC-3.1.3b, CC-3.1.4a, CC-3.1.7, CC-3.2.4a, CC-3.4, CC-4.0c,
    JL-4b, SD-3a, SD-3b, SD-4.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.policy.values import Count, Fen, PositiveInt, Section, Share


class Hours(Section):
    """Length and price of a training.

    Attributes:
        limits: Lesson hours by trade class A, B and C; empty where the region names none.
        mode: How 培训时限 is read (A4): ``cap`` pays at most the limit, ``exact``, ``minimum``.
        blank_class: What a trade without a class gets (A16): no computed standard.
        per_trade: Exact lesson hours of every trade of a project, or None.
        unit_price_fen: Money per lesson hour, or None where local rules set it.
        online_max_share: Largest share of online hours in all hours.
        online_full_for_knowledge_trades: Whether knowledge trades may be online entirely.
    """

    limits: dict[Literal["A", "B", "C"], PositiveInt]
    mode: Literal["cap", "exact", "minimum"]
    blank_class: Literal["no_standard"]
    per_trade: PositiveInt | None = None
    unit_price_fen: Fen | None = None
    online_max_share: Share
    online_full_for_knowledge_trades: bool


class OnlineMoney(Section):
    """Ceiling of money for online hours.

    Attributes:
        max_ratio: Largest share of the standard.
        base: What the share is taken of (A2): the price of an hour, or the whole project.
    """

    max_ratio: Share
    base: Literal["hourly", "project"]


class AttendanceBand(Section):
    """One step of a pay table set by a bureau: from this attendance on, this share is paid."""

    attendance_from: Share
    pay_ratio: Share


class Attendance(Section):
    """From attendance to the share that is paid.

    Attributes:
        eligible: Attendance that earns anything; reaching it is enough.
        full: Attendance that earns everything; reaching it is enough.
        scaling: How the share follows in between (A1).
        measure: What attendance counts (A11).
        includes_online: Whether online hours are inside (A11).
        table: Bands, only with ``scaling = "table"``.
    """

    eligible: Share
    full: Share
    scaling: Literal["literal", "normalised", "table"]
    measure: Literal["hours", "sessions"]
    includes_online: bool
    table: tuple[AttendanceBand, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.eligible > self.full:
            raise ValueError("eligible must not exceed full")
        if (self.scaling == "table") != bool(self.table):
            raise ValueError('table stands exactly when scaling is "table"')
        return self


class Claims(Section):
    """How often one person may be subsidised.

    Attributes:
        per_year: Subsidised trainings in a year, or None for no limit.
        year: What a year is (A8).
        same_trade_level: Window in which the same trade and level is not paid twice (A8, A18).
        trades_total: Trades paid in all under a project, or None.
    """

    per_year: PositiveInt | None = None
    year: Literal["natural_year", "rolling_12_months"]
    same_trade_level: Literal["natural_year", "rolling_12_months", "forever", "unlimited"]
    trades_total: PositiveInt | None = None


class Levels(Section):
    """Amounts of skill-upgrade training by level; ``1r`` is the refresher of a senior technician."""

    amount_fen: dict[Literal["5", "4", "3", "2", "1", "1r"], Fen]
    min_hours: PositiveInt


class Urgent(Section):
    """Uplift of urgent trades.

    Attributes:
        upgrade: Added share of the upgrade amount.
        applies_to: Which amount is meant (A5).
        apprentice: Added share of the apprenticeship amount.
    """

    upgrade: Share
    applies_to: Literal["zhanchi_allowance", "training"]
    apprentice: Share


class LivingAllowance(Section):
    """Living allowance of one group: money per training day and its ceilings."""

    day_fen: Fen
    year_cap_fen: Fen
    times_per_year: PositiveInt | None = None


class Allowances(Section):
    """Living allowances.

    Attributes:
        hours_per_day: Granted hours that make an online day a training day (A7).
        poor: Poor labourers.
        hard: Hard-to-employ people and members of zero-employment families.
        lianghou: Rural or low-income school leavers (两后生).
    """

    hours_per_day: PositiveInt
    poor: LivingAllowance
    hard: LivingAllowance
    lianghou: LivingAllowance


class HourlyAllowance(Section):
    """Living allowance per lesson hour, paid to key groups who pass."""

    hour_fen: Fen


class Appraisal(Section):
    """Money for a first appraisal, per person, by trade class."""

    amount_fen: dict[Literal["A", "B", "C"], Fen]


class Drill(Section):
    """On-post drill.

    Attributes:
        cap_fen: Ceiling of one drill or year.
        cap_scope: What the ceiling limits (A6).
        min_hours: Least lesson hours.
        min_workers: Least workers per trade.
    """

    cap_fen: Fen
    cap_scope: Literal["drill", "year", "both"]
    min_hours: PositiveInt
    min_workers: PositiveInt


class WorkTraining(Section):
    """Work as training: monthly money, and the divisor of a part month (A17)."""

    month_fen: Fen
    max_months: PositiveInt
    month_divisor: Annotated[int, Field(ge=28, le=31)] | Literal["calendar"]


class Apprenticeship(Section):
    """New apprenticeship: money per person and year."""

    year_fen: Fen


class PlatformFee(Section):
    """Share of the local standard the platform gets per passed key-group trainee."""

    ratio: Share


class Payment(Section):
    """Working days of publicity and payment."""

    publicity_workdays: Count
    payment_workdays: Count | None = None
