"""The requests of one round, and which symbol it is that makes a source refuse all that it is named with. Pure.

What is refused as a whole is asked for in halves, until single symbols are left. None of them is believed to be the
culprit before something else is answered: a source that refuses everything is out of order, not out of symbols.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable

_MOST_IN_A_ROW = 4

Batch = tuple[str, ...]


class Round:
    """What is still to be asked."""

    def __init__(self, batches: Iterable[Batch], canary: Callable[[Collection[str]], str | None]) -> None:
        """``canary`` gives a symbol that the source should have, if it can none of those in doubt, or None."""
        self._todo = deque(batches)
        self._pieces: deque[Batch] = deque()
        self._canary = canary
        self._probe: Batch | None = None
        self._suspects: list[str] = []
        self._doubted: set[str] = set()
        self._in_a_row = 0

    def next(self) -> Batch | None:
        """Return what to ask for next, None when the round is over."""
        if self._todo:
            return self._todo.popleft()
        return self._pieces.popleft() if self._pieces else None

    def answered(self) -> list[str]:
        """Something was answered; return the symbols that this proves to be unknown to the source."""
        self._in_a_row = 0
        self._probe = None
        proven, self._suspects = self._suspects, []
        return proven

    def refused(self, batch: Batch) -> bool:
        """``batch`` was refused as a whole; return False when it is the source that is to blame."""
        self._in_a_row += 1
        if batch == self._probe:
            return self._blame()
        self._doubted.update(batch)
        if len(batch) > 1:
            half = len(batch) // 2
            self._pieces.extendleft((batch[half:], batch[:half]))
        else:
            self._suspects.append(batch[0])
        if self._in_a_row < _MOST_IN_A_ROW and (self._todo or self._pieces):
            return True
        canary = self._canary(self._doubted)
        if canary is None or (canary,) == batch:
            hopeful = self._in_a_row < 2 * _MOST_IN_A_ROW and bool(self._todo or self._pieces)
            return hopeful or self._blame()
        if self._probe is None:
            self._probe = (canary,)
            self._pieces.appendleft(self._probe)
        return True

    def _blame(self) -> bool:
        """It is the source: nothing more is asked to find a culprit. Whole batches are still to be tried."""
        self._pieces.clear()
        self._suspects.clear()
        self._probe = None
        return False
