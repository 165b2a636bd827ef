"""When a source may be connected to: from the opening until its delayed data of the session has come in."""

from typing import Final

from spark_market.sessions import Calendar
from spark_service.clock import Clock

_LOOK_AGAIN_S: Final = 30.0  # of the market's clock, which can be set


class OpenHours:
    """The sessions of a calendar, each longer by a source's delay."""

    def __init__(self, calendar: Calendar, clock: Clock, delay_ms: int) -> None:
        """``clock`` is the market's."""
        self._calendar = calendar
        self._clock = clock
        self._delay_ms = delay_ms

    def open(self) -> bool:
        """Return whether it may be connected to now."""
        now = self._clock.now_ms()
        day = self._calendar.last(now)
        return day is not None and day.opens_at <= now < day.ends_at + self._delay_ms

    async def opened(self) -> None:
        """Return once it may be."""
        while not self.open():
            now = self._clock.now_ms()
            day = self._calendar.session(now)
            left_s = _LOOK_AGAIN_S if day is None or day.opens_at <= now else (day.opens_at - now) / 1000
            await self._clock.sleep(min(left_s, _LOOK_AGAIN_S))
