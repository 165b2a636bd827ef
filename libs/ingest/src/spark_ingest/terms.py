"""Terms as a venue's writer, each from the claim of the lease to its loss."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

import structlog
from redis.asyncio import Redis

from spark_bus.carrier import Beat, Carrier, LeaseLost
from spark_bus.connection import BUS_ERRORS
from spark_bus.outbox import Outbox
from spark_bus.publisher import Claim, Outgoing, Publisher
from spark_ingest.bus_watcher import BusWatcher
from spark_ingest.metrics import BusMetrics
from spark_ingest.setback import SetBack
from spark_ingest.telling import Telling
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Book
from spark_service.backoff import backoff
from spark_service.clock import now_ms

_FLUSH_S: Final = 2.0

logger = structlog.get_logger()

Put = Callable[[Iterable[Outgoing]], None]


class Leader(Protocol):
    """What has something to publish."""

    def books(self) -> Iterable[Book]:
        """Return the full order books that can be believed now."""

    def instruments(self) -> Mapping[str, Instrument] | None:
        """Return the venue's directory, another object when it has changed; None while it is not known."""

    def lead(self, claim: Claim, put: Put, cause: str) -> None:
        """Publish from now on, after what whoever wrote before has; ``cause`` is that of the gaps in between."""

    def stand_by(self) -> None:
        """Publish nothing any more."""

    def beat(self, queued: int, dropped: int) -> Beat:
        """Return what is to be said now, with all that was ever heard."""

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back, and is now there."""


class Terms:
    """Publishes what a leader has, as long and as often as the venue is ours."""

    def __init__(
        self,
        venue: str,
        mode: Mode,
        leader: Leader,
        metrics: BusMetrics,
        redis: Redis,
        redis_address: str,
        *,
        recalls: bool = False,
    ) -> None:
        """``redis_address`` is for the log. A leader that ``recalls`` finds the current tickers in its claim, and need
        not publish them again."""
        self._venue = venue
        self._mode = mode
        self._leader = leader
        self._metrics = metrics
        self._redis = redis
        self._address = redis_address
        self._recalls = recalls
        self._outbox = Outbox(venue)
        self._set_back = SetBack(now_ms(), time.monotonic())

    async def run(self) -> None:
        """Stand by, publish, stand by, until cancelled."""
        took_over = False
        while True:
            try:
                await self._serve(took_over=took_over)
            except LeaseLost:
                logger.warning("another ingest took over; standing by")
                took_over = True

    async def _serve(self, *, took_over: bool) -> None:
        """Wait until the venue is ours, then publish. Raises LeaseLost."""
        leader = self._leader
        self._outbox = outbox = Outbox(self._venue, books=leader.books)
        publisher = Publisher(self._redis, self._venue, self._mode)
        telling = Telling()
        watcher = BusWatcher(self._metrics, self._address, telling)
        carrier = Carrier(
            publisher,
            outbox,
            beat=lambda: self._beat(telling),
            instruments=leader.instruments,
            waits=lambda: backoff(first_s=0.1, most_s=1.0),
            watcher=watcher,
        )
        claim = await carrier.claim()
        if self._recalls:
            claim = replace(claim, tickers=await carrier.recall())
        self._metrics.lease(True)
        try:
            leader.lead(claim, outbox.put, "takeover" if took_over or watcher.stood_by else "start")
            await carrier.run()
        finally:
            leader.stand_by()
            self._metrics.lease(False)
            await _leave(carrier, publisher)

    def _beat(self, telling: Telling) -> Beat:
        if back_ms := self._set_back.by_ms(now_ms(), time.monotonic()):
            logger.warning("the clock of this machine was set back", by_ms=back_ms)
            self._leader.clock_set_back(back_ms, now_ms())
        beat = self._leader.beat(len(self._outbox), self._outbox.dropped)
        return Beat(beat.heartbeat, telling.news(beat.heard), beat.state)

    def show(self) -> None:
        """Bring the metrics of what waits up to date."""
        self._metrics.waiting(len(self._outbox), self._outbox.dropped)


async def _leave(carrier: Carrier, publisher: Publisher) -> None:
    """Publish what was received, and let the next writer in at once."""
    with suppress(*BUS_ERRORS, LeaseLost, TimeoutError):
        async with asyncio.timeout(_FLUSH_S):
            await carrier.flush()
            await publisher.release()
