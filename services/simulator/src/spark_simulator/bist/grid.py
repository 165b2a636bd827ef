"""The exchange's price grid, in kuruş (hundredths of a lira): ticks since November 2023, and daily limits."""

from bisect import bisect_right
from typing import Final

_FROM: Final = (0, 20_00, 50_00, 100_00, 250_00, 500_00, 1000_00, 2500_00)
_STEPS: Final = (1, 2, 5, 10, 25, 50, 100, 250)
_LIMIT_PERCENT: Final = 10


def step(price: int) -> int:
    """Return the tick at ``price``: what the next higher price is away."""
    return _STEPS[bisect_right(_FROM, price) - 1]


def nearest(price: float) -> int:
    """Return the price on the grid that is nearest to ``price``, one kuruş at least."""
    tick = _STEPS[bisect_right(_FROM, price) - 1]
    return max(1, round(price / tick) * tick)


def above(price: int) -> int:
    """Return the next higher price."""
    return price + step(price)


def below(price: int) -> int:
    """Return the next lower price, one kuruş at least."""
    return max(1, price - step(price - 1))


def limits(reference: int) -> tuple[int, int]:
    """Return the lowest and the highest price of a day, a tenth off its reference price, rounded inwards."""
    low = -(-reference * (100 - _LIMIT_PERCENT) // 100)
    high = reference * (100 + _LIMIT_PERCENT) // 100
    low_step, high_step = step(low), step(high)
    return max(1, -(-low // low_step) * low_step), high // high_step * high_step
