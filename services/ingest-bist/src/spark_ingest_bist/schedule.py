"""When a source may be asked: while its day's data can change, once at a start, and once after the close. Pure."""

from enum import StrEnum

from spark_market.sessions import Calendar, Phase, TradingDay

_FINAL_AFTER_MS = 5_000
_FINAL_WITHIN_MS = 120_000
_LOOK_AGAIN_MS = 3_600_000
_AGAIN_FIRST_MS = 30_000
_AGAIN_MOST_MS = 900_000


class Window(StrEnum):
    """Why the source may be asked: its data changes (``live``), or one round is owed (``owed``); or it may not."""

    LIVE = "live"
    OWED = "owed"
    SHUT = "shut"


class Schedule:
    """Times are ms UTC of the market's clock. ``delay_ms`` is how far the source's data lags behind the market."""

    def __init__(self, calendar: Calendar, delay_ms: int, jitter: float = 0.5) -> None:
        """``jitter``, from 0 to 1, tells many askers apart: the final round begins so far into its two minutes."""
        self.calendar = calendar
        self.delay_ms = delay_ms
        self._final_ms = _FINAL_AFTER_MS + int(jitter * _FINAL_WITHIN_MS)
        self._completed: int | None = None
        self._not_before = 0
        self._put_off = 0

    def completed(self, began_ms: int) -> None:
        """A round that began then was answered as a whole."""
        self._completed = began_ms if self._completed is None else max(self._completed, began_ms)
        self._not_before = self._put_off = 0

    def start_over(self) -> None:
        """A round is owed, as at a start."""
        self._completed = None

    def put_off(self, now_ms: int) -> None:
        """The round that is owed has failed, or a part of it: again later, each time a longer while."""
        self._not_before = now_ms + min(_AGAIN_MOST_MS, _AGAIN_FIRST_MS << min(self._put_off, 10))
        self._put_off += 1

    def window(self, now_ms: int) -> Window:
        """Return whether the source may be asked now."""
        day = self.calendar.last(now_ms)
        if day is not None and now_ms <= self._ends(day):
            return Window.LIVE
        owed_at = self._owed_at(day)
        return Window.SHUT if owed_at is None or owed_at > now_ms else Window.OWED

    def expected(self, now_ms: int) -> bool:
        """Return whether data has to come then: not before a delayed source's first, nor during a halt."""
        return self.calendar.at(now_ms - self.delay_ms) is Phase.CONTINUOUS

    def next_ms(self, now_ms: int) -> int:
        """Return when the source may be asked next: now, when it may be."""
        if self.window(now_ms) is not Window.SHUT:
            return now_ms
        coming = [now_ms + _LOOK_AGAIN_MS]
        owed_at = self._owed_at(self.calendar.last(now_ms))
        if owed_at is not None:
            coming.append(owed_at)
        session = self.calendar.session(now_ms)
        if session is not None and session.opens_at > now_ms:  # else its end has passed, or it cannot be
            coming.append(session.opens_at)
        return min(coming)

    def _ends(self, day: TradingDay) -> int:
        return day.ends_at + self.delay_ms

    def _owed_at(self, day: TradingDay | None) -> int | None:
        """Return from when on a round is owed after ``day``, None when none is."""
        if self._completed is None:
            return self._not_before
        if day is None or self._completed > self._ends(day):
            return None
        return max(self._not_before, self._ends(day) + self._final_ms)

    def open_ms(self, since_ms: int, until_ms: int) -> int:
        """Return for how long of that time the source's data could change.

        Of the last two sessions before its end: what reaches further back is longer than anything that is waited for.
        """
        total = 0
        day = self.calendar.last(until_ms)
        for _ in range(2):
            if day is None:
                break
            total += max(0, min(until_ms, self._ends(day)) - max(since_ms, day.opens_at))
            day = self.calendar.last(day.opens_at - 1)
        return total
