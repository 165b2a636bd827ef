"""Numbers and times as the sources spell them, from kuruş and ms."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

import msgspec

from spark_simulator.bist.view import Row

ISTANBUL = timezone(timedelta(hours=3))
_NOISY_OF = 3  # every third price comes as a float of 32 bits


def lira(kurus: int | None) -> float | None:
    """Return the number of lira; None stays None."""
    return None if kurus is None else kurus / 100


def text(kurus: int | None) -> str:
    """Return lira with two decimals, an empty text for None."""
    return "" if kurus is None else f"{kurus / 100:.2f}"


def turkish(kurus: int) -> str:
    """Return lira as Turks write it: ``9.291,83``."""
    return f"{kurus / 100:,.2f}".translate({ord(","): ".", ord("."): ","})


def noisy(price: float) -> float:
    """Return what is left of a price that went through 32 bits, and never quite the price itself."""
    bits = struct.unpack("<I", struct.pack("<f", price))[0]
    near: float = struct.unpack("<f", struct.pack("<I", bits))[0]
    if near == price:
        near = struct.unpack("<f", struct.pack("<I", bits + 1))[0]
    return near


def price_of(row: Row, *, noise: bool = False) -> Any:
    """Return a row's price as a JSON number, or what is told in its place."""
    if row.number is not None:
        return msgspec.Raw(row.number.encode())
    if row.nulls == "price":
        return None
    price = row.quote.price / 100
    return noisy(price) if noise and is_noisy(row) else price


def is_noisy(row: Row) -> bool:
    """Return whether a row is one of those with an artefact; the same row is so each time."""
    return crc32(f"{row.quote.symbol}{row.quote.time}".encode()) % _NOISY_OF == 0


def change(row: Row) -> tuple[int, float]:
    """Return the change against the close before: kuruş, and percent with two decimals."""
    difference = row.quote.price - row.quote.previous_close
    return difference, round(difference / row.quote.previous_close * 100, 2)


def local(ms: int) -> datetime:
    """Return a time in Istanbul."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ISTANBUL)
