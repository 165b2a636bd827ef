"""An order book: sizes by price on two sides, changed level by level."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

Level: TypeAlias = tuple[Decimal, Decimal]
"""A price and the size at it, both exact; as a change, size 0 removes the level."""


class BookSide:
    """The bids or the asks: a size for each price, and the prices in order."""

    def __init__(self, levels: Iterable[Level], *, descending: bool) -> None:
        """``descending`` is for bids, whose best price is the highest."""
        self._descending = descending
        self._sizes = {price: size for price, size in levels if size}
        self._ascending = sorted(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def best(self) -> Level | None:
        """The highest bid or the lowest ask, None when the side is empty."""
        if not self._ascending:
            return None
        price = self._ascending[-1 if self._descending else 0]
        return price, self._sizes[price]

    def set(self, price: Decimal, size: Decimal) -> bool:
        """Put ``size`` at ``price``, or remove the level when it is 0; removing what is not there is no error.

        Returns whether there was a level.
        """
        sizes = self._sizes
        if size:
            count = len(sizes)
            sizes[price] = size
            if len(sizes) == count:
                return True
            insort(self._ascending, price)
            return False
        if sizes.pop(price, None) is None:
            return False
        del self._ascending[bisect_left(self._ascending, price)]
        return True

    def levels(self, depth: int | None = None) -> tuple[Level, ...]:
        """Return the best ``depth`` levels, or all, best first."""
        prices = self._ascending[::-1] if self._descending else self._ascending
        return tuple((price, self._sizes[price]) for price in prices[:depth])


class OrderBook:
    """Both sides. Whether a change fits what is here is for its caller to know, by the sequence."""

    def __init__(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> None:
        self.bids = BookSide(bids, descending=True)
        self.asks = BookSide(asks, descending=False)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Change levels of both sides; size 0 removes one."""
        for price, size in bids:
            self.bids.set(price, size)
        for price, size in asks:
            self.asks.set(price, size)

    @property
    def crossed(self) -> bool:
        """Whether somebody bids what somebody asks, or more: a matching engine leaves no such book."""
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid[0] >= ask[0]
