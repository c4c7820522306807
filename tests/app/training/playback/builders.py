"""Rules and players for tests of playback."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from uuid import UUID

from app.training.parameters import LessonRules
from app.training.playback.rules import Beat, State, Terms, Verdict
from app.training.playback.settlement import FactKind, PlayFact, fold

RULES = LessonRules(
    hour_length_s=60,
    seek_forward_first_view=False,
    playback_rate_max=Fraction(1),
    hidden_page_stops_clock=True,
    min_segment_s=0,
    daily_hours_cap=None,
    heartbeat_interval_s=15,
    gate_questions=5,
    gate_pass_ratio=Fraction(3, 5),
    claimable=False,
)
MINUTE = 60_000
START = 1_772_413_200_000
"""09:00 in China on Monday, 2 March 2026."""
SESSION = UUID(int=1)


def terms(**changes) -> Terms:
    rules = replace(RULES, **{key: changes.pop(key) for key in list(changes) if hasattr(RULES, key)})
    return Terms(**{"rules": rules, "duration_ms": 3 * MINUTE, "hours": 3, **changes})


@dataclass
class Player:
    """Plays a round through the rules and keeps its facts."""

    terms: Terms
    now_ms: int = START
    session_id: UUID = SESSION
    state: State | None = None
    facts: list[PlayFact] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def happen(self, kind: FactKind, **members) -> Verdict:
        fact = PlayFact(no=len(self.facts) + 1, kind=kind, session_id=self.session_id, at_ms=self.now_ms, **members)
        self.state, verdict = fold(self.state, fact, terms=self.terms)
        self.facts.append(fact)
        self.verdicts.append(verdict)
        return verdict

    def begin(self, session_id: UUID | None = None, *, day_ms: int = 0) -> Player:
        if session_id is not None:
            self.session_id = session_id
        self.happen(FactKind.OPENED, day_ms=day_ms)
        self.happen(FactKind.SIGNED_IN)
        return self

    def beat(self, *intervals: tuple[int, int], wait_s: float = 15, **members) -> Verdict:
        self.now_ms += round(wait_s * 1000)
        seq = self.state.last_seq + 1
        return self.happen(FactKind.BEAT, beat=Beat(seq, tuple(intervals), **members))

    def play(self, seconds: int) -> None:
        """Play on honestly from the furthest position, a heartbeat every 15 seconds."""
        for _ in range(seconds // 15):
            at = self.state.furthest_ms
            self.beat((at, at + 15_000), position_ms=at + 15_000)
