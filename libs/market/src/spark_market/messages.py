"""The messages: one shape on the bus, in a stream and in REST.

Prices and sizes are exact decimals in the venue's own units, times are integer milliseconds UTC. A message
travels as ``{"type": ..., "data": {...}}``; the names on the wire are camelCase.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from spark_market.instruments import Mode

Price = Annotated[Decimal, msgspec.Meta(description="An exact decimal, written as a JSON number.")]


class Side(StrEnum):
    """Who was the aggressor of a trade."""

    BUY = "buy"
    SELL = "sell"


class Status(StrEnum):
    """Whether a venue's feed can be believed right now; the first that holds, in this order."""

    UNKNOWN = "UNKNOWN"
    DOWN = "DOWN"
    CLOSED = "CLOSED"
    STALE = "STALE"
    DEGRADED = "DEGRADED"
    MOCK = "MOCK"
    UP = "UP"


class _Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all messages share: how they are written."""


class Ticker(_Message, frozen=True, kw_only=True):
    """Last price, best quotes and the statistics of one symbol.

    ``venue_time`` is None when the venue sends no time of its own: it is never invented. ``received_at`` is our
    clock, read once at the socket. ``change`` is price - previous_close where the venue has one, else - open.
    ``reference_price`` is what the day's price limits are reckoned from, ``turnover`` the day's trading in the quote
    currency; both are None where the venue tells none.
    """

    venue: str
    symbol: str
    mode: Mode
    price: Price | None
    bid: Price | None = None
    ask: Price | None = None
    bid_size: Price | None = None
    ask_size: Price | None = None
    open: Price | None = None
    previous_close: Price | None = None
    high: Price | None = None
    low: Price | None = None
    volume: Price | None = None
    vwap: Price | None = None
    turnover: Price | None = None
    reference_price: Price | None = None
    change: Price | None = None
    change_pct: Price | None = None
    venue_time: int | None
    received_at: int


class Trade(_Message, frozen=True, kw_only=True):
    """One execution. ``id`` is the venue's, as text; ``side`` is the aggressor's, None when unknown."""

    venue: str
    symbol: str
    mode: Mode
    id: str
    price: Price
    size: Price
    side: Side | None
    venue_time: int | None
    received_at: int


class Book(_Message, frozen=True, kw_only=True):
    """An order book (``previous`` is None) or a change to it; levels are (price, size), size 0 removes one."""

    venue: str
    symbol: str
    mode: Mode
    sequence: str
    previous: str | None
    bids: tuple[tuple[Price, Price], ...]
    asks: tuple[tuple[Price, Price], ...]
    venue_time: int | None
    received_at: int


class Gap(_Message, frozen=True, kw_only=True):
    """Between ``from_`` and ``to`` (ms UTC) this stream may lack something.

    ``channel`` and ``symbol`` are None for all of them; ``lost`` is how many, when that is known. A ``from_`` of 0
    says that nothing is known of where the hole begins.
    """

    venue: str
    channel: str | None
    symbol: str | None
    from_: int = msgspec.field(name="from")
    to: int
    cause: str
    lost: int | None = None


class VenueStatus(_Message, frozen=True, kw_only=True):
    """The monitor's verdict on a venue. ``staleness_sec`` is None when the venue has never spoken.

    ``delay_ms`` is how much later than the market the venue's data is by its source's own word, 0 for live data.
    """

    venue: str
    status: Status
    staleness_sec: float | None
    mode: Mode | None
    reason: str
    since: int
    delay_ms: int = 0


class Alarm(_Message, frozen=True, kw_only=True):
    """Something an operator should look at, or that is over."""

    venue: str
    id: str
    state: Literal["raised", "changed", "cleared"]
    severity: Literal["warning", "critical"]
    reason: str
    since: int


class Lagged(_Message, frozen=True, kw_only=True):
    """What a slow reader missed: ``conflated`` values were overtaken by newer ones, ``dropped`` ones are gone.

    ``dropped`` is None when nobody knows: a gap says since when.
    """

    venue: str
    conflated: int
    dropped: int | None


class Health(_Message, frozen=True, kw_only=True):
    """The stream's own ping. ``throttle`` is the pace in force, in ms."""

    server_time: int
    throttle: int
    venues: dict[str, Status]


class Goodbye(_Message, frozen=True, kw_only=True):
    """The gateway ends this stream; come back after ``retry`` ms."""

    reason: str
    retry: int


class Heartbeat(_Message, frozen=True, kw_only=True):
    """On the bus only, every second: the ingest lives. Ages are in ms, so that no two clocks are compared.

    ``ages`` has, per channel, the time since the venue's last word on it, None for never.
    """

    venue: str
    mode: Mode
    sent_at: int
    connected: bool
    ages: dict[str, int | None]


class InstrumentsChanged(_Message, frozen=True, kw_only=True):
    """On the bus only: the venue's directory was written anew.

    ``epoch`` is the id of the epoch that begins with this entry, None when none does.
    """

    venue: str
    epoch: str | None = None


Message = Ticker | Trade | Book | Gap | VenueStatus | Alarm | Lagged | Health | Goodbye | Heartbeat | InstrumentsChanged
