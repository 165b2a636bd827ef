"""The grid that prices of shares lie on, and how the noise of binary floats is taken off a price.

A price that was a 32 bit float somewhere on its way arrives as 114.30000305 for 114.30. It is put back where it must
have been. A price that truly is off the grid (closing auctions, adjusted ones) stays where it is: the grid is for
taking noise off, never for refusing. The steps are those in force since 6 November 2023.
"""

from bisect import bisect_right
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from spark_market.numbers import canonical

_FROM: Final = [Decimal(price) for price in (0, 20, 50, 100, 250, 500, 1000, 2500)]
_STEPS: Final = [Decimal(step) for step in ("0.01", "0.02", "0.05", "0.10", "0.25", "0.50", "1", "2.50")]
_EXACT: Final = Context(prec=100, rounding=ROUND_HALF_EVEN)
_NOISE: Final = Decimal("2.4e-7")
"""How far off a price may be, in parts of it: four times what rounding to a 32 bit float does, as some round twice."""
_HIGHEST: Final = 10**9
_INDEX_DECIMALS: Final = 2
_LEAST_DECIMALS: Final = 2
_MOST_DECIMALS: Final = 8


def step(price: Decimal) -> Decimal:
    """Return the step between prices of a share at ``price``, which is 0 or more."""
    return _STEPS[bisect_right(_FROM, price) - 1]


def nearest(price: Decimal) -> Decimal:
    """Return the price of the grid that is nearest."""
    width = step(price)
    return _EXACT.multiply(_EXACT.to_integral_value(_EXACT.divide(price, width)), width)


def believable(number: Decimal, decimals: int | None = None, *, index: bool = False) -> Decimal | None:
    """Return the price or index value that ``number`` must have been, without noise; None when it can be none.

    ``decimals`` is how many the source says that its prices have, None when it does not.
    """
    if not (number.is_finite() and 0 < number < _HIGHEST):
        return None
    if index:
        return without_noise(number, _INDEX_DECIMALS, on_grid=False) or None
    return without_noise(number, decimals) or None


def without_noise(number: Decimal, decimals: int | None = None, *, on_grid: bool = True) -> Decimal:
    """Return the price that ``number``, 0 or more, must have been, in canonical form.

    ``decimals`` is how many the source says that its prices have; fewer than 2 are not believed. ``on_grid`` is True
    for shares; indices have 2 decimals and no grid. A number below what those decimals can write becomes 0.
    """
    hint = _LEAST_DECIMALS if decimals is None else max(_LEAST_DECIMALS, min(decimals, _MOST_DECIMALS))
    if _decimals(number) <= _LEAST_DECIMALS:
        return _bare(number)
    noise = _EXACT.multiply(number, _NOISE)
    candidates = [_rounded(number, _LEAST_DECIMALS)]
    if on_grid:
        candidates.insert(0, nearest(number))
    for candidate in candidates:
        if candidate and abs(_EXACT.subtract(candidate, number)) <= noise:
            return _bare(candidate)
    return _bare(_rounded(number, hint))


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _rounded(number: Decimal, decimals: int) -> Decimal:
    return _EXACT.quantize(number, Decimal(1).scaleb(-decimals))


def _bare(number: Decimal) -> Decimal:
    return canonical(format(number, "f"))
