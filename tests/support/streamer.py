"""Frames of Yahoo's streamer, made the way its protobuf is."""

import base64
import json
import struct
from typing import Any

TIME_MS = 1_777_273_500_000
_FLOAT, _SIGNED, _TEXT, _ENUM = "float", "signed", "text", "enum"
_FIELDS = {
    "id": (1, _TEXT), "price": (2, _FLOAT), "time": (3, _SIGNED), "currency": (4, _TEXT), "exchange": (5, _TEXT),
    "quote_type": (6, _ENUM), "market_hours": (7, _ENUM), "change_percent": (8, _FLOAT), "day_volume": (9, _SIGNED),
    "day_high": (10, _FLOAT), "day_low": (11, _FLOAT), "change": (12, _FLOAT), "open_price": (15, _FLOAT),
    "previous_close": (16, _FLOAT), "bid": (23, _FLOAT), "ask": (25, _FLOAT), "price_hint": (27, _SIGNED),
}  # fmt: skip


def pricing(**changes: Any) -> bytes:
    """Return a message with what a share's has; None leaves a field out."""
    full = {
        "id": "THYAO.IS", "price": 304.25, "time": TIME_MS, "exchange": "IST", "quote_type": 8, "market_hours": 1,
        "change_percent": 1.25, "day_volume": 1234567, "change": 3.75, "price_hint": 2, **changes,
    }  # fmt: skip
    return b"".join(field(*_FIELDS[name], value) for name, value in full.items() if value is not None)


def frame(body: bytes) -> bytes:
    """Return a message as it comes over the socket."""
    return json.dumps({"type": "pricing", "message": base64.b64encode(body).decode()}).encode()


def field(number: int, kind: str, value: Any) -> bytes:
    """Return one field."""
    match kind:
        case "float":
            return varint(number << 3 | 5) + struct.pack("<f", value)
        case "signed":
            return varint(number << 3) + varint((value << 1 ^ value >> 63) & (1 << 64) - 1)
        case "enum":
            return varint(number << 3) + varint(value)
        case _:
            data = value if isinstance(value, bytes) else value.encode()
            return varint(number << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    """Return a whole number, 0 or more, seven bits a byte."""
    more = b""
    while number >= 0x80:
        more += bytes([number & 0x7F | 0x80])
        number >>= 7
    return more + bytes([number])
