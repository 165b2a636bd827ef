"""The ingest of Borsa İstanbul between the simulator and the monitor's judgement, on virtual time and without a socket.

The ingest's poller asks the simulator's answer builder; what its heartbeats would say goes straight to the monitor.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple, cast

import httpx
from prometheus_client import CollectorRegistry

from spark_bus.carrier import Beat
from spark_bus.publisher import Claim, Outgoing
from spark_ingest_bist import choice
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.symbollist import PULSE
from spark_ingest_bist.symbols import to_yahoo
from spark_ingest_bist.times import Times
from spark_ingest_bist.yahoo import YahooProtocol
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from spark_market.sessions import bist
from spark_monitor.hearing import Hearing
from spark_monitor.hours import Moment
from spark_monitor.judgement import Judgement, judge
from spark_simulator.bist.assembly import Bist
from support.bist_days import DELAY_MS
from support.virtual_clock import VirtualClock

TARGET_S = 30.0


class Pacing(NamedTuple):
    """How the source is asked; ``batch`` is how many symbols at once."""

    every_s: float
    most_per_hour: int
    batch: int
    random: Random

    def session(self, wiring: Wiring) -> Poller:
        """Return the ingest's own session with Yahoo, at this pace."""

        class SmallBatches(YahooProtocol):
            most_symbols = self.batch

        return Poller(
            SmallBatches("http://simulator/bist/yahoo"),
            wiring,
            every_s=self.every_s,
            most_per_hour=self.most_per_hour,
            pulse=PULSE,
            rand=self.random.random,
        )


class Source(httpx.AsyncBaseTransport):
    """The simulator, asked without a socket."""

    def __init__(self, simulator: Bist, clock: VirtualClock) -> None:
        self._simulator = simulator
        self._clock = clock
        self.asked: list[tuple[int, int]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._simulator.answers.get(request.url.raw_path.decode(), request.headers)
        self.asked.append((self._clock.now_ms(), reply.status))
        await self._clock.sleep(reply.delay_s)
        if reply.cut:
            raise httpx.RemoteProtocolError("cut off")
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)


class Ingest:
    """The ingest's feed, as its process wires it, with the bus left out."""

    def __init__(
        self, symbols: Sequence[str], transport: Source, clock: VirtualClock, pace: Pacing, before: "Ingest | None"
    ) -> None:
        """``before`` is the one that wrote until now."""
        self._told: dict[str, int] = {} if before is None else before._told
        self.published: Counter[str] = Counter() if before is None else before.published
        self._current: dict[str, Outgoing] = {} if before is None else before._current
        source = choice.Source("simulator", Mode.DELAYED, DELAY_MS, to_yahoo, pace.session)
        self._feed = Feed(
            source,
            dict.fromkeys(symbols),
            bist(),
            IngestMetrics(CollectorRegistry()),
            Times(clock, clock),
            jitter=pace.random.random(),
            transport=transport,
        )
        heard = {} if before is None else dict(before._feed.market.heard)
        tickers = {symbol: cast(Ticker, wire.decode(message.data)) for symbol, message in self._current.items()}
        claim = Claim("epoch", before is None, dict(self._told), heard, {}, tickers=tickers)
        self._feed.lead(claim, self._put, "start")

    def _put(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self.published[message.kind] += 1
            if message.gap is None:
                self._told[message.channel] = message.received_at
                self._current[message.symbol] = message

    async def run(self) -> None:
        """Ask until cancelled."""
        await self._feed.run()

    def beat(self) -> Beat:
        """Return what its process would tell of it now."""
        return self._feed.beat(0, 0)


class Monitor:
    """The monitor's own judgement, fed with one heartbeat a look."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._calendar = bist()
        self._hearing = Hearing()
        self._connected_since: int | None = None

    def look(self, beat: Beat) -> Judgement:
        """Hear a heartbeat, and judge."""
        now_s, now = self._clock.monotonic(), self._clock.now_ms()
        heartbeat, feed, heard = beat.heartbeat, beat.state, beat.heard
        self._hearing.take(heartbeat, now, now_s)
        self._connected_since = feed.connected_since or self._connected_since
        state = self._hearing.state(
            now_s, watched_s=60, connected_since=self._connected_since, feed=feed, heard=heard,
            market=Moment(self._calendar, now, feed.delay_ms), poll_interval_s=feed.poll_interval_ms / 1000,
        )  # fmt: skip
        judgement = judge(state, TARGET_S)
        assert judgement is not None
        return judgement
