"""How far the venue's clock is ahead of ours: from the quickest messages, since delays only ever add."""

import statistics
from collections import deque
from typing import Final, NamedTuple

_WINDOW_MS: Final = 10_000
_WINDOWS: Final = 12
"""Two minutes. A step of either clock is seen when half of the windows are of after it."""
_FEWEST_WINDOWS: Final = 3
_JOINING_MS: Final = 5_000
"""So long after a connection the lists that joins bring may come: their trades are older, and may be all there is."""
_BACKFILL_MS: Final = 60_000
"""A message so much slower than the quickest is none of this moment: the list that a join brings has old trades."""


class _Window(NamedTuple):
    number: int
    least_ms: int


class ClockOffset:
    """One venue's. A message's way is never shorter than nothing, so the least of a window is the nearest to the truth.

    The estimate is the median of the windows' least: one wrong time of the venue's spoils one window and not the
    estimate. The time that the quickest message was under way, a few milliseconds, is taken for their difference.
    """

    def __init__(self) -> None:
        self._windows: deque[_Window] = deque(maxlen=_WINDOWS)
        self._joined_ms: int | None = None

    def joined(self, at_ms: int) -> None:
        """The ingest connected then (ms, our clock), as is learned a moment later: what came with it tells nothing."""
        if at_ms != self._joined_ms:
            self._joined_ms = at_ms
            first, last = at_ms // _WINDOW_MS, (at_ms + _JOINING_MS) // _WINDOW_MS
            kept = [window for window in self._windows if not first <= window.number <= last]
            self._windows = deque(kept, maxlen=_WINDOWS)

    def take(self, venue_time: int, received_at: int) -> None:
        """A message told the venue's time (ms) as it was received (ms, our clock)."""
        if self._joined_ms is not None and 0 <= received_at - self._joined_ms < _JOINING_MS:
            return
        number, ms = received_at // _WINDOW_MS, received_at - venue_time
        last = self._windows[-1] if self._windows else None
        if last is None or number != last.number:
            if last is not None and number < last.number:  # our own clock was set back: what is known is of another one
                self._windows.clear()
            self._windows.append(_Window(number, ms))
        elif ms < last.least_ms:
            self._windows[-1] = _Window(number, ms)

    def offset_ms(self, now_ms: int) -> float | None:
        """Return the venue's clock minus ours; None while too little is known, and after minutes without a message."""
        oldest = now_ms // _WINDOW_MS - 2 * _WINDOWS
        recent = [window.least_ms for window in self._windows if window.number >= oldest]
        return 0.0 - statistics.median(recent) if len(recent) >= _FEWEST_WINDOWS else None

    def taken_ms(self, venue_time: int, received_at: int, offset_ms: float) -> float | None:
        """Return how long a message was under way beyond the quickest, by one clock; None for one of the past."""
        ms = received_at - venue_time + offset_ms
        return ms if ms < _BACKFILL_MS else None
