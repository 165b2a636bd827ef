"""The venue's figures: from its text to exact numbers and times."""

from collections.abc import Sequence
from decimal import Decimal

from spark_market.numbers import all_canonical, canonical


def figure(text: str) -> Decimal:
    """Return a price, amount or volume, 0 or more. Raises ValueError."""
    number = canonical(text)
    if number < 0:
        raise ValueError(f"a negative figure: {text[:40]!r}")
    return number


def figures(texts: Sequence[str]) -> list[Decimal]:
    """Return several of them, which is cheapest where none is padded with zeros. Raises ValueError."""
    numbers = all_canonical(texts)
    return list(map(figure, texts)) if numbers is None else numbers


def positive(texts: Sequence[str]) -> list[Decimal]:
    """Return figures of which a 0 would make no sense. Raises ValueError."""
    numbers = figures(texts)
    if not all(numbers):
        raise ValueError("a price or an amount of 0")
    return numbers


def milliseconds(value: str | int) -> int:
    """Return a time of the venue's, ms UTC. It writes them as text or number, with a fraction or without.

    Raises ValueError for anything outside 2001 to 2286.
    """
    text = str(value)
    whole, dot, fraction = text.partition(".")
    if not (text.isascii() and whole.isdigit() and len(whole) == 13 and whole[0] != "0"):
        raise ValueError(f"not a time in ms: {text[:40]!r}")
    if dot and not fraction.isdigit():
        raise ValueError(f"not a time in ms: {text[:40]!r}")
    return int(whole)
