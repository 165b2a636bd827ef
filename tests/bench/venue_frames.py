"""Frames to measure with: BtcTurk's, and what Binance would send of the same market, for a peer that knows only that.

Python's own library alone, because the peer runs in an environment of its own.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

SYMBOLS: Final = tuple(
    f"{base}_TRY" for base in ("BTC", "ETH", "XRP", "SOL", "AVAX", "DOGE", "ADA", "DOT", "LTC", "TRX")
)
PAIRS: Final = tuple(symbol.replace("_", "") for symbol in SYMBOLS)
_MIDDLE: Final = 3_500_000
_GRID: Final = 100
_HELD: Final = 90
_OPEN: Final = 3_475_060
_FIRST_CHANGE: Final = 4_000_000


class Frames(NamedTuple):
    """``opening`` is what a conversation begins with; each of ``frames`` is then one message on the bus, or none."""

    opening: list[bytes]
    frames: list[bytes]


class _Ticker(NamedTuple):
    pair: str
    price: int
    bid: int
    ask: int
    bid_size: str
    ask_size: str
    volume: str
    average: str


class _Change(NamedTuple):
    code: int
    price: int
    size: str


class _Delta(NamedTuple):
    pair: str
    number: int
    bids: list[_Change]
    asks: list[_Change]


def of(kind: str, count: int) -> Frames:
    """Return the opening and ``count`` frames of a kind, of ten pairs in turn."""
    return _KINDS[kind](count)


def _size(luck: random.Random) -> str:
    return f"{luck.randrange(3)}.{luck.randrange(10**7):07}{luck.randrange(1, 10)}"


def _tickers(count: int, *, all_new: bool = False) -> Iterator[_Ticker]:
    """Each differs from its pair's last in the best prices and amounts, a quarter of them by a trade too.

    With ``all_new`` each comes with a trade, so that all that can differ does.
    """
    luck = random.Random(1)
    last = dict.fromkeys(PAIRS, _Ticker("", _MIDDLE, 0, 0, "", "", "31.5", "3824093.600803400000"))
    for number in range(count):
        pair = PAIRS[number % len(PAIRS)]
        bid = _MIDDLE + luck.randrange(20_000)
        ask = bid + luck.randrange(1, 500)
        ticker = last[pair]._replace(pair=pair, bid=bid, ask=ask, bid_size=_size(luck), ask_size=_size(luck))
        if all_new or luck.randrange(4) == 0:
            ticker = ticker._replace(
                price=luck.choice((bid, ask)), volume=f"31.{number % 10**7:07}1",
                average=f"3824093.{luck.randrange(10**7):07}00000",
            )  # fmt: skip
        last[pair] = ticker
        yield ticker


class _Side:
    """One side of a book, as price levels that are there and others that are not."""

    def __init__(self, luck: random.Random, prices: list[int]) -> None:
        self._luck = luck
        luck.shuffle(prices)
        self.held, self._absent = prices[:_HELD], prices[_HELD:]

    def change(self) -> list[_Change]:
        """Three levels get another size, one goes, one comes."""
        held, absent, luck = self.held, self._absent, self._luck
        first = luck.randrange(_HELD - 4)
        changes = [_Change(0, price, _size(luck)) for price in held[first : first + 3]]
        gone, come = luck.randrange(first + 3, _HELD), luck.randrange(len(absent))
        changes += [_Change(3, held[gone], _size(luck)), _Change(1, absent[come], _size(luck))]
        held[gone], absent[come] = absent[come], held[gone]
        return changes


class _Market:
    """The books of all pairs."""

    def __init__(self) -> None:
        self._luck = random.Random(2)
        self._books = {pair: (self._side(-1), self._side(1)) for pair in PAIRS}

    def _side(self, sign: int) -> _Side:
        return _Side(self._luck, [_MIDDLE + sign * away for away in range(1, _GRID + 1)])

    def whole(self) -> Iterator[_Delta]:
        for pair, sides in self._books.items():
            bids, asks = ([_Change(1, price, _size(self._luck)) for price in sorted(side.held)] for side in sides)
            yield _Delta(pair, _FIRST_CHANGE, bids[::-1], asks)

    def changes(self, count: int) -> Iterator[_Delta]:
        for number in range(count):
            pair = PAIRS[number % len(PAIRS)]
            bids, asks = self._books[pair]
            yield _Delta(pair, _FIRST_CHANGE + 1 + number // len(PAIRS), bids.change(), asks.change())


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _btcturk_tickers(count: int) -> Frames:
    return Frames([], [_encoded(_btcturk_ticker(ticker)) for ticker in _tickers(count)])


def _btcturk_tickers_after_a_trade(count: int) -> Frames:
    return Frames([], [_encoded(_btcturk_ticker(ticker)) for ticker in _tickers(count, all_new=True)])


def _btcturk_repeats(count: int) -> Frames:
    opening = _btcturk_tickers(len(PAIRS)).frames
    return Frames(opening, opening * (count // len(opening)))


def _btcturk_ticker(ticker: _Ticker) -> Any:
    body = {
        "B": str(ticker.bid), "A": str(ticker.ask), "BA": ticker.bid_size, "AA": ticker.ask_size, "PS": ticker.pair,
        "H": "3891284", "L": "3412640", "LA": str(ticker.price), "O": str(_OPEN), "V": ticker.volume,
        "AV": ticker.average, "D": str(ticker.ask - _OPEN), "DP": f"{(ticker.price - _OPEN) * 100 / _OPEN:.2f}",
        "DS": "TRY", "NS": ticker.pair.removesuffix("TRY"), "PId": 1, "channel": "ticker", "event": ticker.pair,
        "type": 402,
    }  # fmt: skip
    return [402, body]


def _btcturk_deltas(count: int) -> Frames:
    market = _Market()
    opening = [_encoded(_btcturk_book(431, book, coded=False)) for book in market.whole()]
    return Frames(opening, [_encoded(_btcturk_book(432, delta, coded=True)) for delta in market.changes(count)])


def _btcturk_book(kind: int, delta: _Delta, *, coded: bool) -> Any:
    def side(changes: list[_Change]) -> list[dict[str, Any]]:
        code = [{"CP": change.code} if coded else {} for change in changes]
        return [{**one, "P": str(change.price), "A": change.size} for one, change in zip(code, changes, strict=True)]

    body = {
        "CS": delta.number, "PS": delta.pair, "AO": side(delta.asks), "BO": side(delta.bids), "channel": "obdiff",
        "event": delta.pair, "type": kind,
    }  # fmt: skip
    return [kind, body]


def _binance_tickers(count: int) -> Frames:
    frames = []
    for number, ticker in enumerate(_tickers(count)):
        data = {
            "u": number, "s": ticker.pair, "b": f"{ticker.bid}.00", "B": ticker.bid_size, "a": f"{ticker.ask}.00",
            "A": ticker.ask_size,
        }  # fmt: skip
        frames.append(_encoded({"stream": f"{ticker.pair.lower()}@bookTicker", "data": data}))
    return Frames([], frames)


def _binance_deltas(count: int) -> Frames:
    def side(changes: list[_Change]) -> list[list[str]]:
        return [[f"{change.price}.00", "0.00000000" if change.code == 3 else change.size] for change in changes]

    market = _Market()
    # Not frames: Binance tells its books by REST, one answer for each pair.
    opening = [
        _encoded({"lastUpdateId": book.number, "bids": side(book.bids), "asks": side(book.asks)})
        for book in market.whole()
    ]
    frames = []
    for delta in market.changes(count):
        data = {
            "e": "depthUpdate", "E": 1_787_692_476_000, "s": delta.pair, "U": delta.number, "u": delta.number,
            "b": side(delta.bids), "a": side(delta.asks),
        }  # fmt: skip
        frames.append(_encoded({"stream": f"{delta.pair.lower()}@depth@100ms", "data": data}))
    return Frames(opening, frames)


_KINDS: Final[dict[str, Callable[[int], Frames]]] = {
    "btcturk-tickers": _btcturk_tickers,
    "btcturk-tickers-after-a-trade": _btcturk_tickers_after_a_trade,
    "btcturk-repeats": _btcturk_repeats,
    "btcturk-deltas": _btcturk_deltas,
    "binance-tickers": _binance_tickers,
    "binance-deltas": _binance_deltas,
}
