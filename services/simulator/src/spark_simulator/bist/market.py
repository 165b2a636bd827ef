"""The market: what anybody can be told of an instrument at a time, a function of the seed, the calendar and that time.

Nothing is simulated that nobody looks at, and nothing depends on who has looked before: nights and months cost nothing.
"""

from typing import NamedTuple
from zlib import crc32

from spark_market.sessions import Calendar
from spark_simulator.bist.catalogue import Instrument, catalogue
from spark_simulator.bist.days import Days, MarketDay
from spark_simulator.bist.grid import above, below
from spark_simulator.bist.levels import Levels
from spark_simulator.bist.path import Path, Print, together

_PATHS_KEPT = 3  # of an instrument: today's, that of a delayed source, and of the day before
_THIN_MS = 60_000
_PER_KURUS = 100


class Quote(NamedTuple):
    """An instrument's state. Prices and ``turnover`` are kuruş, ``vwap`` hundredths of one, ``time`` the last trade's.

    It is all of one day, the one of the last trade: in the morning that is the day before. Of an index everything
    after ``previous_close`` is None.
    """

    symbol: str
    name: str
    time: int
    price: int
    open: int
    high: int
    low: int
    previous_close: int
    bid: int | None = None
    ask: int | None = None
    bid_size: int | None = None
    ask_size: int | None = None
    reference: int | None = None
    lower: int | None = None
    upper: int | None = None
    volume: int | None = None
    turnover: int | None = None
    vwap: int | None = None


class BistMarket:
    """600 instruments that trade when the calendar says so."""

    def __init__(self, seed: int, calendar: Calendar) -> None:
        self.seed = seed
        self.calendar = calendar
        self.instruments: dict[str, Instrument] = {each.symbol: each for each in catalogue(seed)}
        self._days = Days(calendar)
        self._levels = Levels(seed)
        self._together: dict[int, list[float]] = {}
        self._paths: dict[str, list[Path]] = {}
        self._last: dict[str, tuple[Print, Quote]] = {}

    def quote(self, symbol: str, ms: int) -> Quote | None:
        """Return the state at ``ms``; None for an unknown symbol, and before the calendar begins."""
        instrument = self.instruments.get(symbol)
        day = self._days.at(ms)
        if instrument is None or day is None:
            return None
        path = self._path(instrument, day)
        last = path.at(ms)
        while last is None:  # not traded yet today, or not at all
            earlier = self._days.before(path.day)
            if earlier is None:
                return None
            path = self._path(instrument, earlier)
            last = path.at(ms)
        known = self._last.get(symbol)
        if known is not None and known[0] == last:
            return known[1]
        quote = _quote(instrument, path, last)
        self._last[symbol] = last, quote
        return quote

    def at(self, ms: int) -> dict[str, Quote]:
        """Return the state of all at ``ms``."""
        found = {symbol: self.quote(symbol, ms) for symbol in self.instruments}
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def day(self, ms: int) -> MarketDay | None:
        """Return the last trading day that had begun at ``ms``."""
        return self._days.at(ms)

    def _path(self, instrument: Instrument, day: MarketDay) -> Path:
        kept = self._paths.setdefault(instrument.symbol, [])
        for path in kept:
            if path.day.begins == day.begins:
                return path
        number = day.number
        earlier = self._days.before(day)
        before = self._levels.close(instrument, number - 1 if earlier is None else earlier.number)
        close = self._levels.close(instrument, number)
        path = Path(self.seed, instrument, day, before, close, self._market(day.ordinal))
        kept.insert(0, path)
        del kept[_PATHS_KEPT:]
        return path

    def _market(self, ordinal: int) -> list[float]:
        if ordinal not in self._together:
            if len(self._together) == _PATHS_KEPT:
                del self._together[next(iter(self._together))]
            self._together[ordinal] = together(self.seed, ordinal)
        return self._together[ordinal]


def _quote(instrument: Instrument, path: Path, last: Print) -> Quote:
    price = last.price
    told = (instrument.symbol, instrument.name, last.time, price, path.open, last.high, last.low, path.before)
    if instrument.index:
        return Quote(*told)
    chance = crc32(f"{instrument.symbol}:{last.time}".encode())
    wide = instrument.pause_ms > _THIN_MS and chance & 2
    if chance & 1:
        ask = price
        bid = below(below(price)) if wide else below(price)
    else:
        bid = price
        ask = above(above(price)) if wide else above(price)
    return Quote(
        *told,
        bid=max(bid, path.lower),
        ask=min(ask, path.upper),
        bid_size=1 + (chance >> 2) % 50_000,
        ask_size=1 + (chance >> 9) % 50_000,
        reference=path.reference,
        lower=path.lower,
        upper=path.upper,
        volume=last.volume,
        turnover=last.turnover,
        vwap=last.turnover * _PER_KURUS // last.volume if last.volume else None,
    )
