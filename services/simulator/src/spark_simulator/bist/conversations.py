"""The three sources that talk over WebSockets: texts in, texts out, no sockets."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec

from spark_market.sessions import Phase
from spark_simulator.bist import pricing, pushed
from spark_simulator.bist.answers import ours
from spark_simulator.bist.market import Quote
from spark_simulator.bist.sources import YAHOO_DELAY_MS, Source
from spark_simulator.bist.view import Row, View

STREAMER_SLOTS: Final = 100
LAPLACE_HEARTBEAT_S: Final = 5.0
ALGOLAB_IDLE_S: Final = 20 * 60.0
_MOST_SYMBOLS: Final = 5000  # of a vendor's connection: more than there are


class HungUp(Exception):
    """The source ends the conversation; ``code`` is the closing status, None for none."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Conversation(Protocol):
    """One connection's. ``pace_s`` is from one look at the market to the next; ``at_s``: monotonic seconds."""

    source: Source
    pace_s: float

    @property
    def symbols(self) -> int:
        """How many symbols it is about."""

    def receive(self, text: str, now_ms: int, at_s: float) -> list[str]:
        """Return what is said to this at once. Raises HungUp."""

    def changes(self, now_ms: int) -> list[str]:
        """Return what has changed since it was last told."""

    def upkeep(self, at_s: float) -> list[str]:
        """Return what keeps the connection alive. Raises HungUp for a client that does not do its part."""


class _Told:
    """What a connection was last told of each symbol, so that it is told changes only."""

    def __init__(self, view: View, source: Source, delay_ms: int | None = None) -> None:
        self.symbols: dict[str, None] = {}
        self._view = view
        self._source = source
        self._delay_ms = delay_ms
        self._last: dict[str, Quote] = {}

    def add(self, symbols: Iterable[str], now_ms: int) -> list[Row]:
        """Take symbols on, and return the state of those that are new here."""
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self.symbols]
        new = new[: _MOST_SYMBOLS - len(self.symbols)]
        self.symbols.update(dict.fromkeys(new))
        return self._noted(new, now_ms)

    def remove(self, symbols: Iterable[str]) -> None:
        """Tell no more of these."""
        for symbol in symbols:
            self.symbols.pop(symbol, None)
            self._last.pop(symbol, None)

    def changed(self, now_ms: int) -> list[Row]:
        """Return the rows that differ from what was told."""
        return self._noted(self.symbols, now_ms)

    def _noted(self, symbols: Iterable[str], now_ms: int) -> list[Row]:
        rows = self._view.rows(self._source, symbols, now_ms, self._delay_ms).rows
        new = [row for row in rows if self._last.get(row.quote.symbol) != row.quote]
        self._last.update({row.quote.symbol: row.quote for row in new})
        return new


class Streamer:
    """Yahoo's. A hundred symbols for each connection, first come first served, known or not; the rest is dropped."""

    source: Source = "yahoo"
    pace_s = 1.0

    def __init__(self, view: View) -> None:
        self._view = view
        self._slots: set[str] = set()  # leaving frees none: the limit was found to be cumulative
        self._told = _Told(view, self.source)

    @property
    def symbols(self) -> int:
        """How many slots are taken."""
        return len(self._slots)

    def receive(self, text: str, now_ms: int, at_s: float) -> list[str]:
        """Take a subscription; what it cannot read ends the conversation without a status."""
        asked = _object(text)
        wanted, unwanted = (_names(asked.get(key, [])) for key in ("subscribe", "unsubscribe"))
        taken = [symbol for symbol in wanted if symbol in self._slots or self._take(symbol)]
        self._told.remove(ours(symbol) for symbol in unwanted)
        return self._frames(self._told.add((ours(symbol) for symbol in taken), now_ms), now_ms)

    def changes(self, now_ms: int) -> list[str]:
        """Return one frame for each that has changed."""
        return self._frames(self._told.changed(now_ms), now_ms)

    def upkeep(self, at_s: float) -> list[str]:
        """Do nothing: Yahoo sends no heartbeats."""
        return []

    def _take(self, symbol: str) -> bool:
        if len(self._slots) == STREAMER_SLOTS:
            return False
        self._slots.add(symbol)
        return True

    def _frames(self, rows: Sequence[Row], now_ms: int) -> list[str]:
        seen_ms = now_ms - self._view.delays_ms[self.source]
        trading = self._view.market.calendar.at(seen_ms) is Phase.CONTINUOUS
        return [pricing.frame(row, trading=trading) for row in rows]


class Laplace:
    """Laplace's: subscriptions to feeds, and a heartbeat from the vendor."""

    source: Source = "laplace"
    pace_s = 0.25

    def __init__(self, view: View) -> None:
        self._feeds: dict[str, tuple[_Told, Callable[[Row], str]]] = {
            "live_price_tr": (_Told(view, self.source), pushed.laplace),
            "delayed_price_tr": (_Told(view, self.source, YAHOO_DELAY_MS), pushed.laplace),
            "depth_tr": (_Told(view, self.source), pushed.laplace_book),
        }
        self._beat_at_s: float | None = None

    @property
    def symbols(self) -> int:
        """How many subscriptions there are."""
        return sum(len(told.symbols) for told, _ in self._feeds.values())

    def receive(self, text: str, now_ms: int, at_s: float) -> list[str]:
        """Take a subscription: ``{"type":"subscribe","feed":"live_price_tr","symbols":["THYAO"]}``."""
        asked = _object(text)
        feed = self._feeds.get(str(asked.get("feed", "live_price_tr")))
        symbols = _names(asked.get("symbols", []))
        if feed is None:
            return []
        told, frame = feed
        match asked.get("type"):
            case "subscribe":
                return [frame(row) for row in told.add(symbols, now_ms)]
            case "unsubscribe":
                told.remove(symbols)
        return []

    def changes(self, now_ms: int) -> list[str]:
        """Return what has changed, feed by feed."""
        return [frame(row) for told, frame in self._feeds.values() for row in told.changed(now_ms)]

    def upkeep(self, at_s: float) -> list[str]:
        """Return a heartbeat when it is due."""
        if self._beat_at_s is not None and at_s < self._beat_at_s:
            return []
        self._beat_at_s = at_s + LAPLACE_HEARTBEAT_S
        return [pushed.LAPLACE_HEARTBEAT]


class AlgoLab:
    """AlgoLab's: prices (T) and depth (D) of some symbols or all, to a client that sends a heartbeat now and then."""

    source: Source = "algolab"
    pace_s = 0.25

    def __init__(self, view: View, idle_s: float = ALGOLAB_IDLE_S) -> None:
        self._every = tuple(view.market.instruments)
        self._prices = _Told(view, self.source)
        self._depth = _Told(view, self.source)
        self._idle_s = idle_s
        self._heard_at_s: float | None = None

    @property
    def symbols(self) -> int:
        """How many subscriptions there are."""
        return len(self._prices.symbols) + len(self._depth.symbols)

    def receive(self, text: str, now_ms: int, at_s: float) -> list[str]:
        """Take a subscription or a heartbeat; every message has to carry a token."""
        asked = _object(text)
        if not isinstance(asked.get("Token"), str) or not asked["Token"]:
            raise HungUp(1008)
        self._heard_at_s = at_s
        symbols: Sequence[str] = _names(asked.get("Symbols", []))
        if "ALL" in symbols:
            symbols = self._every
        match asked.get("Type"):
            case "T":
                return [pushed.algolab(row) for row in self._prices.add(symbols, now_ms)]
            case "D":
                return _depth(self._depth.add(symbols, now_ms))
        return []

    def changes(self, now_ms: int) -> list[str]:
        """Return what has changed."""
        prices = [pushed.algolab(row) for row in self._prices.changed(now_ms)]
        return prices + _depth(self._depth.changed(now_ms))

    def upkeep(self, at_s: float) -> list[str]:
        """Hang up on a client that has been silent for long."""
        if self._heard_at_s is None:
            self._heard_at_s = at_s
        if at_s - self._heard_at_s > self._idle_s:
            raise HungUp(1000)
        return []


def _depth(rows: Iterable[Row]) -> list[str]:
    shares = [row for row in rows if row.quote.bid is not None]
    return [pushed.algolab_depth(row, buys=buys) for row in shares for buys in (True, False)]


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise HungUp(None) from None


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise HungUp(None)
    return value
