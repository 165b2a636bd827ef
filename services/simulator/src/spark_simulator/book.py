"""One pair's order book: every level there is, of which the venue publishes a window of the best 100 a side."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, TypeAlias

WINDOW: Final = 100
UPDATED, NEW, DELETED = 0, 1, 3
"""The venue's codes for what became of a level."""
_UNBOUNDED: Final = 1 << 62  # where a window ends that is not full


Change: TypeAlias = tuple[int, int, int]
"""One level of the window that differs: code, price in ticks and size; a deleted level has the size that it had."""


class Side:
    """The bids or the asks.

    A level's key is its price in ticks, negated for bids, so that on both sides the keys rise from the best level to
    the furthest. Sizes are whole units and never 0.
    """

    __slots__ = ("_before", "_edge", "_sign", "keys", "sizes", "window")

    def __init__(self, sign: int) -> None:
        """``sign`` is 1 for asks and -1 for bids."""
        self.keys: list[int] = []
        self.sizes: dict[int, int] = {}
        self.window = WINDOW  # how many levels are published from the next publication on
        self._sign = sign
        self._before: dict[int, int] = {}  # of each level touched since the last publication: the size then
        self._edge = -_UNBOUNDED  # the furthest key published; nothing has been yet

    @property
    def best(self) -> int:
        """The key of the best level."""
        return self.keys[0]

    def set(self, key: int, size: int) -> None:
        """Put ``size`` at ``key``, a new level or one that is there."""
        held = self.sizes.get(key, 0)
        if not held:
            self.keys.insert(bisect_left(self.keys, key), key)
        self._before.setdefault(key, held)
        self.sizes[key] = size

    def remove(self, nth: int) -> None:
        """Take away the ``nth`` best level."""
        key = self.keys.pop(nth)
        self._before.setdefault(key, self.sizes.pop(key))

    def publish(self) -> list[Change]:
        """Return what changed in the window since the last call, best first, and take it for published."""
        keys, sizes, before, old, window = self.keys, self.sizes, self._before, self._edge, self.window
        new = keys[window - 1] if len(keys) >= window else _UNBOUNDED
        changes = []
        for key, was in before.items():
            size = sizes.get(key, 0)
            if size and key <= new:
                if not was or key > old:
                    changes.append((key, NEW, size))
                elif size != was:
                    changes.append((key, UPDATED, size))
            elif was and key <= old:
                changes.append((key, DELETED, was))
        if new > old:  # levels that were there all along come into view
            entered = keys[bisect_right(keys, old) : window]
            changes += [(key, NEW, sizes[key]) for key in entered if key not in before]
        elif new < old:
            left = keys[window : bisect_right(keys, old)]
            changes += [(key, DELETED, sizes[key]) for key in left if key not in before]
        self._before, self._edge = {}, new
        changes.sort()
        sign = self._sign
        return [(code, sign * key, size) for key, code, size in changes]

    def published(self) -> list[tuple[int, int]]:
        """Return price and size of each level of the window as last published, best first."""
        then = {key: size for key, size in self.sizes.items() if key <= self._edge} | self._before
        return [(self._sign * key, then[key]) for key in sorted(then) if then[key] and key <= self._edge]

    def levels(self, depth: int = WINDOW) -> Iterator[tuple[int, int]]:
        """Yield price and size of the best levels as they are now."""
        return ((self._sign * key, self.sizes[key]) for key in self.keys[:depth])


class Book:
    """Both sides; a bid is always below every ask."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids, self.asks = Side(-1), Side(1)

    @property
    def bid(self) -> int:
        """The highest bid, in ticks."""
        return -self.bids.keys[0]

    @property
    def ask(self) -> int:
        """The lowest ask, in ticks."""
        return self.asks.keys[0]
