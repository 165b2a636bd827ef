"""One symbol in an answer of Yahoo's: ``meta`` with what is so now, and the day's bars, of which one open is used."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from spark_ingest_bist.grid import believable
from spark_ingest_bist.quotes import Quote
from spark_ingest_bist.symbols import is_index
from spark_market.numbers import canonical

_CURRENCY: Final = "TRY"
_EXCHANGE: Final = ("IST", "Istanbul")
_ISTANBUL_S: Final = 3 * 3600  # ahead of UTC, all year
_DAY_S: Final = 86_400
_FIRST_S, _LAST_S = 10**9, 10**10  # 2001 to 2286
_LONGEST_DELAY_MINUTES: Final = 60  # by a longer one a source that died today would pass for a market not yet open
_LONGEST_NAME: Final = 120


class BadRow(ValueError):
    """This row cannot be read. ``error`` is its name, one of symbol, wrong_market, no_price, bad_number, bad_time."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail


class Row:
    """Reads a row. Every number in it is text."""

    def __init__(self, part: Any) -> None:
        self._part: dict[str, Any] = part if isinstance(part, dict) else {}
        meta = self._part.get("meta", self._part)
        self._meta: dict[str, Any] = meta if isinstance(meta, dict) else {}

    def spelling(self, named: Any) -> str:
        """Return the symbol as Yahoo spells it; ``named`` is what the envelope says. Raises BadRow."""
        said = [each for each in (named, self._meta.get("symbol")) if each is not None]
        if not said or not all(isinstance(each, str) for each in said):
            raise BadRow("symbol", f"it names no symbol: {said!r:.80}")
        if len({each.upper() for each in said}) > 1:
            raise BadRow("symbol", f"it names two: {said!r:.80}")
        return str(said[0])

    def quote(self, symbol: str) -> Quote:
        """Return what it says of ``symbol``, which is ours. Raises BadRow."""
        price = self._price("regularMarketPrice", symbol)
        if price is None:
            raise BadRow("no_price", f"{self._meta.get('regularMarketPrice')!r:.80}")
        self._check_market()
        venue_time_s = self._time()
        previous = self._price("previousClose", symbol)
        return Quote(
            symbol=symbol,
            price=price,
            venue_time=None if venue_time_s is None else int(venue_time_s * 1000),
            open=None if venue_time_s is None else self._open(venue_time_s, symbol),
            previous_close=self._price("chartPreviousClose", symbol) if previous is None else previous,
            high=self._price("regularMarketDayHigh", symbol),
            low=self._price("regularMarketDayLow", symbol),
            volume=self._number("regularMarketVolume"),
            name=self._name(),
        )

    def delay_ms(self) -> int | None:
        """Return the delay that it declares, None when it declares none that makes sense."""
        try:
            minutes = self._number("exchangeDataDelayedBy")
        except BadRow:
            return None
        return None if minutes is None or minutes > _LONGEST_DELAY_MINUTES else int(minutes * 60_000)

    def _check_market(self) -> None:
        currency = self._meta.get("currency")
        code, full = self._meta.get("exchangeName"), self._meta.get("fullExchangeName")
        exchange = full if code is None else code
        if currency != _CURRENCY or exchange not in _EXCHANGE:
            raise BadRow("wrong_market", f"in {currency!r:.40} at {exchange!r:.40}")

    def _time(self) -> Decimal | None:
        text = self._meta.get("regularMarketTime")
        if text is None:
            return None
        try:
            time_s = _canonical(text)
        except ValueError as exc:
            raise BadRow("bad_time", f"{text!r:.80}") from exc
        if not _FIRST_S <= time_s < _LAST_S:
            raise BadRow("bad_time", f"outside 2001 to 2286: {text!r:.80}")
        return time_s

    def _number(self, key: str) -> Decimal | None:
        """Return a figure, 0 or more; null is none. Raises BadRow."""
        text = self._meta.get(key)
        if text is None:
            return None
        try:
            number = _canonical(text)
        except ValueError as exc:
            raise BadRow("bad_number", f"{key} {text!r:.80}") from exc
        if number < 0:
            raise BadRow("bad_number", f"{key} {text!r:.80} is negative")
        return number

    def _price(self, key: str, symbol: str) -> Decimal | None:
        """Return a price without float noise; 0 stands for one that it does not have. Raises BadRow."""
        number = self._number(key)
        if not number:
            return None
        price = self._believable(number, symbol)
        if price is None:
            raise BadRow("bad_number", f"{key} {number} is no price")
        return price

    def _believable(self, number: Decimal, symbol: str) -> Decimal | None:
        kind, hint = self._meta.get("instrumentType"), self._meta.get("priceHint")
        index = kind == "INDEX" if isinstance(kind, str) else is_index(symbol)
        return believable(number, int(hint) if isinstance(hint, str) and hint in _HINTS else None, index=index)

    def _open(self, venue_time_s: Decimal, symbol: str) -> Decimal | None:
        """Return what the day's first real bar opened at, None when there is no such bar."""
        today = _date(venue_time_s)
        for time, price in self._bars():
            try:
                time_s, number = _canonical(time), _canonical(price)
            except ValueError:  # null: nothing was traded
                continue
            opened = self._believable(number, symbol)
            if opened is not None and _FIRST_S <= time_s < _LAST_S and _date(time_s) == today:
                return opened
        return None

    def _bars(self) -> Iterator[tuple[Any, Any]]:
        indicators = self._part.get("indicators")
        quotes = indicators.get("quote") if isinstance(indicators, dict) else None
        first = quotes[0] if isinstance(quotes, list) and quotes else None
        opens = first.get("open") if isinstance(first, dict) else None
        times = self._part.get("timestamp")
        if isinstance(times, list) and isinstance(opens, list):
            yield from zip(times, opens, strict=False)

    def _name(self) -> str | None:
        for key in ("longName", "shortName"):
            name = self._meta.get(key)
            if isinstance(name, str) and name.strip() and name.isprintable():
                return name.strip()[:_LONGEST_NAME]
        return None


_HINTS: Final = frozenset(map(str, range(9)))


def _canonical(value: Any) -> Decimal:
    """Return a number. Raises ValueError for anything but the text of one."""
    if not isinstance(value, str):
        raise ValueError(f"no number: {value!r:.40}")
    return canonical(value)


def _date(time_s: Decimal) -> int:
    """Return the day in Istanbul, counted from 1970."""
    return (int(time_s) + _ISTANBUL_S) // _DAY_S
