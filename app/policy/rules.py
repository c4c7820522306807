"""The schema of a policy pack: one region's rules in one version.

Vocabulary: 规则包 pack · 学时 lesson hour · 随机打卡 check-in · 随堂测验 gate quiz · 结业考核 final exam ·
出勤率 attendance · 公示 publicity · 急需紧缺 urgent · 岗位练兵 drill · 以工代训 work training.

A pack is read from a data file at the border and never changes afterwards. Money is integer fen, a ratio is a
`Fraction` written as text (``"7/10"``), a date is a local date of Asia/Shanghai. Where a source can be read in
two ways the reading is a value of the pack: the marks A1 to A20 name those places.

Clauses:
    CC-7.2, HLJ-4, JL-6, SD-7.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.policy import money
from app.policy.errors import NoPackInForce
from app.policy.values import Count, Exact, PositiveInt, Section, Share

RegionCode = Annotated[str, Field(pattern=r"^\d{6}$")]
Method = Literal["face", "fingerprint", "screenshot", "question"]
LessonKind = Literal["live", "vod", "interactive", "document"]


class Lesson(Section):
    """How a lesson hour is earned.

    Attributes:
        minutes: Minutes of teaching in one lesson hour.
        online_kinds: Kinds of online lesson that count.
        seek_forward_first_view: Whether jumping ahead into unseen media is possible.
        playback_rate_max: Fastest playback that earns credit.
        repeat_counts: Whether watching the same seconds again earns again.
        hidden_page_stops_clock: Whether a hidden page earns nothing.
        min_segment_s: Shortest stretch in seconds that earns credit.
        daily_hours_cap: Most lesson hours a day, or None.
        heartbeat_interval_s: Seconds between two progress reports.
        theory_before_practice: What happens when practice comes first.
    """

    minutes: PositiveInt
    online_kinds: tuple[LessonKind, ...] = Field(min_length=1, strict=False)
    seek_forward_first_view: bool
    playback_rate_max: Annotated[Exact, Field(gt=0, le=2)]
    repeat_counts: bool
    hidden_page_stops_clock: bool
    min_segment_s: Count
    daily_hours_cap: Annotated[int, Field(gt=0, le=24)] | None = None
    heartbeat_interval_s: Annotated[int, Field(ge=5, le=60)]
    theory_before_practice: Literal["ignore", "warn", "block"]


class Gate(Section):
    """Quiz between two lessons: questions asked (0: no gate) and share of right answers to pass."""

    questions: Count
    pass_ratio: Share


class Supervision(Section):
    """Random check-ins.

    Attributes:
        checkins_per_hour: Check-ins in each unit of ``per``.
        per: What a 节课 is (A10).
        methods: Methods to choose from.
        window_s: Seconds a check-in stays open.
        miss: Effect of a missed or failed check-in.
        image_required: Whether a check-in without a stored picture counts for nothing.
        draw_from: Start of the part of the hour a moment is drawn from.
        draw_to: End of that part.
        enrolment_photos_min: Photos on file before faces are compared.
        max_tries: Attempts within one open check-in.
        virtual_camera: What happens when the camera looks virtual.
    """

    checkins_per_hour: PositiveInt
    per: Literal["lesson_hour", "lesson", "medium"]
    methods: tuple[Method, ...] = Field(min_length=1, strict=False)
    window_s: Annotated[int, Field(ge=20, le=600)]
    miss: Literal["no_credit", "void_since_last"]
    image_required: bool
    draw_from: Share
    draw_to: Share
    enrolment_photos_min: PositiveInt
    max_tries: PositiveInt
    virtual_camera: Literal["ignore", "flag", "block"]

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        if self.draw_from >= self.draw_to:
            raise ValueError("draw_from must lie before draw_to")
        if len(set(self.methods)) != len(self.methods):
            raise ValueError("methods names one method twice")
        if set(self.methods) == {"face"}:
            raise ValueError("face must not be the only method")
        return self


class Exam(Section):
    """Final exam.

    Attributes:
        attempts: Attempts a trainee has.
        resume: What an interrupted attempt allows (A12).
        bank_ratio: Bank questions per paper question.
        bank_scope: Over what the ratio is a hard rule (A13).
        bucket_effect: What a bucket below the ratio causes (A13).
        biometric_min: Passed identity checks inside an exam (A14).
        biometric_alternative: Whether a legal alternative to biometry may take its place (A14).
        pdf: Whether the paper must exist as PDF.
        timed: Whether the server's clock ends the exam.
        grace_s: Seconds an answer already sent may arrive late.
    """

    attempts: PositiveInt
    resume: Literal["within_time_limit", "never"]
    bank_ratio: PositiveInt
    bank_scope: Literal["total", "bucket"]
    bucket_effect: Literal["ignore", "warn", "block"]
    biometric_min: Count
    biometric_alternative: bool
    pdf: Literal["required", "optional"]
    timed: Literal[True]
    grace_s: Annotated[int, Field(ge=0, le=60)]


class Opening(Section):
    """Application for a class opening.

    Attributes:
        lead_workdays: Working days the application concerns.
        lead_mode: How 于开班前5个工作日内 is read (A3).
        lead_effect: What a wrong lead causes.
        approval_before_start: The one hard rule: nothing counts before the approval.
    """

    lead_workdays: Count
    lead_mode: Literal["at_least", "within"]
    lead_effect: Literal["ignore", "warn", "block"]
    approval_before_start: Literal["hard"]


class Platforms(Section):
    """Who may choose which platform, and how two platform records are matched (A19)."""

    institutions: Literal["listed"]
    enterprises: Literal["listed", "listed_or_qualified"]
    min_per_region: Count
    match_by: Literal["host", "name"]


class Eligibility(Section):
    """Checks of a person that the region allows; a switched-off check is never evaluated."""

    region: bool
    hukou: bool
    age: bool
    insurance: bool


class Offline(Section):
    """Conditions of classes held in a room."""

    state: Literal["allowed", "suspended", "none"]
    max_class_size: PositiveInt | None = None
    min_distance_m: PositiveInt | None = None
    entry_check: bool
    consent_document: bool


class Push(Section):
    """How data reach the real-name system (A9)."""

    mode: Literal["real_time", "daily"]
    fallback: Literal["daily", "none"]


class Keeping(Section):
    """How long records stay, in years, and how soon people are answered."""

    retention_years: PositiveInt
    appeal_window_h: PositiveInt
    appeal_decision_workdays: PositiveInt


class Pack(Section):
    """All rules of one region in one version.

    Attributes:
        id: Name without version, such as ``changchun``.
        version: Version, such as ``2020.1``.
        title: The document the rules come from.
        region: GB/T 2260 code; ``220100`` covers its districts, ``220000`` a whole province.
        project: Name of a project with its own rules, or None for the general rules (A15).
        valid_from: First approved opening date covered.
        valid_to: Last approved opening date covered, or None while in force (A20).
        superseded_by: What came after, a reference or a name, or None.
        claimable: Whether learning under this pack may ever be claimed.
        notices: Short document numbers the values come from.
        urgent_trades: Trades declared urgent beside the catalogue's own flags.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    version: Annotated[str, Field(pattern=r"^\d[\d.]*$")]
    title: Annotated[str, Field(min_length=1)]
    region: RegionCode
    project: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")] | None = None
    valid_from: date
    valid_to: date | None = None
    superseded_by: str | None = None
    claimable: bool
    notices: tuple[str, ...] = Field(default=(), strict=False)
    urgent_trades: tuple[str, ...] = Field(default=(), strict=False)
    trades: tuple[str, ...] = Field(default=(), strict=False)

    lesson: Lesson
    gate: Gate
    supervision: Supervision
    exam: Exam
    hours: money.Hours
    attendance: money.Attendance
    claims: money.Claims
    opening: Opening
    platforms: Platforms
    eligibility: Eligibility
    offline: Offline
    push: Push
    keeping: Keeping
    concurrent_min: PositiveInt
    payment: money.Payment | None = None
    online_money: money.OnlineMoney | None = None
    levels: money.Levels | None = None
    urgent: money.Urgent | None = None
    allowances: money.Allowances | None = None
    hourly_allowance: money.HourlyAllowance | None = None
    appraisal: money.Appraisal | None = None
    drill: money.Drill | None = None
    work_training: money.WorkTraining | None = None
    apprenticeship: money.Apprenticeship | None = None
    platform_fee: money.PlatformFee | None = None

    @model_validator(mode="after")
    def _period(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self

    @property
    def ref(self) -> str:
        """Name and version together, such as ``changchun@2020.1``."""
        return f"{self.id}@{self.version}"

    def covers(self, day: date) -> bool:
        """Tell whether an opening approved for `day` falls under this pack; both ends are included."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def is_historic(self, day: date) -> bool:
        """Tell whether the pack had lapsed by `day` (A20)."""
        return self.valid_to is not None and day > self.valid_to


def regions_above(region: str) -> tuple[str, ...]:
    """Name a region, its prefecture and its province, nearest first, from a six-digit code."""
    return tuple(dict.fromkeys((region, region[:4] + "00", region[:2] + "0000")))


def choose_pack(packs: Iterable[Pack], *, region: str, approved_opening_date: date, project: str | None = None) -> Pack:
    """Choose the pack a class is bound to.

    The nearest region wins: a city's own rules before its province's. The day is the approved opening date,
    never the day of the claim. A project's pack binds only the classes of that project (A15). Packs that are
    not claimable are never chosen by region; who wants one names it.

    Args:
        packs: All packs installed.
        region: GB/T 2260 code of the class, six digits.
        approved_opening_date: Local date the bureau approved for the opening.
        project: Name of the project the class belongs to, if any.

    Raises:
        NoPackInForce: No pack covers that day there.

    Clauses:
        CC-7.2, HLJ-4, JL-6, SD-7.
    """
    fitting = [
        pack for pack in packs if pack.claimable and pack.project == project and pack.covers(approved_opening_date)
    ]
    for area in regions_above(region):
        here = [pack for pack in fitting if pack.region == area]
        if here:
            return max(here, key=lambda pack: (pack.valid_from, pack.version))
    raise NoPackInForce(
        f"地区 {region} 在 {approved_opening_date.isoformat()} 没有有效的规则包，"
        "请核对批准开班日期，或联系人社部门取得现行文件后安装新的规则包。",
        region=region,
        approved_opening_date=approved_opening_date.isoformat(),
    )
