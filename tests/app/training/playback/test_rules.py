"""What a heartbeat earns, honest and dishonest."""

from fractions import Fraction
from uuid import UUID

import pytest

from app.training.playback.intervals import measure
from app.training.playback.reasons import Reason
from app.training.playback.rules import Phase, is_stale
from app.training.playback.settlement import FactKind
from tests.app.training.playback.builders import MINUTE, RULES, START, Player, terms


def excluded(verdict) -> dict[Reason, int]:
    sums: dict[Reason, int] = {}
    for reason, (start, end) in verdict.excluded:
        sums[reason] = sums.get(reason, 0) + end - start
    return sums


class TestHonestPlaying:
    @pytest.mark.clause("CC-4.3.3")
    def test_earns_every_second_and_completes(self):
        player = Player(terms()).begin()
        player.play(180)
        assert player.state.credited_ms == 3 * MINUTE == player.terms.needed_ms
        assert player.state.excluded == {}

    def test_is_not_harmed_by_uneven_delays_of_the_network(self):
        player = Player(terms()).begin()
        player.beat((0, 14_600), wait_s=15.4)
        player.beat((14_600, 29_600), wait_s=14.2)
        player.beat((29_600, 44_600), wait_s=15.1)
        assert player.state.credited_ms == 44_600

    def test_may_send_a_heartbeat_early_and_earns_just_the_time_that_passed(self):
        player = Player(terms()).begin()
        player.beat((0, 4_000), wait_s=4)
        assert player.state.credited_ms == 4_000

    def test_goes_over_rounding_gaps_between_two_intervals(self):
        player = Player(terms()).begin()
        player.beat((0, 7_000), (7_040, 14_900))
        player.beat((15_010, 29_800))
        assert player.state.covered == ((0, 29_800),)

    def test_reaches_the_end_although_the_browser_stops_a_moment_before(self):
        player = Player(terms()).begin()
        player.play(165)
        player.beat((165_000, 179_700))
        assert player.state.credited_ms == 180_000

    def test_goes_on_after_a_pause(self):
        player = Player(terms()).begin()
        player.play(30)
        for _ in range(4):
            player.beat(playing=False)
        player.play(30)
        assert player.state.credited_ms == 60_000

    def test_folds_beats_after_a_short_outage(self):
        player = Player(terms()).begin()
        player.beat((0, 45_000), wait_s=45)
        assert player.state.credited_ms == 45_000


class TestCheating:
    def test_asking_for_the_whole_lesson_at_once_earns_nothing(self):
        player = Player(terms()).begin()
        verdict = player.beat((0, 180_000), wait_s=0)
        assert player.state.credited_ms == 0
        assert excluded(verdict) == {Reason.TOO_FAST: 180_000}

    def test_earns_no_more_than_the_wall_time_at_double_speed_that_is_hidden(self):
        player = Player(terms()).begin()
        for n in range(4):
            player.beat((n * 30_000, (n + 1) * 30_000))
        assert player.state.credited_ms <= 4 * 15_000

    def test_earns_nothing_at_double_speed_that_is_told(self):
        player = Player(terms()).begin()
        verdict = player.beat((0, 30_000), rate_milli=2_000)
        assert player.state.credited_ms == 0
        assert excluded(verdict) == {Reason.TOO_FAST: 30_000}

    def test_cannot_jump_ahead(self):
        player = Player(terms()).begin()
        player.play(15)
        verdict = player.beat((120_000, 135_000))
        assert excluded(verdict) == {Reason.BEYOND_CONFIRMED: 15_000}
        assert player.state.furthest_ms == 15_000

    def test_cannot_earn_the_same_seconds_twice(self):
        player = Player(terms()).begin()
        player.play(15)
        verdict = player.beat((0, 15_000))
        assert excluded(verdict) == {Reason.ALREADY_WATCHED: 15_000}

    def test_earns_nothing_in_a_hidden_page(self):
        player = Player(terms()).begin()
        verdict = player.beat((0, 15_000), hidden=True)
        assert excluded(verdict) == {Reason.PAGE_HIDDEN: 15_000}
        assert player.state.hidden_ms == 15_000

    def test_may_play_hidden_where_the_rules_allow_it(self):
        player = Player(terms(hidden_page_stops_clock=False)).begin()
        player.beat((0, 15_000), hidden=True)
        assert player.state.credited_ms == 15_000

    def test_a_sleeping_tab_is_credited_three_intervals_at_most(self):
        player = Player(terms()).begin()
        verdict = player.beat((0, 180_000), wait_s=3600)
        assert player.state.credited_ms == 45_000
        assert excluded(verdict) == {Reason.NO_CONTACT: 135_000}

    def test_cannot_save_up_wall_time_in_pauses(self):
        player = Player(terms()).begin()
        for _ in range(20):
            player.beat()
        player.beat((0, 60_000))
        assert player.state.credited_ms == 18_000

    def test_earns_nothing_before_the_sign_in(self):
        player = Player(terms())
        player.happen(FactKind.OPENED)
        verdict = player.beat((0, 15_000))
        assert excluded(verdict) == {Reason.NOT_SIGNED_IN: 15_000}

    def test_the_time_before_the_sign_in_cannot_be_used_after_it(self):
        player = Player(terms())
        player.happen(FactKind.OPENED)
        player.now_ms += 600_000
        player.happen(FactKind.SIGNED_IN)
        player.beat((0, 60_000), wait_s=1)
        assert player.state.credited_ms == 1_000

    def test_media_beyond_the_end_does_not_exist(self):
        player = Player(terms()).begin()
        player.play(180)
        player.beat((180_000, 999_000))
        assert player.state.credited_ms == 180_000


class TestCheckIns:
    @pytest.mark.clause("CC-5.3.3c")
    def test_stop_the_clock_exactly_at_their_moment(self):
        player = Player(terms(plan=(20_000,))).begin()
        player.play(15)
        verdict = player.beat((15_000, 30_000))
        assert verdict.fell_due == 20_000
        assert player.state.credited_ms == 20_000
        assert excluded(verdict) == {Reason.CHECK_IN_DUE: 10_000}
        assert player.state.phase is Phase.STOPPED

    def test_earn_nothing_while_due_and_go_on_when_passed(self):
        player = Player(terms(plan=(20_000,))).begin()
        player.play(30)
        player.beat((20_000, 35_000))
        assert player.state.credited_ms == 20_000
        player.happen(FactKind.CHECK_PASSED)
        player.beat((20_000, 35_000))
        assert player.state.credited_ms == 35_000

    def test_the_time_of_waiting_cannot_be_used_afterwards(self):
        player = Player(terms(plan=(20_000,))).begin()
        player.play(30)
        player.now_ms += 40_000
        player.happen(FactKind.CHECK_PASSED)
        player.beat((20_000, 60_000), wait_s=1)
        assert player.state.credited_ms == 21_000

    def test_blocked_answer_earns_nothing_however_long_the_page_plays_on(self):
        player = Player(terms(plan=(20_000,))).begin()
        player.play(30)
        player.happen(FactKind.CHECK_MISSED)
        for n in range(6):
            verdict = player.beat((20_000 + n * 15_000, 35_000 + n * 15_000))
        assert player.state.credited_ms == 20_000
        assert Reason.CHECK_IN_MISSED in excluded(verdict)

    def test_missed_ones_are_not_forgotten_by_opening_the_page_anew(self):
        player = Player(terms(plan=(20_000,))).begin()
        player.play(30)
        player.happen(FactKind.CHECK_MISSED)
        player.happen(FactKind.REPLACED)
        player.begin(UUID(int=2))
        assert player.state.phase is Phase.STOPPED
        player.beat((20_000, 35_000))
        assert player.state.credited_ms == 20_000
        player.happen(FactKind.CHECK_PASSED)
        player.beat((20_000, 35_000))
        assert player.state.credited_ms == 35_000

    def test_come_one_after_the_other_in_one_long_heartbeat(self):
        player = Player(terms(plan=(5_000, 12_000))).begin()
        player.beat((0, 15_000))
        assert player.state.credited_ms == 5_000
        player.happen(FactKind.CHECK_PASSED)
        assert player.beat((5_000, 20_000)).fell_due == 12_000
        assert player.state.checks_due == 2


class TestParameters:
    def test_a_faster_rate_earns_where_it_is_allowed(self):
        player = Player(terms(playback_rate_max=Fraction(3, 2))).begin()
        player.beat((0, 22_500), rate_milli=1_500)
        assert player.state.credited_ms == 22_500

    def test_jumping_ahead_earns_where_it_is_allowed_but_leaves_holes(self):
        player = Player(terms(seek_forward_first_view=True)).begin()
        player.beat((100_000, 115_000))
        assert player.state.covered == ((100_000, 115_000),)

    def test_a_daily_cap_stops_the_day_and_not_the_next(self):
        player = Player(terms(daily_hours_cap=1)).begin(day_ms=45_000)
        verdict = [player.beat((0, 15_000)), player.beat((15_000, 30_000))][1]
        assert excluded(verdict) == {Reason.DAILY_CAP: 15_000}
        player.now_ms += 86_400_000
        player.begin(UUID(int=2))
        player.beat((15_000, 30_000))
        assert player.state.credited_ms == 30_000

    def test_a_stretch_that_stays_too_short_is_withdrawn(self):
        player = Player(terms(min_segment_s=60)).begin()
        player.play(30)
        assert player.state.credited_ms == 30_000
        player.happen(FactKind.REPLACED)
        verdict = player.happen(FactKind.OPENED)
        assert verdict.withdrawn == ((0, 30_000),)
        assert player.state.credited_ms == 0
        assert player.state.excluded == {"short_segment": 30_000}

    def test_a_short_stretch_that_reaches_the_end_counts(self):
        player = Player(terms(min_segment_s=60)).begin()
        player.play(165)
        player.begin(UUID(int=2))
        player.play(15)
        player.begin(UUID(int=3))
        assert player.state.credited_ms == 180_000


class TestReason:
    def test_explains_itself_in_chinese(self):
        assert all(len(reason.label) > 8 for reason in Reason)


class TestIsStale:
    def test_means_more_than_three_intervals_of_silence(self):
        assert not is_stale(START, now_ms=START + 45_000, rules=RULES)
        assert is_stale(START, now_ms=START + 45_001, rules=RULES)


def test_measure_adds_lengths():
    assert measure(((0, 10), (20, 25))) == 15
