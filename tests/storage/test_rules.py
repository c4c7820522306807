from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import KeyRefused, RangeUnsatisfiable, UploadRefused
from storage.rules import (
    DEFAULT_PERIODS,
    MAX_PARTS,
    MIB,
    ByteRange,
    Period,
    RetentionClass,
    UploadRule,
    check_announced,
    check_file_name,
    check_key,
    evidence_key,
    has_announced_kind,
    is_due,
    longest,
    missing_parts,
    parse_range,
    part_size,
    part_sizes,
    retain_until,
    sniff_media_type,
    upload_key,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ID = UUID("0198a000-0000-7000-8000-000000000001")


class TestCheckKey:
    @given(st.text(max_size=60))
    def test_lets_nothing_through_that_could_leave_a_folder(self, key):
        try:
            check_key(key)
        except KeyRefused:
            return
        assert key.isascii()
        assert all(part and not part.startswith(".") and "\\" not in part for part in key.split("/"))

    def test_takes_the_platforms_own_keys(self):
        check_key(evidence_key("check_in_photo", "a" * 64, ID))
        check_key(upload_key("courseware", ID))

    @pytest.mark.parametrize("key", ["a\n", "a/b\n", "\x00", "a/../b", "~a", "a~"])
    def test_refuses_line_feeds_and_marks(self, key):
        with pytest.raises(KeyRefused):
            check_key(key)


class TestEvidenceKey:
    def test_names_kind_content_and_record(self):
        assert evidence_key("photo", "ab" * 32, ID) == f"evidence/photo/ab/{'ab' * 32}.{ID}"

    @pytest.mark.parametrize(("kind", "sha256"), [("../x", "a" * 64), ("photo", "A" * 64), ("photo", "a" * 63)])
    def test_refuses_what_is_no_kind_or_no_hash(self, kind, sha256):
        with pytest.raises(KeyRefused):
            evidence_key(kind, sha256, ID)


class TestCheckFileName:
    @pytest.mark.parametrize(
        ("given_name", "clean"),
        [
            ("第1课.mp4", "第1课.mp4"),
            ("C:\\视频\\第1课.mp4", "第1课.mp4"),
            ("../../etc/passwd", "passwd"),
            ("a\x00b\r\n.mp4", "ab.mp4"),
            ("x\u202egpj.exe", "xgpj.exe"),
            ("长" * 300 + ".mp4", "长" * 196 + ".mp4"),
        ],
    )
    def test_keeps_only_a_harmless_name(self, given_name, clean):
        assert check_file_name(given_name) == clean

    @pytest.mark.parametrize("name", ["", "...", "a/", "\x00", '<>"'])
    def test_refuses_a_name_of_which_nothing_remains(self, name):
        with pytest.raises(UploadRefused):
            check_file_name(name)


class TestPartSizes:
    @given(st.integers(1, 10**13), st.integers(5 * MIB, 100 * MIB))
    def test_cover_the_file_exactly_in_at_most_10000_parts(self, size, wished):
        chosen = part_size(size, wished=wished)
        count = -(-size // chosen)
        assert chosen >= wished
        assert count <= MAX_PARTS

    @given(st.integers(1, 500 * MIB), st.integers(5 * MIB, 100 * MIB))
    def test_add_up_with_only_the_last_one_shorter(self, size, part):
        plan = part_sizes(size, part)
        assert sum(plan.values()) == size
        assert list(plan) == list(range(1, len(plan) + 1))
        assert all(each == part for number, each in plan.items() if number < len(plan))
        assert 0 < plan[len(plan)] <= part


class TestMissingParts:
    def test_counts_absent_and_wrongly_long_parts(self):
        assert missing_parts({1: 5, 2: 5, 3: 2}, {1: 5, 2: 4, 9: 1}) == [2, 3]

    def test_is_empty_when_all_are_there(self):
        assert missing_parts({1: 5, 2: 2}, {1: 5, 2: 2}) == []


RULE = UploadRule("courseware", max_bytes=100 * MIB, media_types=frozenset({"video/mp4"}))


class TestCheckAnnounced:
    def test_takes_a_file_of_exactly_the_limit(self):
        check_announced(RULE, size_bytes=100 * MIB, media_type="video/mp4")

    @pytest.mark.parametrize(
        ("size", "kind"), [(0, "video/mp4"), (-1, "video/mp4"), (100 * MIB + 1, "video/mp4"), (5, "text/html")]
    )
    def test_refuses_empty_big_and_foreign_files(self, size, kind):
        with pytest.raises(UploadRefused):
            check_announced(RULE, size_bytes=size, media_type=kind)

    def test_says_the_limit_in_words(self):
        with pytest.raises(UploadRefused, match=r"100\.0 MB"):
            check_announced(RULE, size_bytes=10**12, media_type="video/mp4")


class TestSniffMediaType:
    @pytest.mark.parametrize(
        ("head", "kind"),
        [
            (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
            (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
            (b"FLV\x01\x05", "video/x-flv"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n", "image/png"),
            (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
            (b"%PDF-1.7", "application/pdf"),
            (b"PK\x03\x04", "application/zip"),
            (b"<!DOCTYPE html>", None),
            (b"<svg", None),
            (b"MZ\x90", None),
            (b"RIFF\x00\x00\x00\x00AVI ", None),
            (b"", None),
        ],
    )
    def test_names_the_kind_by_content(self, head, kind):
        assert sniff_media_type(head) == kind

    @given(st.binary(max_size=64))
    def test_never_fails(self, head):
        sniff_media_type(head)


class TestHasAnnouncedKind:
    @pytest.mark.parametrize(
        ("head", "announced", "expected"),
        [
            (b"\xff\xd8\xff\xe0", "image/jpeg", True),
            (b"\xff\xd8\xff\xe0", "IMAGE/JPEG; q=1", True),
            (b"\xff\xd8\xff\xe0", "image/png", False),
            (b"FLV\x01", "video/flv", True),
            (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", True),
            (b"<html>", "text/html", False),
        ],
    )
    def test_compares_content_with_the_claim(self, head, announced, expected):
        assert has_announced_kind(head, announced) is expected


class TestParseRange:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            (None, None),
            ("bytes=0-", ByteRange(0, 100)),
            ("bytes=10-19", ByteRange(10, 10)),
            ("bytes=90-500", ByteRange(90, 10)),
            ("bytes=-5", ByteRange(95, 5)),
            ("bytes=-500", ByteRange(0, 100)),
            ("bytes=99-99", ByteRange(99, 1)),
            ("bytes=5-2", None),
            ("bytes=-", None),
            ("bytes=0-1,5-6", None),
            ("items=0-5", None),
            ("bytes=٣-٤", None),
        ],
    )
    def test_reads_one_range_and_ignores_the_rest(self, header, expected):
        assert parse_range(header, size_bytes=100) == expected

    @pytest.mark.parametrize(
        ("header", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
    )
    def test_refuses_what_lies_beyond_the_end(self, header, size):
        with pytest.raises(RangeUnsatisfiable):
            parse_range(header, size_bytes=size)

    @given(st.text(max_size=30), st.integers(0, 1000))
    def test_never_leaves_the_object(self, tail, size):
        try:
            found = parse_range("bytes=" + tail, size_bytes=size)
        except RangeUnsatisfiable:
            return
        if found is not None:
            assert found.start >= 0
            assert found.length > 0
            assert found.start + found.length <= size


class TestRetainUntil:
    @pytest.mark.clause("CC-5.3.3c")
    def test_keeps_without_end_while_the_period_has_not_begun(self):
        assert retain_until(RetentionClass.PRESENCE, begins_at=None, periods=DEFAULT_PERIODS) is None

    @pytest.mark.parametrize(
        ("retention", "expected"),
        [
            (RetentionClass.PROOF, datetime(2036, 3, 2, 4, 0, tzinfo=UTC)),
            (RetentionClass.PRESENCE, datetime(2028, 3, 2, 4, 0, tzinfo=UTC)),
            (RetentionClass.FACE_TEMPLATE, datetime(2026, 4, 1, 4, 0, tzinfo=UTC)),
            (RetentionClass.IDENTITY_DOCUMENT, NOON),
            (RetentionClass.AUDIT, datetime(2029, 3, 2, 4, 0, tzinfo=UTC)),
            (RetentionClass.CONSENT, datetime(2029, 3, 2, 4, 0, tzinfo=UTC)),
        ],
    )
    def test_counts_from_the_event_that_ends_the_purpose(self, retention, expected):
        assert retain_until(retention, begins_at=NOON, periods=DEFAULT_PERIODS) == expected

    def test_has_a_period_for_every_class(self):
        assert set(DEFAULT_PERIODS) == set(RetentionClass)

    @pytest.mark.clause("CC-5.3.3d")
    def test_takes_the_regions_period_where_a_document_sets_one(self):
        periods = {**DEFAULT_PERIODS, RetentionClass.PRESENCE: Period(years=6)}
        until = retain_until(RetentionClass.PRESENCE, begins_at=NOON, periods=periods)
        assert until == datetime(2032, 3, 2, 4, 0, tzinfo=UTC)


class TestPeriod:
    @pytest.mark.parametrize(
        ("start", "period", "end"),
        [
            (datetime(2024, 2, 29, tzinfo=UTC), Period(years=1), datetime(2025, 2, 28, tzinfo=UTC)),
            (datetime(2026, 1, 31, tzinfo=UTC), Period(months=1), datetime(2026, 2, 28, tzinfo=UTC)),
            (datetime(2026, 12, 15, tzinfo=UTC), Period(months=1), datetime(2027, 1, 15, tzinfo=UTC)),
            (datetime(2026, 11, 30, tzinfo=UTC), Period(months=1, days=2), datetime(2027, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_ends_on_the_months_last_day_where_the_day_is_lacking(self, start, period, end):
        assert period.after(start) == end


class TestIsDue:
    @pytest.mark.parametrize(
        ("until", "hold", "due"),
        [
            (None, False, False),
            (NOON, False, True),
            (NOON, True, False),
            (NOON + timedelta(microseconds=1), False, False),
        ],
    )
    def test_needs_a_run_out_period_and_no_hold(self, until, hold, due):
        assert is_due(until=until, legal_hold=hold, now=NOON) is due


class TestLongest:
    def test_prefers_no_end_to_any_end(self):
        assert longest([NOON, None]) is None
        assert longest([NOON, NOON + timedelta(1)]) == NOON + timedelta(1)
        assert longest([]) is None
