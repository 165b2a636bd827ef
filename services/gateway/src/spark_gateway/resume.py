"""Going on where a reader stopped: from memory, else from Redis, else with a gap and a snapshot."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS
from spark_bus.cursor import BadCursor, Cursor, parse
from spark_bus.reader import Entry, last_received_at, read_epoch, replay
from spark_gateway.conflation import BookOf, conflate
from spark_gateway.events import Frame, event, frame
from spark_gateway.feed import Feed, bound_by_age
from spark_gateway.hub import Hub
from spark_gateway.member import Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from spark_market.messages import Gap
from spark_service.backoff import backoff
from spark_service.clock import now_ms

MOST_REPLAYED: Final = 20_000
"""Entries: beyond that a gap and a snapshot serve the reader better."""
PATIENCE_S: Final = 30.0
PING_S: Final = 10.0
_PAGE: Final = 1_000
_SLICE: Final = 100
_EPOCH_WAIT_S: Final = 2.0
_EPOCH_POLL_S: Final = 0.1
_BOOKS_WAIT_S: Final = 5.0
"""How long a stream waits for the books to be joined; then it goes on without those that are not."""
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
        """Write what the reader needs first, then join it. The venue must have been loaded.

        Raises TimeoutError and ConnectionResetError when the reader does not take it.
        """
        stream = _Stream(member, subscription, self._hub.feeds[subscription.venue])
        if stream.has_books:
            await self._wait_for_books(stream.feed)
        stream.told = self._hub.verdicts.changes(subscription.venue)
        if last_event_id is None:
            await self._snapshot(stream, b"")
            return
        try:
            cursor = parse(last_event_id)[subscription.venue]
        except (BadCursor, KeyError):
            await self._start_over(stream, "cursor", 0)
            return
        await member.write_patiently(self._hub.status_event(subscription.venue), PATIENCE_S)
        await self._resume(stream, cursor)

    async def _resume(self, stream: "_Stream", cursor: Cursor) -> None:
        feed = stream.feed
        await self._wait_for_epoch(feed, cursor)
        assert feed.position is not None  # noqa: S101, the venue is loaded
        if cursor.epoch != feed.position.epoch:
            await self._start_over(stream, "epoch", await self._received_before(cursor))
        elif cursor.entry.ms > max(feed.position.entry.ms, now_ms()) + _MOST_AHEAD_MS:
            await self._start_over(stream, "cursor", 0)
        else:
            await self._replay(stream, cursor)

    async def _wait_for_epoch(self, feed: Feed, cursor: Cursor) -> None:
        """Wait a moment when the cursor is of an epoch that Redis has begun and this replica has not seen yet."""
        with suppress(*BUS_ERRORS, TimeoutError):
            async with asyncio.timeout(_EPOCH_WAIT_S):
                while (  # noqa: ASYNC110, only Redis knows when
                    feed.position is not None
                    and cursor.epoch != feed.position.epoch
                    and cursor.epoch == await read_epoch(self._redis, feed.venue)
                ):
                    await asyncio.sleep(_EPOCH_POLL_S)

    async def _wait_for_books(self, feed: Feed) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BOOKS_WAIT_S):
                await feed.books.settled.wait()

    async def _wait_for_replica(self, stream: "_Stream", cursor: Cursor) -> None:
        """Wait until this replica is where the cursor is: a whole book older than the reader's own is no use to it."""
        feed = stream.feed
        told_at = time.monotonic()
        while feed.position is not None and feed.position.epoch == cursor.epoch and feed.position < cursor:
            if time.monotonic() - told_at > PING_S:
                told_at = time.monotonic()
                await stream.member.write_patiently(self._hub.waiting_events(stream.subscription), PATIENCE_S)
            await asyncio.sleep(_EPOCH_POLL_S)

    async def _replay(self, stream: "_Stream", cursor: Cursor) -> None:
        """Go on from Redis, a page at a time, until memory has the rest; conflated values are kept to the end."""
        feed, subscription = stream.feed, stream.subscription
        kept: list[Frame] = []
        for page in range(MOST_REPLAYED // _PAGE + 1):
            if stream.has_books:
                await self._wait_for_replica(stream, cursor)
            if feed.holds(cursor):
                self._metrics.resumed("redis" if page else "memory")
                await self._go_on(stream, cursor, kept, resumed=True)
                return
            entries = await self._page(stream, cursor)
            if entries is None or (not entries and not feed.holds(cursor)):
                break
            found = [item for entry in entries if (item := frame(feed.venue, cursor.epoch, entry)) is not None]
            wanted = [item for item in found if subscription.wants(item.channel, item.symbol)]
            if subscription.throttle_ms:  # books are told whole at the end, whatever happened to them
                kept = conflate([*kept, *wanted], _no_book)
            else:
                await stream.write(wanted)
            if entries:
                cursor = cursor._replace(entry=entries[-1].id)
        await stream.write(kept)
        same = feed.position is not None and feed.position.epoch == cursor.epoch
        await self._start_over(stream, "retention" if same else "epoch", bound_by_age(cursor.entry))

    async def _page(self, stream: "_Stream", cursor: Cursor) -> list[Entry] | None:
        """Return the next entries from Redis, however long that takes: without it there is no news to miss."""
        waits = backoff(first_s=0.1, most_s=2.0)
        told_at = time.monotonic()
        while True:
            try:
                return await replay(self._redis, cursor, _PAGE)
            except BUS_ERRORS:
                if time.monotonic() - told_at > PING_S:
                    told_at = time.monotonic()
                    await stream.member.write_patiently(self._hub.waiting_events(stream.subscription), PATIENCE_S)
                await asyncio.sleep(next(waits))

    async def _go_on(self, stream: "_Stream", reached: Cursor, found: list[Frame], *, resumed: bool = False) -> None:
        """Write ``found``, which brings the reader to ``reached``, and what memory has after it; then join.

        One who ``resumed`` a conflated stream may have been cut off within a flush: of each book it then lacks what was
        merged into a later entry. So it is given them whole, without an id, and goes on from there.
        """
        feed, subscription = stream.feed, stream.subscription
        while True:
            if not feed.holds(reached):  # an epoch or a whole ring went by while the reader was slow
                await self._start_over(stream, "slow", feed.received_before(reached.entry))
                return
            assert feed.position is not None  # noqa: S101, it holds the cursor
            news = [item for item in feed.after(reached.entry) if subscription.wants(item.channel, item.symbol)]
            before = after = b""
            books_of: BookOf = feed.books.get
            if resumed and stream.has_books:
                group = self._hub.group(subscription)
                # Before anything that moves the cursor: after a cut nobody would tell of them again.
                before = group.unknown_books(feed.received_before(reached.entry))
                if subscription.throttle_ms:
                    after = group.books()  # after the rest, in which there may be a gap that voids a book
                    books_of = _no_book
            found = conflate([*found, *news], books_of) if subscription.throttle_ms else [*found, *news]
            reached = max(reached, feed.position, key=lambda cursor: cursor.entry)
            resumed = False
            if not (before or found or after):
                break
            await stream.member.write_patiently(before, PATIENCE_S)
            await stream.write(found)
            await stream.member.write_patiently(after, PATIENCE_S)
            found = []
        self._join(stream, reached)

    async def _start_over(self, stream: "_Stream", cause: str, since: int) -> None:
        """Say that something may be missing since ``since`` (ms UTC), and begin with a snapshot."""
        self._metrics.resumed("gap")
        self._metrics.gap(cause)
        gap = Gap(
            venue=stream.feed.venue, channel=None, symbol=None, from_=since, to=now_ms(), cause=cause
        )  # fmt: skip
        await self._snapshot(stream, event(gap))

    async def _snapshot(self, stream: "_Stream", before: bytes) -> None:
        position = stream.feed.position
        assert position is not None  # noqa: S101, the venue is loaded
        stream.told = self._hub.verdicts.changes(stream.feed.venue)
        text = before + self._hub.group(stream.subscription).snapshot()
        await stream.member.write_patiently(text, PATIENCE_S)
        # Writing took time only if the reader is slow; what came meanwhile is still to be written.
        await self._go_on(stream, position, [])

    def _join(self, stream: "_Stream", position: Cursor) -> None:
        if stream.member.gone:
            raise ConnectionResetError
        stream.member.position = position
        group = self._hub.group(stream.subscription)
        group.join(stream.member)
        if stream.told != self._hub.verdicts.changes(stream.feed.venue):
            group.tell(self._hub.status_event(stream.feed.venue))

    async def _received_before(self, cursor: Cursor) -> int:
        """Return a time (ms UTC) no later than that of anything the reader of a bygone epoch may lack."""
        try:
            found = await last_received_at(self._redis, cursor)
        except BUS_ERRORS:
            found = None
        return bound_by_age(cursor.entry) if found is None else found


def _no_book(symbol: str) -> None:
    """Leave out books."""


@dataclass
class _Stream:
    """A stream that is being opened; ``told`` is which change of the venue's status it knows of."""

    member: Member
    subscription: Subscription
    feed: Feed
    told: int = 0

    @property
    def has_books(self) -> bool:
        """Whether it carries books."""
        return "book" in self.subscription.channels

    async def write(self, frames: list[Frame]) -> None:
        """Write ``frames`` at the pace the reader takes them, holding little more than it can take now."""
        for at in range(0, len(frames), _SLICE):
            await self.member.write_patiently(b"".join([item.event for item in frames[at : at + _SLICE]]), PATIENCE_S)
