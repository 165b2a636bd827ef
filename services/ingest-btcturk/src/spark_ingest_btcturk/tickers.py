"""Tickers: a 402 has one pair's, a 401 and an answer of REST have all; and which of them are new.

The venue repeats a ticker every 0.8 s whether or not it changed: that proves the subscription, and is no tick.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import repeat
from typing import Final, TypeAlias, cast

import msgspec
from msgspec.structs import astuple, replace

from spark_ingest_btcturk import rest
from spark_ingest_btcturk.channels import ALL
from spark_ingest_btcturk.figures import figure, milliseconds
from spark_ingest_btcturk.frames import BROKEN, VENUE, FrameReader, ListReader, Model, expect_channel, pair_of, reason
from spark_ingest_btcturk.received import Tickers
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Ticker
from spark_market.numbers import all_canonical, change, unpadded

_CHANNEL: Final = "ticker"
REST: Final = "rest"
"""The event of tickers that came by no subscription."""

_Texts: TypeAlias = tuple[str | None, ...]


class _Row(
    Model,
    rename={
        "pair": "PS", "base": "NS", "quote": "DS", "bid": "B", "ask": "A", "bid_size": "BA", "ask_size": "AA",
        "price": "LA", "open": "O", "high": "H", "low": "L", "volume": "V", "vwap": "AV",
    },
):  # fmt: skip
    """The venue's own change, D and DP, is not used: D is ask - open where DP is last - open.

    Nothing trades at 0: a price of 0 says that there is none.
    """

    pair: str
    base: str | None = None
    quote: str | None = None
    bid: str | None = None
    ask: str | None = None
    bid_size: str | None = None
    ask_size: str | None = None
    price: str | None = None
    open: str | None = None
    high: str | None = None
    low: str | None = None
    volume: str | None = None
    vwap: str | None = None
    event: str | None = None
    channel: str | None = None


_QUOTES: Final = slice(3, 7)
"""Of a row's fields, bid, ask and their sizes: they change with nearly every ticker."""
_TRADING: Final = slice(7, 13)
"""Price, open, high, low, volume and vwap: they change as trades come, or leave the day, which is seldomer."""

_PAIR: Final = FrameReader(_Row)
_ALL: Final = ListReader(_Row)


class _Known(msgspec.Struct):
    """What was last said of a pair: a ticker is new when one of its figures differs as text.

    ``row`` is the 402 that said it, ``unchanged`` the answer when it comes again.
    """

    instrument: Instrument
    ticker: Ticker
    unchanged: Tickers
    quotes: _Texts = ()
    trading: _Texts = ()
    row: _Row | None = None


class TickerReader:
    """Remembers, for as long as it lives, the figures that it last read of each pair, by whichever way they came."""

    def __init__(self, mode: Mode, pairs: Mapping[str, Instrument]) -> None:
        """``pairs`` are the instruments that are wanted, by the venue's spelling."""
        self._mode = mode
        self._pairs = pairs
        self._known: dict[str, _Known] = {}
        self._times: dict[str, int] = {}  # by pair, of what REST told last

    def read_pair(self, frame: bytes, received_at: int) -> Tickers:
        """Read a 402. Raises one of `frames.BROKEN`."""
        row = _PAIR.read(frame)
        pair = row.pair
        instrument = self._pairs.get(pair)
        known = self._known.get(pair)
        if known is not None and known.row == row and known.instrument is instrument:
            return known.unchanged
        expect_channel(row.channel, _CHANNEL)
        pair_of(row.event, pair)
        if instrument is None:
            return Tickers(pair, (), (), unlisted=(pair,))
        ticker = self._take(row, instrument, None, received_at)
        known = self._known[pair]
        known.row = row
        return known.unchanged if ticker is None else Tickers(pair, known.unchanged.heard, (ticker,))

    def read_all(self, frame: bytes, received_at: int) -> Tickers:
        """Read a 401. Each row stands for itself. Raises one of `frames.BROKEN`."""
        body, rows, malformed = _ALL.read(frame)
        expect_channel(body.channel, _CHANNEL)
        if body.event not in (None, ALL):
            raise ValueError(f"all tickers, on the event {body.event!r:.40}")
        return self._take_rows(ALL, zip(rows, repeat(None)), malformed, received_at)

    def read_rest(self, answer: bytes, received_at: int) -> Tickers:
        """Read what ``GET /api/v2/ticker`` answers: it has no sizes, but a time, which moves though nothing changes.

        A row from before the pair's last says nothing; nor does an answer in which no wanted pair's time has moved.
        Raises rest.MalformedAnswer.
        """
        answered, malformed = rest.read_tickers(answer)
        rows: list[tuple[_Row, int]] = []
        for row in answered:
            try:
                rows.append((_row(row), milliseconds(row.timestamp)))
            except ValueError as exc:
                malformed.append(reason(exc))
        times = {row.pair: time for row, time in rows if row.pair in self._pairs}
        alive = any(time > self._times.get(pair, 0) for pair, time in times.items())
        told = [(row, time) for row, time in rows if row.pair not in times or time >= self._times.get(row.pair, 0)]
        self._times |= {row.pair: time for row, time in told if row.pair in times}
        return self._take_rows(REST, told if alive or not times else (), malformed, received_at)

    def _take_rows(
        self, event: str, rows: Iterable[tuple[_Row, int | None]], malformed: list[str], received_at: int
    ) -> Tickers:
        heard: list[str] = []
        changed: list[Ticker] = []
        unlisted: list[str] = []
        for row, venue_time in rows:
            instrument = self._pairs.get(row.pair)
            if instrument is None:
                unlisted.append(row.pair)
                continue
            try:
                ticker = self._take(row, instrument, venue_time, received_at)
            except BROKEN as exc:
                malformed.append(reason(exc))
                continue
            heard.append(instrument.symbol)
            if ticker is not None:
                changed.append(ticker)
        return Tickers(event, tuple(heard), tuple(changed), tuple(malformed), tuple(unlisted))

    def _take(self, row: _Row, instrument: Instrument, venue_time: int | None, received_at: int) -> Ticker | None:
        """Return the ticker, or None when it only repeats the one before."""
        if row.base not in (None, instrument.base) or row.quote not in (None, instrument.quote):
            raise ValueError(f"a ticker of {row.pair!r:.40} in {row.base!r:.20} and {row.quote!r:.20}")
        fields = astuple(row)
        quotes, trading = fields[_QUOTES], fields[_TRADING]
        known = self._known.get(row.pair)
        if known is None or known.ticker.symbol != instrument.symbol:
            known = self._nothing_of(row.pair, instrument)
        elif known.quotes == quotes and known.trading == trading:
            known.instrument = instrument
            return None
        ticker = known.ticker
        if trading != known.trading:
            ticker = _traded(ticker, trading)
        bid, ask, bid_size, ask_size = _figures(quotes)
        ticker = replace(  # a third of the cost of making one
            ticker,
            bid=bid or None,
            ask=ask or None,
            bid_size=bid_size,
            ask_size=ask_size,
            venue_time=venue_time,
            received_at=received_at,
        )
        known.instrument, known.ticker, known.quotes, known.trading = instrument, ticker, quotes, trading
        known.row = None
        self._known[row.pair] = known
        return ticker

    def _nothing_of(self, pair: str, instrument: Instrument) -> _Known:
        symbol = instrument.symbol
        blank = Ticker(venue=VENUE, symbol=symbol, mode=self._mode, price=None, venue_time=None, received_at=0)
        return _Known(instrument, blank, Tickers(pair, (symbol,), ()))


def _traded(before: Ticker, trading: _Texts) -> Ticker:
    """Return ``before`` with other figures of trading; as it stands it never was: its quotes are older."""
    *others, average = trading
    if average is not None:
        trading = *others, unpadded(average)  # the venue pads none but this
    price, open_, high, low, volume, vwap = _figures(trading)
    price, open_ = price or None, open_ or None
    if price == before.price and open_ == before.open:
        difference, percent = before.change, before.change_pct
    else:
        difference, percent = change(price, open_)
    return replace(
        before,
        price=price,
        open=open_,
        high=high or None,
        low=low or None,
        volume=volume,
        vwap=vwap or None,
        change=difference,
        change_pct=percent,
    )


def _figures(texts: _Texts) -> Sequence[Decimal | None]:
    try:
        numbers = all_canonical(cast("tuple[str, ...]", texts))
    except TypeError:  # one of them is missing
        numbers = None
    return [None if text is None else figure(text) for text in texts] if numbers is None else numbers


def _row(row: rest.TickerRow) -> _Row:
    """Return what REST says in the words of the feed. It has no sizes."""
    return _Row(
        pair=row.pair,
        base=row.numerator_symbol,
        quote=row.denominator_symbol,
        price=row.last,
        bid=row.bid,
        ask=row.ask,
        open=row.open,
        high=row.high,
        low=row.low,
        volume=row.volume,
        vwap=row.average,
    )
