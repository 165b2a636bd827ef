"""Yahoo Finance's keyless batch endpoint, ``/v7/finance/spark``: what to ask it, and what its answers mean.

It is unofficial and without a contract; what is known of it was seen by others. Of a symbol's ``meta`` only price,
time, currency and exchange are certain to be there. Bars are no prices: they come null, twice, or while still running;
all that is taken from them is the price that the day opened at. The sibling endpoints' envelopes (v8 spark, keyed by
symbol, and chart) have the same inside and are read, too, so that either can stand in.
"""

from collections.abc import Sequence
from typing import Any, Final

from spark_ingest_bist.quotes import Answer, Malformed, Quote
from spark_ingest_bist.sources import Request
from spark_ingest_bist.symbols import from_yahoo, to_yahoo
from spark_ingest_bist.yahoo_envelope import NotFound, rows_of
from spark_ingest_bist.yahoo_row import BadRow, Row

_PATH: Final = "/v7/finance/spark"
# One bar an hour keeps an answer small, and as with any interval within the day ``previousClose`` is that of yesterday.
_QUERY: Final = "range=1d&interval=60m"
USER_AGENT: Final = "Mozilla/5.0 (compatible; Spark-Market-Data/0.1)"
"""Its front door refuses clients that look like no browser; this one says what it is all the same."""
_HEADERS: Final = {"User-Agent": USER_AGENT, "Accept": "application/json"}


class YahooProtocol:
    """Asks for up to 20 symbols at once: one more, and it refuses all of them."""

    most_symbols = 20

    def __init__(self, base_url: str) -> None:
        """``base_url`` is where the paths begin, such as ``https://query1.finance.yahoo.com``."""
        self._base = base_url.rstrip("/")

    def request(self, symbols: Sequence[str]) -> Request:
        """Return the request for up to ``most_symbols`` of our symbols."""
        if not 0 < len(symbols) <= self.most_symbols:
            raise ValueError(f"1 to {self.most_symbols} symbols a request, not {len(symbols)}")
        names = ",".join(map(to_yahoo, symbols))
        label = symbols[0] if len(symbols) == 1 else f"{symbols[0]} and {len(symbols) - 1} more"
        return Request(f"{self._base}{_PATH}?symbols={names}&{_QUERY}", f"yahoo spark {label}", headers=_HEADERS)

    def read(self, status: int, body: bytes, asked: Sequence[str], received_at: int) -> Answer:
        """Return what the answer says of ``asked``. Raises MalformedAnswer and Refused.

        A row that cannot be read costs itself. Symbols without a row are ``absent``; of one that comes twice both rows
        are told, as they may differ in time.
        """
        try:
            rows = rows_of(status, body)
        except NotFound:
            if len(asked) == 1:
                return Answer(unknown=tuple(asked))
            raise  # that it has none of many is hard to believe: whoever asked may ask for each
        reading = _Reading(asked)
        for named, part in rows:
            reading.take(named, part)
        return reading.answer()


class _Reading:
    """One answer, row by row."""

    def __init__(self, asked: Sequence[str]) -> None:
        self._asked = asked
        self._left = set(asked)
        self._quotes: list[Quote] = []
        self._malformed: list[Malformed] = []
        self._ignored = 0
        self._delay_ms: int | None = None

    def take(self, named: Any, part: Any) -> None:
        """Read one row; ``named`` is what the envelope calls it, None when it does not."""
        row = Row(part)
        symbol: str | None = None
        try:
            symbol = from_yahoo(row.spelling(named))
            if symbol is None or symbol not in self._asked:
                self._ignored += 1
                return
            self._left.discard(symbol)
            quote = row.quote(symbol)
        except BadRow as exc:
            self._malformed.append(Malformed(exc.error, exc.detail, symbol))
            return
        self._quotes.append(quote)
        delay_ms = row.delay_ms()
        if delay_ms is not None:
            self._delay_ms = max(delay_ms, self._delay_ms or 0)

    def answer(self) -> Answer:
        """Return all that was read."""
        return Answer(
            quotes=tuple(self._quotes),
            malformed=tuple(self._malformed),
            absent=tuple(symbol for symbol in self._asked if symbol in self._left),
            ignored=self._ignored,
            delay_ms=self._delay_ms,
        )
