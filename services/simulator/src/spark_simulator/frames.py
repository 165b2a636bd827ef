"""The texts of the venue's frames, and the bytes that carry one over a WebSocket."""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from spark_simulator.book import Change
from spark_simulator.market import Difference
from spark_simulator.pairs import Pair
from spark_simulator.requests import Request
from spark_simulator.row import SIZE_SCALE, Row, decimals, padded
from spark_simulator.sides import SideCode
from spark_simulator.tape import Trade

MALFORMED = "malformed"
Levels: TypeAlias = Iterable[tuple[int, int]]
"""Price in ticks and size in units, best first."""

_TRADE_DECIMALS = 10
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
    """One text, framed once however many connections it goes to.

    ``type`` is the venue's number, or a word for what is no frame of the venue. ``mark`` is where in its channel the
    frame is: a trade's id (a list's newest) or a change set. ``fault`` names what altered it.
    """

    __slots__ = ("data", "event", "fault", "mark", "text", "type")

    def __init__(
        self, type: int | str, event: str | None, text: str, mark: str | None = None, fault: str | None = None
    ) -> None:
        self.type = type
        self.event = event
        self.text = text
        self.mark = mark
        self.fault = fault
        self.data = on_the_wire(text.encode())

    def altered(self, text: str, fault: str) -> "Frame":
        """Return a frame of another text in the place of this one."""
        return Frame(self.type, self.event, text, self.mark, fault)


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


def trade_list(pair: Pair, trades: Iterable[Trade], code: SideCode) -> Frame:
    """Return the 421 with these trades, newest first."""
    rows = list(trades)
    items = ",".join(f'{{{_trade(pair, trade)},"S":{code(trade)}}}' for trade in rows)
    name = pair.symbol
    text = f'[421,{{"symbol":"{name}","items":[{items}],"channel":"trade","event":"{name}","type":421}}]'
    return Frame(421, name, text, rows[0].id if rows else None)


def trade_single(pair: Pair, trade: Trade, code: SideCode) -> Frame:
    """Return the 422 of one trade."""
    name = pair.symbol
    text = (
        f'[422,{{{_trade(pair, trade)},"PS":"{name}","S":{code(trade)},"channel":"trade","event":"{name}","type":422}}]'
    )
    return Frame(422, name, text, trade.id)


def book_full(pair: Pair, channel: str, change_set: int, bids: Levels, asks: Levels) -> Frame:
    """Return the 431 with these levels, best first."""
    name = pair.symbol
    text = (
        f'[431,{{"CS":{change_set},"PS":"{name}","AO":[{_levels(pair, asks)}],"BO":[{_levels(pair, bids)}],'
        f'"channel":"{channel}","event":"{name}","type":431}}]'
    )
    return Frame(431, name, text, str(change_set))


def book_difference(pair: Pair, difference: Difference) -> Frame:
    """Return the 432 with these changes."""
    name = pair.symbol
    text = (
        f'[432,{{"CS":{difference.change_set},"PS":"{name}","AO":[{_changes(pair, difference.asks)}],'
        f'"BO":[{_changes(pair, difference.bids)}],"channel":"obdiff","event":"{name}","type":432}}]'
    )
    return Frame(432, name, text, str(difference.change_set))


def _trade(pair: Pair, trade: Trade) -> str:
    size = padded(trade.size, SIZE_SCALE, _TRADE_DECIMALS)
    price = padded(trade.price, pair.price_scale, _TRADE_DECIMALS)
    return f'"D":"{trade.time_ms}","I":"{trade.id}","A":"{size}","P":"{price}"'


def _levels(pair: Pair, levels: Levels) -> str:
    scale = pair.price_scale
    return ",".join(f'{{"A":"{decimals(size, SIZE_SCALE)}","P":"{decimals(price, scale)}"}}' for price, size in levels)


def _changes(pair: Pair, changes: Iterable[Change]) -> str:
    scale = pair.price_scale
    return ",".join(
        [
            f'{{"CP":{code},"P":"{decimals(price, scale)}","A":"{decimals(size, SIZE_SCALE)}"}}'
            for code, price, size in changes
        ]
    )


def _members(row: Row) -> str:
    return ",".join(f'"{key}":{value}' for key, value in row.items())
