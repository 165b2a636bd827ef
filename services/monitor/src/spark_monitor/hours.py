"""A market's hours as its source shows them: when it is closed, and how much of a silence could have brought data.

A source that is late by its own word shows everything that much later: the day's first prices, the last ones, a halt.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

from spark_market.sessions import Calendar, Phase, always_open
from spark_market.sessions.phases import datetime_at
from spark_service.clock import MarketClock, WallClock

GRACE_MS: Final = 3 * 60_000
"""After an opening the first prices come late."""
_MOST_MS: Final = 366 * 86_400_000
"""No silence is reckoned through for longer: a clock gone mad must not make us count for ever."""


@dataclass(frozen=True)
class Moment:
    """One moment of a market. ``now_ms`` is its own time, which may pass ``speed`` times as fast as ours.

    ``delay_ms``, the source's declared delay, is of the market's time too.
    """

    calendar: Calendar
    now_ms: int
    delay_ms: int = 0
    speed: float = 1.0

    @property
    def open(self) -> bool:
        """Whether the market trades now, a halt included, whatever its source shows."""
        day = self.calendar.session(self.now_ms)
        return day is not None and day.opens_at <= self.now_ms

    @property
    def shows_closed(self) -> bool:
        """Whether the source shows a closed market: no session's prices can be expected of it."""
        day = self.calendar.session(self._shown_ms)
        return day is None or self._shown_ms < day.opens_at

    @property
    def phase(self) -> Phase:
        """The part of its session that the source shows."""
        return self.calendar.at(self._shown_ms)

    @property
    def opening(self) -> str:
        """When the source is to show the next session's first prices, in words; empty when no session is known."""
        day = self.calendar.session(self._shown_ms)
        if day is None:
            return ""
        late = " (with the source's delay)" if self.delay_ms else ""
        return f"{datetime_at(day.opens_at + self.delay_ms):%Y-%m-%d %H:%M} +03:00{late}"

    @property
    def _shown_ms(self) -> int:
        return self.now_ms - self.delay_ms

    def overdue_s(self, silence_s: float) -> float:
        """Return how much of the last ``silence_s`` seconds could have brought data: that much is it late.

        Nothing is late at night. By day it is what lay in the session's continuous trading, from a little after its
        opening; yesterday's silence is not told again today.
        """
        if self.shows_closed:
            return 0.0
        since_ms = self._shown_ms - min(_MOST_MS, ceil(silence_s * 1000 * self.speed))
        traded_ms = self.calendar.trading_ms(self._counted_from(since_ms), self._shown_ms)
        return min(silence_s, traded_ms / 1000 / self.speed)

    def _counted_from(self, since_ms: int) -> int:
        """Return ``since_ms``, or when the trading that runs is under way if that came later."""
        day = self.calendar.last(self._shown_ms)
        while day is not None:
            if self.calendar.at(day.opens_at - 1) is not Phase.CONTINUOUS:
                return max(since_ms, day.opens_at + GRACE_MS)
            if day.opens_at <= since_ms:
                break  # it has traded since before: through a midnight, where that is no pause
            day = self.calendar.last(day.opens_at - 1)
        return since_ms


class Hours:
    """A market's calendar, and the clock that it lives by."""

    def __init__(self, calendar: Calendar, clock: MarketClock | WallClock) -> None:
        self.calendar = calendar
        self._clock = clock

    def look(self, delay_ms: int = 0) -> Moment:
        """Return the present moment."""
        return Moment(self.calendar, self._clock.now_ms(), delay_ms, self._clock.speed)


ALWAYS: Final = Moment(always_open(), 0)
"""A moment of a market that never pauses."""
