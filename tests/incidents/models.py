"""How two venues trade as a rule, and an ingest of each that says so: by a virtual clock, without a socket.

Words come at random, each subscription at a rate of its own, all of them faster and slower with the hour: by the
operational time of the market, which the models keep, every gap is as random as the last. Some are longer than that.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from spark_bus import feed
from spark_bus.cursor import EntryId
from spark_bus.feed import FeedState
from spark_bus.reader import Entry
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat
from spark_market.sessions import Calendar, Phase
from spark_market.sessions.phases import datetime_at
from spark_monitor.mind import Found

_BY_HOUR: Final = (
    0.55, 0.42, 0.34, 0.28, 0.25, 0.26, 0.32, 0.45, 0.65, 0.9, 1.15, 1.25,
    1.1, 1.05, 1.15, 1.3, 1.5, 1.6, 1.55, 1.4, 1.3, 1.2, 1.0, 0.75,
)  # fmt: skip
_MS: Final = 1000


@dataclass
class Series:
    """One subscription of the model: ``rate`` words a second of operational time; ``patient`` gaps are longer."""

    name: str
    rate: float
    patient: float = 0.0
    due: float = 0.0
    muted: bool = False

    def gap(self, rand: random.Random) -> float:
        longer = 2.0 if rand.random() < self.patient else 1.0
        return rand.expovariate(self.rate) * longer


@dataclass
class Ingest:
    """What any ingest keeps on the bus, and what may go wrong with it. ``clock_ms`` is by how much its clock is off."""

    venue: str
    mode: Mode
    heard: dict[bytes, bytes] = field(default_factory=dict)
    connected: bool = True
    connected_since: int = 0
    alive: bool = True
    silent: bool = False
    unproven: list[str] = field(default_factory=list)
    sockets: int = 1
    sockets_wanted: int = 1
    reconnects: int = 0
    clock_ms: int = 0
    word_at: int | None = None
    feed: bytes = b""
    number: int = 0
    entries: list[Entry] = field(default_factory=list)

    def hear(self, name: str, at_ms: int) -> None:
        self.heard[name.encode()] = b"%d" % (at_ms + self.clock_ms)

    def lose(self) -> None:
        """The venue closes the connection."""
        self.connected = False
        self.reconnects += 1

    def connect(self, now_ms: int) -> None:
        """There is another connection."""
        self.connected = self.alive = True
        self.connected_since = now_ms + self.clock_ms

    def step_clock(self, ms: int) -> None:
        """Set the clock: what was heard is set back with it, as the real one does, and not forward."""
        self.clock_ms += ms
        self.connected_since += ms
        if ms < 0:
            self.heard = {name: b"%d" % (int(at) + ms) for name, at in self.heard.items()}

    def publish(self, kind: str, symbol: str, now_ms: int, venue_time: int | None = None) -> None:
        times = b'"venueTime":%b,"receivedAt":%d}}' % (
            b"null" if venue_time is None else b"%d" % venue_time, now_ms + self.clock_ms,
        )  # fmt: skip
        self._append(kind, symbol, b'{"type":"%b","data":{"venue":"x",%b' % (kind.encode(), times), now_ms)

    def beat(self, now_ms: int, channels: tuple[str, ...]) -> None:
        age = None if self.word_at is None else now_ms - self.word_at
        heartbeat = Heartbeat(
            venue=self.venue, mode=self.mode, sent_at=now_ms + self.clock_ms, connected=self.connected,
            ages=dict.fromkeys(channels, age),
        )  # fmt: skip
        self._append("heartbeat", "", wire.encode(heartbeat), now_ms)

    def _append(self, kind: str, symbol: str, data: bytes, now_ms: int) -> None:
        self.number += 1
        self.entries.append(Entry(EntryId(now_ms, self.number), kind, symbol, data))

    def state(self, source: Literal["websocket", "poll"], delay_ms: int = 0, interval_ms: int = 0) -> None:
        self.feed = feed.encode(FeedState(
            venue=self.venue, mode=self.mode, connected=self.connected, connected_since=self.connected_since,
            delay_ms=delay_ms, poll_interval_ms=interval_ms, subscriptions=len(self.heard), unproven=self.unproven,
            reconnects=self.reconnects, malformed=0, queued=0, dropped=0, source=source, sockets=self.sockets,
            sockets_wanted=self.sockets_wanted,
        ))  # fmt: skip

    def found(self, now_ms: int) -> Found:
        return Found(self.feed, dict(self.heard), now_ms)


class Crypto:
    """Around the clock, faster by day than by night and at weekends slower, with bursts; one pair trades hourly."""

    venue: Final = "btcturk"
    channels: Final = ("ticker", "trade", "book")

    def __init__(self, calendar: Calendar, start_ms: int, pairs: int, rand: random.Random) -> None:
        self.calendar = calendar
        self._rand = rand
        self.ingest = Ingest(self.venue, Mode.REAL, connected_since=start_ms)
        self.symbols = [f"C{number:03}_TRY" for number in range(pairs)]
        self.series: dict[str, Series] = {}
        self.tickers = {f"ticker:{symbol}": Series(f"ticker:{symbol}", 1.3) for symbol in self.symbols}
        for rank, symbol in enumerate(self.symbols, start=1):
            thinnest = rank == pairs
            self._add(f"trade:{symbol}", 1 / 3_600 if thinnest else 0.5 / rank**1.6)
            self._add(f"book:{symbol}", 1 / 90 if thinnest else 1.3 / rank**0.8)
        self._activity = 1.0
        self._burst_until = 0
        self.operational_s = 0.0

    def _add(self, name: str, rate: float) -> None:
        series = Series(name, rate, patient=self._rand.choice((0.0, 0.1)))
        series.due = series.gap(self._rand)
        self.series[name] = series

    def connect(self, now_ms: int) -> None:
        """Join everything on another connection: each begins with a ticker, a book, the last trades."""
        self.ingest.connect(now_ms)
        for name, series in (self.tickers | self.series).items():
            if not series.muted:
                self.ingest.hear(name, now_ms)

    def activity(self, now_ms: int) -> float:
        """Return how fast operational time passes."""
        local = datetime_at(now_ms)
        hour = local.hour + local.minute / 60
        low, share = int(hour), hour - int(hour)
        by_hour = _BY_HOUR[low] * (1 - share) + _BY_HOUR[(low + 1) % 24] * share
        weekend = 0.6 if local.weekday() >= 5 else 1.0
        burst = 4.0 if now_ms < self._burst_until else 1.0
        return by_hour * weekend * burst * self._activity

    def pass_time(self, now_ms: int, step_s: float) -> None:
        """Let the step before ``now_ms`` happen."""
        rand, ingest = self._rand, self.ingest
        self._activity = math.exp(0.999 * math.log(self._activity) + rand.gauss(0, 0.01))
        if rand.random() < step_s / 43_200:
            self._burst_until = now_ms + 600_000
        began = self.operational_s
        self.operational_s += step_s * self.activity(now_ms)
        if not ingest.alive:
            return
        if ingest.connected and not ingest.silent:
            for name, series in self.tickers.items():
                if not series.muted:
                    ingest.hear(name, now_ms - rand.randrange(760))
                    ingest.word_at = now_ms
            self._words(now_ms, step_s, began)
        ingest.beat(now_ms, self.channels)
        ingest.state("websocket")

    def _words(self, now_ms: int, step_s: float, began: float) -> None:
        rand, until = self._rand, self.operational_s
        ingest = self.ingest
        per_operational = step_s * _MS / (until - began)
        for name, series in self.series.items():
            if series.due > until:
                continue
            last = series.due
            if series.rate * (until - began) > 5:
                last, series.due = until, until + series.gap(rand)
            else:
                while series.due <= until:
                    last = series.due
                    series.due += series.gap(rand)
            channel, _, symbol = name.partition(":")
            if channel == "book" and not self.tickers[f"ticker:{symbol}"].muted:
                ingest.publish("ticker", symbol, now_ms)  # the best quotes moved, whether or not the book is told
            if series.muted:
                continue
            at_ms = now_ms - int((until - last) * per_operational)
            ingest.hear(name, at_ms)
            ingest.word_at = max(ingest.word_at or 0, at_ms)
            if channel == "trade":
                ingest.publish("trade", symbol, now_ms, venue_time=now_ms - 8 - int(rand.expovariate(0.2)))


class Shares:
    """Borsa İstanbul as a delayed source shows it when it is asked: an opening burst, a lull at lunch, nights."""

    venue: Final = "bist"
    channels: Final = ("ticker",)
    delay_ms = 900_000
    interval_ms = 20_000

    def __init__(self, calendar: Calendar, start_ms: int, symbols: int, rand: random.Random) -> None:
        self.calendar = calendar
        self._rand = rand
        self.ingest = Ingest(self.venue, Mode.DELAYED, connected_since=start_ms)
        self.symbols = [f"S{number:03}" for number in range(symbols)]
        self.series: dict[str, Series] = {}
        for rank, symbol in enumerate(self.symbols, start=1):
            series = Series(f"ticker:{symbol}", 1.0 / rank**1.1)
            series.due = series.gap(rand)
            self.series[series.name] = series
        self.frozen: set[str] = set()
        self.asked_ms = 0
        self.operational_s = 0.0
        self._asked_operational_s = 0.0

    def connect(self, now_ms: int) -> None:
        """Ask or listen again."""
        self.ingest.connect(now_ms)

    def activity(self, now_ms: int) -> float:
        """Return how fast operational time passes where the source is: so much later."""
        shown = now_ms - self.delay_ms
        if self.calendar.at(shown) is not Phase.CONTINUOUS:
            return 0.0
        local = datetime_at(shown)
        minute = local.hour * 60 + local.minute - 600
        burst = 5.0 * math.exp(-minute / 12)
        lunch = 0.3 if 160 <= minute < 240 else 1.0
        return burst + lunch

    def pass_time(self, now_ms: int, step_s: float) -> None:
        """Let the step before ``now_ms`` happen."""
        ingest = self.ingest
        self.operational_s += step_s * self.activity(now_ms)
        if not ingest.alive:
            return
        session = self.calendar.session(now_ms - self.delay_ms)
        asked = session is not None and now_ms >= session.opens_at
        if asked and ingest.connected and now_ms - self.asked_ms >= self.interval_ms:
            self.asked_ms = now_ms
            self._answer(now_ms)
        ingest.beat(now_ms, self.channels)
        ingest.state("poll", self.delay_ms, self.interval_ms)

    def _answer(self, now_ms: int) -> None:
        rand, ingest = self._rand, self.ingest
        for name, series in self.series.items():
            if not series.muted:
                ingest.hear(name, now_ms)
            moved = series.due <= self.operational_s
            while series.due <= self.operational_s:
                series.due += series.gap(rand)
            symbol = name.partition(":")[2]
            if moved and not series.muted and not ingest.silent and symbol not in self.frozen:
                ingest.publish("ticker", symbol, now_ms, venue_time=now_ms - self.delay_ms)
                ingest.word_at = now_ms


class PushedShares(Shares):
    """The same as a licensed source sends it by itself, as it happens: a row that does not move is not heard either."""

    delay_ms = 0
    interval_ms = 0

    def pass_time(self, now_ms: int, step_s: float) -> None:
        """Let the step before ``now_ms`` happen."""
        rand, ingest = self._rand, self.ingest
        self.operational_s += step_s * self.activity(now_ms)
        if not ingest.alive:
            return
        for name, series in self.series.items():
            moved = series.due <= self.operational_s
            while series.due <= self.operational_s:
                series.due += series.gap(rand)
            if moved and not series.muted and ingest.connected:
                ingest.hear(name, now_ms)
                ingest.publish("ticker", name.partition(":")[2], now_ms, venue_time=now_ms - 900)
                ingest.word_at = now_ms
        ingest.beat(now_ms, self.channels)
        ingest.state("websocket")


Venue = Crypto | Shares


def every(calendar: Calendar, since_ms: int, until_ms: int) -> Iterator[int]:
    """Yield the beginnings of the days that trade."""
    at = since_ms
    while at < until_ms:
        if calendar.day(datetime_at(at).date()) is not None:
            yield at
        at += 86_400_000
