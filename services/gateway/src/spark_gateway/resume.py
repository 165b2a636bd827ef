"""Going on where a reader stopped: from memory, else from Redis, else with a gap and a snapshot."""

import asyncio
import time
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS
from spark_bus.cursor import BadCursor, Cursor, parse
from spark_bus.reader import Entry, last_received_at, read_epoch, replay
from spark_gateway.conflation import BookOf, conflate
from spark_gateway.events import Frame, frame
from spark_gateway.feed import Feed, bound_by_age
from spark_gateway.hub import Hub
from spark_gateway.member import Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.reader import StreamReader
from spark_gateway.subscription import Subscription
from spark_gateway.track import Track
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.lifecycle import end

MOST_REPLAYED: Final = 20_000
"""Entries: beyond that a gap and a snapshot serve the reader better."""
_PAGE: Final = 1_000
_PING_S: Final = 10.0
_POLL_S: Final = 0.1
_EPOCH_WAIT_S: Final = 2.0
_BOOKS_WAIT_S: Final = 5.0
"""How long a stream waits for the books to be joined; then it goes on without those that are not."""
_VENUE_WAIT_S: Final = 5.0
"""How long a stream waits for a venue that its cursor names, while it could go on with another."""
_MOST_AHEAD_MS: Final = 60_000
"""A cursor may be ahead of this replica, and even of its clock; further than this nobody gave it out, and waiting for
it would leave its reader without a word for ever."""


class Opening:
    """Brings one new stream to where its group is, and lets it join.

    ``redis`` is a client for this alone: however many come back at once, the venues' readers do not wait for them.
    """

    def __init__(self, hub: Hub, redis: Redis, metrics: GatewayMetrics) -> None:
        self._hub = hub
        self._redis = redis
        self._metrics = metrics

    async def open(self, member: Member, subscription: Subscription, last_event_id: str | None) -> None:
        """Write what the reader needs first, then join it.

        Raises TimeoutError and ConnectionResetError when the reader does not take it.
        """
        reader = StreamReader(self._hub, member, subscription)
        cursors = _cursors(last_event_id, subscription)
        # Until a venue's turn has come, what the reader had of it stays in the ids: after a cut it comes back with it.
        reader.positions.update(cursors)
        await self._wait_for_venues(reader, cursors)
        if subscription.has_books:
            await self._wait_for_books(reader)
        if cursors:
            await reader.write(reader.statuses())
            for venue, cursor in cursors.items():
                await self._resume(reader, reader.tracks[venue], cursor)
        elif last_event_id is not None:
            await self._start_over(reader, list(reader.loaded()), "cursor")
        await self._keep_up(reader)
        reader.join()

    async def _wait_for_venues(self, reader: StreamReader, cursors: dict[str, Cursor]) -> None:
        """Wait for the venues that the reader comes back to, and in any case for one: there is nothing to tell before.

        A browser gives up on any answer but 200, so it waits here, and is told how the venues are.
        """
        feeds = [track.feed for track in reader.tracks.values()]
        while not any(feed.loaded.is_set() for feed in feeds):
            await reader.write(reader.waiting())
            await _one_of([feed.loaded for feed in feeds], _PING_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(_VENUE_WAIT_S):
                for feed in feeds:
                    if feed.venue in cursors:
                        await feed.loaded.wait()

    async def _wait_for_books(self, reader: StreamReader) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BOOKS_WAIT_S):
                for track in reader.loaded():
                    await track.feed.books.settled.wait()

    async def _resume(self, reader: StreamReader, track: Track, cursor: Cursor) -> None:
        feed = track.feed
        await self._wait_for_epoch(feed, cursor)
        if feed.position is None:  # nobody can say what it lacks; when there is something it gets it
            del reader.positions[feed.venue]
            await reader.write(track.gap("unknown", bound_by_age(cursor.entry)))
        elif cursor.epoch != feed.position.epoch:
            await self._start_over(reader, [track], "epoch", await self._received_before(cursor))
        elif cursor.entry.ms > max(feed.position.entry.ms, now_ms()) + _MOST_AHEAD_MS:
            await self._start_over(reader, [track], "cursor")
        else:
            await self._replay(reader, track, cursor)

    async def _wait_for_epoch(self, feed: Feed, cursor: Cursor) -> None:
        """Wait a moment when the cursor is of an epoch that Redis has begun and this replica has not seen yet."""
        with suppress(*BUS_ERRORS, TimeoutError):
            async with asyncio.timeout(_EPOCH_WAIT_S):
                while (  # noqa: ASYNC110, only Redis knows when
                    feed.position is not None
                    and cursor.epoch != feed.position.epoch
                    and cursor.epoch == await read_epoch(self._redis, feed.venue)
                ):
                    await asyncio.sleep(_POLL_S)

    async def _wait_for_replica(self, reader: StreamReader, feed: Feed, cursor: Cursor) -> None:
        """Wait until this replica is where the cursor is: a whole book older than the reader's own is no use to it."""
        told_at = time.monotonic()
        while feed.position is not None and feed.position.epoch == cursor.epoch and feed.position < cursor:
            if time.monotonic() - told_at > _PING_S:
                told_at = time.monotonic()
                await reader.write(reader.waiting())
            await asyncio.sleep(_POLL_S)

    async def _replay(self, reader: StreamReader, track: Track, cursor: Cursor) -> None:
        """Go on from Redis, a page at a time, until memory has the rest; conflated values are kept to the end."""
        feed, wants = track.feed, track.interest.wants
        kept: list[Frame] = []
        for page in range(MOST_REPLAYED // _PAGE + 1):
            if "book" in track.interest.channels:
                await self._wait_for_replica(reader, feed, cursor)
            if feed.holds(cursor):
                self._metrics.resumed("redis" if page else "memory")
                await self._go_on(reader, track, cursor, kept, resumed=True)
                return
            entries = await self._page(reader, cursor)
            if entries is None or (not entries and not feed.holds(cursor)):
                break
            found = [item for entry in entries if (item := frame(feed.venue, cursor.epoch, entry)) is not None]
            wanted = [item for item in found if wants(item.channel, item.symbol)]
            if entries:
                cursor = cursor._replace(entry=entries[-1].id)
            if reader.throttled:  # books are told whole at the end, whatever happened to them
                kept = conflate([*kept, *wanted], _no_book)
            else:
                await reader.write_frames(track, wanted, cursor)
        same = feed.position is not None and feed.position.epoch == cursor.epoch
        await reader.write_frames(track, kept, cursor)
        await self._start_over(reader, [track], "retention" if same else "epoch", bound_by_age(cursor.entry))

    async def _page(self, reader: StreamReader, cursor: Cursor) -> list[Entry] | None:
        """Return the next entries from Redis, however long that takes: without it there is no news to miss."""
        waits = backoff(first_s=0.1, most_s=2.0)
        told_at = time.monotonic()
        while True:
            try:
                return await replay(self._redis, cursor, _PAGE)
            except BUS_ERRORS:
                if time.monotonic() - told_at > _PING_S:
                    told_at = time.monotonic()
                    await reader.write(reader.waiting())
                await asyncio.sleep(next(waits))

    async def _keep_up(self, reader: StreamReader) -> None:
        """Write what came meanwhile, until there is nothing more: writing takes time if the reader is slow."""
        while True:
            fresh = [track for track in reader.loaded() if track.feed.venue not in reader.positions]
            if fresh:
                await reader.begin(fresh)
            behind = [track for track in reader.loaded() if reader.lacks(track)]
            for track in behind:
                await self._go_on(reader, track, reader.positions[track.feed.venue], [])
            if not fresh and not behind:
                return

    async def _go_on(
        self, reader: StreamReader, track: Track, reached: Cursor, found: list[Frame], *, resumed: bool = False
    ) -> None:
        """Write ``found``, which brings the reader to ``reached``, and what memory has after it.

        One who ``resumed`` may hold no book of some symbol that is known here: another replica may not have known it,
        and a conflated stream may have been cut off within a flush, whose changes were merged into a later entry. So it
        is given all books whole, without an id, and goes on from there.
        """
        feed = track.feed
        while True:
            if not feed.holds(reached):  # an epoch or a whole ring went by while the reader was slow
                await self._start_over(reader, [track], "slow", feed.received_before(reached.entry))
                return
            assert feed.position is not None  # noqa: S101, it holds the cursor
            news = track.missed(reached.entry)
            before = after = b""
            books_of: BookOf = feed.books.get
            if resumed and "book" in track.interest.channels:
                # Before anything that moves the cursor: after a cut nobody would tell of them again.
                before = track.unknown_books(feed.received_before(reached.entry))
                after = track.books()  # after the rest, in which there may be a gap that voids a book
                books_of = _no_book
            found = conflate([*found, *news], books_of) if reader.throttled else [*found, *news]
            reached = max(reached, feed.position, key=lambda cursor: cursor.entry)
            resumed = False
            if not (before or found or after):
                reader.positions[feed.venue] = reached
                return
            await reader.write(before)
            await reader.write_frames(track, found, reached)
            await reader.write(after)
            found = []

    async def _start_over(self, reader: StreamReader, tracks: list[Track], cause: str, since: int = 0) -> None:
        """Say that something may be missing since ``since`` (ms UTC), and begin with a snapshot."""
        self._metrics.resumed("gap")
        await reader.begin(tracks, b"".join([track.gap(cause, since) for track in tracks]))

    async def _received_before(self, cursor: Cursor) -> int:
        """Return a time (ms UTC) no later than that of anything the reader of a bygone epoch may lack."""
        try:
            found = await last_received_at(self._redis, cursor)
        except BUS_ERRORS:
            found = None
        return bound_by_age(cursor.entry) if found is None else found


def _cursors(last_event_id: str | None, subscription: Subscription) -> dict[str, Cursor]:
    """Return where the reader has been in the venues of its stream; what is no cursor says nothing of any."""
    try:
        found = parse(last_event_id or "")
    except BadCursor:
        return {}
    return {venue: found[venue] for venue in subscription.venues if venue in found}


async def _one_of(events: list[asyncio.Event], most_s: float) -> None:
    """Return once one of these is set, or after a while."""
    waiting = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waiting, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(waiting)


def _no_book(symbol: str) -> None:
    """Leave out books."""
