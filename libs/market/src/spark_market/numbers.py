"""Exact decimals: from a venue's text to one canonical form, and from there to the wire.

A canonical number has no padding zeros and no exponent, so two equal prices are the same text
everywhere: `100.6170` and `100.617` are one price, written `100.617`.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

_LARGEST = Decimal("1e15")
_SMALLEST_EXPONENT = -18  # venues send up to 16 decimals; more is not a price
_CENT = Decimal("0.01")
_EXACT = Context(prec=100)  # more than any text accepted here has; the default context rounds to 28 digits

# ASCII digits only. `Decimal` alone would also take NaN, Infinity, "1_000" and Arabic digits.
_PLAIN = re.compile(rb"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")


def canonical(text: bytes) -> Decimal:
    """Return the number that ``text`` writes, exactly, with padding zeros gone.

    An exponent is accepted (a venue may write very small prices so) but never kept. Raises ValueError
    for anything but a finite decimal number below 1e15 with at most 18 decimals.
    """
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal number: {text[:40]!r}")
    head, dot, _ = text.partition(b".")
    if not dot and len(head) <= 15 and head.isdigit():
        return Decimal(text.decode())  # whole numbers are most of what venues send, and are canonical already
    return _in_range(Decimal(text.decode()))


def _in_range(number: Decimal) -> Decimal:
    number = number.normalize(_EXACT) if number else Decimal(0)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.copy_abs() >= _LARGEST or exponent < _SMALLEST_EXPONENT:
        raise ValueError("not a number in a sane range")
    return number if exponent <= 0 else number.quantize(Decimal(1), context=_EXACT)


def change_percent(price: Decimal, reference: Decimal) -> Decimal | None:
    """Return the change from ``reference`` in percent, 2 decimals, half up; None without a sane reference."""
    if reference <= 0:
        return None
    try:
        return plain(((price - reference) / reference * 100).quantize(_CENT, ROUND_HALF_UP))
    except (InvalidOperation, ValueError):  # more digits than can be held: a reference of nearly nothing
        return None


def difference(price: Decimal, reference: Decimal) -> Decimal:
    """Return ``price`` - ``reference``, exactly, in canonical form."""
    return plain(_EXACT.subtract(price, reference))


def plain(number: Decimal) -> Decimal:
    """Return a computed ``number`` in canonical form."""
    return _in_range(number)
