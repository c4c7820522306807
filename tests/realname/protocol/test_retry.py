import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.realname.protocol import Action, Breaker, Decision, ErrorKind, kind_of_status, next_attempt

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
AGAIN = [ErrorKind.SERVER_ERROR, ErrorKind.TIMEOUT, ErrorKind.NETWORK, ErrorKind.BROKEN_ANSWER]


def decide(kind, *, attempts=1, age=timedelta(0), seed=0, **more):
    rng = random.Random(seed)
    return next_attempt(kind, attempts=attempts, now=NOW, rng=rng, queued_at=NOW - age, **more)


class TestNextAttempt:
    @given(kind=st.sampled_from(AGAIN), attempts=st.integers(1, 5000), seed=st.integers(0, 99))
    def test_waits_a_random_time_under_a_doubling_limit(self, kind, attempts, seed):
        found = decide(kind, attempts=attempts, seed=seed)
        limit = min(900, 2 * 2 ** (attempts - 1))
        assert found.action is Action.RETRY
        assert timedelta(0) <= found.at - NOW <= timedelta(seconds=limit)

    def test_spreads_over_the_whole_limit(self):
        waits = [(decide(ErrorKind.TIMEOUT, attempts=20, seed=seed).at - NOW).total_seconds() for seed in range(200)]
        assert min(waits) < 90
        assert max(waits) > 810

    def test_tries_hourly_after_a_day(self):
        assert decide(ErrorKind.TIMEOUT, age=timedelta(hours=24)) == Decision(Action.RETRY, NOW + timedelta(hours=1))

    @pytest.mark.parametrize("kind", [*AGAIN, ErrorKind.THROTTLED])
    def test_gives_up_with_an_alarm_after_a_week(self, kind):
        found = decide(kind, age=timedelta(days=7), retry_after_s=5)
        assert found == Decision(Action.DEAD_LETTER, alarm=True)

    def test_still_tries_just_before_a_week(self):
        assert decide(ErrorKind.TIMEOUT, age=timedelta(days=7, seconds=-1)).action is Action.RETRY

    def test_obeys_retry_after(self):
        found = decide(ErrorKind.THROTTLED, retry_after_s=77, age=timedelta(hours=30))
        assert found == Decision(Action.RETRY, NOW + timedelta(seconds=77))

    def test_backs_off_when_a_throttling_city_names_no_time(self):
        assert decide(ErrorKind.THROTTLED, attempts=3).at <= NOW + timedelta(seconds=8)

    def test_makes_a_malformed_request_a_dead_letter_at_once(self):
        assert decide(ErrorKind.INVALID) == Decision(Action.DEAD_LETTER, alarm=True)

    def test_stops_the_channel_when_not_authorized(self):
        assert decide(ErrorKind.UNAUTHORIZED) == Decision(Action.STOP_CHANNEL, alarm=True)

    def test_compares_hashes_on_conflict(self):
        assert decide(ErrorKind.CONFLICT).action is Action.COMPARE_HASH

    def test_splits_a_batch_that_is_too_large(self):
        assert decide(ErrorKind.TOO_LARGE, batch_size=2).action is Action.SPLIT

    def test_cannot_split_a_single_event(self):
        assert decide(ErrorKind.TOO_LARGE) == Decision(Action.DEAD_LETTER, alarm=True)


class TestKindOfStatus:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, ErrorKind.INVALID),
            (422, ErrorKind.INVALID),
            (404, ErrorKind.INVALID),
            (401, ErrorKind.UNAUTHORIZED),
            (403, ErrorKind.UNAUTHORIZED),
            (409, ErrorKind.CONFLICT),
            (413, ErrorKind.TOO_LARGE),
            (429, ErrorKind.THROTTLED),
            (503, ErrorKind.THROTTLED),
            (500, ErrorKind.SERVER_ERROR),
            (502, ErrorKind.SERVER_ERROR),
            (302, ErrorKind.SERVER_ERROR),
        ],
    )
    def test_follows_the_protocol(self, status, kind):
        assert kind_of_status(status) is kind


class TestBreaker:
    def fail(self, breaker, count, now=NOW):
        for _ in range(count):
            breaker = breaker.after_failure(now)
        return breaker

    def test_stays_closed_for_nineteen_failures(self):
        assert self.fail(Breaker(), 19).may_send(NOW)

    def test_opens_for_a_minute_at_the_twentieth(self):
        opened = self.fail(Breaker(), 20)
        assert not opened.may_send(NOW + timedelta(seconds=59))
        assert opened.may_send(NOW + timedelta(seconds=60))

    def test_opens_again_when_the_next_try_fails(self):
        later = NOW + timedelta(seconds=60)
        assert not self.fail(Breaker(), 20).after_failure(later).may_send(later + timedelta(seconds=59))

    def test_closes_with_one_success(self):
        assert self.fail(Breaker(), 20).after_success() == Breaker()

    def test_counts_only_failures_in_a_row(self):
        assert self.fail(self.fail(Breaker(), 19).after_success(), 19).may_send(NOW)
