"""The wire format: a message as JSON bytes, ``{"type": "ticker", "data": {...}}``, and back.

Encoded once, in the process that made the message; every process after that moves bytes.
"""

import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from spark_market import messages
from spark_market.messages import Message

TYPES: Final[dict[type[Message], str]] = {
    messages.Ticker: "ticker",
    messages.Trade: "trade",
    messages.Book: "book",
    messages.Gap: "gap",
    messages.VenueStatus: "status",
    messages.Alarm: "alarm",
    messages.Lagged: "lagged",
    messages.Health: "health",
    messages.Goodbye: "goodbye",
    messages.Heartbeat: "heartbeat",
    messages.InstrumentsChanged: "instruments",
}
_CLASSES: Final[dict[str, type[Message]]] = {name: cls for cls, name in TYPES.items()}

_OPENINGS: Final = {cls: b'{"type":"%s","data":' % name.encode() for cls, name in TYPES.items()}

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_EXPONENT: Final = re.compile(rb"E[-+]").search


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class MalformedMessage(ValueError):
    """These bytes are not a message of ours."""


def type_of(message: Message) -> str:
    """Return the message's type as the wire names it."""
    return TYPES[type(message)]


def encode(message: Message) -> bytes:
    """Return the message as JSON, every number exact and without an exponent."""
    body = _ENCODER.encode(message)
    if _EXPONENT(body):  # Decimal writes 1E-7 for what we write 0.0000001
        body = _ENCODER.encode(_spelled_out(msgspec.to_builtins(message, builtin_types=(Decimal,))))
    return _OPENINGS[type(message)] + body + b"}"


def _spelled_out(value: Any) -> Any:
    match value:
        case Decimal():
            return msgspec.Raw(format(value, "f").encode())
        case dict():
            return {key: _spelled_out(item) for key, item in value.items()}
        case list() | tuple():
            return [_spelled_out(item) for item in value]
        case _:
            return value


def decode(text: bytes) -> Message | None:
    """Return the message in ``text``, or None for a type that this version does not know.

    Fields that it does not know are ignored. Raises MalformedMessage.
    """
    try:
        envelope = _ENVELOPE.decode(text)
        cls = _CLASSES.get(envelope.type)
        return None if cls is None else msgspec.json.decode(envelope.data, type=cls)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as exc:
        raise MalformedMessage(f"not a message: {text[:80]!r}") from exc
