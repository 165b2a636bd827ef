"""Trading days as the market lives them: when the opening price is found, how long is traded, when it closes."""

from bisect import bisect_right
from itertools import accumulate
from typing import Final

from spark_market.sessions import Calendar, Phase, TradingDay

_KEPT: Final = 4  # a delayed source and a live one can look at two days at once
_UNCROSSING_MS: Final = 60_000
_WEEK: Final = 7
_WORKDAYS: Final = 5


class MarketDay:
    """One day. Trading time is ms of continuous trading since the opening; halts do not count.

    ``begins`` is where the day takes over from the one before, at the order collection; all times are ms UTC.
    """

    __slots__ = ("_befores", "_begins", "_ends", "begins", "closes", "number", "opening", "ordinal", "trading_ms")

    def __init__(self, day: TradingDay) -> None:
        continuous = [span for span in day.spans if span.phase is Phase.CONTINUOUS]
        collection = [span for span in day.spans if span.phase is Phase.OPENING and span.begins < day.opens_at]
        closing = [span for span in day.spans if span.phase is Phase.CLOSING]
        self.begins = min(span.begins for span in day.spans)
        self.opening: int | None = (
            max(collection[-1].begins, collection[-1].ends - _UNCROSSING_MS) if collection else None
        )
        # In the middle of what follows continuous trading the closing price is found: 18:05, and 12:35 on a half day.
        self.closes: int | None = (closing[0].begins + closing[-1].ends) // 2 if closing else None
        self._begins = [span.begins for span in continuous]
        self._ends = [span.ends for span in continuous]
        self._befores = [0, *accumulate(span.ends - span.begins for span in continuous)]
        self.trading_ms = self._befores[-1]
        self.ordinal = day.date.toordinal()
        self.number = workday(self.ordinal)

    def traded(self, ms: int) -> int:
        """Return the trading time at ``ms``."""
        nth = bisect_right(self._begins, ms) - 1
        if nth < 0:
            return 0
        return self._befores[nth] + min(ms, self._ends[nth]) - self._begins[nth]

    def when(self, traded: int) -> int:
        """Return when the trading time was ``traded``; of the whole of it, when trading ended."""
        nth = min(bisect_right(self._befores, traded) - 1, len(self._begins) - 1)
        return self._begins[nth] + traded - self._befores[nth]


class Days:
    """The day that is to be seen at a time, and the one before it."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._recent: list[tuple[int, int, MarketDay]] = []  # from, until

    def at(self, ms: int) -> MarketDay | None:
        """Return the last day that has begun; None before the first one of the calendar."""
        for since, until, day in self._recent:
            if since <= ms < until:
                return day
        found = self._calendar.session(ms)
        if found is None or min(span.begins for span in found.spans) > ms:
            found = self._calendar.last(ms)
        if found is None:
            return None
        day = MarketDay(found)
        following = self._calendar.session(max(ms, found.ends_at))
        until = min(span.begins for span in following.spans) if following is not None else ms + 1
        self._recent = [(day.begins, until, day), *self._recent[: _KEPT - 1]]
        return day

    def before(self, day: MarketDay) -> MarketDay | None:
        """Return the trading day before ``day``."""
        return self.at(day.begins - 1)


def workday(ordinal: int) -> int:
    """Return a number for a date that grows by one from each weekday to the next."""
    weeks, weekday = divmod(ordinal - 1, _WEEK)
    return weeks * _WORKDAYS + min(weekday, _WORKDAYS - 1)
