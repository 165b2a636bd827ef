"""When a source that sends by itself may be connected to: as one that is asked may be asked."""

from collections.abc import Callable
from typing import Final

from spark_ingest_bist.schedule import Schedule, Window
from spark_ingest_bist.times import Times

_NAP_S: Final = 300.0
_OWED_S: Final = 30.0
"""How long a connection outside of the session lasts: what was last traded is sent at once, or not at all."""


class PushHours:
    """While the day's data can change; and shortly when one look is owed, at a start and after the close."""

    def __init__(self, schedule: Schedule, times: Times, well: Callable[[], bool]) -> None:
        """``well`` tells whether the last try brought a connection; if not, a look that is owed is taken again."""
        self._schedule = schedule
        self._well = well
        self._clock = times.market
        self._wall = times.wall
        self._owed_until: float | None = None
        self._began_ms = 0

    def open(self) -> bool:
        """Return whether it may be connected to now."""
        now_ms = self._clock.now_ms()
        window = self._schedule.window(now_ms)
        if window is not Window.OWED:
            self._owed_until = None
            return window is Window.LIVE
        if self._owed_until is None:
            self._owed_until, self._began_ms = self._wall.monotonic() + _OWED_S, now_ms
        if self._wall.monotonic() < self._owed_until:
            return True
        self._owed_until = None
        if self._well():
            self._schedule.completed(self._began_ms)
        else:
            self._schedule.put_off(now_ms)
        return False

    def expected(self) -> bool:
        """Return whether data has to come now."""
        return self._schedule.expected(self._clock.now_ms())

    async def opened(self) -> None:
        """Return once it may be connected to."""
        while not self.open():
            now_ms = self._clock.now_ms()
            left_s = (self._schedule.next_ms(now_ms) - now_ms) / 1000
            await self._clock.sleep(min(max(left_s, 0.1), _NAP_S))  # a clock may be set
