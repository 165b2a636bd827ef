"""Symbols of Borsa İstanbul: what one looks like, and how Yahoo spells it (``THYAO`` is its ``THYAO.IS``)."""

import re
from typing import Final

_SYMBOL: Final = re.compile(r"[A-Z0-9]{2,12}").fullmatch
_SUFFIX: Final = ".IS"
# A Turkish keyboard writes I and i with and without the dot; codes have neither. Python's own upper-casing knows no
# locale, but leaves İ as it is.
_TURKISH: Final = str.maketrans("İı", "II")


def symbol_of(text: str) -> str:
    """Return the symbol that somebody wrote, in capitals whatever the locale. Raises ValueError when it is none."""
    symbol = text.strip().translate(_TURKISH)
    symbol = symbol.upper() if symbol.isascii() else symbol
    if not _SYMBOL(symbol):
        raise ValueError(f"{text[:40]!r} is no symbol such as THYAO or XU100")
    return symbol


def to_yahoo(symbol: str) -> str:
    """Return how Yahoo spells one of our symbols, indices included."""
    return symbol + _SUFFIX


def from_yahoo(spelling: str) -> str | None:
    """Return our symbol for a spelling of Yahoo's, None when it is of another market."""
    upper = spelling.upper() if spelling.isascii() else ""
    symbol = upper.removesuffix(_SUFFIX)
    return symbol if upper.endswith(_SUFFIX) and _SYMBOL(symbol) else None


def is_index(symbol: str) -> bool:
    """Return whether the symbol is spelled as the exchange's indices are: XU100, XBANK."""
    return len(symbol) == 5 and symbol[0] == "X"
