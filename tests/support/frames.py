"""Frames of the venue: recorded ones, one per file, changes to them, and others built as the venue builds them."""

import json
from pathlib import Path
from typing import Any

from spark_market.instruments import Instrument

_FOLDER = Path(__file__).parents[1] / "frames"


def recorded(name: str) -> bytes:
    """Return the bytes of a recorded frame."""
    return (_FOLDER / name).read_bytes().strip()


def ticker_frame(**changes: Any) -> bytes:
    """Return a recorded ticker of BTCTRY with some keys changed; None is JSON's null."""
    kind, body = json.loads(recorded("ticker_BTCTRY.json"))
    return json.dumps([kind, {**body, **changes}]).encode()


def ticker_of(pair: str, price: str, base: str, quote: str = "TRY") -> str:
    """Return a ticker frame as the venue would send it, of any pair."""
    return ticker_frame(PS=pair, event=pair, NS=base, DS=quote, LA=price).decode()


def with_raw(key: str, value: bytes) -> bytes:
    """Return a recorded ticker in which ``key`` has the literal JSON ``value``, whatever it is."""
    frame = ticker_frame(**{key: "PLACE"})
    return frame.replace(b'"PLACE"', value)


def trade_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a row of a list of trades; the higher its number, the later it is."""
    return {
        "D": str(1_787_692_476_000 + number), "I": str(100_163_842_129_190_000 + number), "A": "0.0127318800",
        "P": "3765490.0000000000", "S": 0, **changes,
    }  # fmt: skip


def trade_frame(number: int = 1, **changes: Any) -> bytes:
    """Return one trade of BTCTRY."""
    keys = {"PS": "BTCTRY", "channel": "trade", "event": "BTCTRY", "type": 422}
    return encoded(422, {**trade_row(number), **keys, **changes})


def trade_list_frame(rows: Any, **changes: Any) -> bytes:
    """Return the last trades of BTCTRY."""
    keys = {"symbol": "BTCTRY", "items": rows, "channel": "trade", "event": "BTCTRY", "type": 421}
    return encoded(421, {**keys, **changes})


def book_frame(**changes: Any) -> bytes:
    """Return a whole book of BTCTRY, two levels a side."""
    body = {
        "CS": 3999242, "PS": "BTCTRY",
        "AO": [{"A": "0.00288357", "P": "3781912"}, {"A": "0.5", "P": "3781950"}],
        "BO": [{"A": "0.400047254781", "P": "3779950"}, {"A": "2", "P": "3779949.5"}],
        "channel": "obdiff", "event": "BTCTRY", "type": 431,
    }  # fmt: skip
    return encoded(431, {**body, **changes})


def difference_frame(**changes: Any) -> bytes:
    """Return changes to that book, of every kind."""
    body = {
        "CS": 3999243, "PS": "BTCTRY",
        "AO": [{"CP": 1, "P": "3781900", "A": "1.83710101"}, {"CP": 3, "P": "3781950", "A": "0.5"}],
        "BO": [{"CP": 0, "P": "3779950", "A": "0.25"}],
        "channel": "obdiff", "event": "BTCTRY", "type": 432,
    }  # fmt: skip
    return encoded(432, {**body, **changes})


def encoded(kind: Any, body: Any) -> bytes:
    """Return a frame as the venue writes it, without spaces."""
    return json.dumps([kind, body], separators=(",", ":")).encode()


def without(frame: bytes, *keys: str) -> bytes:
    """Return the frame with keys of its body left out."""
    kind, body = json.loads(frame)
    return encoded(kind, {key: value for key, value in body.items() if key not in keys})


def instruments(*symbols: str) -> dict[str, Instrument]:
    """Return a directory, by the venue's spelling."""
    found = {}
    for symbol in symbols:
        base, quote = symbol.split("_")
        found[base + quote] = Instrument(symbol=symbol, base=base, quote=quote, venue_symbol=base + quote)
    return found


def of_every_kind() -> list[bytes]:
    """Return one frame of each kind that the ingest reads, and some that it counts only: what to make bad ones from."""
    return [
        recorded("ticker_BTCTRY.json"), recorded("ticker_all.json"), recorded("join_accepted.json"),
        recorded("welcome.json"), trade_frame(), trade_list_frame([trade_row(2), trade_row(1)]), book_frame(),
        difference_frame(), book_frame(channel="orderbook"), encoded(451, {"type": 451, "pairId": 0, "price": "0"}),
        encoded(423, {"id": 1149163839863900657, "amount": "-205.24", "preciseAmount": -205.24}),
    ]  # fmt: skip
