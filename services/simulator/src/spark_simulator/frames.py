"""The texts of the venue's frames, and the bytes that carry one over a WebSocket."""

from collections.abc import Iterable

import msgspec

from spark_simulator.requests import Request
from spark_simulator.row import Row

MALFORMED = "malformed"
_TEXT, PING, PONG = 0x81, 0x89, 0x8A  # a whole frame of each kind, by RFC 6455's numbers
_TWO_BYTES, _EIGHT_BYTES = 126, 127  # a length that does not fit its first byte


def on_the_wire(payload: bytes, kind: int = _TEXT) -> bytes:
    """Return ``payload`` as one WebSocket frame from a server: unmasked, uncompressed."""
    size = len(payload)
    if size < _TWO_BYTES:
        header = bytes((kind, size))
    elif size < 1 << 16:
        header = bytes((kind, _TWO_BYTES)) + size.to_bytes(2, "big")
    else:
        header = bytes((kind, _EIGHT_BYTES)) + size.to_bytes(8, "big")
    return header + payload


class Frame:
    """One text, framed once however many connections it goes to. ``type`` is the venue's number, or MALFORMED."""

    __slots__ = ("data", "event", "text", "type")

    def __init__(self, type: int | str, event: str | None, text: str) -> None:
        self.type = type
        self.event = event
        self.text = text
        self.data = on_the_wire(text.encode())


WELCOME = Frame(991, None, '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]')


def ack(request: Request, *, ok: bool) -> Frame:
    """Return the venue's answer, which tells a success from a refusal by ``ok`` alone."""
    verb = "join" if request.join else "leave"
    message = f"{verb}|{request.channel}:{request.event}"
    return Frame(100, request.event, msgspec.json.encode([100, {"type": 100, "ok": ok, "message": message}]).decode())


def ticker(symbol: str, row: Row) -> Frame:
    """Return the 402 of one pair."""
    body = _members(row | {"channel": '"ticker"', "event": f'"{symbol}"', "type": "402"})
    return Frame(402, symbol, f"[402,{{{body}}}]")


def all_tickers(rows: Iterable[Row]) -> Frame:
    """Return the 401, which carries every pair every time."""
    items = ",".join(f"{{{_members({'Ord': '0'} | row)}}}" for row in rows)
    return Frame(401, "all", f'[401,{{"items":[{items}],"channel":"ticker","event":"all","type":401}}]')


def _members(row: Row) -> str:
    return ",".join(f'"{key}":{value}' for key, value in row.items())
