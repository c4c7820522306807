from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.realname.protocol import (
    DigestKind,
    compute_digest,
    digest_differences,
    entries_of_day,
    hash_differences,
    merkle_root_of_hashes,
    missing_ranges,
)
from tests.realname.conftest import Chain

DAY = date(2026, 3, 2)


def digest(events):
    return compute_digest(events, platform_id="P001", class_code="K", kind=DigestKind.DAILY, day=DAY)


@pytest.fixture
def events():
    chain = Chain(now=datetime(2026, 3, 2, 1, 0, tzinfo=UTC))
    file = {"sha256": "a" * 64, "bytes": 100, "media_type": "image/jpeg", "kind": "checkin_image"}
    return [
        chain.add(payload={"result": "passed"}, files=[file]),
        chain.add(payload={"result": "missed"}, files=[file, {**file, "sha256": "b" * 64, "bytes": 7}]),
        chain.add("lesson.completed", {"hours_granted": 2}),
        chain.add("lesson.completed", {"hours_granted": 1}),
        chain.add("class.closed", {}),
    ]


class TestComputeDigest:
    def test_counts_what_both_sides_must_agree_on(self, events):
        found = digest(events)
        assert found.counts == {"checkin.completed": 2, "class.closed": 1, "lesson.completed": 2}
        assert (found.first_seq, found.last_seq, found.hours_granted) == (1, 5, 3)
        assert found.checkins == {"passed": 1, "failed": 0, "missed": 1}
        assert (found.file_count, found.file_bytes) == (2, 107)
        assert found.merkle_root == merkle_root_of_hashes(event["payload_hash"] for event in events)

    def test_does_not_depend_on_the_order_given(self, events):
        assert digest(reversed(events)) == digest(events)

    def test_covers_nothing_without_events(self):
        found = digest([])
        assert (found.first_seq, found.last_seq, found.counts) == (None, None, {})

    def test_names_what_differs(self, events):
        found = digest_differences(digest(events).to_document(), digest(events[:-1]).to_document())
        assert found == ["counts", "last_seq", "merkle_root"]


class TestEntriesOfDay:
    def test_uses_the_day_of_china(self):
        chain = Chain()
        times = [datetime(2026, 3, 1, 15, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC)]
        events = [chain.add(recorded_at=at) for at in times]
        assert entries_of_day(events, day=DAY) == events[1:]


class TestMissingRanges:
    @given(held=st.sets(st.integers(-5, 40)), first=st.integers(1, 20), length=st.integers(0, 20))
    def test_equals_counting_one_by_one(self, held, first, length):
        last = first + length
        found = [seq for start, end in missing_ranges(held, first=first, last=last) for seq in range(start, end + 1)]
        assert found == [seq for seq in range(first, last + 1) if seq not in held]

    def test_joins_neighbors(self):
        assert missing_ranges([3, 6], first=1, last=8) == [(1, 2), (4, 5), (7, 8)]


class TestHashDifferences:
    def test_finds_entries_both_hold_differently(self):
        assert hash_differences([(1, "a"), (2, "b"), (3, "c")], [(1, "a"), (2, "x")]) == [2]
