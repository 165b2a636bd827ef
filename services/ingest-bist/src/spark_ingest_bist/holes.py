"""Where the source was not heard while its data could change: what must be disclosed when it speaks again. Pure."""

from collections.abc import Callable, Collection
from typing import NamedTuple

STALLED = "stalled"
"""The cause of a hole that no failure explains: this process stood still."""


class Moment(NamedTuple):
    """One moment by three clocks: ms UTC of the wall's and the market's, and seconds that nothing sets back."""

    wall_ms: int
    market_ms: int
    monotonic: float


class Hole(NamedTuple):
    """Since ``since`` (ms UTC, wall) something may be missing, of ``symbol``, or of all when it is None."""

    symbol: str | None
    since: int
    cause: str


class Holes:
    """Knows, of each symbol, when it was last covered by an answer, and what has failed since."""

    def __init__(self, open_ms: Callable[[int, int], int], since: Hole | None = None, at: Moment | None = None) -> None:
        """``open_ms`` tells how long of a time (market's) data could change. ``since`` is the hole that is there
        from the start, with the moment that it begins."""
        self._open_ms = open_ms
        self._covered: dict[str, Moment] = {}
        self._causes: dict[str, str] = {}
        self._any: Moment | None = at
        self._cause: str | None = None
        self._origin = since if since is not None and at is not None else None

    def failed(self, symbols: Collection[str], cause: str) -> None:
        """A question for these was not answered; the first cause counts."""
        self.lacking(symbols, cause)
        self._cause = self._cause or cause

    def lacking(self, symbols: Collection[str], cause: str) -> None:
        """An answer had nothing of these, which says nothing of the others; the first cause counts."""
        for symbol in symbols:
            self._causes.setdefault(symbol, cause)

    def interrupted(self, cause: str) -> None:
        """Nothing is heard until there is a new connection: whatever was traded meanwhile is missing."""
        if self._origin is None and self._any is not None:
            self._origin = Hole(None, self._any.wall_ms, cause)

    def answered(self, symbols: Collection[str], at: Moment, most_ms: float) -> list[Hole]:
        """These were answered; return the holes that this ends.

        ``most_ms`` is how long of an open market may pass between two answers without anything being amiss.
        """
        found = self._whole(at, most_ms)
        if found is not None:
            for symbol in self._lately(most_ms):  # told of in one: it reaches to each one's own first answer
                self._covered[symbol] = at
                self._causes.pop(symbol, None)
            holes = [found]
        else:
            holes = [hole for symbol in symbols if (hole := self._of(symbol, at, most_ms)) is not None]
        self._any, self._cause, self._origin = at, None, None
        for symbol in symbols:
            self._covered[symbol] = at
            self._causes.pop(symbol, None)
        return holes

    def set_back(self, redated: Callable[[Moment], Moment]) -> None:
        """The clocks were set back: an outage is still found by how long it lasts, not once they have caught up."""
        self._covered = {symbol: redated(at) for symbol, at in self._covered.items()}
        self._any = None if self._any is None else redated(self._any)

    def _whole(self, at: Moment, most_ms: float) -> Hole | None:
        before = self._any
        if before is None:
            return None
        if self._origin is not None:
            return self._origin if self._open_ms(before.market_ms, at.market_ms) > 0 else None
        if self._open_ms(before.market_ms, at.market_ms) <= most_ms:
            return None
        since = min([before.wall_ms, *(self._covered[symbol].wall_ms for symbol in self._lately(most_ms))])
        return Hole(None, since, self._cause or STALLED)

    def _lately(self, most_ms: float) -> list[str]:
        """Return the symbols that were covered when last any was; others have a hole of their own, from before."""
        last = self._any
        if last is None:
            return []
        return [
            symbol for symbol, at in self._covered.items() if self._open_ms(at.market_ms, last.market_ms) <= most_ms
        ]

    def _of(self, symbol: str, at: Moment, most_ms: float) -> Hole | None:
        before = self._covered.get(symbol)
        if before is None or self._open_ms(before.market_ms, at.market_ms) <= most_ms:
            return None
        return Hole(symbol, before.wall_ms, self._causes.get(symbol, STALLED))
