"""Virtual time: an event loop whose clock jumps to the next timer whenever all of its tasks wait.

A year passes in the time that its events cost, the same way every time: nothing in it sleeps, and nothing but timers
wakes it. `asyncio.sleep` and `asyncio.timeout` live by it, too, so what runs on it may use them as it does elsewhere.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualClock:
    """A `spark_service.clock.Clock` that tells a virtual loop's time."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.elapsed_s = 0.0

    def now_ms(self) -> int:
        """Return the time, integer milliseconds UTC."""
        return self.start_ms + round(self.elapsed_s * 1000)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""
        await asyncio.sleep(seconds)

    async def sleep_until(self, ms: int) -> None:
        """Return when it is that time; at once, but not before the other tasks had their turn, when it is past."""
        await asyncio.sleep(max(0.0, (ms - self.now_ms()) / 1000))


class _Jumping(selectors.SelectSelector):
    """Instead of waiting for a timer, sets the clock to it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise RuntimeError("all tasks wait, and no timer is set: nothing would ever happen again")
        self._clock.elapsed_s += timeout
        return []


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Jumping(clock))
        self._virtual = clock
        # A timer is due when it is not this much ahead. A nanosecond, as it is, is less than a float of a year's
        # seconds can tell apart, so that no timer would ever be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.elapsed_s


def run_virtually(clock: VirtualClock, main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns, on a loop of its own that lives by ``clock``. No sockets, no threads."""
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(clock)) as runner:
        return runner.run(main)
