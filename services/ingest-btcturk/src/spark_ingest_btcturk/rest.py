"""What the venue's REST answers to requests for public data. No I/O."""

from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from spark_ingest_btcturk.figures import milliseconds, positive
from spark_ingest_btcturk.frames import BROKEN, Model, convert, loosely, read_rows, reason
from spark_ingest_btcturk.trades import trade_number
from spark_market.orderbook import Level

T = TypeVar("T")


class MalformedAnswer(ValueError):
    """This is not what the venue answers."""


class Refused(MalformedAnswer):
    """The venue says that it cannot answer, and why. ``code`` is its number for that, or a word."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(f"the venue answers {message!r}, code {code}")
        self.message = message
        self.code = code


class _Answer(Model):
    """``code`` is 0 on success, or SUCCESS, so it is not asked."""

    success: bool
    data: Any = None
    message: str | None = None
    code: str | None = None


class TickerRow(Model, rename="camel"):
    """A row of ``/ticker``. The figures are JSON numbers there; here they are the text that they were written with."""

    pair: str
    timestamp: str
    last: str | None = None
    high: str | None = None
    low: str | None = None
    bid: str | None = None
    ask: str | None = None
    open: str | None = None
    volume: str | None = None
    average: str | None = None
    numerator_symbol: str | None = None
    denominator_symbol: str | None = None


class Trade(NamedTuple):
    """A row of ``/trades``. ``side`` is the venue's word, ``buy`` or ``sell``: whether the taker's or the maker's is
    not known. ``venue_time`` is ms UTC."""

    pair: str
    id: str
    number: int
    price: Decimal
    size: Decimal
    side: str | None
    venue_time: int


class Book(NamedTuple):
    """An answer of ``/orderbook``, best levels first. It has no sequence, so it can repair no book of the feed."""

    venue_time: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class _Trade(Model):
    pair: str
    tid: str
    date: str
    price: str
    amount: str
    side: str | None = None


class _Book(Model):
    timestamp: str
    bids: list[tuple[str, str]] | None = None
    asks: list[tuple[str, str]] | None = None


def read_tickers(answer: bytes) -> tuple[list[TickerRow], list[str]]:
    """Return the rows, and why others were left out. Raises MalformedAnswer."""
    return read_rows(_data(answer, list[Any]), TickerRow)


def read_trades(answer: bytes) -> list[Trade]:
    """Return the trades, oldest first. Raises MalformedAnswer."""
    rows = _data(answer, list[_Trade])
    try:
        trades = [_trade(row) for row in rows]
    except BROKEN as exc:
        raise MalformedAnswer(reason(exc)) from exc
    return sorted(trades, key=attrgetter("number"))


def _trade(row: _Trade) -> Trade:
    price, size = positive((row.price, row.amount))
    return Trade(row.pair, row.tid, trade_number(row.tid), price, size, row.side, milliseconds(row.date))


def read_book(answer: bytes) -> Book:
    """Return the order book. Raises MalformedAnswer."""
    data = _data(answer, _Book)
    try:
        return Book(milliseconds(data.timestamp), _levels(data.bids), _levels(data.asks))
    except BROKEN as exc:
        raise MalformedAnswer(reason(exc)) from exc


def _levels(rows: list[tuple[str, str]] | None) -> tuple[Level, ...]:
    return tuple((price, size) for price, size in map(positive, rows or ()))


def _data(answer: bytes, model: type[T]) -> T:
    """Return the ``data`` of a successful answer. Raises Refused and MalformedAnswer."""
    try:
        envelope = convert(loosely(answer), _Answer)
        if envelope.success:
            return convert(envelope.data, model)
    except BROKEN as exc:
        raise MalformedAnswer(reason(exc)) from exc
    raise Refused(envelope.message or "", envelope.code or "")
