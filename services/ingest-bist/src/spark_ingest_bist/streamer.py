"""Yahoo's streamer, ``wss://streamer.finance.yahoo.com/?version=2``: what to send it, and what its frames mean.

Whether it streams symbols of Borsa İstanbul at all, and how late, nobody has established: it is an option beside the
polling, never instead. After a subscription it sends the last price that it knows, which may be days old, and later at
most one state a second. Shares come with price, time, change, volume and little else.
"""

import base64
import json
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from spark_ingest_bist.grid import believable
from spark_ingest_bist.pricing_data import BadPricingData, Value, decode
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Quote
from spark_ingest_bist.symbols import from_yahoo, is_index, to_yahoo
from spark_market.numbers import canonical

_RENEWAL_S: Final = 60.0  # others renew every 15 s; 4 minutes without were seen to go well
_EXCHANGE: Final = "IST"
_CURRENCY: Final = "TRY"
_INDEX: Final = 9
_FIRST_MS, _LAST_MS = 10**12, 10**13  # 2001 to 2286
_MOST_HINT: Final = 8
_HIGHEST_PCT: Final = 10**6
_MOST_SHARES: Final = 10**15


class StreamerProtocol:
    """One connection's. It takes 100 symbols and drops any more without a word, for as long as it lasts."""

    most_symbols = 100

    def __init__(self) -> None:
        self._symbols: tuple[str, ...] = ()

    def opening(self, symbols: Sequence[str]) -> list[str]:
        """Return the frame that asks for up to ``most_symbols`` of our symbols."""
        if not 0 < len(symbols) <= self.most_symbols:
            raise ValueError(f"1 to {self.most_symbols} symbols a connection, not {len(symbols)}")
        self._symbols = tuple(symbols)
        return [self._subscription()]

    def keepalive(self) -> tuple[float, str] | None:
        """Return the frame that asks for the same again, and how often it is due (s)."""
        return _RENEWAL_S, self._subscription()

    def receive(self, frame: bytes, received_at: int) -> Answer:
        """Return what a frame says: one symbol's state. Raises MalformedAnswer (html, not_json, shape).

        Other markets' symbols, and those that were not asked for, are ignored; so are other types of frames.
        """
        body = _body_of(frame)
        if body is None:
            return Answer(ignored=1)
        try:
            data = decode(body)
        except BadPricingData as exc:
            raise MalformedAnswer("shape", f"{exc}: {frame[:80]!r}") from exc
        symbol = from_yahoo(str(data.get("id", "")))
        if symbol is None or symbol not in self._symbols:
            return Answer(ignored=1)
        said = _read(symbol, data)
        return Answer(quotes=(said,)) if isinstance(said, Quote) else Answer(malformed=(said,))

    def _subscription(self) -> str:
        return json.dumps({"subscribe": list(map(to_yahoo, self._symbols))}, separators=(",", ":"))


def _body_of(frame: bytes) -> bytes | None:
    """Return the message of a frame, None when it is of another type."""
    if frame.lstrip()[:1] == b"<":
        raise MalformedAnswer("html", f"a page: {frame[:80]!r}")
    try:
        envelope: Any = json.loads(frame.decode())
    except (ValueError, RecursionError) as exc:
        raise MalformedAnswer("not_json", f"{exc!s:.80}: {frame[:80]!r}") from exc
    if not isinstance(envelope, dict):
        raise MalformedAnswer("shape", f"no object: {frame[:80]!r}")
    if envelope.get("type", "pricing") != "pricing":
        return None
    try:
        return base64.b64decode(str(envelope["message"]), validate=True)
    except (KeyError, ValueError) as exc:  # binascii.Error is a ValueError
        raise MalformedAnswer("shape", f"no base64: {frame[:80]!r}") from exc


def _read(symbol: str, data: dict[str, Value]) -> Quote | Malformed:
    exchange, currency = data.get("exchange"), data.get("currency", _CURRENCY)
    if exchange != _EXCHANGE or currency != _CURRENCY:
        return Malformed("wrong_market", f"in {currency!r:.40} at {exchange!r:.40}", symbol)
    time = data.get("time")
    if not (isinstance(time, int) and _FIRST_MS <= time < _LAST_MS):  # without one nobody can tell how old it is
        return Malformed("bad_time", f"none, or outside 2001 to 2286: {time!r:.40}", symbol)
    if not data.get("price"):
        return Malformed("no_price", f"{data.get('price')!r:.80}", symbol)
    prices = _Prices(symbol, data)
    price, open_, previous, high, low, bid, ask = (
        prices.get(name) for name in ("price", "open_price", "previous_close", "day_high", "day_low", "bid", "ask")
    )
    volume = data.get("day_volume")
    if price is None or prices.bad or (isinstance(volume, int) and not 0 <= volume < _MOST_SHARES):
        return Malformed("bad_number", f"{prices.bad or 'day_volume'} {data!r:.160}", symbol)
    return Quote(
        symbol=symbol,
        price=price,
        venue_time=time,
        open=open_,
        previous_close=previous,
        high=high,
        low=low,
        bid=bid,
        ask=ask,
        volume=Decimal(volume) if isinstance(volume, int) else None,
        change_pct=_percent(data.get("change_percent")),
    )


class _Prices:
    """The prices of one message; ``bad`` is the name of the first that is none."""

    def __init__(self, symbol: str, data: dict[str, Value]) -> None:
        self._data = data
        self._index = data["quote_type"] == _INDEX if "quote_type" in data else is_index(symbol)
        hint = data.get("price_hint")
        self._hint = hint if isinstance(hint, int) and 0 <= hint <= _MOST_HINT else None
        self.bad: str | None = None

    def get(self, name: str) -> Decimal | None:
        """Return a price without noise, None when it is 0 or not there."""
        number = self._data.get(name)
        if not isinstance(number, Decimal) or number == 0:
            return None
        price = believable(number, self._hint, index=self._index)
        if price is None:
            self.bad = self.bad or name
        return price


def _percent(number: Value | None) -> Decimal | None:
    if not isinstance(number, Decimal) or not number.is_finite() or abs(number) >= _HIGHEST_PCT:
        return None
    return canonical(format(number.quantize(Decimal("0.01"), ROUND_HALF_UP), "f"))
