"""Joins books to the stream that memory does not reach back to: what came after each is read from Redis."""

import asyncio

from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS, heeding
from spark_bus.cursor import EntryId
from spark_bus.reader import Entry, Watcher, first_entry, replay
from spark_gateway.books import Books
from spark_gateway.events import frame
from spark_gateway.feed import Feed
from spark_gateway.livebook import LiveBook
from spark_service.backoff import backoff

_PAGE = 1_000
_AGAIN_S = 0.1
_TOLD_BY = frozenset({"book", "gap"})


class Joining:
    """One venue's. Only a gateway that has just begun with a venue, or begun again, has something to do here."""

    def __init__(self, redis: Redis, feed: Feed, watcher: Watcher) -> None:
        self._redis = redis
        self._feed = feed
        self._watcher = watcher

    async def run(self) -> None:
        """Join what waits, until cancelled."""
        waits = backoff(first_s=0.05, most_s=1.0)
        while True:
            await self._feed.books.waiting.wait()
            heed = heeding()
            try:
                await self.join()
                heed()
            except BUS_ERRORS as exc:
                wait_s = next(waits)
                self._watcher.bus_lost(exc, wait_s)
                await asyncio.sleep(wait_s)
            else:
                waits = backoff(first_s=0.05, most_s=1.0)

    async def join(self) -> None:
        """Bring every book that waits up to the feed's position, or give it up. Redis errors go to the caller.

        After an error call again: what has been read is not lost.
        """
        books = self._feed.books
        bases = books.bases
        first = await first_entry(self._redis, self._feed.venue)
        if books.bases is not bases:  # the feed has begun anew
            return
        for symbol in [symbol for symbol, base in bases.items() if first is None or base.position.entry < first]:
            books.give_up(symbol)
        if bases:
            await self._read_on(books, bases)

    async def _read_on(self, books: Books, bases: dict[str, LiveBook]) -> None:
        cursor = min(base.position for base in bases.values())
        while bases:
            page = await replay(self._redis, cursor, _PAGE)
            if books.bases is not bases:
                return
            if page is None:  # trimmed meanwhile; or of another epoch, of which the feed will hear
                await asyncio.sleep(_AGAIN_S)
                return
            if page:
                self._take(page)
                cursor = cursor._replace(entry=page[-1].id)
            if cursor.entry >= self._here():
                books.join()
                return

    def _take(self, page: list[Entry]) -> None:
        position, here = self._feed.position, self._here()
        assert position is not None  # noqa: S101, there is nothing to join before
        for entry in page:
            if entry.id > here:  # the feed brings the rest
                return
            if entry.kind in _TOLD_BY:
                item = frame(self._feed.venue, position.epoch, entry)
                assert item is not None  # noqa: S101, of these kinds there is one
                self._feed.books.approach(item, position._replace(entry=entry.id))

    def _here(self) -> EntryId:
        assert self._feed.position is not None  # noqa: S101, there is nothing to join before
        return self._feed.position.entry
