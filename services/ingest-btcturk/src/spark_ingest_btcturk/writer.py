"""Everything towards the bus: terms as the venue's writer, each from the claim to the loss of the lease."""

import asyncio
import time
from contextlib import suppress

import structlog
from redis.asyncio import Redis

from spark_bus.carrier import Beat, Carrier, LeaseLost
from spark_bus.connection import BUS_ERRORS
from spark_bus.feed import FeedState
from spark_bus.outbox import Outbox
from spark_bus.publisher import Publisher
from spark_ingest_btcturk.bus_watcher import BusWatcher
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.setback import SetBack
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.telling import Telling
from spark_market.messages import Heartbeat
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.redis_url import address

_FLUSH_S = 2.0
_SHOW_S = 1.0

logger = structlog.get_logger()


class Writer:
    """Publishes what the feed tells, as long and as often as the venue is ours."""

    def __init__(self, settings: IngestSettings, feed: Feed, metrics: IngestMetrics, redis: Redis) -> None:
        self._settings = settings
        self._feed = feed
        self._metrics = metrics
        self._redis = redis
        self._outbox = Outbox(VENUE)
        self._set_back = SetBack(now_ms(), time.monotonic())

    async def run(self) -> None:
        """Stand by, publish, stand by, until cancelled."""
        took_over = False
        while True:
            try:
                await self._serve_a_term(took_over=took_over)
            except LeaseLost:
                logger.warning("another ingest took over; standing by")
                took_over = True

    async def _serve_a_term(self, *, took_over: bool) -> None:
        """Wait until the venue is ours, then publish. Raises LeaseLost."""
        feed = self._feed
        self._outbox = outbox = Outbox(VENUE, books=feed.market.books)
        publisher = Publisher(self._redis, VENUE, self._settings.mode)
        telling = Telling()
        watcher = BusWatcher(self._metrics, address(self._settings.redis_url), telling)
        carrier = Carrier(
            publisher,
            outbox,
            beat=lambda: self._beat(telling),
            instruments=lambda: feed.directory.instruments or None,  # none: the venue has not told yet
            waits=lambda: backoff(first_s=0.1, most_s=1.0),
            watcher=watcher,
        )
        claim = await carrier.claim()
        self._metrics.lease(True)
        try:
            cause = "takeover" if took_over or watcher.stood_by else "start"
            feed.market.lead(claim, outbox.put, cause, feed.proven())
            await carrier.run()
        finally:
            feed.market.stand_by()
            self._metrics.lease(False)
            await _leave(carrier, publisher)

    def _beat(self, telling: Telling) -> Beat:
        feed, now = self._feed, time.monotonic()
        if back_ms := self._set_back.by_ms(now_ms(), now):
            logger.warning("the clock of this machine was set back", by_ms=back_ms)
            feed.clock_set_back(back_ms, now_ms())
        sessions, spoken = feed.sockets.sessions, feed.market.spoken
        connected_since = feed.connected_since
        return Beat(
            Heartbeat(
                venue=VENUE,
                mode=self._settings.mode,
                sent_at=now_ms(),
                connected=connected_since is not None,
                ages={
                    channel: int((now - spoken[channel][1]) * 1000) if channel in spoken else None
                    for channel in self._settings.channels
                },
            ),
            telling.news(feed.market.heard),
            FeedState(
                venue=VENUE,
                mode=self._settings.mode,
                connected=connected_since is not None,
                connected_since=connected_since,
                source="rest" if feed.by_rest else "websocket",
                sockets=sum(session.connected_since is not None for session in sessions),
                sockets_wanted=len(sessions),
                subscriptions=sum(len(session.subscriptions) for session in sessions),
                unproven=feed.overdue(),
                reconnects=self._metrics.reconnects,
                malformed=feed.malformed,
                queued=len(self._outbox),
                dropped=self._outbox.dropped,
            ),
        )

    async def show(self) -> None:
        """Keep the metrics of how things stand up to date, until cancelled; standing by, too."""
        while True:
            sessions = self._feed.sockets.sessions
            self._metrics.state(
                queued=len(self._outbox),
                dropped=self._outbox.dropped,
                sockets=sum(session.connected_since is not None for session in sessions),
                wanted=len(sessions),
                unproven=[item.channel for item in self._feed.sockets.unproven()],
                heard={channel: at for channel, (at, _) in self._feed.market.spoken.items()},
            )
            await asyncio.sleep(_SHOW_S)


async def _leave(carrier: Carrier, publisher: Publisher) -> None:
    """Publish what was received, and let the next writer in at once."""
    with suppress(*BUS_ERRORS, LeaseLost, TimeoutError):
        async with asyncio.timeout(_FLUSH_S):
            await carrier.flush()
            await publisher.release()
