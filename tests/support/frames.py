"""Recorded frames of the venue, one per file, and changes to them."""

import json
from pathlib import Path
from typing import Any

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
