"""The BtcTurk ingest: wires the session to the bus, and starts again when another writer took over."""

import asyncio
import time
from contextlib import suppress

import structlog

from spark_bus.carrier import Beat, Carrier, LeaseLost
from spark_bus.connection import BUS_ERRORS, connect
from spark_bus.feed import FeedState
from spark_bus.outbox import Outbox
from spark_bus.publisher import Claim, Publisher, outgoing
from spark_ingest_btcturk.bus_watcher import BusWatcher
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.exchangeinfo import load_directory
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import ALL, VENUE
from spark_ingest_btcturk.session import Session
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.telling import Telling
from spark_market.messages import Heartbeat
from spark_service import process
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import run, run_together
from spark_service.redis_url import address

_FLUSH_S = 2.0

logger = structlog.get_logger()


class Ingest:
    """One life as the venue's writer, from the claim to the loss of the lease."""

    def __init__(self, settings: IngestSettings, metrics: IngestMetrics, directory: Directory) -> None:
        self._settings = settings
        self._metrics = metrics
        self._directory = directory
        self._redis = connect(settings.redis_url.get_secret_value())
        self._publisher = Publisher(self._redis, VENUE, settings.mode)
        self._outbox = Outbox(VENUE)
        # Joining a pair needs its name put together, which is safe; taking one apart would be a guess.
        self._events = {ALL if symbol == "*" else symbol.replace("_", ""): symbol for symbol in settings.symbols}
        self._telling = Telling()
        self._session: Session | None = None
        self._watcher = BusWatcher(metrics, address(settings.redis_url), self._telling)
        self._carrier = Carrier(
            self._publisher,
            self._outbox,
            beat=self._beat,
            instruments=lambda: self._directory.instruments if self._directory.loaded else None,
            waits=lambda: backoff(first_s=0.1, most_s=1.0),
            watcher=self._watcher,
        )

    async def run(self) -> None:
        """Claim the venue, then feed it. Raises LeaseLost."""
        try:
            claim = await self._carrier.claim()
            self._metrics.lease(True)
            self._session = Session(
                self._settings.ws_url,
                self._settings.mode,
                tuple(self._events),
                publish=lambda messages: self._outbox.put(map(outgoing, messages)),
                directory=self._directory,
                metrics=self._metrics,
                waits=backoff,
                known_until=self._known_until(claim),
            )
            await run_together([self._session.run(), self._carrier.run()])
        finally:
            self._metrics.lease(False)
            await self._leave()

    def _known_until(self, claim: Claim) -> dict[str, int]:
        """Return up to when (ms UTC) each event is known to be whole on the bus; empty when nothing ever was."""
        published = claim.last.get("ticker")
        if published is None:
            if not self._watcher.stood_by:
                return {}
            published = now_ms()  # Redis forgot how far the other came: what follows from now on is missing
        # A pair that was being waited for when the last writer ended is known only up to when it was heard.
        return {
            event: min(published, claim.heard.get(f"ticker:{symbol}", published))
            for event, symbol in self._events.items()
        }

    async def _leave(self) -> None:
        """Publish what was received, and let the next writer in at once."""
        with suppress(*BUS_ERRORS, LeaseLost, TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await self._carrier.flush()
                await self._publisher.release()
        await self._redis.aclose()

    def _beat(self) -> Beat:
        session = self._session
        age = None
        heard: dict[str, int] = {}
        if session is not None:
            if session.last_heard_monotonic is not None:
                age = int((time.monotonic() - session.last_heard_monotonic) * 1000)
            heard = self._telling.news(session.heard)
        connected_since = session.connected_since if session else None
        unproven = session.unproven() if session else []
        self._metrics.state(queued=len(self._outbox), dropped=self._outbox.dropped, unproven=len(unproven))
        return Beat(
            Heartbeat(
                venue=VENUE,
                mode=self._settings.mode,
                sent_at=now_ms(),
                connected=connected_since is not None,
                ages={"ticker": age},
            ),
            heard,
            FeedState(
                venue=VENUE,
                mode=self._settings.mode,
                connected=connected_since is not None,
                connected_since=connected_since,
                subscriptions=len(self._events),
                unproven=unproven,
                reconnects=session.reconnects if session else 0,
                malformed=session.malformed if session else 0,
                queued=len(self._outbox),
                dropped=self._outbox.dropped,
            ),
        )


async def main(settings: IngestSettings) -> None:
    """Serve metrics, and be the venue's writer as long and as often as that can be had."""
    registry = process.registry()
    metrics = IngestMetrics(registry)
    directory = Directory(settings.symbols)
    pulse = Pulse()
    with serving(
        registry,
        host=settings.metrics_host,
        port=settings.metrics_port,
        setting="SPARK_BTCTURK_METRICS_PORT",
        alive=pulse.alive,
        ready=lambda: metrics.bus_answers,
    ):
        await run_together(
            [
                pulse.run(),
                load_directory(settings.rest_url, directory, metrics, backoff),
                _ingest_for_ever(settings, metrics, directory),
            ]
        )


async def _ingest_for_ever(settings: IngestSettings, metrics: IngestMetrics, directory: Directory) -> None:
    while True:
        try:
            await Ingest(settings, metrics, directory).run()
        except LeaseLost:
            logger.warning("another ingest took over; standing by")


if __name__ == "__main__":
    run("ingest-btcturk", IngestSettings, main)
