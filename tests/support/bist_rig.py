"""The ingest of Borsa İstanbul between the simulator and the monitor's mind, on virtual time and without a socket.

The ingest's poller asks the simulator's answer builder; what it publishes goes straight to the mind, heartbeats too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import NamedTuple, cast

import httpx
from prometheus_client import CollectorRegistry

from spark_bus import feed
from spark_bus.carrier import Beat
from spark_bus.cursor import EntryId
from spark_bus.publisher import Claim, Outgoing
from spark_bus.reader import Entry
from spark_ingest_bist import choice
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.symbollist import PULSE
from spark_ingest_bist.symbols import to_yahoo
from spark_ingest_bist.times import Times
from spark_ingest_bist.yahoo import YahooProtocol
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Alarm, Status, Ticker
from spark_market.sessions import Phase, bist
from spark_monitor.hours import Hours
from spark_monitor.latency import Latencies
from spark_monitor.mind import Found, Mind
from spark_monitor.roster import MOVES
from spark_service.clock import MarketClock
from spark_simulator.bist.assembly import Bist
from support.bist_days import DELAY_MS
from support.virtual_loop import VirtualClock

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
        self,
        symbols: Sequence[str],
        transport: Source,
        clock: VirtualClock,
        pace: Pacing,
        bus: Callable[[Outgoing], None],
        before: "Ingest | None",
    ) -> None:
        """``before`` is the one that wrote until now."""
        self._bus = bus
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
            self._bus(message)

    async def run(self) -> None:
        """Ask until cancelled."""
        await self._feed.run()

    def beat(self) -> Beat:
        """Return what its process would tell of it now."""
        return self._feed.beat(0, 0)


class Look(NamedTuple):
    """What the monitor says after a look: the status with its reason, and the alarms that are open."""

    status: Status
    reason: str
    alarms: list[Alarm]
    raised: list[Alarm]


class Monitor:
    """The monitor's own mind: it takes what is published in the moment it is, and one heartbeat a look."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._number = 0
        latencies = Latencies(CollectorRegistry(), [VENUE])
        hours = Hours(bist(), MarketClock(0, 0, wall_ms=clock.now_ms))
        self._mind = Mind(VENUE, TARGET_S, hours, latencies, _cannot_read)

    def take(self, message: Outgoing) -> None:
        """Take what was published."""
        self._append(message.kind, message.symbol, message.data)

    def _append(self, kind: str, symbol: str, data: bytes) -> None:
        self._number += 1
        entry = Entry(EntryId(self._clock.now_ms(), self._number), kind, symbol, data)
        self._mind.take([entry], self._clock.monotonic(), self._clock.now_ms())

    def look(self, beat: Beat) -> Look:
        """Hear a heartbeat, judge, and tell."""
        self._append("heartbeat", "", wire.encode(beat.heartbeat))
        now_s, now = self._clock.monotonic(), self._clock.now_ms()
        heard = {name.encode(): b"%d" % at for name, at in beat.heard.items()}
        judgement = self._mind.judge(Found(feed.encode(beat.state), heard, now), 60 + now_s, now_s)
        assert judgement is not None
        news = self._mind.news(judgement, now_s, now)
        self._mind.alarms.told(news, now_s)
        # How far the calendar reaches depends on when it was made, not on anything that happens here.
        alarms = [alarm for alarm in self._mind.alarms.open if alarm.id != f"{VENUE}:calendar"]
        raised = [alarm for alarm in news if alarm.state == "raised" and alarm in alarms]
        return Look(judgement.status, judgement.reason, alarms, raised)

    def expected_gap_s(self, symbol: str) -> float | None:
        """Return after what time a row has moved, but for a thousandth; None while that is not known."""
        moves = self._mind.roster.channel(MOVES)
        series = moves.series.get(symbol)
        return None if series is None else moves.expected_s(series, Phase.CONTINUOUS.value)


def _cannot_read(entry: Entry, error: Exception) -> None:
    raise AssertionError(f"{entry} cannot be read") from error
