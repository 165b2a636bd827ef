"""Going on where a reader stopped: from memory, else from Redis, else with a gap and a snapshot."""

import asyncio
from typing import Final

from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS
from spark_bus.cursor import BadCursor, Cursor, parse
from spark_bus.reader import last_received_at, replay
from spark_gateway.broadcast import Broadcast
from spark_gateway.events import Frame, conflate, event, frame
from spark_gateway.feed import Feed, bound_by_age
from spark_gateway.hub import Hub
from spark_gateway.member import Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from spark_market.messages import Gap
from spark_service.backoff import backoff
from spark_service.clock import now_ms

MOST_REPLAYED: Final = 20_000
"""Entries, about 8 MB: beyond it a gap and a snapshot serve the reader better."""
PATIENCE_S: Final = 30.0
_MOST_AHEAD_MS: Final = 60_000
"""A cursor may be ahead of this replica, and even of its clock; further than this nobody gave it out, and waiting for
it would leave its reader without a word for ever."""


class Opening:
    """Brings one new stream to where its group is, and lets it join."""

    def __init__(self, hub: Hub, redis: Redis, metrics: GatewayMetrics) -> None:
        self._hub = hub
        self._redis = redis
        self._metrics = metrics

    async def open(self, member: Member, subscription: Subscription, last_event_id: str | None) -> None:
        """Write what the reader needs first, then join it. The venue must have been loaded.

        Raises TimeoutError and ConnectionResetError when the reader does not take it.
        """
        feed = self._hub.feeds[subscription.venue]
        if last_event_id is not None:
            try:
                cursor = parse(last_event_id)[subscription.venue]
            except (BadCursor, KeyError):
                await self._start_over(member, subscription, "cursor", 0)
                return
            await self._resume(member, subscription, feed, cursor)
        else:
            await self._snapshot(member, subscription, b"")

    async def _resume(self, member: Member, subscription: Subscription, feed: Feed, cursor: Cursor) -> None:
        waits = backoff(first_s=0.1, most_s=2.0)
        await member.write_patiently(self._hub.status_event(subscription.venue), PATIENCE_S)
        while True:
            assert feed.position is not None  # noqa: S101, the venue is loaded
            if cursor.epoch != feed.position.epoch:
                since = await self._received_before(cursor)
                await self._start_over(member, subscription, "epoch", since)
                return
            if cursor.entry.ms > max(feed.position.entry.ms, now_ms()) + _MOST_AHEAD_MS:
                await self._start_over(member, subscription, "cursor", 0)
                return
            if feed.holds(cursor):
                self._metrics.resumed("memory")
                await self._go_on(member, subscription, feed, cursor, [])
                return
            try:
                entries = await replay(self._redis, cursor, MOST_REPLAYED)
            except BUS_ERRORS:  # there is no news without Redis anyway: the answer can wait for it
                await asyncio.sleep(next(waits))
                continue
            if cursor.epoch != feed.position.epoch:
                continue
            if entries is None:
                await self._start_over(member, subscription, "retention", bound_by_age(cursor.entry))
                return
            self._metrics.resumed("redis")
            found = [item for entry in entries if (item := frame(feed.venue, cursor.epoch, entry)) is not None]
            reached = cursor._replace(entry=entries[-1].id) if entries else cursor
            await self._go_on(member, subscription, feed, reached, found)
            return

    async def _go_on(
        self, member: Member, subscription: Subscription, feed: Feed, reached: Cursor, found: list[Frame]
    ) -> None:
        """Write ``found``, which brings the reader to ``reached``, and what memory has after it; then join."""
        while True:
            if not feed.holds(reached):  # an epoch or a whole ring went by while the reader was slow
                await self._start_over(member, subscription, "slow", feed.received_before(reached.entry))
                return
            assert feed.position is not None  # noqa: S101, it holds the cursor
            found = [
                item for item in [*found, *feed.after(reached.entry)] if subscription.wants(item.channel, item.symbol)
            ]
            reached = max(reached, feed.position, key=lambda cursor: cursor.entry)
            if subscription.throttle_ms:
                found = conflate(found)
            if not found:
                break
            await member.write_patiently(b"".join([item.event for item in found]), PATIENCE_S)
            found = []
        self._join(member, subscription, reached)

    async def _start_over(self, member: Member, subscription: Subscription, cause: str, since: int) -> None:
        """Say that something may be missing since ``since`` (ms UTC), and begin with a snapshot."""
        self._metrics.resumed("gap")
        self._metrics.gap(cause)
        gap = Gap(
            venue=subscription.venue,
            channel=None,
            symbol=None,
            from_=since,
            to=now_ms(),
            cause=cause,
        )
        await self._snapshot(member, subscription, event(gap))

    async def _snapshot(self, member: Member, subscription: Subscription, before: bytes) -> None:
        group = self._hub.group(subscription)
        position = self._hub.feeds[subscription.venue].position
        assert position is not None  # noqa: S101, the venue is loaded
        text = before + group.snapshot()
        await member.write_patiently(text, PATIENCE_S)
        # Writing took time only if the reader is slow; what came meanwhile is still to be written.
        await self._go_on(member, subscription, self._hub.feeds[subscription.venue], position, [])

    def _join(self, member: Member, subscription: Subscription, position: Cursor) -> None:
        group: Broadcast = self._hub.group(subscription)
        member.position = position
        group.join(member)

    async def _received_before(self, cursor: Cursor) -> int:
        """Return a time (ms UTC) no later than that of anything the reader of a bygone epoch may lack."""
        try:
            found = await last_received_at(self._redis, cursor)
        except BUS_ERRORS:
            found = None
        return bound_by_age(cursor.entry) if found is None else found
