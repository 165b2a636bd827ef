"""BtcTurk's frames as such, ``[type, body]``: which type one has, how it is read, and what a bad one may have been."""

import json
import re
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec

from spark_ingest_btcturk.channels import ALL

VENUE: Final = "btcturk"
OTHER: Final = "other"

T = TypeVar("T")

RESULT, SUBSCRIPTION = 100, 151
TICKER_ALL, TICKER_PAIR, TRADE_LIST, TRADE_SINGLE, BOOK_FULL, BOOK_DIFFERENCE = 401, 402, 421, 422, 431, 432

_DOCUMENTED: Final = frozenset(
    {100, 101, 111, 112, 113, 114, 151, 201, 401, 402, 411, 412, 421, 422, 423, 428, 431, 432, 441}
    | {451, 452, 453, 801, 802, 991}
)
_LABELS: Final = {number: str(number) for number in _DOCUMENTED}
_DATA: Final[dict[int, str | None]] = {
    TICKER_ALL: "ticker",
    TICKER_PAIR: "ticker",
    TRADE_LIST: "trade",
    TRADE_SINGLE: "trade",
    BOOK_DIFFERENCE: "obdiff",
    BOOK_FULL: None,  # of `obdiff` or of `orderbook`: each frame says
}

BROKEN: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What reading hostile bytes raises; UnicodeError is a ValueError."""


class MalformedFrame(ValueError):
    """This frame is not what the protocol says. It costs just itself.

    ``kind`` is its type as a bounded label, ``other`` when that cannot be seen. ``channel`` and ``event``, both as the
    venue spells them, are the subscription that it came by, each None when that cannot be seen: whatever the frame
    had to tell of it is lost.
    """

    def __init__(self, reason: str, kind: str = OTHER, channel: str | None = None, event: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.channel = channel
        self.event = event


class _Head(msgspec.Struct, array_like=True):
    type: int


_HEAD: Final = msgspec.json.Decoder(_Head)
_OPENINGS: Final = {b"[%d," % number: number for number in _DATA}


def type_of(frame: bytes) -> int:
    """Return element 0 of the array: not every body repeats it. More elements than two are let be."""
    known = _OPENINGS.get(frame[:5])  # how each frame with data was ever seen to begin
    return _HEAD.decode(frame).type if known is None else known


def label(number: int) -> str:
    """Return a frame type as the label of a metric; new types may come at any time and share one."""
    return _LABELS.get(number, OTHER)


class Model(msgspec.Struct, gc=False):
    """A body, or a part of one, with the venue's own names. Figures are text."""


class _Frame(msgspec.Struct, Generic[T], array_like=True, gc=False):
    type: int
    body: T


class FrameReader(Generic[T]):
    """Reads the bodies of frames of one type."""

    def __init__(self, body: type[T]) -> None:
        self._frame: type[_Frame[T]] = _Frame[body]  # type: ignore[valid-type]
        self._decoder: msgspec.json.Decoder[_Frame[T]] = msgspec.json.Decoder(self._frame)

    def read(self, frame: bytes) -> T:
        """Return the body. Raises one of `BROKEN`."""
        try:
            return self._decoder.decode(frame).body
        except msgspec.ValidationError:
            return convert(loosely(frame), self._frame).body


class ListBody(Model, Generic[T]):
    """The body of a list: of all tickers, or of the last trades of a pair."""

    items: list[T] | None  # null has not been seen, but is no reason to lose a subscription
    symbol: str | None = None
    event: str | None = None
    channel: str | None = None


class ListReader(Generic[T]):
    """Reads frames whose body is a list. A row that cannot be read costs itself."""

    def __init__(self, row: type[T]) -> None:
        self._row = row
        self._decoder = msgspec.json.Decoder(_Frame[ListBody[row]])  # type: ignore[valid-type]

    def read(self, frame: bytes) -> tuple[ListBody[T], list[T], list[str]]:
        """Return the body, the rows, and why others were left out. Raises one of `BROKEN`."""
        try:
            body = self._decoder.decode(frame).body
            return body, body.items or [], []
        except msgspec.ValidationError:
            loose = convert(loosely(frame), _Frame[ListBody[Any]]).body
            return loose, *read_rows(loose.items or [], self._row)


def read_rows(items: list[Any], model: type[T]) -> tuple[list[T], list[str]]:
    """Return those of ``items``, read by `loosely`, that are a ``model``, and why the others are not."""
    rows: list[T] = []
    reasons: list[str] = []
    for item in items:
        try:
            rows.append(convert(item, model))
        except BROKEN as exc:
            reasons.append(reason(exc))
    return rows, reasons


def reason(error: Exception) -> str:
    """Return what to say of something broken."""
    return str(error) or type(error).__name__


def loosely(text: bytes) -> Any:
    """Return any JSON as plain values, each number as the very text it was written with.

    Where the venue is known to write text it may once write a number, and in REST it does.
    """
    value = json.loads(text.decode(), parse_float=str, parse_int=str, parse_constant=_refuse)
    if b"\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half a character is no text: it ends here
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def convert(value: Any, model: type[T]) -> T:
    """Return what `loosely` read as a ``model``; numbers that it wants as such are read from their text."""
    return msgspec.convert(value, model, strict=False)


def pair_of(event: str | None, named: str | None) -> str:
    """Return the pair that a frame speaks of; it names it twice."""
    pair = event or named
    if not pair:
        raise ValueError("it names no pair")
    if named is not None and named != pair:
        raise ValueError(f"it is of {named[:40]!r}, on the event {pair[:40]!r}")
    return pair


def expect_channel(said: str | None, expected: str) -> None:
    """Refuse a frame that says it came by another channel than its type does."""
    if said is not None and said != expected:
        raise ValueError(f"it came by the channel {said[:40]!r}")


_TYPE: Final = re.compile(rb"\s*\[\s*([0-9]{1,4})\s*,")
_NAME: Final = re.compile(rb'"(event|PS|symbol|channel)"\s*:\s*"([A-Za-z0-9_]{1,40})"')


def malformed(frame: bytes, error: Exception) -> MalformedFrame:
    """Return what is to be said of a bad frame. It may be cut in half or worse, so it is only searched."""
    found = _TYPE.match(frame)
    number = int(found[1]) if found else 0
    names: dict[bytes, str] = {}
    for match in _NAME.finditer(frame):
        names.setdefault(match[1], match[2].decode())
    channel = _DATA.get(number) or names.get(b"channel")
    event = names.get(b"event") or names.get(b"PS") or names.get(b"symbol")
    if number == TICKER_ALL:  # its rows name pairs, but it came by no pair's event
        event = ALL
    return MalformedFrame(reason(error), label(number), channel, event)


def _request(channel: str, event: str, *, join: bool) -> str:
    body = {"type": SUBSCRIPTION, "channel": channel, "event": event, "join": join}
    return msgspec.json.encode([SUBSCRIPTION, body]).decode()


def join(channel: str, event: str) -> str:
    """Return the frame that subscribes, in the venue's spelling of both: it says ok to any other, and sends nothing."""
    return _request(channel, event, join=True)


def leave(channel: str, event: str) -> str:
    """Return the frame that ends a subscription."""
    return _request(channel, event, join=False)
