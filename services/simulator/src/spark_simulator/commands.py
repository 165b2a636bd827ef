"""What the simulator can be ordered to do: one struct for each, and one sentence for what cannot be done."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias, TypeVar, get_args

import msgspec

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_CloseCode = Annotated[int, msgspec.Meta(ge=1000, le=4999)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Pair = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,20}$")]
_Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{1,10}$")]
_Price = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$")]
Channel: TypeAlias = Literal["ticker", "trade", "obdiff", "orderbook"]
_NOT_SENDABLE = {1004, 1005, 1006, 1015, *range(1016, 3000)}  # reserved by RFC 6455, never on the wire


T = TypeVar("T")


class BadCommand(ValueError):
    """A command cannot be followed; the text says why, in one sentence."""


def snake(name: str) -> str:
    """Return a class's name as orders spell it."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


def ordered(body: bytes, decoder: "msgspec.json.Decoder[T]", names: Sequence[str]) -> T:
    """Return the command in ``body``, one of ``names``. Raises BadCommand."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise BadCommand(
            f"this is not a fault ({exc}); send JSON with fault: {', '.join(names)}, and that fault's own fields"
        ) from exc


class _Command(msgspec.Struct, frozen=True, tag_field="fault", tag=snake, rename="camel", forbid_unknown_fields=True):
    pass


# Connections


class Cut(_Command, frozen=True):
    """Drop every TCP connection without a closing handshake."""


class Close(_Command, frozen=True):
    """Close every connection with a code and a reason."""

    code: _CloseCode = 1000
    reason: str = ""

    def __post_init__(self) -> None:
        if self.code in _NOT_SENDABLE:
            raise ValueError(f"code {self.code} may not be sent in a close frame")
        if len(self.reason.encode()) > 123:  # what a control frame leaves beside the code
            raise ValueError("reason is longer than 123 bytes")


class Refuse(_Command, frozen=True):
    """Answer upgrades with an HTTP status for a while."""

    seconds: _Seconds
    status: Literal[403, 429, 503] = 503
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86400)] | None = None


class SlowUpgrade(_Command, frozen=True):
    """Let upgrades wait ``delay`` seconds for their answer, for a while."""

    seconds: _Seconds
    delay: _Seconds


class SlowTls(_Command, frozen=True):
    """Let new connections to the TLS port wait ``delay`` seconds for the handshake to begin, for a while."""

    seconds: _Seconds
    delay: _Seconds


class Freeze(_Command, frozen=True):
    """Hold back all that goes to those who are connected, acks and pongs too, and let it go at the end."""

    seconds: _Seconds


# Silence


class Silence(_Command, frozen=True):
    """Send no data for a while; pings, pongs and answers to joins go on, as in a silent stall."""

    seconds: _Seconds


class Mute(_Command, frozen=True):
    """Withhold the data of one channel, one pair, or one channel of one pair; it is lost.

    ``scope`` is what ends it early: nothing for ``venue``, another connection for ``connection``, and for
    ``subscription`` a leave and a join as well. ``book`` is what the book's change sets do meanwhile: ``jump`` numbers
    them on; ``hidden`` does not, so that nobody can see the loss; ``conflated`` sends all at the end in one.
    """

    seconds: _Seconds
    channel: Channel | None = None
    pair: _Pair | None = None
    scope: Literal["venue", "connection", "subscription"] = "venue"
    book: Literal["jump", "hidden", "conflated"] = "jump"

    def __post_init__(self) -> None:
        if self.channel is None and self.pair is None:
            raise ValueError("mute takes a channel, a pair or both; silence is for all")
        if self.book != "jump" and self.scope != "venue":
            raise ValueError("book other than jump goes with the scope venue only: there is one chain for all")


class Stall(_Command, frozen=True):
    """Let a channel, or some pairs, stay silent on the next ``connections`` connections, or on all made meanwhile."""

    seconds: _Seconds
    channel: Channel | None = None
    pairs: tuple[_Pair, ...] = ()
    connections: _Count | None = None


class Fade(_Command, frozen=True):
    """Let the pairs fall silent one after the other on those who are connected, until none is left."""

    seconds: _Seconds


class NoSnapshot(_Command, frozen=True):
    """Acknowledge joins of ``obdiff``, ``trade`` and ``orderbook``, but send no 431 or 421.

    ``rejoins``: only when the same was joined on that socket before. ``live``: send what follows all the same.
    """

    seconds: _Seconds
    channel: Literal["trade", "obdiff", "orderbook"] | None = None
    pair: _Pair | None = None
    rejoins: bool = False
    live: bool = False

    def concerns(self, channel: str, pair: str, *, again: bool) -> bool:
        """Return whether a join brings no snapshot; ``again`` when the same was joined before and left."""
        return self.channel in (None, channel) and self.pair in (None, pair) and (again or not self.rejoins)


# The next frames of one channel of one pair


class _Next(_Command, frozen=True):
    pair: _Pair
    channel: Channel
    count: _Count = 1


class Drop(_Next, frozen=True):
    """Do not send the next frames: of ``obdiff`` the change sets jump, of ``trade`` only lists know of the trades."""


class Duplicate(_Next, frozen=True):
    """Send the next frames twice."""


class Reorder(_Next, frozen=True):
    """Send the next frame after the one that follows it, ``count`` times."""


class Half(_Next, frozen=True):
    """Send only the first half of the next frames' text."""


class BadNumber(_Next, frozen=True):
    """Send the next frames with ``number`` for a price: the last one of a ticker, the first of a book frame."""

    number: Annotated[str, msgspec.Meta(max_length=100)] = "NaN"


class Anomaly(_Command, frozen=True):
    """Send a 432 with a code that does not fit, as soon as one allows it; who applies by price keeps a right book.

    ``delete_absent``: one more change, with CP 3, at a price that has no level. ``insert_held``: CP 1 instead of 0.
    ``update_absent``: CP 0 instead of 1.
    """

    pair: _Pair
    kind: Literal["delete_absent", "insert_held", "update_absent"]
    count: _Count = 1


class Cross(_Command, frozen=True):
    """Send a 432 with one more bid, above the best ask, that the market does not have.

    With ``seconds`` the first 432 after them takes it away again; without, only a new snapshot does.
    """

    pair: _Pair
    seconds: _Seconds | None = None


# Frames besides the real ones


class Malformed(_Command, frozen=True):
    """Send frames that no client can use, besides the real ones."""

    count: _Count = 1


class Oversized(_Command, frozen=True):
    """Send everybody one ticker of that many bytes."""

    bytes: Annotated[int, msgspec.Meta(ge=1024, le=7 * 1024 * 1024)] = 5 * 1024 * 1024


class Spurious(_Command, frozen=True):
    """Send everybody frames that are not theirs, or unknown: an all-zero 451, a 423 without ``type``, 428, 999."""

    types: tuple[Literal[451, 423, 428, 999], ...] = (451, 423, 428, 999)


# Numbers and clocks


class RestartIds(_Command, frozen=True):
    """Let trade ids go on far below or far above the last one, of one pair or of all."""

    pair: _Pair | None = None
    to: Literal["lower", "higher"] = "lower"


class ShiftClock(_Command, frozen=True):
    """Set the venue's clock, on trades and in REST, off by so many ms; 0 puts it right."""

    ms: Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]


# REST


class RefuseRest(_Command, frozen=True):
    """Answer REST otherwise for a while, everywhere or where the path ends in ``path``.

    ``limit`` is a 429, with ``retryAfter`` in its header; ``unavailable`` a 503 with JSON; ``html`` a 503 with HTML;
    ``error`` a 200 that says ``success: false``; ``timeout`` waits for the end before it answers.
    """

    seconds: _Seconds
    how: Literal["limit", "unavailable", "html", "error", "timeout"] = "unavailable"
    path: Literal["exchangeinfo", "ticker", "orderbook", "trades", "time", "ping"] | None = None
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86400)] | None = None


# The market


class Trade(_Command, frozen=True):
    """Let takers come now, one after the other; each trades at least once."""

    pair: _Pair
    count: _Count = 1


class List(_Command, frozen=True):
    """Begin to trade a pair. A base and quote that the catalogue does not know need a ``price`` to start from."""

    base: _Currency
    quote: _Currency
    price: _Price | None = None

    def __post_init__(self) -> None:
        if self.price is not None and not Decimal(self.price):
            raise ValueError("price is 0")


class Delist(_Command, frozen=True):
    """Trade a pair no more: it leaves exchangeinfo, the list of tickers, and its channels fall silent."""

    pair: _Pair


class Halt(_Command, frozen=True):
    """Let a pair stand still, with another status in exchangeinfo; its tickers are repeated."""

    pair: _Pair
    status: Literal["HALT", "BREAK"] = "HALT"


class Resume(_Command, frozen=True):
    """Let a halted pair trade again."""

    pair: _Pair


OnFrames: TypeAlias = Drop | Duplicate | Reorder | Half | BadNumber | Anomaly | Cross
OnMarket: TypeAlias = RestartIds | Trade | List | Delist | Halt | Resume
Command: TypeAlias = (
    Cut
    | Close
    | Refuse
    | SlowUpgrade
    | SlowTls
    | Freeze
    | Silence
    | Mute
    | Stall
    | Fade
    | NoSnapshot
    | OnFrames
    | Malformed
    | Oversized
    | Spurious
    | ShiftClock
    | RefuseRest
    | OnMarket
)
NAMES = tuple(str(kind.__struct_config__.tag) for kind in get_args(Command))
_DECODER: "msgspec.json.Decoder[Command]" = msgspec.json.Decoder(Command)


def read(body: bytes) -> Command:
    """Return the command in ``body``. Raises BadCommand."""
    return ordered(body, _DECODER, NAMES)
