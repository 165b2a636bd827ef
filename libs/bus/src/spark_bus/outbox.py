"""What waits for Redis: bounded, in order; when it overflows the oldest go first, and the hole is told of.

The newest value of a symbol survives even so, unless a newer one waits: the venue's later repeats of it are no ticks,
so nothing else would ever correct what readers hold.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from spark_bus.publisher import Outgoing, outgoing
from spark_market.messages import Gap

MOST_MESSAGES = 50_000
MOST_AGE_MS = 15 * 60 * 1000
"""Older than what the stream keeps is not worth keeping. It also bounds how much later than its ``received_at`` a
message can reach the bus."""


class Outbox:
    """A queue between the venue's session, which never waits, and the carrier, which waits for Redis."""

    def __init__(self, venue: str, *, most_messages: int = MOST_MESSAGES, most_age_ms: int = MOST_AGE_MS) -> None:
        self._venue = venue
        self._most_messages = most_messages
        self._most_age_ms = most_age_ms
        self._waiting: deque[Outgoing] = deque()
        self._holes: dict[tuple[str | None, str | None], Gap] = {}
        self._survivors: dict[str, Outgoing] = {}
        self._filled = asyncio.Event()
        self.dropped = 0
        """Messages given up since the start."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, messages: Iterable[Outgoing]) -> None:
        """Queue ``messages``, in order; drops the oldest when there are too many or they are too old."""
        for message in messages:
            self._waiting.append(message)
            while len(self._waiting) > self._most_messages or self._too_old(message):
                self._drop(self._waiting.popleft())
        if self._waiting:
            self._filled.set()

    def _too_old(self, newest: Outgoing) -> bool:
        # A gap that is dropped for its age is carried as a hole; at the front it must not shelter what is behind it.
        return _time_of(newest) - _time_of(self._waiting[0]) > self._most_age_ms

    def _drop(self, message: Outgoing) -> None:
        if message.gap is not None:  # its readers' only notice of an earlier hole
            self._disclose(message.gap)
            return
        if message.field:
            overtaken = self._survivors.pop(message.field, None)  # popped, so that survivors stay in order
            self._survivors[message.field] = message
            if overtaken is not None:
                self._lose(overtaken)
        else:
            self._lose(message)

    def _lose(self, message: Outgoing) -> None:
        self.dropped += 1
        self._disclose(
            Gap(
                venue=self._venue, channel=message.channel, symbol=None, from_=message.received_at,
                to=message.received_at, cause="overflow", lost=1,
            )
        )  # fmt: skip

    def _disclose(self, gap: Gap) -> None:
        """Keep one hole for each channel and symbol, however many there were: this too is bounded."""
        key = (gap.channel, gap.symbol)
        before = self._holes.get(key)
        if before is not None:
            lost = None if before.lost is None or gap.lost is None else before.lost + gap.lost
            gap = msgspec.structs.replace(
                before, from_=min(before.from_, gap.from_), to=max(before.to, gap.to), lost=lost
            )
        self._holes[key] = gap

    async def wait(self, timeout_s: float) -> None:
        """Return when there is something to take, or after ``timeout_s``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()

    def take(self, most: int) -> list[Outgoing]:
        """Take up to ``most`` messages; before them the gap of what was dropped, and what survived of it."""
        if self._survivors:
            newer = {message.field for message in self._waiting}
            for field in newer & self._survivors.keys():
                self._lose(self._survivors.pop(field))
        taken = [*map(outgoing, self._holes.values()), *self._survivors.values()]
        self._holes.clear()
        self._survivors.clear()
        taken += [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting:
            self._filled.clear()
        return taken


def _time_of(message: Outgoing) -> int:
    return message.received_at if message.gap is None else message.gap.to
