"""Everything towards the bus: what the feed tells, in terms as the venue's writer."""

import asyncio
import time
from collections.abc import Mapping

from redis.asyncio import Redis

from spark_bus.carrier import Beat
from spark_bus.feed import FeedState
from spark_bus.publisher import Claim
from spark_ingest.terms import Put, Terms
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.settings import IngestSettings
from spark_market.instruments import Instrument
from spark_market.messages import Book, Heartbeat
from spark_service.clock import now_ms
from spark_service.redis_url import address

_SHOW_S = 1.0


class Writer:
    """Publishes what the feed tells, as long and as often as the venue is ours."""

    def __init__(self, settings: IngestSettings, feed: Feed, metrics: IngestMetrics, redis: Redis) -> None:
        self._settings = settings
        self._feed = feed
        self._metrics = metrics
        self._terms = Terms(VENUE, settings.mode, self, metrics, redis, address(settings.redis_url))

    async def run(self) -> None:
        """Stand by, publish, stand by, until cancelled."""
        await self._terms.run()

    def books(self) -> list[Book]:
        """Return every book that is whole now."""
        return self._feed.market.books()

    def instruments(self) -> Mapping[str, Instrument] | None:
        """Return the pairs that are carried; None while the venue has not told yet."""
        return self._feed.directory.instruments or None

    def lead(self, claim: Claim, put: Put, cause: str) -> None:
        """Publish from now on."""
        self._feed.market.lead(claim, put, cause, self._feed.proven())

    def stand_by(self) -> None:
        """Publish nothing any more."""
        self._feed.market.stand_by()

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back."""
        self._feed.clock_set_back(back_ms, now_ms)

    def beat(self, queued: int, dropped: int) -> Beat:
        """Return what is to be said of the feed now."""
        feed, now = self._feed, time.monotonic()
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
            feed.market.heard,
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
                queued=queued,
                dropped=dropped,
            ),
        )

    async def show(self) -> None:
        """Keep the metrics of how things stand up to date, until cancelled; standing by, too."""
        while True:
            sessions = self._feed.sockets.sessions
            self._terms.show()
            self._metrics.state(
                sockets=sum(session.connected_since is not None for session in sessions),
                wanted=len(sessions),
                unproven=[item.channel for item in self._feed.sockets.unproven()],
            )
            self._metrics.spoken({channel: at for channel, (at, _) in self._feed.market.spoken.items()})
            await asyncio.sleep(_SHOW_S)
