"""A market's calendar: what it does at a time, which session that lies in, and how long it traded in between."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from spark_market.sessions.phases import ROUND_THE_CLOCK, Phase, TradingDay, day_number, midnight, trading_day

_REMEMBERED: Final = 1024
"""Days kept, some kilobytes each: a time is looked up in its day's spans, so few days are asked for again and again."""
_LOOKED_AHEAD: Final = 400
"""Days searched for the next or the last session: no market rests for a year."""
_DAYS: Final = range(date.min.toordinal() + 1, date.max.toordinal())


class Calendar:
    """One market's days. Times are ms UTC; a time that no date can hold finds the market closed.

    Beyond ``known_from`` and ``known_until``, both included, days are assumed rather than known.
    """

    def __init__(
        self, session_of: Callable[[date], TradingDay | None], known_from: date = date.min, known_until: date = date.max
    ) -> None:
        self._session_of = session_of
        self._numbered = lru_cache(_REMEMBERED)(self._make)
        self.known_from = known_from
        self.known_until = known_until

    def day(self, day: date) -> TradingDay | None:
        """Return a day's session, None when it has none."""
        return self._numbered(day.toordinal())

    def at(self, ms: int) -> Phase:
        """Return what the market does at ``ms``."""
        day = self._numbered(day_number(ms))
        if day is not None:
            for span in day.spans:
                if span.begins <= ms < span.ends:
                    return span.phase
        return Phase.CLOSED

    def session(self, ms: int) -> TradingDay | None:
        """Return the session that ``ms`` lies in, from its opening to the end of its closing phase, else the next."""
        first = day_number(ms)
        for day in self._sessions(range(first, first + _LOOKED_AHEAD)):
            if ms < day.ends_at:
                return day
        return None

    def last(self, ms: int) -> TradingDay | None:
        """Return the latest session whose continuous trading had begun by ``ms``."""
        first = day_number(ms)
        for day in self._sessions(range(first, first - _LOOKED_AHEAD, -1)):
            if day.opens_at <= ms:
                return day
        return None

    def trading_ms(self, since_ms: int, until_ms: int) -> int:
        """Return how much continuous trading lies between; it takes the time of one look at each day."""
        traded = 0
        for day in self._sessions(range(day_number(since_ms), day_number(until_ms) + 1)):
            for span in day.spans:
                if span.phase is Phase.CONTINUOUS:
                    traded += max(0, min(until_ms, span.ends) - max(since_ms, span.begins))
        return traded

    def knows(self, ms: int) -> bool:
        """Return whether the day of ``ms`` is known, not assumed."""
        return self.known_from.toordinal() <= day_number(ms) <= self.known_until.toordinal()

    @property
    def known_until_ms(self) -> int:
        """The end of the last day that is known."""
        return midnight(self.known_until.toordinal() + 1)

    def _sessions(self, numbers: range) -> Iterator[TradingDay]:
        for number in numbers:
            day = self._numbered(number)
            if day is not None:
                yield day

    def _make(self, number: int) -> TradingDay | None:
        return self._session_of(date.fromordinal(number)) if number in _DAYS else None


def always_open() -> Calendar:
    """Return the calendar of a market that never pauses: every day is one session from midnight to midnight."""
    return Calendar(lambda day: trading_day(day, ROUND_THE_CLOCK, half=False))
