"""The trading days of 2026 from a plain table, for tests to hold our calendar, and all that lives by it, against."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

DELAY_MS = 15 * 60_000
CLOSING_MS = 10 * 60_000
ISTANBUL = timezone(timedelta(hours=3))

# As the press printed them; nothing of ours.
CLOSED = {
    date(2026, month, day)
    for month, day in ((1, 1), (3, 20), (4, 23), (5, 1), (5, 19), (5, 27), (5, 28), (5, 29), (7, 15), (10, 29))
}
HALF = {date(2026, 3, 19), date(2026, 5, 26), date(2026, 10, 28)}


class Day(NamedTuple):
    """When a source may be asked, and what it shows: from ``opens`` to ``ends``, both late by the delay; ms UTC."""

    asked_from: int
    shows_from: int
    shows_until: int


def at(day: date, hour: int, minute: int = 0) -> int:
    """Return a time of Istanbul's, ms UTC."""
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=ISTANBUL).timestamp()) * 1000


def trading_days(first: date, last: date) -> Iterator[Day]:
    """Yield those of 2026, by the table."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() < 5 and day not in CLOSED:
            ends = at(day, 12, 40) if day in HALF else at(day, 18, 10)
            yield Day(at(day, 10), at(day, 10) + DELAY_MS, ends + DELAY_MS)
