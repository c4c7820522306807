"""The clock and the calendar; the only module that asks the machine for the time.

The edge (request, job) reads the clock once and passes `now` on. Instants are aware datetimes in UTC; days are
days of China (`Asia/Shanghai`). Working days follow the State Council's yearly notices; a year without a
notice is an error, never a guess.

Clauses: CC-2.1a, CC-2.1b
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import chinese_calendar

from app.core.errors import Conflict

CHINA = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Read the present instant: aware, UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Read the present instant: aware, UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock that stands still until told to move; for tests."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Read the instant it was set to."""
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward by `by`."""
        self._at += by


class CalendarUnknown(Conflict):
    """The State Council's notice for that year is not known to this version."""

    slug = "calendar-unknown"
    title = "该年度的节假日安排尚未录入，请升级系统后再试"


def local_date(instant: datetime) -> date:
    """Find the Chinese calendar day of an instant."""
    return instant.astimezone(CHINA).date()


def china_iso(instant: datetime) -> str:
    """Write an instant as RFC 3339 with milliseconds and the offset +08:00."""
    return instant.astimezone(CHINA).isoformat(timespec="milliseconds")


def is_working_day(day: date) -> bool:
    """Tell whether `day` is a working day, make-up Saturdays and Sundays included.

    Raises:
        CalendarUnknown: The year has no notice in the calendar.
    """
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError as error:
        raise CalendarUnknown(year=day.year) from error


def workday_add(day: date, count: int) -> date:
    """Count `count` working days forward from `day`, which itself does not count.

    Args:
        day: A Chinese calendar day; may be a holiday.
        count: Working days to count, at least 0.

    Raises:
        CalendarUnknown: The count runs into a year without a notice.
    """
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day):
            count -= 1
    return day
