"""Settle a round: the same rules over all recorded facts, whatever order they come in.

See Note [Hours are settled, not accumulated] at the end.

Clauses: CC-4.3.3, CC-4.1.5
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from app.core.canonical import canonical_hash
from app.core.db import Json
from app.training.playback.intervals import Coverage, Stretch, measure, subtract
from app.training.playback.reasons import Reason
from app.training.playback.rules import (
    ALGORITHM,
    Beat,
    Phase,
    State,
    Terms,
    Verdict,
    accept,
    call_check,
    miss_check,
    open_player,
    pass_check,
)


class FactKind(StrEnum):
    """What can happen in a round."""

    OPENED = "opened"
    BEAT = "beat"
    SIGNED_IN = "signed_in"
    CHECK_CALLED = "check_called"
    CHECK_PASSED = "check_passed"
    CHECK_MISSED = "check_missed"
    REPLACED = "replaced"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayFact:
    """One recorded fact of a round.

    Attributes:
        no: Its place in the round, from 1, given under the session's row lock.
        kind: What happened.
        session_id: The player's session.
        at_ms: Server time, milliseconds since 1970 UTC.
        beat: The heartbeat, if it is one.
        day_ms: With `OPENED`: credit of the person on that day so far.
        granted_ms: With a heartbeat: what the live service credited; part of its hash, not of the computation.
    """

    no: int
    kind: FactKind
    session_id: UUID
    at_ms: int
    beat: Beat | None = None
    day_ms: int = 0
    granted_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a round is worth.

    Attributes:
        hours: Lesson hours granted, whole ones.
        credited_ms: Distinct media that counts.
        wall_ms: Wall time between the first and last contact of each session, added up.
        credited: Credited stretches with their session, in the order they were earned.
        excluded: Stretches that earned nothing, each with its reason.
        excluded_ms: The same, added up by reason.
        watched: Credited media as a set.
        hidden_ms: Wall time the page was hidden.
        max_rate_milli: Fastest playback rate claimed.
        heartbeat_count: Heartbeats taken in.
        heartbeats_sha256: Hash over the canonical list of the heartbeats.
        final: The round after the last fact.
    """

    hours: int
    credited_ms: int
    wall_ms: int
    credited: tuple[tuple[UUID, Stretch], ...]
    excluded: tuple[tuple[Reason, Stretch], ...]
    excluded_ms: dict[str, int]
    watched: Coverage
    hidden_ms: int
    max_rate_milli: int
    heartbeat_count: int
    heartbeats_sha256: str
    final: State | None
    algorithm: str = ALGORITHM


def settle(facts: Iterable[PlayFact], *, terms: Terms) -> Settlement:
    """Settle a round.

    Args:
        facts: Its facts in any order; one given twice counts once.
        terms: What the round is judged by.

    Clauses:
        CC-4.3.3.
    """
    ordered = [fact for _, fact in sorted({fact.no: fact for fact in facts}.items())]
    state: State | None = None
    credited: list[tuple[UUID, Stretch]] = []
    excluded: list[tuple[Reason, Stretch]] = []
    contacts: dict[UUID, tuple[int, int]] = {}
    for fact in ordered:
        state, verdict = fold(state, fact, terms=terms)
        contacts[fact.session_id] = (contacts.get(fact.session_id, (fact.at_ms, 0))[0], fact.at_ms)
        if verdict.withdrawn:
            credited = _without(credited, verdict.withdrawn)
            excluded += [(Reason.SHORT_SEGMENT, stretch) for stretch in verdict.withdrawn]
        credited += [(fact.session_id, stretch) for stretch in verdict.credited]
        excluded += verdict.excluded
    beats = [fact for fact in ordered if fact.kind is FactKind.BEAT]
    total = state.credited_ms if state else 0
    return Settlement(
        hours=min(terms.hours, total // (terms.rules.hour_length_s * 1000)),
        credited_ms=total,
        wall_ms=sum(last - first for first, last in contacts.values()),
        credited=tuple(credited),
        excluded=tuple(excluded),
        excluded_ms=dict(state.excluded) if state else {},
        watched=state.covered if state else (),
        hidden_ms=state.hidden_ms if state else 0,
        max_rate_milli=state.max_rate_milli if state else 0,
        heartbeat_count=len(beats),
        heartbeats_sha256=hash_heartbeats(beats),
        final=state,
    )


def fold(state: State | None, fact: PlayFact, *, terms: Terms) -> tuple[State, Verdict]:
    """Take in one fact: the round after it, and what it brought.

    Raises:
        ValueError: A round does not begin with an opened session, or a heartbeat has no content.
    """
    if fact.kind is FactKind.OPENED:
        opened, withdrawn = open_player(state, now_ms=fact.at_ms, day_ms=fact.day_ms, terms=terms)
        return opened, Verdict(withdrawn=withdrawn)
    if state is None:
        raise ValueError("a round begins with an opened session")
    match fact.kind:
        case FactKind.BEAT:
            if fact.beat is None:
                raise ValueError("a heartbeat without content")
            return accept(state, fact.beat, now_ms=fact.at_ms, terms=terms)
        case FactKind.SIGNED_IN | FactKind.CHECK_PASSED:
            signs_in = fact.kind is FactKind.SIGNED_IN
            return pass_check(state, is_sign_in=signs_in, now_ms=fact.at_ms), Verdict()
        case FactKind.CHECK_CALLED:
            after = call_check(state)
        case FactKind.CHECK_MISSED:
            after = miss_check(state)
        case FactKind.REPLACED:
            after = replace(state, phase=Phase.REPLACED)
        case FactKind.ENDED:
            after = replace(state, phase=Phase.ENDED)
    return after, Verdict()


def hash_heartbeats(beats: Iterable[PlayFact]) -> str:
    """Hash the heartbeats of a round, in their order; 64 hex digits. See Note [Canonical heartbeats]."""
    return canonical_hash([heartbeat_document(fact) for fact in sorted(beats, key=lambda fact: fact.no)])


def heartbeat_document(fact: PlayFact) -> Json:
    """Write a heartbeat as it is hashed and kept in evidence."""
    beat = fact.beat
    if beat is None:
        raise ValueError("a heartbeat without content")
    return {
        "no": fact.no,
        "session": str(fact.session_id),
        "seq": beat.seq,
        "at_ms": fact.at_ms,
        "intervals": [list(stretch) for stretch in beat.intervals],
        "position_ms": beat.position_ms,
        "rate_milli": beat.rate_milli,
        "hidden": beat.hidden,
        "muted": beat.muted,
        "playing": beat.playing,
        "granted_ms": fact.granted_ms,
    }


def _without(credited: list[tuple[UUID, Stretch]], withdrawn: Coverage) -> list[tuple[UUID, Stretch]]:
    return [(owner, part) for owner, stretch in credited for part in subtract((stretch,), withdrawn)]


def is_consistent(settled: Settlement) -> bool:
    """Tell whether the credited stretches add up to the credited time."""
    return measure(stretch for _, stretch in settled.credited) == settled.credited_ms


# Note [Hours are settled, not accumulated]
# The live service keeps a running state so that the trainee sees at once what counts. When a lesson is completed, the
# hours come from `settle` over the recorded heartbeats and facts, and an auditor with the same rows comes to the same
# number. Facts carry their place in the round (`no`), given under the row lock, so neither two equal timestamps nor the
# order of reading can change the result.

# Note [Canonical heartbeats]
# heartbeats_sha256 is the SHA-256 of the canonical JSON (RFC 8785) of the list of all heartbeats of the round, ordered
# by `no`, each an object written by `heartbeat_document`: times in milliseconds, rates in thousandths.
