"""A market day in a moment, for one who waits alone: a clock that skips each sleep, and a source without a network.

Where several wait for one another `virtual_loop` keeps the time; where nobody waits, `istanbul.StandingClock` does.
"""

import asyncio
from collections.abc import Callable

import httpx


class Over(Exception):
    """The time of the test is over."""


class SkippingClock:
    """Its time passes when `sleep` is called, and only then. After ``until_ms`` it raises Over."""

    def __init__(self, start_ms: int, until_ms: int | None = None) -> None:
        self._start_ms = start_ms
        self.passed_s = 0.0
        self.until_ms = until_ms

    def now_ms(self) -> int:
        return self._start_ms + round(self.passed_s * 1000)

    def set_back(self, by_ms: int) -> None:
        """Show an earlier time from now on; what `monotonic` tells goes on."""
        self._start_ms -= by_ms

    def monotonic(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += max(seconds, 0.001)
        if self.until_ms is not None and self.now_ms() >= self.until_ms:
            raise Over
        await asyncio.sleep(0)


class InProcess(httpx.AsyncBaseTransport):
    """Answers at once with what ``answer`` makes of a request; what that raises is raised."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)
