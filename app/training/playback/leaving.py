"""How a player leaves: replaced, ended, or because everything was watched."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from app.core.work import Work
from app.training.events import LessonWatched, SessionLeft
from app.training.playback.completion import complete_lesson
from app.training.playback.models import LessonProgress, PlaybackSession
from app.training.playback.record import add_step, place_of, state_of, store_state, sync_progress
from app.training.playback.rules import Phase, State, Terms
from app.training.playback.settlement import FactKind


def leave(work: Work, row: PlaybackSession, phase: Phase, *, reason: str) -> None:
    """Make a live session leave: the one way to `replaced` and `ended`.

    Args:
        work: The unit of work.
        row: The locked session.
        phase: `REPLACED` or `ENDED`.
        reason: `newer_player`, `trainee`, `watched` or `idle`.
    """
    before, state = row.phase, replace(state_of(row), phase=phase)
    store_state(row, state)
    row.ended_at, row.end_reason = work.now, reason
    kind = FactKind.REPLACED if phase is Phase.REPLACED else FactKind.ENDED
    add_step(work, row, kind, before=before, reason=reason)
    sync_progress(work, row, state)
    place = place_of(work.session, row)
    work.publish(SessionLeft(place=place, session_id=row.id, phase=phase.value, reason=reason, at=work.now))


def has_watched_all(state: State, terms: Terms) -> bool:
    """Tell whether nothing is left to watch and no check-in stands open."""
    is_free = state.phase is Phase.ACTIVE and state.outstanding is None
    return is_free and state.credited_ms >= terms.needed_ms and state.checks_due >= len(terms.plan)


def end_if_watched(work: Work, row: PlaybackSession, *, terms: Terms) -> bool:
    """End the player when the lesson has been watched; without a quiz the lesson is completed at once.

    Returns:
        Whether it was.
    """
    if not has_watched_all(state_of(row), terms):
        return False
    leave(work, row, Phase.ENDED, reason="watched")
    work.session.execute(
        update(LessonProgress)
        .where(LessonProgress.id == row.progress_id, LessonProgress.status == "open")
        .values(status="watched", watched_at=work.now)
        .execution_options(synchronize_session="fetch")
    )
    work.publish(LessonWatched(place=place_of(work.session, row), at=work.now))
    if terms.rules.gate_questions == 0:
        complete_lesson(work, progress_id=row.progress_id)
    return True
