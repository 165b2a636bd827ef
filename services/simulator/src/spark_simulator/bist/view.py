"""What a source shows of the market: delayed, and with whatever is wrong with its rows."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spark_simulator.bist.account import BistAccount
from spark_simulator.bist.commands import (
    BadNumber,
    Duplicate,
    Foreign,
    Nulls,
    Stale,
    Vanish,
    VolumeFalls,
    WrongTime,
)
from spark_simulator.bist.faults import BistFaults, Going
from spark_simulator.bist.market import BistMarket, Quote
from spark_simulator.bist.sources import SOURCES, YAHOO_DELAY_MS, Source

_EARLIER_MS = 60_000


class Row(NamedTuple):
    """A quote as it is to be told. ``nulls`` says what is to be null in it, ``number`` what stands for the price."""

    quote: Quote
    nulls: str | None = None
    number: str | None = None
    foreign: bool = False


class Rows(NamedTuple):
    """What was found of the symbols that were asked for."""

    rows: Sequence[Row]
    unknown: Sequence[str]


class View:
    """The sources' eyes."""

    def __init__(self, market: BistMarket, faults: BistFaults, account: BistAccount) -> None:
        self.market = market
        self.delays_ms: dict[Source, int] = dict.fromkeys(SOURCES, 0) | {"yahoo": YAHOO_DELAY_MS}
        self._faults = faults
        self._account = account

    def rows(self, source: Source, symbols: Iterable[str], now_ms: int, delay_ms: int | None = None) -> Rows:
        """Return what a source tells at ``now_ms``, in the order of ``symbols``; ``delay_ms`` in place of its usual."""
        delay = self.delays_ms[source] if delay_ms is None else delay_ms
        faults = self._faults.rows(source)
        found: list[Row] = []
        unknown: list[str] = []
        for symbol in symbols:
            quote = self.market.quote(symbol, now_ms - delay)
            if quote is None:
                unknown.append(symbol)
            elif not faults:
                found.append(Row(quote))
                self._account.show(now_ms, source, quote, ())
            else:
                concerned = [one for one in faults if _concerns(one, symbol)]
                altered = self._altered(symbol, quote, concerned, delay)
                if not altered:
                    unknown.append(symbol)
                else:
                    names = tuple(str(one.command.__struct_config__.tag) for one in concerned)
                    self._account.show(now_ms, source, altered[0].quote, names)
                found += altered
        return Rows(found, unknown)

    def _altered(self, symbol: str, quote: Quote, faults: Sequence[Going], delay_ms: int) -> list[Row]:
        row = Row(quote)
        twice = False
        for one in faults:
            match one.command:
                case Vanish():
                    return []
                case Stale():
                    row = row._replace(quote=self.market.quote(symbol, one.since_ms - delay_ms) or row.quote)
                case Nulls(fields=fields):
                    row = row._replace(nulls=fields)
                case BadNumber(number=number):
                    row = row._replace(number=number)
                case Foreign():
                    row = row._replace(foreign=True)
                case WrongTime(ms=ms):
                    row = row._replace(quote=row.quote._replace(time=row.quote.time + ms))
                case VolumeFalls() if row.quote.volume is not None and row.quote.turnover is not None:
                    halved = row.quote._replace(volume=row.quote.volume // 2, turnover=row.quote.turnover // 2)
                    row = row._replace(quote=halved)
                case Duplicate():
                    twice = True
        earlier = self.market.quote(symbol, quote.time - _EARLIER_MS) if twice else None
        return [row] if earlier is None else [row, row._replace(quote=earlier)]


def _concerns(one: Going, symbol: str) -> bool:
    symbols = getattr(one.command, "symbols", ())
    return not symbols or symbol in symbols
