"""Everything towards the venue: its instruments, its sockets, what they tell, and REST when there are none."""

import asyncio
import time
from collections.abc import Callable, Iterator

import structlog

from spark_ingest.setback import redated
from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.exchangeinfo import Listings
from spark_ingest_btcturk.limiter import ConnectLimiter
from spark_ingest_btcturk.listener import Listener, MalformedLog
from spark_ingest_btcturk.marketdata import MarketData
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.polling import Polling
from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_ingest_btcturk.session import Session
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.shares import Shares
from spark_ingest_btcturk.sockets import Sockets
from spark_ingest_btcturk.subscriptions import Subscriptions
from spark_service.backoff import backoff
from spark_service.lifecycle import run_together

TEND_S = 1.0

logger = structlog.get_logger()


class Feed:
    """Kept going whether or not this process publishes: whoever stands by is to be ready."""

    def __init__(
        self, settings: IngestSettings, metrics: IngestMetrics, waits: Callable[[], Iterator[float]] = backoff
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._waits = waits
        self._malformed = MalformedLog()
        self._limiter = ConnectLimiter(settings.connects_per_minute)
        self.directory = Directory(settings.symbols)
        self.market = MarketData(self.directory, settings.mode, settings.side_of_zero, metrics)
        shares = Shares(settings.channels, settings.pairs_per_socket)
        self.sockets = Sockets(self.directory, shares, self._session, self.market.forget)
        self._listings = Listings(
            settings.rest_url, self.directory, metrics, refresh_s=settings.refresh_s, waits=waits
        )  # fmt: skip
        self._polling = Polling(settings.rest_url, self.sockets, self._protocol, self.market, metrics, waits)

    def _protocol(self) -> BtcTurkProtocol:
        return BtcTurkProtocol(self._settings.mode, self.directory.pairs)

    def _session(self, number: int) -> Session:
        return Session(
            number,
            self._settings.ws_url,
            listener=self._listener,
            limiter=self._limiter,
            metrics=self._metrics,
            waits=self._waits,
        )

    def _listener(self, subscriptions: Subscriptions) -> Listener:
        return Listener(
            self._protocol(),
            subscriptions,
            self.directory,
            self.market,
            lambda: self.sockets.probes,
            self._metrics,
            self._malformed,
        )

    async def run(self) -> None:
        """Listen until cancelled."""
        await run_together([self._listings.run(), self.sockets.run(), self._polling.run(), self._tend()])

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_S)
            now = time.monotonic()
            for subscription, cause in self.market.tend(now):
                self.market.interrupted([subscription], cause)
                if self.sockets.distrust(subscription, now):  # else it is not joined, or about to be
                    logger.warning("joining again", channel=subscription.channel, pair=subscription.event, cause=cause)
                    self._metrics.resync(subscription.channel, cause)

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back: what is told of when something was heard is told by the new one."""
        self.market.clock_set_back(back_ms, now_ms)
        for session in self.sockets.sessions:
            session.clock_set_back(back_ms, now_ms)
        if self._polling.since is not None:
            self._polling.since = redated(self._polling.since, back_ms, now_ms)

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC) the venue is reached, one way or the other; None while it is not."""
        return self.sockets.connected_since() or self._polling.since

    @property
    def by_rest(self) -> bool:
        """Whether tickers come over REST because no socket brings any."""
        return self._polling.since is not None

    @property
    def malformed(self) -> int:
        """Frames, or rows of frames, that could not be read since the start."""
        return self._malformed.count

    def proven(self) -> list[Subscription]:
        """Return what has brought data since it was last joined, and is published."""
        unproven = {*self.sockets.unproven(), *self.sockets.probes}
        return [
            item
            for session in self.sockets.sessions
            for item in session.subscriptions.all()
            if item not in unproven
        ]  # fmt: skip

    def unproven(self) -> list[str]:
        """Return what is joined, to be published, and has brought no data since, as ``channel:SYMBOL``."""
        return self._named(self.sockets.unproven())

    def overdue(self) -> list[str]:
        """Return what of that should have brought some by now."""
        return self._named(self.sockets.overdue())

    def _named(self, subscriptions: list[Subscription]) -> list[str]:
        probes = self.sockets.probes
        return [f"{item.channel}:{self._spelled(item.event)}" for item in subscriptions if item not in probes]

    def _spelled(self, event: str) -> str:
        instrument = self.directory.pairs.get(event)
        return event if instrument is None else instrument.symbol
