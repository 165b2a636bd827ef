"""``PricingData``, the protobuf message that Yahoo's streamer sends, decoded by hand: four wire types and 33 fields.

Whole numbers are zig-zag coded, but for two enumerations. Fields that are not known, or that come in another form than
the known one, are skipped, as protobuf's rules have it. A field that is at its default is not sent.
"""

import struct
from decimal import Decimal
from typing import Final

Value = str | int | Decimal

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT: Final = 10
_WHOLE: Final = ("time", "day_volume", "expire_date", "open_interest", "options_type", "mini_option", "last_size",
                 "bid_size", "ask_size", "price_hint", "vol_24hr", "vol_all_currencies")  # fmt: skip
_NAMES: Final[dict[tuple[int, int], str]] = {
    (1, _BYTES): "id", (2, _FIXED32): "price", (3, _VARINT): "time", (4, _BYTES): "currency", (5, _BYTES): "exchange",
    (6, _VARINT): "quote_type", (7, _VARINT): "market_hours", (8, _FIXED32): "change_percent",
    (9, _VARINT): "day_volume", (10, _FIXED32): "day_high", (11, _FIXED32): "day_low", (12, _FIXED32): "change",
    (13, _BYTES): "short_name", (14, _VARINT): "expire_date", (15, _FIXED32): "open_price",
    (16, _FIXED32): "previous_close", (17, _FIXED32): "strike_price", (18, _BYTES): "underlying_symbol",
    (19, _VARINT): "open_interest", (20, _VARINT): "options_type", (21, _VARINT): "mini_option",
    (22, _VARINT): "last_size", (23, _FIXED32): "bid", (24, _VARINT): "bid_size", (25, _FIXED32): "ask",
    (26, _VARINT): "ask_size", (27, _VARINT): "price_hint", (28, _VARINT): "vol_24hr",
    (29, _VARINT): "vol_all_currencies", (30, _BYTES): "from_currency", (31, _BYTES): "last_market",
    (32, _FIXED64): "circulating_supply", (33, _FIXED64): "market_cap",
}  # fmt: skip
"""By field number and the form it comes in."""


class BadPricingData(ValueError):
    """These bytes are no such message."""


def decode(body: bytes) -> dict[str, Value]:
    """Return the fields that are in ``body``. Raises BadPricingData.

    Floats are told exactly as they came, as decimals, which may be no number (NaN, infinity).
    """
    found: dict[str, Value] = {}
    at = 0
    try:
        while at < len(body):
            key, at = _varint(body, at)
            name = _NAMES.get((key >> 3, key & 7))
            value, at = _value(body, at, key & 7, name)
            if name is not None:
                found[name] = value
    except (IndexError, struct.error, UnicodeDecodeError) as exc:
        raise BadPricingData(f"cut off, or no text: {exc!s:.60}") from exc
    return found


def _value(body: bytes, at: int, form: int, name: str | None) -> tuple[Value, int]:
    match form:
        case 0:
            number, at = _varint(body, at)
            return (number >> 1) ^ -(number & 1) if name in _WHOLE else number, at
        case 1:
            return Decimal(struct.unpack_from("<d", body, at)[0]), at + 8
        case 2:
            length, at = _varint(body, at)
            if at + length > len(body):
                raise IndexError("it ends within a text")
            text = body[at : at + length]
            return "" if name is None else text.decode(), at + length
        case 5:
            return Decimal(struct.unpack_from("<f", body, at)[0]), at + 4
        case _:
            raise BadPricingData(f"form {form} of a field")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at``, and where it ends."""
    number = 0
    for shift in range(0, 7 * _LONGEST_VARINT, 7):
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at
    raise BadPricingData("a number that does not end")
