"""Clocks: the wall clock as the wire has it, and one that a simulated market can live by.

Code that must run on either takes a `Clock`. What is told to others as the time of receipt is always the wall clock's.
"""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

_SETTING: Final = re.compile(r"(?P<start>[^@*\s]+)(?:@(?P<anchor>[^@*\s]+))?(?:\*(?P<speed>[0-9.]+))?")
_FASTEST: Final = 10_000.0


def now_ms() -> int:
    """Return the time now, integer milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Clock(Protocol):
    """What tells the time, and waits."""

    def now_ms(self) -> int:
        """Return the time, integer milliseconds UTC."""

    def monotonic(self) -> float:
        """Return seconds of this clock's pace that nothing sets back."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""


class WallClock:
    """The real one."""

    speed: Final = 1.0

    def __str__(self) -> str:
        return "the real time"

    def now_ms(self) -> int:
        """Return the time, integer milliseconds UTC."""
        return now_ms()

    def monotonic(self) -> float:
        """Return the monotonic clock, in seconds."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class MarketClock:
    """Another time than the wall's, at the wall's pace or faster; it can be set.

    It stood at ``start_ms`` when the wall clock stood at ``anchor_ms``, so that processes that are told the same agree.
    """

    def __init__(self, start_ms: int, anchor_ms: int, speed: float = 1.0, wall_ms: Callable[[], int] = now_ms) -> None:
        self._start_ms = start_ms
        self._anchor_ms = anchor_ms
        self._wall_ms = wall_ms
        self._paced_s = 0.0  # of the monotonic clock, until its pace was last changed
        self._since = time.monotonic()
        self.speed = speed

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.now_ms() / 1000, UTC)
        return f"{moment.isoformat(timespec='seconds')}, {self.speed:g} times as fast"

    def now_ms(self) -> int:
        """Return this clock's time, integer milliseconds UTC."""
        return self._start_ms + int((self._wall_ms() - self._anchor_ms) * self.speed)

    def monotonic(self) -> float:
        """Return seconds of this clock's pace, that setting it does not change."""
        return self._paced_s + (time.monotonic() - self._since) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock, at the pace that it has now."""
        await asyncio.sleep(seconds / self.speed)

    def set(self, start_ms: int, speed: float | None = None) -> None:
        """Let it stand at ``start_ms`` now and go on from there, at another pace if one is given."""
        self._paced_s, self._since = self.monotonic(), time.monotonic()
        self._start_ms, self._anchor_ms = start_ms, self._wall_ms()
        self.speed = self.speed if speed is None else speed


def market_clock(text: str) -> MarketClock:
    """Return the clock that ``START``, ``START@ANCHOR`` or either with ``*SPEED`` describes; both are ISO with a zone.

    Without an anchor it starts now. Raises ValueError.
    """
    match = _SETTING.fullmatch(text.strip())
    if match is None:
        raise ValueError("it is not spelled like 2026-04-27T10:30+03:00, with @ANCHOR and *SPEED if need be")
    anchor, speed = match["anchor"], match["speed"]
    pace = 1.0 if speed is None else float(speed)
    if not 0 < pace <= _FASTEST:
        raise ValueError(f"a speed is above 0 and at most {_FASTEST:g}")
    return MarketClock(_instant(match["start"]), now_ms() if anchor is None else _instant(anchor), pace)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone, such as +03:00 or Z")
    return int(moment.timestamp() * 1000)
