"""The ingest of Borsa İstanbul between the simulator and the monitor's judgement, on virtual time and without a socket.

The ingest's poller asks the simulator's answer builder; what its heartbeats would say goes straight to the monitor.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

import httpx
from prometheus_client import CollectorRegistry

from spark_bus.feed import FeedState
from spark_bus.publisher import Claim, Outgoing
from spark_ingest_bist.directory import Directory
from spark_ingest_bist.marketdata import MarketData
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.schedule import Schedule
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.symbols import to_yahoo
from spark_ingest_bist.times import Times
from spark_ingest_bist.yahoo import YahooProtocol
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat
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

    @property
    def protocol(self) -> YahooProtocol:
        """Yahoo's, for batches of that many."""

        class SmallBatches(YahooProtocol):
            most_symbols = self.batch

        return SmallBatches("http://simulator/bist/yahoo")


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
    """The ingest's own parts, as its process puts them together."""

    def __init__(
        self, symbols: Sequence[str], source: Source, clock: VirtualClock, pace: Pacing, before: "Ingest | None"
    ) -> None:
        """``before`` is the one that wrote until now."""
        self._clock = clock
        self._symbols = symbols
        self._last_tick: dict[str, int] = {} if before is None else before._last_tick
        self.published: Counter[str] = Counter() if before is None else before.published
        times, calendar = Times(clock, clock), bist()
        self._schedule = Schedule(calendar, DELAY_MS, pace.random.random())
        metrics = IngestMetrics(CollectorRegistry())
        directory = Directory(symbols, to_yahoo, calendar)
        self.market = MarketData(symbols, Mode.DELAYED, self._schedule, directory, metrics, times)
        heard = {} if before is None else before.market.heard
        self.market.lead(Claim("e", before is None, dict(self._last_tick), heard, {}), self._put, "start")
        wiring = Wiring(symbols, self.market, self._schedule, metrics, times, source)
        self._poller = Poller(
            pace.protocol, wiring, every_s=pace.every_s, most_per_hour=pace.most_per_hour, rand=pace.random.random,
        )  # fmt: skip

    def _put(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self.published[message.kind] += 1
            if message.gap is None:
                self._last_tick[message.channel] = message.received_at

    async def run(self) -> None:
        await self._poller.run()

    def beat(self) -> tuple[Heartbeat, FeedState, dict[str, int]]:
        since, moved = self._poller.connected_since, self.market.moved
        age = None if moved is None else int((self._clock.monotonic() - moved.monotonic) * 1000)
        heartbeat = Heartbeat(
            venue="bist", mode=Mode.DELAYED, sent_at=self._clock.now_ms(), connected=since is not None,
            ages={"ticker": age},
        )  # fmt: skip
        feed = FeedState(
            venue="bist", mode=Mode.DELAYED, connected=since is not None, connected_since=since,
            delay_ms=self._schedule.delay_ms, poll_interval_ms=int(self.market.interval_ms),
            subscriptions=len(self._symbols), unproven=[], reconnects=0, malformed=0, queued=0, dropped=0,
            source="poll",
        )  # fmt: skip
        return heartbeat, feed, self.market.heard


class Monitor:
    """The monitor's own judgement, fed with one heartbeat a look."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._calendar = bist()
        self._hearing = Hearing()
        self._connected_since: int | None = None

    def look(self, heartbeat: Heartbeat, feed: FeedState, heard: dict[str, int]) -> Judgement:
        now_s, now = self._clock.monotonic(), self._clock.now_ms()
        self._hearing.take(heartbeat, now, now_s)
        self._connected_since = feed.connected_since or self._connected_since
        state = self._hearing.state(
            now_s, watched_s=60, connected_since=self._connected_since, feed=feed, heard=heard,
            market=Moment(self._calendar, now, feed.delay_ms), poll_interval_s=feed.poll_interval_ms / 1000,
        )  # fmt: skip
        judgement = judge(state, TARGET_S)
        assert judgement is not None
        return judgement
