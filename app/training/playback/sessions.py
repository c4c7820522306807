"""Playback sessions: open, sign in, stop for a check-in, go on, leave.

One player per person: the newest wins, the older one is told `replaced`. No closing call is needed: a silent session
stops earning by itself and is ended by a job.

Clauses: CC-4.3.3, CC-5.3.2e, CC-5.3.3c, CC-A2-4.3
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core.clock import local_date
from app.core.ids import new_id
from app.core.work import Work
from app.training.classes.models import Enrollment, TrainingClass
from app.training.errors import (
    ClassNotOpen,
    EnrollmentNotFound,
    LessonLocked,
    LessonNotFound,
    NotReadyToLearn,
    PlanMissing,
)
from app.training.events import RoundBegun, SessionOpened
from app.training.frozen_rules import thaw
from app.training.playback.leaving import end_if_watched, leave
from app.training.playback.models import LessonProgress, PlaybackSession
from app.training.playback.record import (
    LIVE,
    add_step,
    lock_latest,
    lock_session,
    milliseconds,
    place_of,
    state_of,
    store_state,
    sync_progress,
    terms_of,
)
from app.training.playback.rules import Phase, Terms, call_check, day_of, miss_check, open_player, pass_check
from app.training.playback.settlement import FactKind

IDLE_LIMIT = timedelta(minutes=30)
"""A session silent for longer is ended by a job; the trainee signs in anew."""
SIGN_IN = "sign_in"

MayLearn = Callable[[Session, UUID], str | None]
"""Asked with an enrolment before each session: None, or what is still to be done, in plain Chinese."""


def open_session(
    work: Work,
    *,
    enrollment_id: UUID,
    lesson_id: UUID,
    device_id: str,
    user_agent_class: str | None,
    may_learn: MayLearn,
) -> PlaybackSession:
    """Open a player for a lesson; an older player of the same person is replaced.

    A lesson watched before opens for review: the session is `ended` from the start and earns nothing.

    Args:
        work: The unit of work; its actor is the trainee.
        enrollment_id: The trainee's own enrolment.
        lesson_id: A lesson of the class's course.
        device_id: What the browser calls itself; only its keyed hash is kept.
        user_agent_class: Coarse kind of browser, such as `phone`.
        may_learn: Tells what is still to be done before learning.

    Raises:
        EnrollmentNotFound: Not the trainee's.
        ClassNotOpen: Not approved, not opened, or outside its dates.
        NotReadyToLearn: A step before learning is missing.
        LessonLocked: The lesson before it is not completed.

    Clauses:
        CC-5.3.2e, CC-A2-4.4.
    """
    training_class = _class_of(work, enrollment_id)
    _check_class(work, training_class)
    if (missing := may_learn(work.session, enrollment_id)) is not None:
        raise NotReadyToLearn(missing)
    _lock_person(work)
    progress = _get_progress(work.session, enrollment_id, lesson_id)
    if progress.status == "locked":
        raise LessonLocked("请先看完前一课时并通过随堂测验，再学习本课时")
    _replace_live(work)
    previous = lock_latest(work.session, progress.id)
    row = _new_row(work, training_class, progress, device_id=device_id, user_agent_class=user_agent_class)
    if progress.status != "open":
        return _open_for_review(work, row, previous)
    terms = Terms(
        rules=thaw(training_class.lesson_rules), duration_ms=row.duration_ms, hours=row.hours, plan=tuple(row.plan)
    )
    day_ms = _credited_today(work)
    before = state_of(previous) if previous else None
    state, _ = open_player(before, now_ms=milliseconds(work.now), day_ms=day_ms, terms=terms)
    store_state(row, state)
    row.fact_no = previous.fact_no if previous else 0
    work.session.add(row)
    add_step(work, row, FactKind.OPENED, before=None, day_ms=day_ms)
    sync_progress(work, row, state)
    work.publish(SessionOpened(place=place_of(work.session, row), session_id=row.id, at=work.now))
    return row


def _class_of(work: Work, enrollment_id: UUID) -> TrainingClass:
    found = work.session.scalars(
        select(TrainingClass)
        .join(Enrollment, Enrollment.class_id == TrainingClass.id)
        .where(
            Enrollment.id == enrollment_id,
            Enrollment.person_id == work.actor.person_id,
            Enrollment.removed_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        raise EnrollmentNotFound
    return found


def _check_class(work: Work, training_class: TrainingClass) -> None:
    if training_class.status != "open" or training_class.approved_at is None or work.now < training_class.approved_at:
        raise ClassNotOpen("班级还没有获准开课，或已经结班，现在不能学习；请联系培训机构")
    today = local_date(work.now)
    if not training_class.start_on <= today <= training_class.end_on:
        raise ClassNotOpen(
            f"培训时间为 {_in_words(training_class.start_on)}至{_in_words(training_class.end_on)}，现在不在培训期内"
        )


def _in_words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _lock_person(work: Work) -> None:
    """Let the sessions of one person open one after the other."""
    key = int.from_bytes(work.actor.person_id.bytes[:8], "big", signed=True) if work.actor.person_id else 0
    work.session.execute(select(func.pg_advisory_xact_lock(key)))


def _get_progress(session: Session, enrollment_id: UUID, lesson_id: UUID) -> LessonProgress:
    found = session.scalars(
        select(LessonProgress)
        .where(LessonProgress.enrollment_id == enrollment_id, LessonProgress.lesson_id == lesson_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise LessonNotFound
    return found


def _replace_live(work: Work) -> None:
    row = work.session.scalars(
        select(PlaybackSession)
        .where(PlaybackSession.person_id == work.actor.person_id, PlaybackSession.phase.in_(LIVE))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is not None:
        leave(work, row, Phase.REPLACED, reason="newer_player")


def _new_row(
    work: Work,
    training_class: TrainingClass,
    progress: LessonProgress,
    *,
    device_id: str,
    user_agent_class: str | None,
) -> PlaybackSession:
    return PlaybackSession(
        id=new_id(),
        progress_id=progress.id,
        class_id=training_class.id,
        person_id=work.actor.person_id,
        round=progress.round,
        opened_at=work.now,
        device_hash=work.vault.blind_index(device_id, purpose="device"),
        ip=work.actor.ip,
        user_agent_class=user_agent_class,
        duration_ms=progress.duration_ms,
        hours=progress.hours,
        plan=list(progress.check_plan or ()),
    )


def _open_for_review(work: Work, row: PlaybackSession, previous: PlaybackSession | None) -> PlaybackSession:
    state, _ = open_player(None, now_ms=milliseconds(work.now), day_ms=0, terms=terms_of(work.session, row))
    if previous is not None:
        state = state_of(previous)
    store_state(row, replace(state, phase=Phase.ENDED, last_seq=0))
    row.fact_no = 0
    row.ended_at, row.end_reason = work.now, "review"
    work.session.add(row)
    work.session.flush()
    return row


def _credited_today(work: Work) -> int:
    """Add up what the person was credited on this day: it stands in the newest session that knows."""
    today = day_of(milliseconds(work.now))
    found = work.session.scalars(
        select(func.max(PlaybackSession.day_ms)).where(
            PlaybackSession.person_id == work.actor.person_id,
            PlaybackSession.day_no == today,
            PlaybackSession.fact_no > 0,
        )
    ).one()
    return found or 0


def end_session(work: Work, *, session_id: UUID) -> PlaybackSession:
    """End the trainee's own session; ending one that has ended is no error.

    Raises:
        SessionNotFound: There is none, or it is someone else's.
    """
    row = lock_session(work.session, session_id, person_id=work.actor.person_id)
    if Phase(row.phase).is_live:
        leave(work, row, Phase.ENDED, reason="trainee")
    return row


def end_idle_sessions(work: Work, *, limit: int = 500) -> int:
    """End sessions silent for longer than `IDLE_LIMIT`; how many. For a periodic job."""
    silent_since = milliseconds(work.now - IDLE_LIMIT)
    rows = work.session.scalars(
        select(PlaybackSession)
        .where(PlaybackSession.phase.in_(LIVE), PlaybackSession.contact_ms < silent_since)
        .order_by(PlaybackSession.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        leave(work, row, Phase.ENDED, reason="idle")
    return len(rows)


# Outcomes of check-ins, told by whoever supervises


def set_check_in_plan(work: Work, *, progress_id: UUID, planned_ms: Sequence[int]) -> None:
    """Take in the drawn moments of a round's check-ins, on the credited clock; they are never sent to the client.

    A round is drawn once: what comes later changes nothing.

    Args:
        work: The unit of work.
        progress_id: The lesson's progress.
        planned_ms: Moments in milliseconds of credit, at least one.

    Raises:
        PlanMissing: The plan is empty: no hour may be earned without a check-in.

    Clauses:
        CC-5.3.3c.
    """
    if not planned_ms:
        raise PlanMissing
    row = lock_latest(work.session, progress_id)
    drawn = work.session.execute(
        update(LessonProgress)
        .where(LessonProgress.id == progress_id, LessonProgress.check_plan.is_(None))
        .values(check_plan=sorted(planned_ms))
        .returning(LessonProgress.check_plan)
        .execution_options(synchronize_session="fetch")
    ).scalar_one_or_none()
    if row is not None and drawn is not None:
        row.plan = drawn
        work.session.flush()


def on_check_in_passed(work: Work, *, subject_id: UUID, purpose: str) -> None:
    """Sign the player in, or let the clock go on.

    Args:
        work: The unit of work.
        subject_id: The lesson's progress.
        purpose: `sign_in`, `random` or `make_up`.

    Raises:
        PlanMissing: The round begins and nobody drew its check-ins.

    Clauses:
        CC-5.3.3c, CC-A2-4.3.
    """
    row = lock_latest(work.session, subject_id)
    if row is None or row.fact_no == 0:
        return
    is_sign_in = purpose == SIGN_IN
    if not row.plan and row.phase == Phase.AWAITING_SIGN_IN.value:
        _begin_round(work, row)
    before = row.phase
    state = pass_check(state_of(row), is_sign_in=is_sign_in, now_ms=milliseconds(work.now))
    store_state(row, state)
    if before == Phase.AWAITING_SIGN_IN.value and state.phase is not Phase.AWAITING_SIGN_IN:
        row.signed_in_at = work.now
    kind = FactKind.SIGNED_IN if is_sign_in else FactKind.CHECK_PASSED
    add_step(work, row, kind, before=before, reason=purpose)
    work.session.flush()
    end_if_watched(work, row, terms=terms_of(work.session, row))


def _begin_round(work: Work, row: PlaybackSession) -> None:
    terms = terms_of(work.session, row)
    work.publish(
        RoundBegun(
            place=place_of(work.session, row),
            hours=row.hours,
            hour_length_ms=terms.rules.hour_length_s * 1000,
            at=work.now,
        )
    )
    if not row.plan:
        raise PlanMissing


def call_check_in(work: Work, *, progress_id: UUID) -> bool:
    """Stop the clock of a learning trainee for a check-in that a supervisor calls (人工抽检).

    The check-in itself is opened by whoever supervises, in the same transaction; the player learns of it with its
    next heartbeat.

    Returns:
        Whether somebody is learning there now.

    Clauses:
        CC-A2-4.4.
    """
    row = lock_latest(work.session, progress_id)
    if row is None or row.phase != Phase.ACTIVE.value:
        return False
    before = row.phase
    state = call_check(state_of(row))
    store_state(row, state)
    add_step(work, row, FactKind.CHECK_CALLED, before=before, reason="spot_check")
    sync_progress(work, row, state)
    return True


def on_check_in_missed(work: Work, *, subject_id: UUID, purpose: str, result: str) -> None:
    """Let the clock stand until a make-up is passed; a sign-in that was missed leaves the player waiting.

    Args:
        work: The unit of work.
        subject_id: The lesson's progress.
        purpose: `sign_in`, `random` or `make_up`.
        result: `missed` or `failed`.

    Clauses:
        CC-5.3.3c.
    """
    if purpose == SIGN_IN:
        return
    row = lock_latest(work.session, subject_id)
    if row is None or row.fact_no == 0:
        return
    before, was = row.phase, state_of(row)
    if was.outstanding is None and purpose != "random":
        return
    state = miss_check(was)
    store_state(row, state)
    add_step(work, row, FactKind.CHECK_MISSED, before=before, reason=result)
    sync_progress(work, row, state)
