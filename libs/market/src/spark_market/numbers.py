"""Exact decimals: from a venue's text to one canonical form, and from there to the wire.

A canonical number has no padding zeros and no exponent, so two equal prices are the same text
everywhere: `100.6170` and `100.617` are one price, written `100.617`.
"""

import re
from collections.abc import Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Final

# ASCII digits only. `Decimal` alone would also take NaN, Infinity, "1_000" and Arabic digits.
_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?").fullmatch
# What is canonical as it stands, if it has no sign: nearly all that venues send.
_WHOLE, _FRACTION = "[0-9]{1,15}+", r"\.[0-9]{1,18}+(?<!0)"
_CANONICAL = re.compile(f"{_WHOLE}(?:{_FRACTION})?").fullmatch
_ALL_CANONICAL = re.compile(f"(?:{_WHOLE}(?:,|{_FRACTION},))*+").fullmatch

_ZERO: Final = Decimal(0)
_FINEST: Final = Decimal("1e-18")  # venues send up to 16 decimals; more is not a price
_EXACT: Final = Context(prec=100)  # more than any text accepted here has; the default context rounds to 28 digits
_SANE: Final = Context(prec=15 + 18, traps=[InvalidOperation, Inexact])  # below 1e15, and no digit beyond the finest
_TWICE_HUNDREDTHS: Final = Decimal(20_000)
_MOST_HUNDREDTHS: Final = 10**17

_decimal = _EXACT.create_decimal  # what Decimal(text) does, a little sooner
_add, _subtract, _multiply = _EXACT.add, _EXACT.subtract, _EXACT.multiply
_divide_int, _normalize = _EXACT.divide_int, _EXACT.normalize


def canonical(text: str) -> Decimal:
    """Return the number that ``text`` writes, exactly, with padding zeros gone.

    An exponent is accepted (a venue may write very small prices so) but never kept. Raises ValueError
    for anything but a finite decimal number below 1e15 with at most 18 decimals.
    """
    bare = unpadded(text)
    if _CANONICAL(bare):
        return Decimal(bare)
    if not _PLAIN(text):
        raise ValueError(f"not a plain decimal number: {text[:40]!r}")
    return _in_range(Decimal(text))


def unpadded(text: str) -> str:
    """Return ``text`` without its padding zeros, should it be a number that has no exponent."""
    return text.rstrip("0").removesuffix(".") if text[-1:] == "0" and "." in text else text


def all_canonical(texts: Sequence[str]) -> list[Decimal] | None:
    """Return several numbers at once, which is cheaper, if each is written in canonical form without a sign."""
    if not _ALL_CANONICAL(",".join(texts) + ","):
        return None
    try:
        return list(map(_decimal, texts))
    except InvalidOperation:  # one has a comma of its own
        return None


def _in_range(number: Decimal) -> Decimal:
    """Return ``number`` in canonical form. Raises ValueError when it is too large or too fine."""
    try:
        return _bare(_SANE.quantize(number, _FINEST))
    except (InvalidOperation, Inexact) as exc:
        raise ValueError(f"not a number in a sane range: {number!s:.40}") from exc


def _bare(number: Decimal) -> Decimal:
    """Take the padding away; adding 0 undoes the exponent that an even hundred gets by that, and a negative zero."""
    return _add(_normalize(number), _ZERO)


def change(price: Decimal | None, reference: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Return ``price`` - ``reference``, exactly, and that in percent of ``reference``, 2 decimals, half up.

    Both are canonical numbers, 0 or more. There is no change without either of them, nor from 0; and no percentage
    that is too large a number.
    """
    if price is None or not reference:
        return None, None
    difference = _subtract(price, reference)
    twice = int(_divide_int(_multiply(difference, _TWICE_HUNDREDTHS), reference))  # cut off, so that half is odd
    hundredths = (twice + 1) // 2 if twice > 0 else -((1 - twice) // 2)
    return _bare(difference), _percent(hundredths)


@lru_cache(maxsize=4096)
def _percent(hundredths: int) -> Decimal | None:
    return _bare(Decimal(hundredths).scaleb(-2)) if abs(hundredths) < _MOST_HUNDREDTHS else None
