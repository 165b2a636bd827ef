"""Tickers over REST, while no socket brings any: less often, without sizes, but true."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import structlog

from spark_ingest.fetching import TooLarge, fetch, retry_after_s
from spark_ingest_btcturk.marketdata import MarketData
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_ingest_btcturk.rest import MalformedAnswer
from spark_ingest_btcturk.sockets import Sockets
from spark_service.clock import now_ms

AFTER_S = 60.0
"""No data over any socket for so long, and REST steps in."""
EVERY_S = 2.0
"""The venue allows 600 requests a minute; all its tickers are one request, at most 1.7 s old."""

logger = structlog.get_logger()


class Polling:
    """Watches the sockets, and takes their place for as long as it must."""

    def __init__(
        self,
        rest_url: str,
        sockets: Sockets,
        protocol: Callable[[], BtcTurkProtocol],
        market: MarketData,
        metrics: IngestMetrics,
        waits: Callable[[], Iterator[float]],
    ) -> None:
        self._url = f"{rest_url}/api/v2/ticker"
        self._sockets = sockets
        self._new_protocol = protocol
        self._market = market
        self._metrics = metrics
        self._new_waits = waits
        self.since: int | None = None
        """Since when (ms UTC) tickers come this way, None while they do not."""

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        alone_since = time.monotonic()
        while True:
            await asyncio.sleep(min(1.0, AFTER_S))
            now = time.monotonic()
            if not self._sockets.sessions:  # none is to be had yet: the venue has not said what it lists
                alone_since = now
            if now - max(alone_since, self._sockets.heard_at() or 0.0) > AFTER_S:
                logger.warning("no socket to btcturk can be had; polling its tickers", every_s=EVERY_S)
                try:
                    await self._poll_until_heard(self._sockets.heard_at())
                finally:
                    self.since = None
                    self._metrics.polling(False)
                logger.info("btcturk's sockets are back; polling ends")

    async def _poll_until_heard(self, last: float | None) -> None:
        protocol = self._new_protocol()
        waits = self._new_waits()
        moves = True
        async with httpx.AsyncClient(timeout=httpx.Timeout(10.0)) as client:
            while self._sockets.heard_at() == last:
                try:
                    body = await fetch(client, self._url)
                    if self._sockets.heard_at() != last:  # a socket was faster: what it says is newer
                        return
                    received_at = now_ms()
                    said = protocol.read_rest_tickers(body, received_at)
                    if said.heard:
                        self._market.take_polled(said, received_at, time.monotonic())
                    else:  # the feed's age tells of it
                        self._metrics.poll_failed()
                        if moves:
                            logger.warning("btcturk's tickers over REST stand still")
                    moves = bool(said.heard)
                except (httpx.HTTPError, TooLarge, MalformedAnswer) as exc:
                    self.since = None
                    wait_s = max(next(waits), retry_after_s(exc))
                    self._metrics.poll_failed()
                    logger.warning("cannot poll btcturk's tickers", error=str(exc), retry_in_s=round(wait_s, 2))
                    await asyncio.sleep(wait_s)
                    continue
                waits = self._new_waits()
                self.since = self.since or now_ms()
                self._metrics.polling(True)
                await asyncio.sleep(EVERY_S)
