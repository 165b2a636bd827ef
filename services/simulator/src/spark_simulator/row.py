"""One pair's 24 hours as a ticker row: key to JSON text, so that what is sent is exactly what was meant."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol, TypeAlias

from spark_simulator.pairs import Pair

SIZE_SCALE: Final = 12
"""Decimals of a unit of size: the most that the venue was seen to send."""

Row: TypeAlias = dict[str, str]
"""The keys that 401 and 402 share, each with its value as JSON text, quotation marks and all."""


class Board(Protocol):
    """Where the newest row of each pair is to be had: a market that walks, or a recording."""

    @property
    def pairs(self) -> Sequence[Pair]:
        """Every pair, in the order of the venue's lists."""
        ...

    def row(self, symbol: str) -> Row:
        """Return the pair's newest row."""
        ...

    def status(self, symbol: str) -> str:
        """Return how the pair trades, in the venue's word."""
        ...


def number(json: str) -> str:
    """Return the number that a row's value writes, without its quotation marks."""
    return json.strip('"')


def decimals(units: int, scale: int) -> str:
    """Return ``units`` of 10 to the minus ``scale`` as the feed writes numbers: no padding, no exponent."""
    if not scale:
        return str(units)
    if units < 0:
        return "-" + decimals(-units, scale)
    digits = str(units).zfill(scale + 1)
    fraction = digits[-scale:].rstrip("0")
    return f"{digits[:-scale]}.{fraction}" if fraction else digits[:-scale]


def padded(units: int, scale: int, least: int) -> str:
    """Return ``units`` of 10 to the minus ``scale`` with at least ``least`` decimals, as trades are written."""
    whole, _, fraction = decimals(units, scale).partition(".")
    return f"{whole}.{fraction:0<{least}}" if least else decimals(units, scale)


def rounded(text: str, scale: int) -> str:
    """Return the number ``text`` at ``scale`` decimals, as REST rounds an average."""
    return format(round(Decimal(text), scale), "f")
