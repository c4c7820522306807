"""Compute and compare the daily digest of a class.

Both sides compute the digest from their own entries; equal digests mean equal entries, because the Merkle root
covers every payload hash in `seq` order. A day's entries are those recorded on that day in China; the digest at
closing covers all entries of the class.

Clauses: CC-4.1.3b
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from app.core.clock import local_date
from app.realname.protocol.envelope import EventType, read_instant
from app.realname.protocol.merkle import merkle_root_of_hashes


class DigestKind(StrEnum):
    """What a digest covers."""

    DAILY = "daily"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassDigest:
    """The figures of a class for one day, or for its whole life.

    Attributes:
        platform_id: The platform's number at the city.
        class_code: The city's class number.
        kind: Daily, or at closing.
        day: The Chinese day covered; for a digest at closing the day of closing.
        counts: Entries by event type; types without entries are absent.
        first_seq: Lowest sequence number, or None without entries.
        last_seq: Highest sequence number, or None without entries.
        hours_granted: Lesson hours granted.
        checkins: Check-ins by result: passed, failed, missed.
        file_count: Different files referred to.
        file_bytes: Their size in bytes.
        merkle_root: RFC 6962 root over the payload hashes in `seq` order.
    """

    platform_id: str
    class_code: str
    kind: DigestKind
    day: date
    counts: Mapping[str, int]
    first_seq: int | None
    last_seq: int | None
    hours_granted: int
    checkins: Mapping[str, int]
    file_count: int
    file_bytes: int
    merkle_root: str

    def to_document(self) -> dict[str, Any]:
        """Write the digest as a JSON document."""
        return {
            "platform_id": self.platform_id,
            "class_code": self.class_code,
            "kind": str(self.kind),
            "day": self.day.isoformat(),
            "counts": dict(self.counts),
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "hours_granted": self.hours_granted,
            "checkins": dict(self.checkins),
            "file_count": self.file_count,
            "file_bytes": self.file_bytes,
            "merkle_root": self.merkle_root,
        }


def entries_of_day(events: Iterable[Mapping[str, Any]], *, day: date) -> list[Mapping[str, Any]]:
    """Pick the entries recorded on one day of China."""
    return [event for event in events if local_date(read_instant(event["recorded_at"])) == day]


def compute_digest(
    events: Iterable[Mapping[str, Any]], *, platform_id: str, class_code: str, kind: DigestKind, day: date
) -> ClassDigest:
    """Compute the digest of `events`, which are exactly the ones to cover, in any order."""
    ordered = sorted(events, key=lambda event: int(event["seq"]))
    files = {item["sha256"]: int(item["bytes"]) for event in ordered for item in event["files"]}
    results = Counter(
        event["payload"]["result"] for event in ordered if event["event_type"] == EventType.CHECKIN_COMPLETED
    )
    return ClassDigest(
        platform_id=platform_id,
        class_code=class_code,
        kind=kind,
        day=day,
        counts=dict(sorted(Counter(event["event_type"] for event in ordered).items())),
        first_seq=ordered[0]["seq"] if ordered else None,
        last_seq=ordered[-1]["seq"] if ordered else None,
        hours_granted=sum(
            event["payload"]["hours_granted"] for event in ordered if event["event_type"] == EventType.LESSON_COMPLETED
        ),
        checkins={name: results[name] for name in ("passed", "failed", "missed")},
        file_count=len(files),
        file_bytes=sum(files.values()),
        merkle_root=merkle_root_of_hashes(event["payload_hash"] for event in ordered),
    )


def missing_ranges(held: Iterable[int], *, first: int, last: int) -> list[tuple[int, int]]:
    """Find the closed ranges of sequence numbers from `first` to `last` that are not in `held`."""
    ranges, expected = [], first
    for seq in sorted({seq for seq in held if first <= seq <= last}):
        if seq > expected:
            ranges.append((expected, seq - 1))
        expected = seq + 1
    if expected <= last:
        ranges.append((expected, last))
    return ranges


def digest_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Name the members in which two digest documents differ."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def hash_differences(ours: Sequence[tuple[int, str]], theirs: Sequence[tuple[int, str]]) -> list[int]:
    """Find the sequence numbers both sides hold with different payload hashes."""
    known = dict(theirs)
    return [seq for seq, value in ours if known.get(seq, value) != value]
