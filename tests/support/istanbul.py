"""Times in Istanbul, and a clock that stands until it is set."""

import asyncio
from datetime import datetime, timedelta, timezone

ISTANBUL = timezone(timedelta(hours=3))
MONDAY = "2026-04-27"  # a full day; the Friday before had one as well


def at(text: str) -> int:
    """Return ms UTC of a time in Istanbul such as ``2026-04-27 10:30``."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ISTANBUL).timestamp() * 1000)


class StandingClock:
    """A `Clock` of a test's own."""

    def __init__(self, now_ms: int) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)
        await asyncio.sleep(0)
