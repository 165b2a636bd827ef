"""The market: for each pair an order book that moves at random from a seed, and trades at its touch.

Orders come and go at the pair's moments, `step`; trades happen in between, each against the best level of that time.
All else follows from these two: tickers, book frames, trade frames and REST's answers are views of one state.
"""

import time
from collections.abc import Iterable
from functools import partial
from random import Random
from typing import Final, NamedTuple

from spark_simulator.book import Book, Change, Side
from spark_simulator.pairs import Pair
from spark_simulator.row import SIZE_SCALE, Row, decimals
from spark_simulator.tape import LISTED, Tape, Trade

TRADING: Final = "TRADING"
DEFAULT_TRADES_PER_MINUTE: Final = 3.7  # BTCTRY's, August 2026
DEFAULT_INTERVAL_S: Final = 0.76

_QUOTED_A_DAY = {"TRY": 100_000_000, "USDT": 1_500_000}  # what the busiest pair trades in 24 h
_RESTING = {"TRY": 48_000, "USDT": 1_000}  # what is usually offered at one price
_HOURS = 24
_VOLUME_SCALE = 8
_VOLUME_UNIT = 10 ** (SIZE_SCALE - _VOLUME_SCALE)
_AVERAGE_SCALE = 8  # the feed pads the average to 12, but means no more than these
_AVERAGE_PADDING = "0000"
_MS_TO_1970 = 62_135_596_800_000  # from the year 1, where the venue's trade ids count from

# With these, 379 pairs at the default probability send the venue's 163 book frames a second (the busiest pairs one an
# interval), 104 tickers that differ, and some 345 book frames a second in bursts.
_QUIET_RANK, _QUIETER = 379, 2.4
_BURST = 3.1
_BURSTS = 1 / 20
_BURST_INTERVALS = 4

_LEAST_LEVELS, _MOST_LEVELS = 115, 150  # of a side: always some beyond the window
_DEPTH = 0.045  # how far from the touch the last level is, of the price
_ARRIVE, _GO = 0.33, 0.28  # of the orders that come: new levels, and levels that go
_FINE = 0.02  # how many sizes have 12 decimals
_SWEEPS = 0.15  # how many takers take more than the best level
_DEEPEST_SWEEP = 3


class Difference(NamedTuple):
    """What one publication of a book changes."""

    change_set: int
    bids: list[Change]
    asks: list[Change]


class PairMarket:
    """One pair. The same seed and the same steps and trades give the same market, whoever else is traded."""

    def __init__(
        self,
        pair: Pair,
        seed: int,
        change_probability: float,
        rank: int = 0,
        *,
        trades_per_minute: float = DEFAULT_TRADES_PER_MINUTE,
        interval_s: float = DEFAULT_INTERVAL_S,
        now_ms: int | None = None,
    ) -> None:
        """``rank`` is the pair's place by activity, 0 the busiest, at which ``trades_per_minute`` is meant."""
        self.pair = pair
        self.status = TRADING
        self.book = Book()
        self._random = Random(f"{seed}/{pair.symbol}")  # noqa: S311 - the same market every time is the point
        self._seed = seed
        self._steps = 0
        self._traded = False
        self._change_probability = change_probability
        self._activity = float(change_probability ** (_QUIETER * (rank + 1) / (_QUIET_RANK + 1)))
        busyness = 1 / (1 + rank / 4)
        self._trades_per_step = trades_per_minute * busyness * interval_s / 60
        self._granule: int = 10 ** (SIZE_SCALE - pair.size_scale)
        self._unit: int = 10 ** (SIZE_SCALE + pair.price_scale)
        self._reference = int(pair.reference_price.scaleb(pair.price_scale))
        self._gap = max(2, int(self._reference * _DEPTH / _LEAST_LEVELS))
        self._reach = self._gap * _LEAST_LEVELS
        self._resting = _RESTING.get(pair.quote, 1_000)
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        self.tape = Tape(pair, now_ms + _MS_TO_1970, self._reference)
        self._traded_row: tuple[Row, Row] | None = None
        self._live_a_day(int(_QUOTED_A_DAY.get(pair.quote, 100_000) * busyness) + 1)
        self._open_book()
        self._trade_a_while(now_ms, 60_000 / (DEFAULT_TRADES_PER_MINUTE * busyness))
        self.change_set = self._between(10**5, 10**7)
        self.orderbook_offset = self._between(10**3, 10**5)
        self.publish()
        self._row: Row | None = None

    def step(self) -> bool:
        """Let orders come and go for one interval; return whether the ticker changed."""
        self._steps += 1
        if not self.trades:
            return False
        draw, touch = self._random.random(), self._random.random()
        activity = self._activity
        if activity < 1 and _bursts(self._seed, self._steps):
            activity = min(1.0, activity * _BURST)
        traded, self._traded = self._traded, False
        if draw >= activity and not traded:
            return False
        changes = touch * activity < self._change_probability or traded
        if changes:
            self._move_touch()
            self._row = None
        self._orders(4 + int(self._random.random() * 6))
        self._keep_deep()
        return changes

    def moments(self) -> list[float]:
        """Return when, as parts of the coming interval, somebody trades."""
        if not self.trades or not self._trades_per_step:
            return []
        # Arrivals of a Poisson process: the gaps between them are exponential.
        found, at = [], self._random.expovariate(self._trades_per_step)
        while at < 1:
            found.append(at)
            at += self._random.expovariate(self._trades_per_step)
        return found

    def trade(self, now_ms: int) -> list[Trade]:
        """Let one taker take the best level, or some more; return the executions, in order."""
        self._row = self._traded_row = None
        self._traded = True
        taker_buys = self._random.random() < 0.5
        side = self.book.asks if taker_buys else self.book.bids
        levels = 1 + int(self._random.random() * _DEEPEST_SWEEP) if self._random.random() < _SWEEPS else 1
        done = [self._fill(side, 1.0, taker_buys, now_ms) for _ in range(levels - 1)]
        done.append(self._fill(side, 0.05 + 0.95 * self._random.random(), taker_buys, now_ms))
        self._keep_deep()
        return done

    def refill(self) -> None:
        """Let makers offer at the touch what they usually do, so that any number of trades can follow one another."""
        self._row = None
        for side in (self.book.bids, self.book.asks):
            side.set(side.best, self._size())

    @property
    def trades(self) -> bool:
        """Whether it is not halted."""
        return self.status == TRADING

    def publish(self, *, numbered: bool = True) -> Difference | None:
        """Return what changed in the window, None when nothing did; unless ``numbered``, the change set stays."""
        bids, asks = self.book.bids.publish(), self.book.asks.publish()
        if not bids and not asks:
            return None
        self.change_set += numbered
        return Difference(self.change_set, bids, asks)

    def row(self) -> Row:
        """Return the ticker row as it now stands."""
        if self._row is None:
            self._row = self._new_row()
        return self._row

    # How a market comes to be

    def _live_a_day(self, worth: int) -> None:
        """Trade for 24 hours before anybody listens."""
        price = self._reference
        for _ in range(_HOURS):
            price += self._between(-self._reference // 100, self._reference // 100)
            self.tape.add(price, max(1, worth // _HOURS * self._unit // price))
        self._usual = 2 * self._resting * self._unit // (price * self._granule)  # twice the size usual at one price

    def _open_book(self) -> None:
        price = self.tape.price
        for side, sign in ((self.book.bids, -1), (self.book.asks, 1)):
            key = sign * price + self._between(1, self._gap)
            for _ in range(_LEAST_LEVELS + 15):
                side.set(key, self._size())
                key += self._between(1, 2 * self._gap - 1)

    def _trade_a_while(self, now_ms: int, mean_gap_ms: float) -> None:
        gaps = [1 + int(self._random.expovariate(1 / mean_gap_ms)) for _ in range(LISTED)]
        at = now_ms - sum(gaps)
        for gap in gaps:
            at += gap
            self.trade(at)
            self._move_touch()
        self._traded = False
        self._keep_deep()

    # What orders do

    def _orders(self, number: int) -> None:
        """Orders below the touch: another size at a level, a new level or one less, mostly near the best."""
        random = self._random.random
        for _ in range(number):
            side = self.book.bids if random() < 0.5 else self.book.asks
            keys = side.keys
            kind, near = random(), random() ** 2
            if kind < _ARRIVE:  # by distance, while all else is by rank: so the book stays as dense as it is
                side.set(keys[0] + 1 + int(self._reach * near), self._size())
                continue
            nth = 1 + int((len(keys) - 2) * near)
            if kind < _ARRIVE + _GO:
                side.remove(nth)
            else:
                side.set(keys[nth], self._size())

    def _move_touch(self) -> None:
        """Move the best bid and ask a little, up or down, with new sizes at both: a ticker never comes again."""
        book = self.book
        spread = book.ask - book.bid
        rises = self._random.random() < 0.5 + 1.5 * (1 - (book.bid + book.ask) / (2 * self._reference))
        buyers, sellers = book.bids, book.asks
        mover, other = (buyers, sellers) if rises else (sellers, buyers)
        improves = spread > 1 and (spread > 2 * self._gap or self._random.random() < 0.5)
        if improves:
            room = spread - 1
            mover.set(mover.best - (1 + int(self._random.random() * room)), self._size())
        elif spread < 4 * self._gap:
            other.remove(0)
        for side in (buyers, sellers):
            held, size = side.sizes[side.best], self._size()
            side.set(side.best, size if size != held else size + self._granule)

    def _keep_deep(self) -> None:
        """Add or take levels at the far end, beyond the window, as the price leaves them or comes near them."""
        for side in (self.book.bids, self.book.asks):
            while len(side.keys) < _LEAST_LEVELS:
                side.set(side.keys[-1] + self._between(1, 2 * self._gap - 1), self._size())
            while len(side.keys) > _MOST_LEVELS:
                side.remove(-1)

    def _fill(self, side: Side, part: float, taker_buys: bool, now_ms: int) -> Trade:
        """Execute ``part`` of the best level."""
        key = side.best
        held = side.sizes[key]
        size = held if part >= 1 else max(1, int(held * part) // self._granule) * self._granule
        if size >= held:
            size = held
            side.remove(0)
        else:
            side.set(key, held - size)
        return self.tape.trade(abs(key), size, taker_buys=taker_buys, time_ms=now_ms, random=self._random)

    def _size(self) -> int:
        """Return a size of about the usual worth; a few are finer than the pair's own scale, as at the venue."""
        draw = self._random.random()
        size = (1 + int(draw * self._usual)) * self._granule
        # What is left of the same draw is as random, and drawing is what costs here.
        rest = draw * 1e6 % 1
        return size + int(rest / _FINE * self._granule) if rest < _FINE else size

    def _between(self, least: int, most: int) -> int:
        return least + int(self._random.random() * (most - least + 1))

    # What a ticker says

    def _new_row(self) -> Row:
        book, scale = self.book, self.pair.price_scale
        bid, ask = book.bid, book.ask
        if self._traded_row is None:
            self._traded_row = self._new_traded_row()
        traded, rest = self._traded_row
        return {
            "B": f'"{decimals(bid, scale)}"',
            "A": f'"{decimals(ask, scale)}"',
            "BA": f'"{decimals(book.bids.sizes[-bid], SIZE_SCALE)}"',
            "AA": f'"{decimals(book.asks.sizes[ask], SIZE_SCALE)}"',
            **traded,
            "D": f'"{decimals(ask - self.tape.open, scale)}"',  # of the ask, though the percentage is of the last price
            **rest,
        }

    def _new_traded_row(self) -> tuple[Row, Row]:
        """Return what only a trade changes, before and after the key ``D``."""
        pair, tape, scale = self.pair, self.tape, self.pair.price_scale
        return {
            "PS": f'"{pair.symbol}"',
            "H": f'"{decimals(tape.high, scale)}"',
            "L": f'"{decimals(tape.low, scale)}"',
            "LA": f'"{decimals(tape.price, scale)}"',
            "O": f'"{decimals(tape.open, scale)}"',
            "V": f'"{decimals(tape.volume // _VOLUME_UNIT, _VOLUME_SCALE)}"',
            "AV": f'"{self._average()}"',
        }, {
            "DP": f'"{self._change_percent()}"',
            "DS": f'"{pair.quote}"',
            "NS": f'"{pair.base}"',
            "PId": str(pair.id),
        }

    def _average(self) -> str:
        units = self.tape.turnover * 10**_AVERAGE_SCALE // (self.tape.volume * 10**self.pair.price_scale)
        return _padded(units, _AVERAGE_SCALE) + _AVERAGE_PADDING

    def _change_percent(self) -> str:
        opened = self.tape.open
        change = self.tape.price - opened
        hundredths = (abs(change) * 20_000 + opened) // (2 * opened)  # half up
        return _padded(-hundredths if change < 0 else hundredths, 2)


def _padded(units: int, scale: int) -> str:
    whole, fraction = divmod(abs(units), 10**scale)
    return f"{'-' if units < 0 else ''}{whole}.{fraction:0{scale}}"


def _bursts(seed: int, step: int) -> bool:
    """Return whether the whole market is in a burst, the same for every pair."""
    block = step // _BURST_INTERVALS
    return hash((seed, block)) % 1000 < 1000 * _BURSTS


class Market:
    """All pairs that are traded, each on its own."""

    def __init__(
        self,
        pairs: Iterable[Pair],
        seed: int,
        change_probability: float,
        *,
        trades_per_minute: float = DEFAULT_TRADES_PER_MINUTE,
        interval_s: float = DEFAULT_INTERVAL_S,
        now_ms: int | None = None,
    ) -> None:
        self._made = partial(
            PairMarket,
            seed=seed,
            change_probability=change_probability,
            trades_per_minute=trades_per_minute,
            interval_s=interval_s,
            now_ms=now_ms,
        )
        self._traded = {pair.symbol: self._made(pair, rank=rank) for rank, pair in enumerate(pairs)}

    @property
    def pairs(self) -> list[Pair]:
        """Every pair that is listed, in the order of the venue's lists."""
        return [traded.pair for traded in self._traded.values()]

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._traded

    def __getitem__(self, symbol: str) -> PairMarket:
        """Return one pair's market; KeyError when it is not listed."""
        return self._traded[symbol]

    def row(self, symbol: str) -> Row:
        """Return the pair's ticker row as it now stands."""
        return self._traded[symbol].row()

    def status(self, symbol: str) -> str:
        """Return what exchangeinfo says of a pair."""
        return self._traded[symbol].status

    def list(self, pair: Pair, rank: int) -> None:
        """Begin to trade a pair; its market is as if it had been there from the start."""
        self._traded[pair.symbol] = self._made(pair, rank=rank)

    def delist(self, symbol: str) -> None:
        """Trade a pair no more."""
        del self._traded[symbol]
