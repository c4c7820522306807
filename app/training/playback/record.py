"""Between rows and rules: read the state of a round, write it back, keep its steps.

Lock order everywhere: playback sessions by ascending id, then `lesson_progress`. See `heartbeats.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.core.work import Work
from app.training.classes.models import TrainingClass
from app.training.errors import SessionNotFound
from app.training.events import LearningPlace
from app.training.frozen_rules import thaw
from app.training.playback.intervals import Coverage
from app.training.playback.models import Heartbeat, LessonProgress, PlaybackSession, PlayStep
from app.training.playback.reasons import Reason
from app.training.playback.rules import Beat, Phase, State, Terms
from app.training.playback.settlement import FactKind, PlayFact

LIVE = tuple(phase.value for phase in Phase if phase.is_live)
"""Phases in which a player may still send heartbeats."""


def milliseconds(instant: datetime) -> int:
    """Write an aware instant as milliseconds since 1970 UTC."""
    return int(instant.timestamp() * 1000)


def coverage(stored: Iterable[Iterable[int]]) -> Coverage:
    """Read stretches from JSON."""
    return tuple((start, end) for start, end in stored)


def state_of(row: PlaybackSession) -> State:
    """Read the running state of a round."""
    return State(
        phase=Phase(row.phase),
        outstanding=Reason(row.outstanding) if row.outstanding else None,
        last_seq=row.last_seq,
        contact_ms=row.contact_ms,
        carry_ms=row.carry_ms,
        covered=coverage(row.covered),
        base=coverage(row.base),
        excluded=row.excluded,
        checks_due=row.checks_due,
        day_no=row.day_no,
        day_ms=row.day_ms,
        hidden_ms=row.hidden_ms,
        max_rate_milli=row.max_rate_milli,
    )


def store_state(row: PlaybackSession, state: State) -> None:
    """Write the running state of a round."""
    row.phase = state.phase.value
    row.outstanding = state.outstanding.value if state.outstanding else None
    row.last_seq = state.last_seq
    row.contact_ms = state.contact_ms
    row.carry_ms = state.carry_ms
    row.covered = [list(stretch) for stretch in state.covered]
    row.base = [list(stretch) for stretch in state.base]
    row.excluded = dict(state.excluded)
    row.credited_ms = state.credited_ms
    row.checks_due = state.checks_due
    row.day_no = state.day_no
    row.day_ms = state.day_ms
    row.hidden_ms = state.hidden_ms
    row.max_rate_milli = state.max_rate_milli


def terms_of(session: Session, row: PlaybackSession) -> Terms:
    """Say what a session's round is judged by."""
    frozen = session.scalars(select(TrainingClass.lesson_rules).where(TrainingClass.id == row.class_id)).one()
    return Terms(rules=thaw(frozen), duration_ms=row.duration_ms, hours=row.hours, plan=tuple(row.plan))


def place_of(session: Session, row: PlaybackSession) -> LearningPlace:
    """Say where in the training a session is."""
    found = session.execute(
        select(LessonProgress.enrollment_id, LessonProgress.lesson_id).where(LessonProgress.id == row.progress_id)
    ).one()
    return LearningPlace(
        progress_id=row.progress_id,
        enrollment_id=found.enrollment_id,
        lesson_id=found.lesson_id,
        class_id=row.class_id,
        person_id=row.person_id,
        round=row.round,
    )


def lock_latest(session: Session, progress_id: UUID) -> PlaybackSession | None:
    """Find and lock the newest session of a lesson's present round; it carries the round's state."""
    return session.scalars(
        select(PlaybackSession)
        .join(LessonProgress, LessonProgress.id == PlaybackSession.progress_id)
        .where(PlaybackSession.progress_id == progress_id, PlaybackSession.round == LessonProgress.round)
        .order_by(PlaybackSession.fact_no.desc(), PlaybackSession.id.desc())
        .limit(1)
        .with_for_update(of=PlaybackSession)
        .execution_options(populate_existing=True)
    ).one_or_none()


def lock_session(session: Session, session_id: UUID, *, person_id: UUID | None) -> PlaybackSession:
    """Lock a person's session.

    Raises:
        SessionNotFound: There is none, or it is someone else's.
    """
    row = session.scalars(
        select(PlaybackSession)
        .where(PlaybackSession.id == session_id, PlaybackSession.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise SessionNotFound
    return row


def add_step(
    work: Work, row: PlaybackSession, kind: FactKind, *, before: str | None, reason: str | None = None, day_ms: int = 0
) -> None:
    """Write what happened to a round between the heartbeats, at its next place, after `store_state`."""
    row.fact_no += 1
    work.session.flush()  # the session's row goes first: steps refer to it
    work.session.add(
        PlayStep(
            id=new_id(),
            session_id=row.id,
            fact_no=row.fact_no,
            kind=kind.value,
            at_ms=milliseconds(work.now),
            from_phase=before,
            to_phase=row.phase,
            reason=reason,
            day_ms=day_ms,
        )
    )


def sync_progress(work: Work, row: PlaybackSession, state: State) -> None:
    """Bring the progress of the lesson up to the state of its round."""
    work.session.flush()
    work.session.execute(
        update(LessonProgress)
        .where(LessonProgress.id == row.progress_id, LessonProgress.round == row.round)
        .values(credited_ms=state.credited_ms, furthest_ms=state.furthest_ms)
        .execution_options(synchronize_session="fetch")
    )


def facts_of(session: Session, progress_id: UUID, *, round_no: int) -> list[PlayFact]:
    """Load all facts of a round, in their order."""
    ids = select(PlaybackSession.id).where(
        PlaybackSession.progress_id == progress_id, PlaybackSession.round == round_no
    )
    beats = session.scalars(select(Heartbeat).where(Heartbeat.session_id.in_(ids)))
    steps = session.scalars(select(PlayStep).where(PlayStep.session_id.in_(ids)))
    facts = [_beat_fact(row) for row in beats]
    facts += [
        PlayFact(no=row.fact_no, kind=FactKind(row.kind), session_id=row.session_id, at_ms=row.at_ms, day_ms=row.day_ms)
        for row in steps
    ]
    return sorted(facts, key=lambda fact: fact.no)


def _beat_fact(row: Heartbeat) -> PlayFact:
    beat = Beat(
        seq=row.seq,
        intervals=tuple((start, end) for start, end in row.intervals),
        rate_milli=row.rate_milli,
        hidden=row.is_hidden,
        position_ms=row.position_ms,
        muted=row.is_muted,
        playing=row.is_playing,
    )
    return PlayFact(
        no=row.fact_no,
        kind=FactKind.BEAT,
        session_id=row.session_id,
        at_ms=row.at_ms,
        beat=beat,
        granted_ms=row.granted_ms,
    )
