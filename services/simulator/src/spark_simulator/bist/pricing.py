"""Yahoo's PricingData, as its streamer sends it: a protobuf message in base64 in JSON."""

import struct
from base64 import b64encode

from spark_simulator.bist.figures import change
from spark_simulator.bist.view import Row
from spark_simulator.bist.yahoo import SUFFIX

_VARINT, _BYTES, _FLOAT = 0, 2, 5
_EQUITY, _INDEX = 8, 9
_REGULAR, _POST = 1, 2
_PRICE_HINT = 2
_SECOND_MS = 1000


def frame(row: Row, *, trading: bool) -> str:
    """Return the text frame of a row; of a share it has the fields that were seen of one, and no others."""
    return f'{{"type":"pricing","message":"{b64encode(message(row, trading=trading)).decode()}"}}'


def message(row: Row, *, trading: bool) -> bytes:
    """Return the bytes of a row. What is null is left out; what is no number becomes one that is none."""
    quote = row.quote
    difference, percent = change(row)
    parts = [_text(1, quote.symbol + SUFFIX)]
    if row.number is not None:
        parts.append(_float(2, float("nan")))
    elif row.nulls != "price":
        parts.append(_float(2, quote.price / 100))
    if row.nulls != "time":
        parts.append(_signed(3, quote.time // _SECOND_MS * _SECOND_MS))
    parts += [
        _text(5, "NMS" if row.foreign else "IST"),
        _whole(6, _INDEX if quote.bid is None else _EQUITY),
        _whole(7, _REGULAR if trading else _POST),
    ]
    if row.nulls != "others":
        parts.append(_float(8, percent))
        if quote.volume is not None:
            parts.append(_signed(9, quote.volume))
        parts.append(_float(12, difference / 100))
    parts.append(_signed(27, _PRICE_HINT))
    return b"".join(parts)


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _signed(field: int, value: int) -> bytes:
    return _whole(field, value << 1 if value >= 0 else (-value << 1) - 1)  # zig-zag


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | _FLOAT) + struct.pack("<f", value)


def _text(field: int, value: str) -> bytes:
    data = value.encode()
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
