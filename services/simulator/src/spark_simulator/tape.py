"""One pair's trades: ids in the venue's form, the last 50 of them, and what 24 hours of them add up to."""

from collections import deque
from random import Random
from typing import Final, NamedTuple

from spark_simulator.pairs import Pair

LISTED: Final = 50
"""How many trades the venue tells to who asks."""

_ID_BASE = 1000
_COUNTER_DIGITS = 14
_RESTART = 5_000_000_000  # far beyond what a list of trades spans
_SKIPS = 0.1  # how often a number is left out; what takes them at the venue is not known
_MOST_SKIPPED = 5


class Trade(NamedTuple):
    """One execution. ``price`` in ticks, ``size`` in units of the book; ``taker_buys`` is the truth about its side."""

    id: str
    time_ms: int
    price: int
    size: int
    taker_buys: bool


class Tape:
    """What was traded. High, low and volume only grow: the day that they are of does not end."""

    def __init__(self, pair: Pair, counter: int, open_price: int) -> None:
        """``counter`` is where the ids go on from, of at most 14 digits."""
        self.last: deque[Trade] = deque(maxlen=LISTED)
        self.open = self.high = self.low = self.price = open_price
        self.volume = self.turnover = 0
        self._prefix = str(_ID_BASE + pair.id)
        self._counter = counter

    def add(self, price: int, size: int) -> None:
        """Count ``size`` traded at ``price`` in."""
        self.price = price
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += size
        self.turnover += size * price

    def trade(self, price: int, size: int, *, taker_buys: bool, time_ms: int, random: Random) -> Trade:
        """Note one execution under the next id."""
        self._counter += 1
        if random.random() < _SKIPS:
            self._counter += 1 + int(random.random() * _MOST_SKIPPED)
        trade = Trade(f"{self._prefix}{self._counter:0{_COUNTER_DIGITS}}", time_ms, price, size, taker_buys)
        self.add(price, size)
        self.last.append(trade)
        return trade

    def restart_ids(self, *, lower: bool) -> None:
        """Go on from a number far from the last one, as after a restart of the venue's engine."""
        self._counter += -_RESTART if lower else _RESTART
