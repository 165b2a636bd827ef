"""The venue's limit on new connections, kept over all sockets of this process."""

import asyncio
import time
from collections import deque

WINDOW_S = 61.0
"""The venue counts over 60 s, by its own clock; exceeding it shuts this address out for another 60."""


class ConnectLimiter:
    """Lets one socket after the other try; whoever asked first goes first."""

    def __init__(self, most: int) -> None:
        """``most`` is how many may try within the window."""
        self._tries: deque[float] = deque(maxlen=most)
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next try is allowed."""
        async with self._turn:
            while (wait_s := self._wait_s(time.monotonic())) > 0:  # noqa: ASYNC110, it is time that is waited for
                await asyncio.sleep(wait_s)  # and looked at again: a hold may have come meanwhile
            self._tries.append(time.monotonic())

    def hold(self, seconds: float) -> None:
        """Nobody may try for so long: the venue has asked for it."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _wait_s(self, now: float) -> float:
        full = len(self._tries) == self._tries.maxlen
        return max(self._not_before, self._tries[0] + WINDOW_S if full else 0.0) - now
