"""The fan-out: what the venues' readers bring goes to the groups of streams that want it, at their pace."""

import asyncio
import itertools
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS
from spark_bus.cursor import Positions, spell
from spark_bus.reader import Entry, Reader, Snapshot, read_instruments
from spark_gateway.alarms import Alarms
from spark_gateway.audience import Audience
from spark_gateway.broadcast import Broadcast
from spark_gateway.contact import Contact
from spark_gateway.events import event
from spark_gateway.feed import RING, Feed
from spark_gateway.joining import Joining
from spark_gateway.member import Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from spark_gateway.track import Track
from spark_gateway.verdicts import Verdicts
from spark_market.messages import Health
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.lifecycle import run_together

_STEP_MS = 50
"""All paces are multiples of this."""
_PING_STEP_S = 0.5
_CATCH_UP_S = 0.05
_LOOK_FOR_STUCK_S = 5.0

logger = structlog.get_logger()


class Hub:
    """All feeds and all groups of one gateway process. One event loop, no locks: nothing waits while it changes."""

    def __init__(self, redis: Redis, venues: Sequence[str], metrics: GatewayMetrics, redis_address: str) -> None:
        self._redis = redis
        self._metrics = metrics
        self._contacts = {venue: Contact(venue, metrics, redis_address) for venue in venues}
        self.feeds = {venue: Feed(venue, metrics) for venue in venues}
        self.verdicts = Verdicts(redis, self._contacts, self._status_changed)
        self.alarms = Alarms(redis, venues, self._tell)
        self._groups: dict[Subscription, Broadcast] = {}
        self._audiences: dict[str, Audience[Track]] = {venue: Audience() for venue in venues}
        self._unthrottled: dict[Track, Broadcast] = {}
        self._turns = itertools.count()

    def group(self, subscription: Subscription) -> Broadcast:
        """Return the group of streams for this subscription."""
        group = self._groups.get(subscription)
        if group is None:
            group = Broadcast(
                self.feeds,
                subscription,
                self._metrics,
                turn=next(self._turns),
                status_event=self.status_event,
                health_event=self.health_event,
            )
            self._groups[subscription] = group
            for venue, track in group.tracks.items():
                self._audiences[venue].add(track)
                if not subscription.throttle_ms:
                    self._unthrottled[track] = group
        return group

    def leave(self, subscription: Subscription, member: Member) -> None:
        """Let a stream go, and its group with the last of it."""
        group = self._groups.get(subscription)
        if group is not None:
            group.leave(member)
            if not len(group):
                del self._groups[subscription]
                for venue, track in group.tracks.items():
                    self._audiences[venue].remove(track)
                    self._unthrottled.pop(track, None)

    def status_event(self, venue: str) -> bytes:
        """Return the verdict on a venue as an event, and what alarms there are of it."""
        return event(self.verdicts.of(venue)) + self.alarms.event(venue)

    def health_event(self, subscription: Subscription, positions: Positions) -> bytes:
        """Return a stream's own ping; with positions it moves the reader's cursor there."""
        statuses = {venue: self.verdicts.of(venue).status for venue in subscription.venues}
        health = Health(server_time=now_ms(), throttle=subscription.throttle_ms, venues=statuses)
        return event(health, spell(positions))

    def waiting_events(self, subscription: Subscription) -> bytes:
        """Return what a stream is told that has nothing to go on with yet."""
        statuses = [self.status_event(venue) for venue in subscription.venues]
        return b"".join(statuses) + self.health_event(subscription, {})

    async def run(self) -> None:
        """Follow all venues and serve all groups, until cancelled."""
        readers = [self._follow(feed) for feed in self.feeds.values()]
        joining = [Joining(self._redis, feed, self._contacts[feed.venue]).run() for feed in self.feeds.values()]
        serving = [self._flush(), self._ping(), self._catch_up(), self._drop_stuck()]
        await run_together([*readers, *joining, self.verdicts.run(), self.alarms.run(), *serving])

    async def _follow(self, feed: Feed) -> None:
        contact = self._contacts[feed.venue]
        reader = Reader(self._redis, feed.venue, lambda: backoff(first_s=0.05, most_s=1.0), contact, recent=RING)
        directory_due = False
        async for news in reader.follow():
            if isinstance(news, Snapshot):
                self._restart(feed, news)
                directory_due = False
                continue
            self._append(feed, news)
            if directory_due or any(entry.kind == "instruments" for entry in news):
                directory_due = not await self._learn(feed)

    def _append(self, feed: Feed, entries: list[Entry]) -> None:
        audience = self._audiences[feed.venue]
        touched: dict[Track, None] = {}
        for item in feed.append(entries):
            for track in audience.of(item):
                track.offer(item)
                touched[track] = None
        for track in touched:
            group = self._unthrottled.get(track)
            if group is not None:
                group.flush()

    def _restart(self, feed: Feed, snapshot: Snapshot) -> None:
        groups = [group for group in self._groups.values() if feed.venue in group.tracks]
        before = feed.position
        cause, received_before = None, 0
        if before is not None:
            received_before = feed.received_before(before.entry)
            for group in groups:  # what was waiting for its window is no part of the hole
                group.flush()
            # The same epoch: this process stood still for longer than the bus keeps.
            cause = "retention" if before.epoch == snapshot.position.epoch else "epoch"
            logger.warning("starting over", venue=feed.venue, cause=cause, epoch=snapshot.position.epoch)
        feed.restart(snapshot)
        for group in groups:
            group.restart(feed.venue, cause, received_before)

    async def _learn(self, feed: Feed) -> bool:
        """Read the directory again; returns whether that went well."""
        try:
            feed.learn(await read_instruments(self._redis, feed.venue))
        except BUS_ERRORS as exc:
            self._contacts[feed.venue].bus_lost(exc, 0)
            return False
        return True

    def _status_changed(self, venue: str) -> None:
        self._tell(venue, event(self.verdicts.of(venue)))

    def _tell(self, venue: str, text: bytes) -> None:
        for group in self._groups.values():
            if venue in group.tracks:
                group.tell(text)

    async def _flush(self) -> None:
        """Flush each group at its pace, on fixed deadlines, so that the work does not stretch the window.

        Groups of one pace take turns, so that not all of them are written in the same moment.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        for step in itertools.count(1):  # a step that came late is not skipped: its groups are due all the same
            await asyncio.sleep(max(0.0, started + step * _STEP_MS / 1000 - loop.time()))
            for group in list(self._groups.values()):
                steps = group.subscription.throttle_ms // _STEP_MS
                if steps and (step + group.turn) % steps == 0:
                    group.flush()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(_PING_STEP_S)
            now = time.monotonic()
            for group in list(self._groups.values()):
                group.ping(now)

    async def _catch_up(self) -> None:
        while True:
            await asyncio.sleep(_CATCH_UP_S)
            for group in [group for group in self._groups.values() if group.has_lagging]:
                group.catch_up()
                await asyncio.sleep(0)

    async def _drop_stuck(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_STUCK_S)
            now = time.monotonic()
            for group in list(self._groups.values()):
                group.drop_stuck(now)
                await asyncio.sleep(0)
