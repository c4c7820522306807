"""Settling a round: laws that hold for every sequence of facts."""

import random
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.training.playback.intervals import clip, measure, subtract, union
from app.training.playback.rules import BRIDGE_MS, END_SNAP_MS
from app.training.playback.settlement import FactKind, PlayFact, hash_heartbeats, is_consistent, settle
from tests.app.training.playback.builders import Player, terms

stretches = st.tuples(st.integers(0, 200_000), st.integers(0, 60_000)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@st.composite
def rounds(draw):
    """A round in which anything may happen, most of it dishonest."""
    player = Player(
        terms(
            plan=tuple(sorted(draw(st.sets(st.integers(1, 170_000), max_size=3)))),
            playback_rate_max=draw(st.sampled_from([Fraction(1), Fraction(5, 4), Fraction(2)])),
            seek_forward_first_view=draw(st.booleans()),
            min_segment_s=draw(st.sampled_from([0, 0, 30])),
            daily_hours_cap=draw(st.sampled_from([None, None, 1, 2])),
        )
    ).begin()
    for _ in range(draw(st.integers(0, 12))):
        match draw(st.sampled_from(["honest", "honest", "claim", "claim", "open", "pass", "call", "miss", "end"])):
            case "honest":
                at = player.state.furthest_ms
                player.beat((at, at + 15_000))
            case "claim":
                player.beat(
                    *draw(st.lists(stretches, max_size=3)),
                    wait_s=draw(st.sampled_from([0, 0.5, 5, 15, 16, 44, 100])),
                    rate_milli=draw(st.sampled_from([1_000, 1_000, 1_250, 2_000])),
                    hidden=draw(st.sampled_from([False, False, True])),
                )
            case "open":
                player.happen(FactKind.REPLACED)
                player.begin(UUID(int=draw(st.integers(2, 5))))
            case "pass":
                player.happen(FactKind.CHECK_PASSED)
            case "call":
                player.happen(FactKind.CHECK_CALLED)
            case "miss":
                player.happen(FactKind.CHECK_MISSED)
            case "end":
                player.happen(FactKind.ENDED)
                player.begin()
    return player


class TestSettle:
    @given(rounds())
    @pytest.mark.clause("CC-4.3.3")
    def test_comes_to_what_the_heartbeats_were_told(self, player):
        settled = settle(player.facts, terms=player.terms)
        assert settled.final == player.state
        assert settled.credited_ms == player.state.credited_ms
        assert settled.watched == player.state.covered
        assert is_consistent(settled)

    @given(rounds(), st.randoms(use_true_random=False))
    def test_is_the_same_in_any_order_with_duplicates_and_twice(self, player, chance: random.Random):
        facts = [*player.facts, *chance.sample(player.facts, k=min(3, len(player.facts)))]
        chance.shuffle(facts)
        first = settle(player.facts, terms=player.terms)
        assert settle(facts, terms=player.terms) == first
        assert settle(facts, terms=player.terms) == first

    @given(rounds())
    def test_never_credits_more_than_wall_time_at_the_allowed_rate(self, player):
        settled = settle(player.facts, terms=player.terms)
        assert settled.credited_ms <= settled.wall_ms * player.terms.rules.playback_rate_max

    @given(rounds())
    def test_never_credits_media_that_was_not_claimed(self, player):
        settled = settle(player.facts, terms=player.terms)
        claims = [fact.beat.intervals for fact in player.facts if fact.beat]
        claimed = clip((stretch for beat in claims for stretch in beat), end=player.terms.duration_ms)
        beside = subtract(settled.watched, claimed)
        assert all(end - start <= max(BRIDGE_MS, END_SNAP_MS) for start, end in beside)
        assert settled.credited_ms <= player.terms.duration_ms

    @given(rounds())
    def test_gives_every_claimed_second_credit_or_a_reason(self, player):
        settled = settle(player.facts, terms=player.terms)
        claims = [fact.beat.intervals for fact in player.facts if fact.beat]
        claimed = clip((stretch for beat in claims for stretch in beat), end=player.terms.duration_ms)
        explained = union([*settled.watched, *(stretch for _, stretch in settled.excluded)])
        assert subtract(claimed, explained) == ()

    @given(rounds())
    def test_adds_the_reasons_up(self, player):
        settled = settle(player.facts, terms=player.terms)
        sums: dict[str, int] = {}
        for reason, (start, end) in settled.excluded:
            sums[reason.value] = sums.get(reason.value, 0) + end - start
        assert {key: ms for key, ms in settled.excluded_ms.items() if ms} == sums

    @pytest.mark.clause("CC-4.3.3")
    def test_grants_an_hour_for_forty_whole_minutes_and_not_a_millisecond_less(self):
        def played(ms: int) -> int:
            player = Player(terms(hour_length_s=2400, duration_ms=2_400_000, hours=1)).begin()
            while (at := player.state.furthest_ms) < ms:
                player.beat((at, min(ms, at + 15_000)))
            return settle(player.facts, terms=player.terms).hours

        assert played(2_400_000) == 1
        assert played(2_399_000) == 0

    def test_never_grants_more_hours_than_the_lesson_has(self):
        player = Player(terms(hours=2)).begin()
        player.play(180)
        assert settle(player.facts, terms=player.terms).hours == 2

    def test_of_nothing_is_nothing(self):
        settled = settle([], terms=terms())
        assert (settled.hours, settled.credited_ms, settled.final) == (0, 0, None)

    def test_refuses_a_round_that_does_not_begin(self):
        fact = PlayFact(no=1, kind=FactKind.SIGNED_IN, session_id=UUID(int=1), at_ms=0)
        with pytest.raises(ValueError, match="begins"):
            settle([fact], terms=terms())


class TestHashHeartbeats:
    def test_changes_with_every_member(self):
        player = Player(terms()).begin()
        player.play(30)
        beats = [fact for fact in player.facts if fact.beat]
        before = hash_heartbeats(beats)
        player.play(15)
        assert hash_heartbeats(player.facts[:2:-1]) != before
        assert hash_heartbeats(reversed(beats)) == before


class TestIntervals:
    @given(st.lists(stretches), st.lists(stretches))
    def test_subtract_and_union_are_set_operations(self, one, other):
        a, b = union(one), union(other)
        left = subtract(a, b)
        assert union([*left, *b]) == union([*one, *other])
        assert measure(left) + measure(b) == measure(union([*a, *b]))
