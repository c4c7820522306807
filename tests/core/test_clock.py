from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.core.clock import CalendarUnknown, china_iso, is_working_day, local_date, workday_add


class TestWorkdayAdd:
    @pytest.mark.clause("CC-2.1a")
    @pytest.mark.parametrize(
        ("start", "count", "end"),
        [
            (date(2026, 3, 2), 5, date(2026, 3, 9)),  # over a weekend
            (date(2026, 9, 30), 5, date(2026, 10, 13)),  # over the National Day week and its make-up Saturday
            (date(2026, 2, 13), 1, date(2026, 2, 14)),  # the make-up Saturday before the Spring Festival
            (date(2026, 3, 7), 0, date(2026, 3, 7)),
        ],
    )
    def test_follows_the_notices_of_the_state_council(self, start: date, count: int, end: date):
        assert workday_add(start, count) == end

    def test_refuses_a_year_without_a_notice(self):
        with pytest.raises(CalendarUnknown):
            is_working_day(date(2035, 1, 1))


class TestLocalDate:
    def test_is_the_day_in_china(self):
        assert local_date(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)) == date(2026, 3, 2)

    def test_writes_milliseconds_and_offset(self):
        assert china_iso(datetime(2026, 3, 1, 16, 0, 0, 120_000, UTC)) == "2026-03-02T00:00:00.120+08:00"
