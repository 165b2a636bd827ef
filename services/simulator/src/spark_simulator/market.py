"""The market: every pair's prices walk at random from a seed, in whole ticks, so no digit is ever noise."""

from collections.abc import Sequence
from random import Random

from spark_simulator.pairs import Pair
from spark_simulator.row import Row, decimals

_QUOTED_A_DAY = {"TRY": 100_000_000, "USDT": 1_500_000}  # what the busiest pair trades in 24 h
_TRADES_A_DAY = 34_000  # at the venue's pace; makes the volume grow as fast as it began
_HOURS = 24
_AVERAGE_SCALE = 8  # the feed pads the average to 12, but means no more than these
_AVERAGE_PADDING = "0000"


class Walk:
    """The last day of one pair, one step at a time. The same seed and number of steps give the same prices."""

    def __init__(self, pair: Pair, seed: int, change_probability: float, busyness: float = 1.0) -> None:
        self.pair = pair
        # A generator of its own: a pair's prices do not depend on how many other pairs there are.
        self._random = Random(f"{seed}/{pair.symbol}")  # noqa: S311 - the same prices every time are the point
        self._change_probability = change_probability
        self._day = int(_QUOTED_A_DAY.get(pair.quote, 100_000) * busyness) + 1
        self._reference = int(pair.reference_price.scaleb(pair.price_scale))
        self._open = self._high = self._low = self._last = self._reference
        self._volume = self._turnover = 0
        self._row: Row | None = None
        for _ in range(_HOURS):
            self._trade(reach=self._reference // 100, worth=self._day // _HOURS)

    def step(self) -> bool:
        """Let one interval pass; return whether anything changed."""
        if self._random.random() >= self._change_probability:
            return False
        self._trade(reach=self._reference // 3000, worth=self._day // _TRADES_A_DAY)
        return True

    def row(self) -> Row:
        """Return the ticker row as it now stands."""
        if self._row is None:
            self._row = self._new_row()
        return self._row

    def _trade(self, reach: int, worth: int) -> None:
        """One trade at most ``reach`` ticks away, worth about ``worth`` of the quote currency, and new quotes."""
        self._last = self._kept_plausible(self._last + self._between(-max(2, reach), max(2, reach)))
        self._high = max(self._high, self._last)
        self._low = min(self._low, self._last)
        amount = self._amount(worth)
        self._volume += amount
        self._turnover += amount * self._last
        spread = max(1, self._last // 3000)
        self._bid = self._last - self._between(1, spread)
        self._ask = self._last + self._between(1, spread)
        self._bid_size, self._ask_size = self._amount(10 * worth), self._amount(10 * worth)
        self._row = None

    def _kept_plausible(self, price: int) -> int:
        """Turn back at a third off the price it started from, however long the simulator runs."""
        top, bottom = self._reference * 4 // 3, self._reference * 2 // 3
        if price > top:
            return 2 * top - price
        return 2 * bottom - price if price < bottom else price

    def _amount(self, worth: int) -> int:
        """Return an amount, in units of the size scale, of about this worth; never nothing, so a trade shows."""
        unit = 10 ** (self.pair.price_scale + self.pair.size_scale)
        return max(1, self._between(1, 2 * max(1, worth) * unit) // self._last)

    def _between(self, least: int, most: int) -> int:
        return least + int(self._random.random() * (most - least + 1))

    def _new_row(self) -> Row:
        pair = self.pair

        def price(ticks: int) -> str:
            return f'"{decimals(ticks, pair.price_scale)}"'

        def size(units: int) -> str:
            return f'"{decimals(units, pair.size_scale)}"'

        return {
            "B": price(self._bid),
            "A": price(self._ask),
            "BA": size(self._bid_size),
            "AA": size(self._ask_size),
            "PS": f'"{pair.symbol}"',
            "H": price(self._high),
            "L": price(self._low),
            "LA": price(self._last),
            "O": price(self._open),
            "V": size(self._volume),
            "AV": f'"{self._average()}"',
            "D": price(self._ask - self._open),  # the venue takes the ask here, but the last price for the percentage
            "DP": f'"{self._change_percent()}"',
            "DS": f'"{pair.quote}"',
            "NS": f'"{pair.base}"',
            "PId": str(pair.id),
        }

    def _average(self) -> str:
        units = self._turnover * 10**_AVERAGE_SCALE // (self._volume * 10**self.pair.price_scale)
        return _padded(units, _AVERAGE_SCALE) + _AVERAGE_PADDING

    def _change_percent(self) -> str:
        change = self._last - self._open
        hundredths = (abs(change) * 20_000 + self._open) // (2 * self._open)  # half up
        return _padded(-hundredths if change < 0 else hundredths, 2)


def _padded(units: int, scale: int) -> str:
    whole, fraction = divmod(abs(units), 10**scale)
    return f"{'-' if units < 0 else ''}{whole}.{fraction:0{scale}}"


class Market:
    """All pairs that are traded, each on its own walk."""

    def __init__(self, pairs: Sequence[Pair], seed: int, change_probability: float) -> None:
        self.pairs = pairs
        self._walks = {
            pair.symbol: Walk(pair, seed, change_probability, busyness=1 / (1 + nth / 4))
            for nth, pair in enumerate(pairs)
        }

    def step(self, symbol: str) -> bool:
        """Let one interval pass for one pair; return whether anything changed."""
        return self._walks[symbol].step()

    def row(self, symbol: str) -> Row:
        """Return the pair's ticker row as it now stands."""
        return self._walks[symbol].row()
