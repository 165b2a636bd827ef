"""BtcTurk's WebSocket protocol: frames in, market messages out.

A frame is ``[type, body]``. This module knows every quirk of it and nothing of sockets, clocks or Redis. Facts are
from the vendor's manual and from published recordings of the live feed; field names are the venue's.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from spark_market.instruments import Instrument, Mode
from spark_market.messages import Ticker
from spark_market.numbers import canonical, change_percent, difference

VENUE: Final = "btcturk"
ALL: Final = "all"


class FrameType(IntEnum):
    """The types this ingest acts on."""

    RESULT = 100
    SUBSCRIPTION = 151
    TICKER_ALL = 401
    TICKER_PAIR = 402


_DOCUMENTED: Final = frozenset(
    {100, 101, 111, 112, 113, 114, 151, 201, 401, 402, 411, 412, 421, 422, 423, 428, 431, 432, 441}
    | {451, 452, 453, 801, 802, 991}
)
_CURRENCY: Final = re.compile(r"[A-Z0-9]{1,16}")
_NONE: Final = msgspec.Raw(b"null")


class MalformedFrame(ValueError):
    """This frame, or row of a frame, is not what the protocol says. It costs just itself."""


class _Envelope(msgspec.Struct, array_like=True):
    type: int
    body: msgspec.Raw


class _Row(msgspec.Struct, frozen=True):
    """A ticker. Figures stay text until they are seen to differ: most rows repeat the one before."""

    PS: str
    NS: str | None = None
    DS: str | None = None
    event: str | None = None
    LA: msgspec.Raw = _NONE
    B: msgspec.Raw = _NONE
    A: msgspec.Raw = _NONE
    BA: msgspec.Raw = _NONE
    AA: msgspec.Raw = _NONE
    O: msgspec.Raw = _NONE  # noqa: E741, the venue's name
    H: msgspec.Raw = _NONE
    L: msgspec.Raw = _NONE
    V: msgspec.Raw = _NONE
    AV: msgspec.Raw = _NONE


_FIGURES: Final = ("LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV")


class _Rows(msgspec.Struct):
    items: list[msgspec.Raw]


class _Result(msgspec.Struct):
    ok: bool
    message: str


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ROW = msgspec.json.Decoder(_Row)
_ROWS = msgspec.json.Decoder(_Rows)
_RESULT_BODY = msgspec.json.Decoder(_Result)
_BROKEN = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)  # UnicodeError is a ValueError


class Received(NamedTuple):
    """What one frame brought.

    ``kind`` is the frame's type, or ``other`` when the protocol does not know it. ``heard`` are the instruments that
    it speaks of, ``tickers`` those whose figures changed, ``proof`` the joined event that it is data of,
    ``malformed`` why rows of it were left out.
    """

    kind: str
    proof: str | None = None
    heard: tuple[Instrument, ...] = ()
    tickers: tuple[Ticker, ...] = ()
    malformed: tuple[str, ...] = ()


class BtcTurkProtocol:
    """One conversation with BtcTurk. Make a new one for every connection."""

    def __init__(self, mode: Mode, events: Iterable[str]) -> None:
        """``events`` are pairs in the venue's spelling, or ``all`` alone."""
        self._mode = mode
        self._events = frozenset(events)
        self._rows: dict[str, tuple[_Row, Instrument]] = {}

    def opening_frames(self) -> list[str]:
        """Return what to send first: a join for each event. An answer to it proves nothing, only data does."""
        kind = FrameType.SUBSCRIPTION.value
        return [
            msgspec.json.encode([kind, {"type": kind, "channel": "ticker", "event": event, "join": True}]).decode()
            for event in sorted(self._events)
        ]

    def receive(self, frame: str | bytes, received_at: int) -> Received:
        """Return what the frame says. Raises MalformedFrame."""
        try:
            envelope = _ENVELOPE.decode(frame)
            kind = str(envelope.type) if envelope.type in _DOCUMENTED else "other"
            match envelope.type:
                case FrameType.TICKER_PAIR:
                    return self._ticker_pair(kind, _ROW.decode(envelope.body), received_at)
                case FrameType.TICKER_ALL:
                    return self._ticker_all(kind, _ROWS.decode(envelope.body).items, received_at)
                case FrameType.RESULT:
                    _RESULT_BODY.decode(envelope.body)
            return Received(kind)
        except _BROKEN as exc:
            raise MalformedFrame(_reason(exc)) from exc

    def _ticker_pair(self, kind: str, row: _Row, received_at: int) -> Received:
        if row.event is not None and row.event != row.PS:
            raise MalformedFrame(f"a ticker of {row.PS[:40]} on the event {row.event[:40]}")
        if not self._wanted(row.PS):
            return Received(kind)
        # A 401 tells the same without the event: whether a row repeats the one before is for its figures to say.
        instrument, ticker = self._read(msgspec.structs.replace(row, event=None), received_at)
        return Received(kind, self._proof(row.PS), (instrument,), (ticker,) if ticker else ())

    def _ticker_all(self, kind: str, rows: list[msgspec.Raw], received_at: int) -> Received:
        """Each row stands for itself: one that is broken does not cost the others."""
        heard: list[Instrument] = []
        tickers: list[Ticker] = []
        malformed: list[str] = []
        for raw in rows:
            try:
                row = _ROW.decode(raw)
                if not self._wanted(row.PS):
                    continue
                instrument, ticker = self._read(row, received_at)
            except _BROKEN as exc:
                malformed.append(_reason(exc))
                continue
            heard.append(instrument)
            if ticker:
                tickers.append(ticker)
        return Received(kind, ALL if heard else None, tuple(heard), tuple(tickers), tuple(malformed))

    def _wanted(self, pair: str) -> bool:
        return ALL in self._events or pair in self._events

    def _proof(self, pair: str) -> str:
        return ALL if ALL in self._events else pair

    def _read(self, row: _Row, received_at: int) -> tuple[Instrument, Ticker | None]:
        """Return whose row it is, and the ticker unless it only repeats the one before."""
        known = self._rows.get(row.PS)
        if known is not None and known[0] == row:
            return known[1], None
        instrument = known[1] if known is not None else _instrument(row)
        ticker = _ticker(row, instrument.symbol, self._mode, received_at)
        self._rows[row.PS] = (_kept(row), instrument)
        return instrument, ticker


def _kept(row: _Row) -> _Row:
    """Return the row without a hold on its frame: a slice of it would keep 0.1 MB in memory for each quiet pair."""
    figures = {name: getattr(row, name).copy() for name in _FIGURES}
    return msgspec.structs.replace(row, **figures)


def _instrument(row: _Row) -> Instrument:
    """Return what a row tells of its pair. The two currencies are named in it: a pair is never split by guess."""
    if not (row.NS and row.DS and _CURRENCY.fullmatch(row.NS) and _CURRENCY.fullmatch(row.DS)):
        raise MalformedFrame(f"a ticker of {row.PS[:40]!r} without its two currencies")
    if row.NS + row.DS != row.PS:
        raise MalformedFrame(f"a ticker of {row.PS[:40]!r} in the currencies {row.NS} and {row.DS}")
    return Instrument(symbol=f"{row.NS}_{row.DS}", base=row.NS, quote=row.DS, venue_symbol=row.PS)


def _ticker(row: _Row, symbol: str, mode: Mode, received_at: int) -> Ticker:
    """Map the venue's letters. Its own D and DP are not used: D is ask - open where DP is last - open."""
    price, open_ = _figure("LA", row.LA), _figure("O", row.O)
    reference = open_ or None  # an open of 0 is no price to compare with
    return Ticker(
        venue=VENUE,
        symbol=symbol,
        mode=mode,
        price=price,
        bid=_figure("B", row.B),
        ask=_figure("A", row.A),
        bid_size=_figure("BA", row.BA),
        ask_size=_figure("AA", row.AA),
        open=open_,
        high=_figure("H", row.H),
        low=_figure("L", row.L),
        volume=_figure("V", row.V),
        vwap=_figure("AV", row.AV),
        change=None if price is None or reference is None else difference(price, reference),
        change_pct=None if price is None or reference is None else change_percent(price, reference),
        venue_time=None,  # the ticker carries none
        received_at=received_at,
    )


def _figure(name: str, raw: msgspec.Raw) -> Decimal | None:
    """Return a price, size or volume; the venue writes it as a string. None when it sends none (null or no key)."""
    text = bytes(raw)
    if text == b"null":
        return None
    if text[:1] == b'"':
        text = text[1:-1]
    try:
        number = canonical(text)
    except ValueError as exc:
        raise MalformedFrame(f"{name}: {exc}") from exc
    if number < 0:
        raise MalformedFrame(f"{name} is negative: {text[:40]!r}")
    return number


def _reason(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
