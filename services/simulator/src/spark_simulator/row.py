"""One pair's 24 hours as a ticker row: key to JSON text, so that what is sent is exactly what was meant."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, TypeAlias

from spark_simulator.pairs import Pair

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


def number(json: str) -> str:
    """Return the number that a row's value writes, without its quotation marks."""
    return json.strip('"')


def decimals(units: int, scale: int) -> str:
    """Return ``units`` of 10 to the minus ``scale`` as the feed writes numbers: no padding, no exponent."""
    if not scale:
        return str(units)
    digits = str(abs(units)).rjust(scale + 1, "0")
    whole, fraction = digits[:-scale], digits[-scale:].rstrip("0")
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def rounded(text: str, scale: int) -> str:
    """Return the number ``text`` at ``scale`` decimals, as REST rounds an average."""
    return format(round(Decimal(text), scale), "f")
