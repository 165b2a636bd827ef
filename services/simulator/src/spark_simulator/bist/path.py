"""One instrument's trading day: what was paid when, and what had been traded, highest and lowest by then.

It is made whole, of a few hundred points, when somebody first looks at the day; looking up a time is a bisection. Busy
shares trade between the points as well, on the straight way from one to the next, so that the highest and lowest prices
are always known.
"""

from bisect import bisect_right
from itertools import accumulate
from math import sqrt
from random import Random
from typing import NamedTuple

from spark_simulator.bist.catalogue import Instrument
from spark_simulator.bist.days import MarketDay
from spark_simulator.bist.grid import limits, nearest

_SPACING_MS = 120_000
_BUSY_MS = 60_000  # who trades more often has points at that spacing, and trades between them
_IN_AUCTIONS_MS = 300_000  # who trades more rarely has no opening and no closing price of its own
_GAP = 0.008
_SWING = 0.02
_TOGETHER = 0.008
_OPENING_SHARE, _CLOSING_SHARE = 0.03, 0.06
_FAR = 0.09  # inside the daily limits
_AUCTION_MS = 55_000  # of the minute in which the price of an auction is found
MARKET_POINTS = 256


class Print(NamedTuple):
    """The last trade at some moment, and the day up to it; prices in kuruş, ``turnover`` too; ``time`` is ms UTC."""

    time: int
    price: int
    high: int
    low: int
    volume: int
    turnover: int


def together(seed: int, ordinal: int) -> list[float]:
    """Return how far the whole market is off its way through a day, at equal distances in trading time."""
    return _bridge(Random(f"day:{seed}:{ordinal}"), MARKET_POINTS, _TOGETHER)  # noqa: S311 - a market, no secret


class Path:
    """``open`` is the first price; ``before`` and ``close`` are what it closed at the day before and will close at."""

    def __init__(
        self, seed: int, instrument: Instrument, day: MarketDay, before: int, close: int, market: list[float]
    ) -> None:
        random = Random(f"{seed}:{instrument.symbol}:{day.ordinal}")  # noqa: S311 - a market, no secret
        self.day = day
        self.before = before
        # After days too many for the limits the exchange sets a new reference price.
        self.reference = before if abs(close / before - 1) <= _FAR else close
        self.lower, self.upper = limits(self.reference)
        auctions = instrument.pause_ms <= _IN_AUCTIONS_MS
        opened = random.randrange(_AUCTION_MS)
        closed = random.randrange(_AUCTION_MS)
        self._opened = day.opening + opened if auctions and day.opening is not None else None
        self._closed = day.closes + closed if auctions and day.closes is not None else None
        self._pace = instrument.pause_ms if instrument.pause_ms < _BUSY_MS else None
        self._times = self._moments(random, instrument)
        first = round(self.reference * (1 + random.uniform(-_GAP, _GAP)))
        last = close * (1 + random.uniform(-0.002, 0.002)) if self._closed is not None else close
        self._prices = self._walk(random, instrument, first, last, market)
        self.open = (first if instrument.index else nearest(first)) if self._opened is not None else self._prices[0]
        self._sum_up(random, instrument, close)

    def at(self, ms: int) -> Print | None:
        """Return the last trade of the day at ``ms``; None before the first."""
        if self._closing is not None and ms >= self._closing.time:
            return self._closing
        traded = self.day.traded(ms)
        nth = bisect_right(self._times, traded) - 1
        if nth < 0:
            return self._opening if self._opening is not None and ms >= self._opening.time else None
        since, price, volume, turnover = self._times[nth], self._prices[nth], self._volumes[nth], self._turnovers[nth]
        if self._pace is not None and nth + 1 < len(self._times):
            steps = int((traded - since) / self._pace)
            part = steps * self._pace / (self._times[nth + 1] - since)
            since += int(steps * self._pace)
            price = self._between(price, self._prices[nth + 1], part)
            more = int(part * (self._volumes[nth + 1] - volume))
            volume += more
            turnover += more * price
        return Print(
            self.day.when(since), price, max(price, self._highs[nth]), min(price, self._lows[nth]), volume, turnover
        )

    def _between(self, price: int, following: int, part: float) -> int:
        way = price + (following - price) * part
        return round(way) if self._index else nearest(way)

    def _moments(self, random: Random, instrument: Instrument) -> list[int]:
        length = max(2, self.day.trading_ms)
        if self._pace is not None:
            return [1, *range(2 + random.randrange(_SPACING_MS), length - 1, _SPACING_MS), max(2, length - 1)]
        count = max(1, round(length / instrument.pause_ms * random.uniform(0.7, 1.3)))
        return sorted({1 + random.randrange(length - 1) for _ in range(count)})

    def _walk(self, random: Random, instrument: Instrument, first: int, last: float, market: list[float]) -> list[int]:
        times, length = self._times, max(2, self.day.trading_ms)
        least = max(self.lower, self.reference * (1 - _FAR))
        most = min(self.upper, self.reference * (1 + _FAR))
        count = len(times)
        bridge = _bridge(random, count, _SWING)
        slope = (last - first) / count
        ways = [
            min(most, max(least, first + slope * nth + first * (own + market[time * MARKET_POINTS // length])))
            for nth, (own, time) in enumerate(zip(bridge, times, strict=True), start=1)
        ]
        ways[-1] = last
        return [round(way) for way in ways] if instrument.index else [nearest(way) for way in ways]

    def _sum_up(self, random: Random, instrument: Instrument, close: int) -> None:
        self._index = instrument.index
        prices, count = self._prices, len(self._prices)
        shares = instrument.shares * random.uniform(0.6, 1.6)
        opening = int(shares * _OPENING_SHARE) if self._opened is not None else 0
        each = shares / count
        sizes = [int(each * (0.4 + 1.2 * random.random())) + 1 for _ in prices] if shares else [0] * count
        self._volumes = list(accumulate(sizes, initial=opening))[1:]
        worth = [size * price for size, price in zip(sizes, prices, strict=True)]
        self._turnovers = list(accumulate(worth, initial=opening * self.open))[1:]
        self._highs = list(accumulate(prices, max, initial=self.open))[1:]
        self._lows = list(accumulate(prices, min, initial=self.open))[1:]
        self._opening: Print | None = None
        if self._opened is not None:
            self._opening = Print(self._opened, self.open, self.open, self.open, opening, opening * self.open)
        self._closing: Print | None = None
        if self._closed is not None:
            more = int(shares * _CLOSING_SHARE)
            self._closing = Print(
                self._closed,
                close,
                max(close, self._highs[-1]),
                min(close, self._lows[-1]),
                self._volumes[-1] + more,
                self._turnovers[-1] + more * close,
            )


def _bridge(random: Random, count: int, size: float) -> list[float]:
    """Return a random way of ``count`` steps that ends where it began."""
    scale = size / sqrt(count)
    way = list(accumulate([(random.random() - 0.5) * 2 * scale for _ in range(count)]))
    end = way[-1] / count
    return [height - end * nth for nth, height in enumerate(way, start=1)]
