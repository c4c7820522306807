"""Learning: the trainee's classes and lessons, and the player.

Clauses: CC-4.1.3a, CC-5.3.2e, CC-A2-4.3, CC-A2-4.4
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.api.deps import TRAINEE, PlatformDep, WorkDep, allow
from app.api.v1.check_ins import CheckInView, own_person, view
from app.core.work import Work
from app.training.playback import queries, sessions
from app.training.playback.acks import TokenIssuer
from app.training.playback.queries import LessonState, Place, SessionState
from app.training.playback.reasons import excluded_list
from app.training.playback.record import coverage
from app.training.playback.rules import Phase
from app.training.vocabulary import Level
from app.wiring import Platform, sittings
from app.wiring.supervision import may_learn
from exam import attempts, design
from proctoring.models import PASSED
from proctoring.queries import newest_of

router = APIRouter(prefix="/me", tags=["学习"])

LINK_MARGIN = timedelta(minutes=10)
"""A media link lives as long as the lesson plays, and this much longer."""
_SECOND = 1000


class ExamState(BaseModel):
    """The final exam of a class, as far as the trainee is concerned."""

    id: UUID | None
    title: str | None
    attempt_id: UUID | None
    state: str = Field(description="none 未设置、not_started、identity_pending、running、submitted 或 graded")
    reason_not_allowed: list[str]


class EnrollmentView(BaseModel):
    """A class of the signed-in trainee."""

    id: UUID
    class_name: str
    class_code: str
    class_status: str
    claimable: bool
    trade: str
    level: str
    start_on: date
    end_on: date
    hours_done: int
    hours_planned: int
    lessons_done: int
    lessons_total: int
    exam: ExamState


class EnrollmentList(BaseModel):
    """All classes of the signed-in trainee."""

    items: list[EnrollmentView]
    next_cursor: None = None


class GateState(BaseModel):
    """The quiz after a lesson."""

    state: str = Field(description="none 没有测验、closed 未开放、open 可以参加、passed 已通过")
    pass_ratio_text: str


class LessonView(BaseModel):
    """A lesson of the signed-in trainee; seconds with milliseconds."""

    lesson_id: UUID
    progress_id: UUID
    position: int
    title: str
    hours: int
    duration_s: float
    state: str = Field(description="locked、open、watched 或 completed")
    round: int
    credited_s: float
    needed_s: float
    gate: GateState


class EnrollmentDetail(EnrollmentView):
    """A class with its lessons."""

    not_ready: str | None = Field(description="开始学习前还要完成的步骤；没有则为空")
    lessons: list[LessonView]


class SessionRules(BaseModel):
    """What the player may do."""

    playback_rate_max: str
    seek_forward: bool
    hidden_page_stops_clock: bool


class SessionView(BaseModel):
    """A player's session; seconds with milliseconds."""

    id: UUID
    enrollment_id: UUID
    lesson_id: UUID
    progress_id: UUID
    state: str = Field(description="awaiting_sign_in、active、stopped、replaced 或 ended")
    stop_reason: str | None
    check_in: CheckInView | None
    media_url: str | None
    media_duration_s: float
    furthest_s: float
    credited_s: float
    needed_s: float
    token: str
    next_seq: int
    interval_s: int
    watched: list[tuple[float, float]]
    is_watched: bool
    excluded: list[dict[str, Any]]
    claimable: bool
    rules: SessionRules
    server_time: datetime


class OpenSession(BaseModel):
    """Which device opens the player."""

    device_id: str = Field(min_length=8, max_length=100, description="浏览器为本设备生成的随机编号")


@router.get("/enrollments", dependencies=[allow(TRAINEE)])
def list_enrollments(work: WorkDep) -> EnrollmentList:
    """List my classes, newest first."""
    places = queries.places_of(work.session, own_person(work))
    return EnrollmentList(items=[EnrollmentView(**_place(work, place)) for place in places])


@router.get("/enrollments/{enrollment_id}", dependencies=[allow(TRAINEE)])
def read_enrollment(enrollment_id: UUID, work: WorkDep) -> EnrollmentDetail:
    """Show one of my classes with its lessons."""
    place = queries.get_place(work.session, enrollment_id, person_id=own_person(work))
    rules = place.training_class.lesson_rules
    lessons = [_lesson(state, rules) for state in queries.lessons_of(work.session, place)]
    return EnrollmentDetail(
        **_place(work, place), not_ready=may_learn(work.session, place.enrollment.id), lessons=lessons
    )


def _place(work: Work, place: Place) -> dict[str, Any]:
    found = place.training_class
    return {
        "id": place.enrollment.id,
        "class_name": found.name,
        "class_code": found.code,
        "class_status": found.status,
        "claimable": found.is_claimable,
        "trade": found.trade_name,
        "level": Level(found.level).label if found.level in set(Level) else found.level,
        "start_on": found.start_on,
        "end_on": found.end_on,
        "hours_done": place.totals.hours_done,
        "hours_planned": place.totals.hours_total,
        "lessons_done": place.totals.lessons_done,
        "lessons_total": place.totals.lessons_total,
        "exam": _exam(work, place),
    }


def _exam(work: Work, place: Place) -> ExamState:
    course_id = place.training_class.course_id
    exam = design.find_exam(work, course_id) if course_id else None
    attempt = attempts.find_attempt(work, exam.id, place.enrollment.id) if exam else None
    if attempt is not None:
        state, missing = attempt.state, []
    else:
        state = "not_started" if exam else "none"
        missing = sittings.missing_for_exam(work, place.enrollment.id)
    return ExamState(
        id=exam.id if exam else None,
        title=exam.title if exam else None,
        attempt_id=attempt.id if attempt else None,
        state=state,
        reason_not_allowed=missing,
    )


def _lesson(state: LessonState, rules: dict[str, Any]) -> LessonView:
    progress = state.progress
    return LessonView(
        lesson_id=progress.lesson_id,
        progress_id=progress.id,
        position=progress.position,
        title=state.title,
        hours=progress.hours,
        duration_s=progress.duration_ms / _SECOND,
        state=progress.status,
        round=progress.round,
        credited_s=state.credited_ms / _SECOND,
        needed_s=state.needed_ms / _SECOND,
        gate=_gate(progress.status, rules),
    )


def _gate(status: str, rules: dict[str, Any]) -> GateState:
    count, (numerator, denominator) = rules["gate_questions"], rules["gate_pass_ratio"]
    if count == 0:
        return GateState.model_validate({"state": "none", "pass_ratio_text": "本课没有随堂测验"})
    state = {"watched": "open", "completed": "passed"}.get(status, "closed")
    needed = -(-count * numerator // denominator)
    return GateState(state=state, pass_ratio_text=f"共{count}题，答对{needed}题通过")


@router.post(
    "/enrollments/{enrollment_id}/lessons/{lesson_id}/sessions", dependencies=[allow(TRAINEE)], status_code=201
)
def open_session(
    enrollment_id: UUID, lesson_id: UUID, body: OpenSession, *, request: Request, work: WorkDep, platform: PlatformDep
) -> SessionView:
    """Open the player of a lesson; a player open elsewhere is replaced. A sign-in comes first."""
    row = sessions.open_session(
        work,
        enrollment_id=enrollment_id,
        lesson_id=lesson_id,
        device_id=body.device_id,
        user_agent_class=_kind_of_browser(request.headers.get("user-agent", "")),
        may_learn=may_learn,
    )
    return _session(work, platform, row.id)


@router.get("/sessions/{session_id}", dependencies=[allow(TRAINEE)])
def read_session(session_id: UUID, work: WorkDep, platform: PlatformDep) -> SessionView:
    """Show my player's session as it stands now, with a fresh media link; a reloaded page goes on from here."""
    return _session(work, platform, session_id)


@router.post("/sessions/{session_id}/end", dependencies=[allow(TRAINEE)])
def end_session(session_id: UUID, work: WorkDep, platform: PlatformDep) -> SessionView:
    """End my player's session. Nothing depends on this call: a silent player earns nothing anyway."""
    sessions.end_session(work, session_id=session_id)
    return _session(work, platform, session_id)


def _session(work: Work, platform: Platform, session_id: UUID) -> SessionView:
    found = queries.get_session(work.session, session_id, person_id=own_person(work))
    row, progress, rules = found.session, found.progress, found.terms.rules
    covered = coverage(row.covered)
    is_live = Phase(row.phase).is_live
    return SessionView(
        id=row.id,
        enrollment_id=progress.enrollment_id,
        lesson_id=progress.lesson_id,
        progress_id=progress.id,
        state=row.phase,
        stop_reason=row.outstanding if row.phase == Phase.STOPPED else row.end_reason,
        check_in=_check_in(work, progress.id) if is_live and row.phase != Phase.ACTIVE else None,
        media_url=_media_url(work, platform, found) if is_live or row.end_reason == "review" else None,
        media_duration_s=row.duration_ms / _SECOND,
        furthest_s=(covered[-1][1] if covered else 0) / _SECOND,
        credited_s=row.credited_ms / _SECOND,
        needed_s=found.terms.needed_ms / _SECOND,
        token=TokenIssuer(work.vault).token(row.id, row.last_seq + 1),
        next_seq=row.last_seq + 1,
        interval_s=rules.heartbeat_interval_s,
        watched=[(start / _SECOND, end / _SECOND) for start, end in covered],
        is_watched=row.end_reason in {"watched", "review"},
        excluded=excluded_list(row.excluded),
        claimable=found.training_class.is_claimable,
        rules=SessionRules(
            playback_rate_max=str(rules.playback_rate_max),
            seek_forward=rules.seek_forward_first_view,
            hidden_page_stops_clock=rules.hidden_page_stops_clock,
        ),
        server_time=work.now,
    )


def _check_in(work: Work, progress_id: UUID) -> CheckInView | None:
    newest = newest_of(work.session, [progress_id])
    return view(work, newest[0]) if newest and newest[0].status != PASSED else None


def _media_url(work: Work, platform: Platform, found: SessionState) -> str | None:
    if found.play_key is None:
        return None
    lifetime = timedelta(milliseconds=found.session.duration_ms) + LINK_MARGIN
    return platform.store.presign_get(found.play_key, now=work.now, expires_in=lifetime)


def _kind_of_browser(user_agent: str) -> str:
    """Name the coarse kind of a browser; the text itself is not kept."""
    text = user_agent.lower()
    where = "phone" if "mobi" in text or "android" in text else "computer"
    if "micromessenger" in text:
        return f"{where}-wechat"
    return where
