"""What the ticks of a symbol were, as far back as the bus keeps them: from memory, and from Redis where that ends.

It goes back in time, so that the newest are had even when not all are, and says how far. Nothing passes for whole that
is not.
"""

import asyncio
from typing import Final

import structlog
from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS, heeding
from spark_bus.cursor import Cursor, EntryId
from spark_bus.history import is_birth, look_back
from spark_bus.reader import Entry
from spark_gateway.events import frame
from spark_gateway.feed import Feed
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.past import TICKS, Asked, End, Past
from spark_gateway.problems import Problem

MOST_READS: Final = 2
"""Questions that read Redis at the same time."""
MOST_SCANNED: Final = 20_000
"""Entries, of all symbols, that one question reads from Redis."""
_PAGE: Final = 200
_REST_S: Final = 0.005
"""After each page, which takes about 0.7 ms: however many ask, most of the process is for the streams."""
_DEADLINE_S: Final = 2.0

logger = structlog.get_logger()


class History:
    """Answers questions about the past. ``redis`` is a client for this alone: nobody's stream waits for a history."""

    def __init__(self, redis: Redis, metrics: GatewayMetrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._reading = 0
        self._trouble = False

    async def read(self, feed: Feed, asked: Asked) -> Past:
        """Return what is asked for, or as much of it as can be had now. Raises Problem when too many ask at once."""
        position = feed.position
        assert position is not None  # noqa: S101, the venue is loaded
        past = from_memory(feed, asked, position.entry)
        if past.end is not None:
            self._metrics.history("memory")
            return past
        if self._reading >= MOST_READS:
            self._metrics.history("refused")
            raise Problem(503, "Busy", "Too many ask for the past at this moment", retry_after_s=1)
        self._reading += 1
        try:
            await self._from_redis(past, position)
        finally:
            self._reading -= 1
        return past

    async def _from_redis(self, past: Past, position: Cursor) -> None:
        heed = heeding()
        try:
            async with asyncio.timeout(_DEADLINE_S):
                for _ in range(MOST_SCANNED // _PAGE):
                    page = await look_back(self._redis, position._replace(entry=past.at), _PAGE)
                    heed()
                    self._trouble = False
                    if page is None:  # another epoch, of which the feed will hear
                        past.stop(End.GONE)
                    else:
                        _take_page(past, page, position)
                    if past.end is not None:
                        self._metrics.history("redis")
                        return
                    await asyncio.sleep(_REST_S)
        except BUS_ERRORS as exc:  # a TimeoutError is one
            if not self._trouble:
                logger.warning("histories end where memory does", venue=position.venue, error=repr(exc))
            self._trouble = True
        self._metrics.history("partial")
        past.stop(End.MORE)


def from_memory(feed: Feed, asked: Asked, position: EntryId) -> Past:
    """Return what memory knows; its ``end`` is open when Redis may know more."""
    ring, born = feed.ring, feed.born
    past = Past(asked, position if asked.before is None else asked.before)
    begins_here = born is not None and born >= ring.floor
    floor = born if born is not None and begins_here else ring.floor
    for item in ring.ticks(asked.symbol, asked.channels):
        if past.end is not None or (begins_here and item.entry <= floor):
            break
        if asked.before is None or item.entry < asked.before:
            past.take(item)
    if asked.before is None or asked.before > floor:
        past.lacks_nothing_after(floor)
        past.at = min(past.at, ring.oldest or floor)
    if begins_here and (asked.before is None or asked.before > floor):
        past.reached(floor)
        past.stop_at_the_beginning()
    elif begins_here:
        past.stop(End.GONE)  # of what is before the epoch
    return past


def _take_page(past: Past, page: list[Entry], position: Cursor) -> None:
    for entry in page:
        if entry.kind == "gap" or (entry.kind in TICKS and entry.symbol == past.asked.symbol):
            item = frame(position.venue, position.epoch, entry)
            assert item is not None  # noqa: S101, of these kinds there is one
            past.take(item)
        past.reached(entry.id)
        if is_birth(entry):
            past.stop_at_the_beginning()
        if past.end is not None:
            return
    if len(page) < _PAGE:
        past.stop_at_the_beginning()
