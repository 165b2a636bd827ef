"""What a source says of instruments, in the platform's words: the same whichever source it was."""

from decimal import Decimal
from typing import Final

import msgspec

VENUE: Final = "bist"


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of one symbol at one moment: the market's state, no single trade.

    ``symbol`` is ours. ``venue_time`` is the market's own time (ms UTC), None when the source tells none. ``volume`` is
    the day's in shares, ``turnover`` the day's in the quote currency. ``change_pct`` is the source's own word, of use
    only where it tells no ``previous_close``. What the source does not tell is None.
    """

    symbol: str
    price: Decimal
    venue_time: int | None
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    open: Decimal | None = None
    previous_close: Decimal | None = None
    reference_price: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    turnover: Decimal | None = None
    vwap: Decimal | None = None
    change_pct: Decimal | None = None
    name: str | None = None


class Malformed(msgspec.Struct, frozen=True):
    """A row, or all that came, that cannot be read. ``error`` is its name, one of few; ``detail`` is for the log."""

    error: str
    detail: str
    symbol: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What came in one answer or frame.

    ``unknown`` are symbols of ours that were asked for and that the source says it does not have; ``absent`` are those
    that it passed over in silence. ``ignored`` counts what is none of our business: other types, other markets.
    ``delay_ms`` is the longest delay that the source declares in this answer, None when it declares none.
    """

    quotes: tuple[Quote, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    ignored: int = 0
    delay_ms: int | None = None


class MalformedAnswer(ValueError):
    """Nothing of it can be read. ``error`` is the name that it is counted under."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail


class Refused(Exception):
    """The source answers, and will not give it. ``error`` is the name that it is counted under.

    ``limited``: too many requests, so slow down. ``forbidden``: this key, address or contract may not, so trying again
    soon is of no use, and somebody has to be told. ``unknown``: it knows none of what was asked for. ``unavailable``:
    it cannot at the moment. ``rejected``: it does not understand the request.
    """

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail
