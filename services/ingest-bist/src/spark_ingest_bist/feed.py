"""Everything towards the source, while this process is the venue's writer: to ask a second time would spend a budget
that those behind one address share."""

import asyncio
from collections.abc import Mapping

import httpx
import structlog

from spark_bus.carrier import Beat
from spark_bus.feed import FeedState
from spark_bus.publisher import Claim
from spark_ingest.terms import Put
from spark_ingest_bist.choice import Source
from spark_ingest_bist.directory import Directory
from spark_ingest_bist.marketdata import TICKER, MarketData
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.schedule import Schedule
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.times import Times
from spark_market.instruments import Instrument
from spark_market.messages import Book, Heartbeat
from spark_market.sessions import Calendar
from spark_service.lifecycle import end

_TEND_S = 1.0

logger = structlog.get_logger()


class Feed:
    """Implements the bus's `Leader`: it asks the source from `lead` to `stand_by`."""

    def __init__(
        self,
        source: Source,
        symbols: Mapping[str, str | None],
        calendar: Calendar,
        metrics: IngestMetrics,
        times: Times,
        *,
        jitter: float = 0.5,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``symbols`` have the names that people know them by, where they are known already."""
        self._source = source
        self._symbols = tuple(symbols)
        self._metrics = metrics
        self._times = times
        self._leading = asyncio.Event()
        self._relieved = asyncio.Event()
        self._was_connected = False
        self.schedule = Schedule(calendar, source.delay_ms, jitter)
        self.directory = Directory(symbols, source.spell, calendar)
        self.market = MarketData(self._symbols, source.mode, self.schedule, self.directory, metrics, times)
        self.session = source.session(
            Wiring(self._symbols, self.market, self.schedule, metrics, times, transport)
        )  # fmt: skip
        self._bring_up_to_date()

    async def run(self) -> None:
        """Ask whenever this process is the writer, until cancelled."""
        while True:
            await self._leading.wait()
            asking = asyncio.create_task(self.session.run())
            relieved = asyncio.create_task(self._relieved.wait())
            try:
                await asyncio.wait({asking, relieved}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end([asking, relieved])
            if not asking.cancelled():
                asking.result()  # it never ends by itself

    async def tend(self) -> None:
        """Keep the directory and the metrics up to date, until cancelled."""
        while True:
            self._bring_up_to_date()
            self._note_connection()
            phase = self.schedule.calendar.at(self._times.market.now_ms())
            missing = self.session.missing()
            self._metrics.state(
                connected=self.session.connected_since is not None,
                delay_s=self.schedule.delay_ms / 1000,
                wanted=len(self._symbols) - len(missing),
                unknown=len(missing),
                phase=phase,
            )
            if self.market.moved is not None:
                self._metrics.spoken({TICKER: self.market.moved.wall_ms})
            await self._times.wall.sleep(_TEND_S)

    def _bring_up_to_date(self) -> None:
        self.directory.bring_up_to_date(self._times.market.now_ms(), self.session.never_had())

    def _note_connection(self) -> None:
        connected = self.session.connected_since is not None
        if self._was_connected and not connected and self._leading.is_set():
            cause = self.session.trouble or "stalled"
            logger.warning("the source is lost", source=self._source.name, cause=cause)
            self._metrics.outage(cause)
        self._was_connected = connected

    def books(self) -> tuple[Book, ...]:
        """Return none: no source has order books."""
        return ()

    def instruments(self) -> Mapping[str, Instrument]:
        """Return the directory."""
        return self.directory.instruments

    def lead(self, claim: Claim, put: Put, cause: str) -> None:
        """Ask, and publish."""
        self.market.lead(claim, put, cause)
        self._relieved.clear()
        self._leading.set()

    def stand_by(self) -> None:
        """Ask no more."""
        self.market.stand_by()
        self._leading.clear()
        self._relieved.set()

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back."""
        self.market.clock_set_back(back_ms, now_ms)

    def beat(self, queued: int, dropped: int) -> Beat:
        """Return what is to be said now."""
        session, moved = self.session, self.market.moved
        since = session.connected_since
        missing, never_had = session.missing(), session.never_had()
        now = self._times.now()
        sockets, wanted = session.sockets
        interval_ms = 0.0 if session.kind == "websocket" else self.market.interval_ms / self._times.speed
        return Beat(
            Heartbeat(
                venue=VENUE,
                mode=self._source.mode,
                sent_at=now.wall_ms,
                connected=since is not None,
                ages={TICKER: None if moved is None else max(0, int((now.monotonic - moved.monotonic) * 1000))},
            ),
            self.market.heard,
            FeedState(
                venue=VENUE,
                mode=self._source.mode,
                connected=since is not None,
                connected_since=since,
                delay_ms=self.schedule.delay_ms,
                poll_interval_ms=round(interval_ms),
                source=session.kind,
                sockets=sockets,
                sockets_wanted=wanted,
                subscriptions=len(self._symbols) - len(missing),
                unproven=[f"{TICKER}:{symbol}" for symbol in missing if symbol not in never_had],
                unknown=missing,
                reconnects=self._metrics.outages,
                malformed=self._metrics.malformed_count,
                queued=queued,
                dropped=dropped,
            ),
        )
