"""Heartbeats of many players in one transaction: the hot path.

One SELECT locks the sessions in id order, the rules run in Python, one statement keeps the heartbeats and moves the
sessions. Each heartbeat needs the token the server issued for exactly that number; a heartbeat sent again is
answered again, and changes nothing.

Clauses: CC-4.3.3, CC-5.3.3c
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.clock import china_iso
from app.core.db import Json
from app.core.errors import DomainError
from app.core.work import Work
from app.training.classes.models import TrainingClass
from app.training.errors import (
    HeartbeatConflict,
    HeartbeatOutOfOrder,
    HeartbeatTooSoon,
    SessionNotFound,
    TokenForged,
)
from app.training.events import CheckInFellDue
from app.training.frozen_rules import thaw
from app.training.parameters import LessonRules
from app.training.playback.acks import Ack, TokenIssuer
from app.training.playback.intervals import measure
from app.training.playback.leaving import end_if_watched, has_watched_all
from app.training.playback.models import Heartbeat, PlaybackSession
from app.training.playback.reasons import Reason
from app.training.playback.record import coverage, lock_session, milliseconds, place_of, terms_of
from app.training.playback.rules import Beat, Phase, State, Terms, accept

MIN_GAP_MS = 200
"""Nobody's player reports more often; a page that is being hidden may report early, but not this early."""

CheckInsOf = Callable[[Session, Sequence[UUID], datetime], Mapping[UUID, Json]]
"""Asked with lesson progresses whose clock stands: the open check-in of each, as the page shows it."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A heartbeat handed in.

    Attributes:
        session_id: The session it names.
        person_id: Who is signed in.
        token: The token it carries.
        beat: What it claims.
        client_at: The client's own clock; kept, never used.
    """

    session_id: UUID
    person_id: UUID | None
    token: str
    beat: Beat
    client_at: str | None = None


@dataclass(slots=True)
class _Player:
    """A locked session in the course of one batch."""

    row: Any
    state: State
    terms: Terms
    last_body: str | None
    beat_ms: int
    fact_no: int
    beats: list[Json] = field(default_factory=list)
    due_moment: int | None = None

    @property
    def has_moved(self) -> bool:
        return bool(self.beats)


def record_heartbeats(
    work: Work, batch: Sequence[Submitted], *, issuer: TokenIssuer, check_ins_of: CheckInsOf
) -> list[Ack | DomainError]:
    """Take in heartbeats; one answer each, in their order. A refused one does not harm the others.

    Args:
        work: The unit of work; its instant is the arrival of all of them.
        batch: Heartbeats, of any sessions; those of one session in the order they arrived.
        issuer: Issues and checks tokens.
        check_ins_of: Shows the check-in that stops a clock.

    Returns:
        An `Ack`, or the refusal: `SessionNotFound`, `TokenForged`, `HeartbeatConflict`, `HeartbeatOutOfOrder`,
        `HeartbeatTooSoon`.

    Clauses:
        CC-4.3.3, CC-5.3.3c.
    """
    now_ms = milliseconds(work.now)
    players = _lock(work.session, {submitted.session_id for submitted in batch})
    refused: list[DomainError | None] = []
    for submitted in batch:
        player = players.get(submitted.session_id)
        try:
            _take(work.session, player, submitted, now_ms=now_ms, issuer=issuer)
            refused.append(None)
        except DomainError as refusal:
            refused.append(refusal)
    moved = [player for player in players.values() if player.has_moved]
    _write(work.session, moved)
    finished = _react(work, moved)
    acks = _acks(work, players, finished, issuer=issuer, check_ins_of=check_ins_of)
    return [refusal or acks[submitted.session_id] for refusal, submitted in zip(refused, batch, strict=True)]


_COLUMNS = PlaybackSession.__table__.c
_READ = (
    _COLUMNS.id,
    _COLUMNS.progress_id,
    _COLUMNS.class_id,
    _COLUMNS.person_id,
    _COLUMNS.duration_ms,
    _COLUMNS.hours,
    _COLUMNS.plan,
    _COLUMNS.phase,
    _COLUMNS.end_reason,
    _COLUMNS.outstanding,
    _COLUMNS.last_seq,
    _COLUMNS.last_body,
    _COLUMNS.beat_ms,
    _COLUMNS.contact_ms,
    _COLUMNS.carry_ms,
    _COLUMNS.covered,
    _COLUMNS.base,
    _COLUMNS.excluded,
    _COLUMNS.checks_due,
    _COLUMNS.day_no,
    _COLUMNS.day_ms,
    _COLUMNS.hidden_ms,
    _COLUMNS.max_rate_milli,
    _COLUMNS.fact_no,
)


def _lock(session: Session, ids: Iterable[UUID]) -> dict[UUID, _Player]:
    rows = session.execute(
        select(*_READ, TrainingClass.lesson_rules)
        .join(TrainingClass, TrainingClass.id == _COLUMNS.class_id)
        .where(_COLUMNS.id.in_(list(ids)))
        .order_by(_COLUMNS.id)
        .with_for_update(of=PlaybackSession.__table__)
    )
    rules: dict[UUID, LessonRules] = {}
    players = {}
    for row in rows:
        if row.class_id not in rules:
            rules[row.class_id] = thaw(row.lesson_rules)
        players[row.id] = _player(row, rules[row.class_id])
    return players


def _player(row: Any, rules: LessonRules) -> _Player:
    state = State(
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
    terms = Terms(rules=rules, duration_ms=row.duration_ms, hours=row.hours, plan=tuple(row.plan))
    return _Player(row=row, state=state, terms=terms, last_body=row.last_body, beat_ms=row.beat_ms, fact_no=row.fact_no)


def body_of(beat: Beat) -> str:
    """Hash what a heartbeat claims, to know it again; 32 hex digits."""
    members = [
        beat.seq,
        beat.intervals,
        beat.position_ms,
        beat.rate_milli,
        beat.hidden,
        beat.muted,
        beat.playing,
    ]
    return hashlib.sha256(orjson.dumps(members)).hexdigest()[:32]


def _take(session: Session, player: _Player | None, submitted: Submitted, *, now_ms: int, issuer: TokenIssuer) -> None:
    """Judge one heartbeat and note it in its player; nothing is noted when it was taken in before."""
    beat = submitted.beat
    if player is None or player.row.person_id != submitted.person_id:
        raise SessionNotFound
    if not issuer.is_issued(submitted.token, submitted.session_id, beat.seq):
        raise TokenForged
    if beat.seq <= player.state.last_seq:
        _check_repeated(session, player, beat)
        return
    if not player.state.phase.is_live:
        return
    if beat.seq > player.state.last_seq + 1:
        raise HeartbeatOutOfOrder(next_seq=player.state.last_seq + 1)
    if now_ms - player.beat_ms < MIN_GAP_MS:
        raise HeartbeatTooSoon("学习记录提交太频繁，请按提示的间隔提交", retry_after_s=1)
    _accept(player, submitted, now_ms=now_ms)


def _check_repeated(session: Session, player: _Player, beat: Beat) -> None:
    known = player.last_body
    if beat.seq < player.state.last_seq:
        noted = next((row["body"] for row in player.beats if row["seq"] == beat.seq), None)
        known = (
            noted
            or session.scalars(
                select(Heartbeat.body).where(Heartbeat.session_id == player.row.id, Heartbeat.seq == beat.seq)
            ).one_or_none()
        )
    if known != body_of(beat):
        raise HeartbeatConflict(next_seq=player.state.last_seq + 1)


def _accept(player: _Player, submitted: Submitted, *, now_ms: int) -> None:
    beat, body = submitted.beat, body_of(submitted.beat)
    player.state, verdict = accept(player.state, beat, now_ms=now_ms, terms=player.terms)
    player.last_body, player.beat_ms = body, now_ms
    player.fact_no += 1
    if verdict.fell_due is not None:
        player.due_moment = verdict.fell_due
    player.beats.append(
        {
            "session_id": player.row.id,
            "seq": beat.seq,
            "fact_no": player.fact_no,
            "at_ms": now_ms,
            "intervals": beat.intervals,
            "position_ms": beat.position_ms,
            "rate_milli": beat.rate_milli,
            "is_hidden": beat.hidden,
            "is_muted": beat.muted,
            "is_playing": beat.playing,
            "client_at": submitted.client_at,
            "body": body,
            "granted_ms": measure(verdict.credited),
            "excluded": [[reason.value, *stretch] for reason, stretch in verdict.excluded] or None,
        }
    )


_WRITE = text("""
WITH beats AS (
  INSERT INTO heartbeat (session_id, seq, fact_no, at_ms, intervals, position_ms, rate_milli, is_hidden, is_muted,
    is_playing, client_at, body, granted_ms, excluded)
  SELECT session_id, seq, fact_no, at_ms, intervals, position_ms, rate_milli, is_hidden, is_muted,
    is_playing, client_at, body, granted_ms, excluded
  FROM json_to_recordset(CAST(:beats AS json)) AS b(session_id uuid, seq int, fact_no int, at_ms bigint,
    intervals jsonb, position_ms bigint, rate_milli int, is_hidden bool, is_muted bool, is_playing bool,
    client_at text, body text, granted_ms int, excluded jsonb)
)
UPDATE playback_session AS s SET phase = r.phase, outstanding = r.outstanding, last_seq = r.last_seq,
  last_body = r.last_body, beat_ms = r.beat_ms, contact_ms = r.contact_ms, carry_ms = r.carry_ms,
  covered = r.covered, base = r.base,
  excluded = r.excluded, credited_ms = r.credited_ms, checks_due = r.checks_due, day_no = r.day_no,
  day_ms = r.day_ms, hidden_ms = r.hidden_ms, max_rate_milli = r.max_rate_milli, fact_no = r.fact_no
FROM json_to_recordset(CAST(:sessions AS json)) AS r(id uuid, phase text, outstanding text, last_seq int,
  last_body text, beat_ms bigint, contact_ms bigint, carry_ms int, covered jsonb, base jsonb, excluded jsonb,
  credited_ms bigint,
  checks_due int, day_no int, day_ms bigint, hidden_ms bigint, max_rate_milli int, fact_no int)
WHERE s.id = r.id
""")
"""Keep the heartbeats and move their sessions, in one statement and one round trip."""


def _write(session: Session, moved: Sequence[_Player]) -> None:
    if not moved:
        return
    beats = [beat for player in moved for beat in player.beats]
    sessions = [_row(player) for player in moved]
    session.execute(_WRITE, {"beats": orjson.dumps(beats).decode(), "sessions": orjson.dumps(sessions).decode()})


def _row(player: _Player) -> Json:
    state = player.state
    return {
        "id": player.row.id,
        "phase": state.phase,
        "outstanding": state.outstanding,
        "last_seq": state.last_seq,
        "last_body": player.last_body,
        "beat_ms": player.beat_ms,
        "contact_ms": state.contact_ms,
        "carry_ms": state.carry_ms,
        "covered": state.covered,
        "base": state.base,
        "excluded": state.excluded,
        "credited_ms": state.credited_ms,
        "checks_due": state.checks_due,
        "day_no": state.day_no,
        "day_ms": state.day_ms,
        "hidden_ms": state.hidden_ms,
        "max_rate_milli": state.max_rate_milli,
        "fact_no": player.fact_no,
    }


def _react(work: Work, moved: Sequence[_Player]) -> set[UUID]:
    """Tell the other rooms what the heartbeats brought; the sessions whose lesson is watched now."""
    finished = set()
    for player in moved:
        is_due, is_watched = player.due_moment is not None, has_watched_all(player.state, player.terms)
        if not is_due and not is_watched:
            continue
        row = lock_session(work.session, player.row.id, person_id=player.row.person_id)
        if player.due_moment is not None:
            work.publish(
                CheckInFellDue(
                    place=place_of(work.session, row),
                    session_id=row.id,
                    index=player.state.checks_due - 1,
                    planned_ms=player.due_moment,
                    media_position_ms=player.state.furthest_ms,
                    at=work.now,
                )
            )
        elif end_if_watched(work, row, terms=terms_of(work.session, row)):
            finished.add(row.id)
    return finished


def _acks(
    work: Work,
    players: Mapping[UUID, _Player],
    finished: set[UUID],
    *,
    issuer: TokenIssuer,
    check_ins_of: CheckInsOf,
) -> dict[UUID, Ack]:
    standing = [
        player.row.progress_id
        for player in players.values()
        if player.state.outstanding is not None or player.state.phase is Phase.AWAITING_SIGN_IN
    ]
    check_ins = check_ins_of(work.session, standing, work.now) if standing else {}
    server_time = china_iso(work.now)
    return {
        session_id: Ack(
            seq=player.state.last_seq,
            next_token=issuer.token(session_id, player.state.last_seq + 1),
            interval_s=player.terms.rules.heartbeat_interval_s,
            credited_ms=player.state.credited_ms,
            furthest_ms=player.state.furthest_ms,
            needed_ms=player.terms.needed_ms,
            state=Phase.ENDED.value if session_id in finished else player.state.phase.value,
            excluded=player.state.excluded,
            watched=session_id in finished or player.row.end_reason in {"watched", "review"},
            check_in=check_ins.get(player.row.progress_id),
            server_time=server_time,
        )
        for session_id, player in players.items()
    }
