"""One symbol's rows, one after the other: which of them is a tick. Pure."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from spark_ingest_bist.quotes import VENUE, Quote
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from spark_market.numbers import change
from spark_market.sessions.phases import day_number

FUTURE_MS: Final = 2_000
"""By so much a source's clock may run ahead of ours."""
_FURTHEST: Final = Decimal("0.105")
_CUMULATIVE: Final = ("volume", "turnover")
_OF_THE_DAY: Final = ("open", "previous_close", "reference_price")  # once told they hold for the day


_TOLD: Final = (
    "bid", "ask", "bid_size", "ask_size", "high", "low", "vwap", "change_pct", *_CUMULATIVE, *_OF_THE_DAY,
)  # fmt: skip


class Verdict(StrEnum):
    """What a row is. Only ``changed`` is a tick; ``unchanged`` proves that the source still has it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LATE = "late"
    FUTURE = "future"


class Rows:
    """What is known of one symbol."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._quote: Quote | None = None
        self._date = 0
        self._newest: int | None = None  # own time: a row without one hides no other's
        self._newest_answered: int | None = None  # the same, of rows that were asked for
        self.fell = False
        """Whether the last row's volume or turnover was below one before it."""
        self.far = False
        """Whether the last row's price is further from the close before than a day's limits allow."""
        self.ticker: Ticker | None = None
        """The last tick."""

    def recall(self, ticker: Ticker, undated: int) -> None:
        """Go on from a tick that whoever wrote before published; one without a time is of the day ``undated``."""
        if ticker.price is None:
            return  # none that we would publish
        told = {name: getattr(ticker, name) for name in _TOLD}
        self._quote = Quote(symbol=ticker.symbol, price=ticker.price, venue_time=ticker.venue_time, **told)
        self._date = undated if ticker.venue_time is None else day_number(ticker.venue_time)
        self._newest = self._newest_answered = ticker.venue_time
        self.ticker = ticker

    def take(
        self, quote: Quote, received_at: int, market_ms: int, undated: int | None = None, *, sooner: bool = False
    ) -> Verdict:
        """Judge a row; what changed is in `ticker` then. Times are ms UTC.

        A row without a time is of the day ``undated``, that of the session that the source shows; by default today.
        ``sooner`` is for one of a stream beside the answers: an answer that only the stream has overtaken is not late.
        """
        self.fell = self.far = False
        at = quote.venue_time
        if at is not None and at > market_ms + FUTURE_MS:
            return Verdict.FUTURE
        before = self._quote
        today = day_number(market_ms) if undated is None else undated
        date = today if at is None else day_number(at)
        if before is not None:
            if at is not None and self._newest is not None and at < self._newest:
                if sooner or at < (self._newest_answered or 0):
                    return Verdict.LATE
                self._newest_answered = at
                return Verdict.UNCHANGED
            if date < self._date:
                return Verdict.LATE
            if date == self._date:
                quote = self._joined(quote, before)
        ticker = self._tick(quote, received_at)
        self._quote, self._date = quote, date
        if at is not None:
            self._newest = at
            self._newest_answered = self._newest_answered if sooner else at
        if self.ticker is not None and _same(ticker, self.ticker):
            return Verdict.UNCHANGED
        self.ticker = ticker
        return Verdict.CHANGED

    def _joined(self, quote: Quote, before: Quote) -> Quote:
        """Return the row with what only its day's rows before it told, and with sums that never fall."""
        kept: dict[str, Decimal] = {}
        for name in _CUMULATIVE:
            now, highest = getattr(quote, name), getattr(before, name)
            if highest is not None and (now is None or now < highest):
                kept[name] = highest
                self.fell = self.fell or now is not None
        for name in _OF_THE_DAY:
            known = getattr(before, name)
            if known is not None and getattr(quote, name) is None:
                kept[name] = known
        return msgspec.structs.replace(quote, **kept) if kept else quote

    def _tick(self, quote: Quote, received_at: int) -> Ticker:
        reference = quote.previous_close
        if reference is None and quote.change_pct is None:
            reference = quote.open
        difference, percent = change(quote.price, reference)
        limits_from = quote.reference_price or quote.previous_close
        if limits_from:
            self.far = abs(quote.price - limits_from) > limits_from * _FURTHEST
        return Ticker(
            venue=VENUE,
            symbol=quote.symbol,
            mode=self._mode,
            price=quote.price,
            bid=quote.bid,
            ask=quote.ask,
            bid_size=quote.bid_size,
            ask_size=quote.ask_size,
            open=quote.open,
            previous_close=quote.previous_close,
            high=quote.high,
            low=quote.low,
            volume=quote.volume,
            vwap=quote.vwap,
            turnover=quote.turnover,
            reference_price=quote.reference_price,
            change=difference,
            change_pct=percent if reference is not None else quote.change_pct,
            venue_time=quote.venue_time,
            received_at=received_at,
        )


def _same(one: Ticker, other: Ticker) -> bool:
    return msgspec.structs.replace(one, received_at=other.received_at) == other
