"""What can be ordered to go wrong at Borsa İstanbul's sources: a struct for each."""

from typing import Annotated, Literal, TypeAlias, get_args

import msgspec

from spark_simulator.bist.sources import Source
from spark_simulator.commands import ordered, snake

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
_Symbol = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,12}$")]
_RetryAfter = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


class _Command(msgspec.Struct, frozen=True, tag_field="fault", tag=snake, rename="camel", forbid_unknown_fields=True):
    source: Source | None = None


class _Lasting(_Command, frozen=True):
    """``seconds`` are the market's: a sped-up clock shortens them."""

    seconds: _Seconds = 600


# Answers


class _Answers(_Lasting, frozen=True):
    """``share`` of the answers go wrong."""

    share: _Share = 1.0


class Limit(_Answers, frozen=True):
    """Answer 429; with ``retryAfter`` in its header, if that is given."""

    retry_after: _RetryAfter | None = None


class Quota(_Lasting, frozen=True):
    """Answer 429 to whoever asks more than ``requests`` times in any ``window`` seconds of the market."""

    requests: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1000
    window: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 3600
    retry_after: _RetryAfter | None = None


class Refuse(_Answers, frozen=True):
    """Answer with this status. A 401 is the source's own for a key, or with ``ip`` for an address, it does not know."""

    status: Literal[401, 403, 404, 500, 502, 503] = 503
    ip: bool = False
    retry_after: _RetryAfter | None = None


class Html(_Answers, frozen=True):
    """Answer a page instead of JSON."""

    status: Literal[200, 403, 503] = 200


class Slow(_Answers, frozen=True):
    """Answer ``delay`` seconds of the wall clock late."""

    delay: Annotated[float, msgspec.Meta(gt=0, le=600)] = 5.0


class CutAnswer(_Answers, frozen=True):
    """Break the connection in the middle of the answer."""


class Half(_Answers, frozen=True):
    """Answer the first half of the text, as if that were all."""


class Empty(_Answers, frozen=True):
    """Answer without any row."""


class Strict(_Lasting, frozen=True):
    """Answer 404 to a whole batch of which one symbol is unknown, instead of leaving it out."""


# Rows


class _Rows(_Lasting, frozen=True):
    """Of ``symbols``, or of all when none is named."""

    symbols: tuple[_Symbol, ...] = ()


class Nulls(_Rows, frozen=True):
    """Null for the price, or with ``fields`` ``others`` for all but price, symbol and time; null bars, too."""

    fields: Literal["price", "time", "others"] = "price"


class Stale(_Rows, frozen=True):
    """Go on to tell of the market as it was when this was ordered."""


class Vanish(_Rows, frozen=True):
    """Know the symbols no more."""


class Duplicate(_Rows, frozen=True):
    """Tell each row twice, the second time as it was a minute before."""


class WrongTime(_Rows, frozen=True):
    """Let the rows' times be off by so many ms: ahead when above 0."""

    ms: Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)] = 3_600_000


class BadNumber(_Rows, frozen=True):
    """Tell ``number`` for the price, as it is spelled here."""

    number: Annotated[str, msgspec.Meta(max_length=100)] = "NaN"


class VolumeFalls(_Rows, frozen=True):
    """Tell of half the volume and turnover."""


class Foreign(_Rows, frozen=True):
    """Tell of another exchange and currency; only Yahoo says so."""


# Sockets


class Cut(_Command, frozen=True):
    """Drop every WebSocket without a closing handshake."""


class Close(_Command, frozen=True):
    """Close every WebSocket."""

    code: Annotated[int, msgspec.Meta(ge=1000, le=4999)] = 1001


class Silence(_Lasting, frozen=True):
    """Send no prices over WebSockets; heartbeats, pings and pongs go on."""


class Malformed(_Command, frozen=True):
    """Send frames that no client can use, besides the real ones."""

    count: _Count = 1


RowFault: TypeAlias = Nulls | Stale | Vanish | Duplicate | WrongTime | BadNumber | VolumeFalls | Foreign
Lasting: TypeAlias = Limit | Quota | Refuse | Html | Slow | CutAnswer | Half | Empty | Strict | RowFault | Silence
Command: TypeAlias = Lasting | Cut | Close | Malformed
NAMES = tuple(str(kind.__struct_config__.tag) for kind in get_args(Command))
_DECODER: "msgspec.json.Decoder[Command]" = msgspec.json.Decoder(Command)


def read(body: bytes) -> Command:
    """Return the command in ``body``. Raises BadCommand."""
    return ordered(body, _DECODER, NAMES)
