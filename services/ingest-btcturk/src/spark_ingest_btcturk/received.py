"""What one frame of BtcTurk says, with every number exact: the vocabulary between the protocol and its users."""

from decimal import Decimal
from typing import NamedTuple, TypeAlias

import msgspec

from spark_market.messages import Ticker
from spark_market.orderbook import Level


class Tickers(msgspec.Struct, frozen=True, gc=False):
    """A 401 or 402, or what REST says of the same.

    ``event`` is what it is data of: a pair, ``all``, or ``rest`` for an answer of REST. ``heard`` are the symbols that
    it speaks of, ``changed`` those whose figures differ from the ones before, ``malformed`` why rows of it were left
    out, ``unlisted`` the pairs in it, as the venue spells them, that are not wanted, or not known yet.
    """

    event: str
    heard: tuple[str, ...]
    changed: tuple[Ticker, ...]
    malformed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


class TradeRow(NamedTuple):
    """One execution. ``number`` is ``id`` to compare by; ``code`` is the venue's side, 0 or 1, None when it sent none:
    another number may come and means nothing yet. Price and size are above 0. ``venue_time`` is ms UTC."""

    id: str
    number: int
    price: Decimal
    size: Decimal
    code: int | None
    venue_time: int


class TradeList(NamedTuple):
    """A 421: the last trades of a pair, at most 50, oldest first; ``malformed`` is why rows were left out."""

    pair: str
    rows: tuple[TradeRow, ...]
    malformed: tuple[str, ...] = ()


class TradeSingle(NamedTuple):
    """A 422."""

    pair: str
    row: TradeRow


class BookSnapshot(NamedTuple):
    """A 431: up to 100 levels a side, in the venue's order, each price once and no size 0. ``channel`` is ``obdiff`` or
    ``orderbook``, which number apart."""

    channel: str
    pair: str
    change_set: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


Change: TypeAlias = tuple[int, Decimal, Decimal]
"""One level of a 432: its code, price and size. The code is 0 for updated, 1 for new, 3 for deleted; the size is 0 for
a deleted one, and for another only when the venue says so, which it never should."""


class BookChanges(NamedTuple):
    """A 432: what differs from the change set before it, in the venue's order, in which a price may come twice."""

    pair: str
    change_set: int
    bids: tuple[Change, ...]
    asks: tuple[Change, ...]


class Result(NamedTuple):
    """A 100. ``ok`` proves nothing: the venue says so to anything but a second join of the same."""

    ok: bool
    message: str


class Ignored(NamedTuple):
    """Anything else: read no further, only counted."""


Said: TypeAlias = Tickers | TradeList | TradeSingle | BookSnapshot | BookChanges | Result | Ignored


class Received(msgspec.Struct, frozen=True, gc=False):
    """``kind`` is the frame's type as a bounded label: the venue's number, or ``other`` for one not documented."""

    kind: str
    said: Said
