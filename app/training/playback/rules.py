"""What a heartbeat earns: pure functions, integer milliseconds, no clock and no database.

One round of one lesson is a fold over its facts. `accept` folds one heartbeat, the other functions fold what
happens in between (sign-in, check-ins, another player). The live service calls them one fact at a time; settlement
(`settlement.settle`) calls the same functions over all recorded facts and so comes to the same sum.

See Note [What limits credit] at the end.

Clauses: CC-4.3.3, CC-5.3.3c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.training.parameters import LessonRules
from app.training.playback.intervals import Coverage, Stretch, clip, measure, split, subtract, union
from app.training.playback.reasons import Reason

ALGORITHM = "playback/1"
"""Version of these rules; stands in every settlement."""

STALE_INTERVALS = 3
"""A player silent for this many heartbeat intervals is out of contact; more of a gap is never credited."""
CARRY_MS = 3_000
"""Wall time left over by one heartbeat that the next may still use: evens out the network's delays."""
BRIDGE_MS = 250
"""A hole this short between two stretches is the player's rounding, not a jump; it costs wall time like the rest."""
END_SNAP_MS = 500
"""Browsers stop up to this much before the measured end; a stretch that comes so near has reached it."""
DAY_MS = 86_400_000
_CHINA_MS = 8 * 3_600_000
NORMAL_RATE = 1_000


class Phase(StrEnum):
    """Where a player stands; only `ACTIVE` earns."""

    AWAITING_SIGN_IN = "awaiting_sign_in"
    ACTIVE = "active"
    STOPPED = "stopped"
    REPLACED = "replaced"
    ENDED = "ended"

    @property
    def is_live(self) -> bool:
        """Tell whether the player may still send heartbeats."""
        return self in {Phase.AWAITING_SIGN_IN, Phase.ACTIVE, Phase.STOPPED}


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat as the player claims it.

    Attributes:
        seq: Its number in the session, from 1.
        intervals: Media played since the last one.
        rate_milli: Fastest playback rate in it, in thousandths; 1000 is normal.
        hidden: Whether the page was hidden.
        position_ms: Where the player stands.
        muted: Whether the sound was off.
        playing: Whether the player runs.
    """

    seq: int
    intervals: tuple[Stretch, ...]
    rate_milli: int = NORMAL_RATE
    hidden: bool = False
    position_ms: int = 0
    muted: bool = False
    playing: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a round is judged by; fixed from its first sign-in on.

    Attributes:
        rules: Rules of the class.
        duration_ms: Length of the media.
        hours: Lesson hours of the lesson.
        plan: Moments of the random check-ins on the credited clock, ascending.
    """

    rules: LessonRules
    duration_ms: int
    hours: int
    plan: tuple[int, ...] = ()

    @property
    def needed_ms(self) -> int:
        """Credit that completes the lesson: the whole media, and no less than its hours."""
        return max(self.duration_ms, self.hours * self.rules.hour_length_s * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A round after some facts.

    Attributes:
        phase: Where the present player stands.
        outstanding: The check-in that stops the clock (due or missed), or None.
        last_seq: Number of the last heartbeat of the present session.
        contact_ms: Server time of the last accepted contact.
        carry_ms: Wall time the last heartbeat left over.
        covered: Credited media of the round.
        base: `covered` when the present uninterrupted stretch began.
        excluded: Milliseconds that earned nothing, by reason.
        checks_due: How many moments of the plan have come.
        day_no: Day (in China) of the last credit, as a running number.
        day_ms: Credit of the person on that day, in all lessons.
        hidden_ms: Wall time the page was hidden.
        max_rate_milli: Fastest rate claimed.
    """

    phase: Phase
    contact_ms: int
    outstanding: Reason | None = None
    last_seq: int = 0
    carry_ms: int = 0
    covered: Coverage = ()
    base: Coverage = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    checks_due: int = 0
    day_no: int = 0
    day_ms: int = 0
    hidden_ms: int = 0
    max_rate_milli: int = 0

    @property
    def credited_ms(self) -> int:
        """Distinct media that counts."""
        return measure(self.covered)

    @property
    def furthest_ms(self) -> int:
        """Furthest position confirmed by the server; playing goes on from here."""
        return self.covered[-1][1] if self.covered else 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one fact brought.

    Attributes:
        credited: Media newly credited.
        excluded: Media claimed and not credited, with the reason.
        withdrawn: Media credited before that counts no longer (a stretch that stayed too short).
        fell_due: The moment of the plan that came, or None.
    """

    credited: Coverage = ()
    excluded: tuple[tuple[Reason, Stretch], ...] = ()
    withdrawn: Coverage = ()
    fell_due: int | None = None


def day_of(at_ms: int) -> int:
    """Number the day (in China) of an instant in milliseconds since 1970 UTC."""
    return (at_ms + _CHINA_MS) // DAY_MS


def is_stale(contact_ms: int, *, now_ms: int, rules: LessonRules) -> bool:
    """Tell whether a player last heard of at `contact_ms` has missed too many heartbeats to be called present."""
    return now_ms - contact_ms > STALE_INTERVALS * rules.heartbeat_interval_s * 1000


def accept(state: State, beat: Beat, *, now_ms: int, terms: Terms) -> tuple[State, Verdict]:
    """Judge one heartbeat.

    Args:
        state: The round before it; its player is live.
        beat: What the player claims.
        now_ms: Server time of its arrival.
        terms: What the round is judged by.

    Returns:
        The round after it, and what it brought.

    Clauses:
        CC-4.3.3, CC-5.3.3c.
    """
    elapsed = max(0, now_ms - state.contact_ms)
    state, withdrawn = _after_gap(state, elapsed, terms)
    budget = _budget(state, elapsed, terms)
    claimed = _claimed(beat, terms)
    fresh = subtract(claimed, state.covered)
    excluded: list[tuple[Reason, Stretch]] = [(Reason.ALREADY_WATCHED, stretch) for stretch in subtract(claimed, fresh)]
    credited: Coverage = ()
    refusal = _refusal(state, beat, terms)
    if refusal is not None:
        excluded += [(refusal, stretch) for stretch in fresh]
    else:
        near, far = _reachable(fresh, state, terms)
        limit, binding = _limit(state, budget=budget, elapsed=elapsed, now_ms=now_ms, terms=terms)
        credited, over = split(near, limit)
        excluded += [(binding, stretch) for stretch in over]
        excluded += [(Reason.BEYOND_CONFIRMED, stretch) for stretch in far]
    state = replace(
        state,
        carry_ms=min(CARRY_MS, budget - measure(credited)),
        hidden_ms=state.hidden_ms + (min(elapsed, _stale_ms(terms)) if beat.hidden else 0),
    )
    after, fell_due = _book(state, beat, credited, excluded, now_ms=now_ms, terms=terms)
    return after, Verdict(credited, tuple(excluded), withdrawn, fell_due)


def _stale_ms(terms: Terms) -> int:
    return STALE_INTERVALS * terms.rules.heartbeat_interval_s * 1000


def _budget(state: State, elapsed: int, terms: Terms) -> int:
    rate = terms.rules.playback_rate_max
    return min(elapsed, _stale_ms(terms)) * rate.numerator // rate.denominator + state.carry_ms


def _claimed(beat: Beat, terms: Terms) -> Coverage:
    claimed = clip(beat.intervals, end=terms.duration_ms)
    if claimed and terms.duration_ms - claimed[-1][1] <= END_SNAP_MS:
        return (*claimed[:-1], (claimed[-1][0], terms.duration_ms))
    return claimed


def _refusal(state: State, beat: Beat, terms: Terms) -> Reason | None:
    if state.phase is Phase.AWAITING_SIGN_IN:
        return Reason.NOT_SIGNED_IN
    if state.phase is not Phase.ACTIVE:
        return state.outstanding or Reason.CHECK_IN_DUE
    if beat.hidden and terms.rules.hidden_page_stops_clock:
        return Reason.PAGE_HIDDEN
    if beat.rate_milli > terms.rules.playback_rate_max * NORMAL_RATE:
        return Reason.TOO_FAST
    return None


def _reachable(fresh: Coverage, state: State, terms: Terms) -> tuple[Coverage, Coverage]:
    if terms.rules.seek_forward_first_view:
        return fresh, ()
    frontier = state.furthest_ms
    near: list[Stretch] = []
    for index, (start, end) in enumerate(fresh):
        if start - frontier > BRIDGE_MS:
            return union(near), fresh[index:]
        near.append((min(start, frontier) if start > frontier else start, end))
        frontier = max(frontier, end)
    return union(near), ()


def _limit(state: State, *, budget: int, elapsed: int, now_ms: int, terms: Terms) -> tuple[int, Reason]:
    """Find how much may be credited, and the reason for whatever goes beyond."""
    slept = elapsed > _stale_ms(terms)
    limits = [(budget, Reason.NO_CONTACT if slept else Reason.TOO_FAST)]
    if state.checks_due < len(terms.plan):
        limits.append((terms.plan[state.checks_due] - state.credited_ms, Reason.CHECK_IN_DUE))
    if terms.rules.daily_hours_cap is not None:
        cap = terms.rules.daily_hours_cap * terms.rules.hour_length_s * 1000
        today = state.day_ms if state.day_no == day_of(now_ms) else 0
        limits.append((cap - today, Reason.DAILY_CAP))
    limit, reason = min(limits, key=lambda pair: pair[0])
    return max(0, limit), reason


def _book(
    state: State,
    beat: Beat,
    credited: Coverage,
    excluded: list[tuple[Reason, Stretch]],
    *,
    now_ms: int,
    terms: Terms,
) -> tuple[State, int | None]:
    earned, today = measure(credited), day_of(now_ms)
    after = replace(
        state,
        last_seq=beat.seq,
        contact_ms=max(now_ms, state.contact_ms),
        covered=union((*state.covered, *credited)),
        excluded=_added(state.excluded, excluded),
        day_no=today,
        day_ms=(state.day_ms if state.day_no == today else 0) + earned,
        max_rate_milli=max(state.max_rate_milli, beat.rate_milli) if beat.intervals else state.max_rate_milli,
    )
    if after.phase is not Phase.ACTIVE or after.checks_due >= len(terms.plan):
        return after, None
    moment = terms.plan[after.checks_due]
    if after.credited_ms < moment:
        return after, None
    stopped = replace(after, phase=Phase.STOPPED, outstanding=Reason.CHECK_IN_DUE, checks_due=after.checks_due + 1)
    return stopped, moment


def _added(sums: Mapping[str, int], stretches: list[tuple[Reason, Stretch]]) -> dict[str, int]:
    added = dict(sums)
    for reason, (start, end) in stretches:
        added[reason.value] = added.get(reason.value, 0) + end - start
    return added


def _after_gap(state: State, elapsed: int, terms: Terms) -> tuple[State, Coverage]:
    return close_stretch(state, terms) if elapsed > _stale_ms(terms) else (state, ())


def close_stretch(state: State, terms: Terms) -> tuple[State, Coverage]:
    """End the uninterrupted stretch; one shorter than the rules want counts no longer.

    A stretch that reaches the end of the media counts however short it is: there was no more to watch.

    Returns:
        The round, and the media that was withdrawn.
    """
    stretch = subtract(state.covered, state.base)
    length = measure(stretch)
    is_complete = state.credited_ms >= terms.needed_ms
    if is_complete or length == 0 or length >= terms.rules.min_segment_s * 1000:
        return replace(state, base=state.covered), ()
    return (
        replace(
            state,
            covered=state.base,
            excluded=_added(state.excluded, [(Reason.SHORT_SEGMENT, part) for part in stretch]),
            day_ms=max(0, state.day_ms - length),
        ),
        stretch,
    )


def open_player(state: State | None, *, now_ms: int, day_ms: int, terms: Terms) -> tuple[State, Coverage]:
    """Begin a new session of the round; it earns nothing before its sign-in.

    Args:
        state: The round so far, or None at its beginning.
        now_ms: Server time.
        day_ms: Credit of the person on this day so far, in all lessons.
        terms: What the round is judged by.

    Returns:
        The round, and the media that was withdrawn because the last stretch had stayed too short.
    """
    if state is None:
        started = State(phase=Phase.AWAITING_SIGN_IN, contact_ms=now_ms, day_no=day_of(now_ms), day_ms=day_ms)
        return started, ()
    closed, withdrawn = close_stretch(state, terms)
    opened = replace(
        closed,
        phase=Phase.AWAITING_SIGN_IN,
        last_seq=0,
        contact_ms=max(now_ms, state.contact_ms),
        carry_ms=0,
        day_no=day_of(now_ms),
        day_ms=max(0, day_ms - measure(withdrawn)),
    )
    return opened, withdrawn


def pass_check(state: State, *, is_sign_in: bool, now_ms: int) -> State:
    """Take in a passed check-in: it signs the player in, and any but a sign-in settles what was outstanding."""
    outstanding = state.outstanding if is_sign_in else None
    if state.phase not in {Phase.AWAITING_SIGN_IN, Phase.STOPPED}:
        return replace(state, outstanding=outstanding)
    phase = Phase.STOPPED if outstanding else Phase.ACTIVE
    contact = max(now_ms, state.contact_ms)
    return replace(state, phase=phase, outstanding=outstanding, contact_ms=contact, carry_ms=0)


def call_check(state: State) -> State:
    """Take in a check-in that a supervisor called: the clock stands until it is passed."""
    phase = Phase.STOPPED if state.phase is Phase.ACTIVE else state.phase
    return replace(state, phase=phase, outstanding=state.outstanding or Reason.CHECK_IN_DUE)


def miss_check(state: State) -> State:
    """Take in a missed or failed check-in: the clock stands until a make-up is passed."""
    phase = Phase.STOPPED if state.phase is Phase.ACTIVE else state.phase
    return replace(state, phase=phase, outstanding=Reason.CHECK_IN_MISSED)


# Note [What limits credit]
# A heartbeat credits media that is all of: not credited before in this round; reached without a jump from the furthest
# confirmed position; played at an allowed rate in a visible page by a signed-in player with no check-in outstanding;
# and no longer than the *server's* wall time since the last accepted contact. Nothing the client says about time is
# used. Wall time is counted once: what one heartbeat leaves over is carried to the next (at most CARRY_MS, so that it
# evens out delays and cannot be saved up), therefore the credit of a session never exceeds its wall time times the
# allowed rate. Silence longer than STALE_INTERVALS intervals gives no more wall time than that, so a lesson cannot be
# claimed in one late heartbeat. Credit stops exactly at the moment of a planned check-in; what was played after it,
# before the player knew, is excluded as `check_in_due` and the player goes back to `furthest_ms`.
