"""The last entries of a venue, in order and by symbol: for those who come back, lag, or ask for the past."""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import Final

from spark_bus.cursor import EntryId
from spark_gateway.events import Frame

_TICKS: Final = ("ticker", "trade")
_entry_of = attrgetter("entry")


class Ring:
    """At most ``most`` frames. After ``floor`` nothing is missing from them."""

    def __init__(self, most: int) -> None:
        self.floor = EntryId(0, 0)
        self._most = most
        self._frames: deque[Frame] = deque()
        self._by_symbol: dict[str, dict[str, deque[Frame]]] = {kind: {} for kind in _TICKS}
        self._gaps: deque[Frame] = deque()

    def restart(self, frames: Iterable[Frame], floor: EntryId) -> None:
        """Begin with these frames, which lack nothing after ``floor``."""
        self._frames.clear()
        self._by_symbol = {kind: {} for kind in _TICKS}
        self._gaps.clear()
        self.floor = floor
        self.extend(frames)

    def extend(self, frames: Iterable[Frame]) -> None:
        """Add frames, in order; the oldest go."""
        kept, most, by_symbol = self._frames, self._most, self._by_symbol
        for item in frames:
            if len(kept) == most:
                self._drop_oldest()
            kept.append(item)
            of_kind = by_symbol.get(item.kind)
            if of_kind is not None:
                of_symbol = of_kind.get(item.symbol)
                if of_symbol is None:
                    of_kind[item.symbol] = deque((item,))
                else:
                    of_symbol.append(item)
            elif item.kind == "gap":
                self._gaps.append(item)

    def _drop_oldest(self) -> None:
        item = self._frames.popleft()
        self.floor = item.entry
        of_kind = self._by_symbol.get(item.kind)
        if of_kind is not None:
            of_symbol = of_kind[item.symbol]
            of_symbol.popleft()  # the oldest of all is the oldest of its own
            if not of_symbol:
                del of_kind[item.symbol]
        elif item.kind == "gap":
            self._gaps.popleft()

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def __reversed__(self) -> Iterator[Frame]:
        return reversed(self._frames)

    @property
    def oldest(self) -> EntryId | None:
        """The entry of the oldest frame, None without one."""
        return self._frames[0].entry if self._frames else None

    def trades(self, symbols: Collection[str] | None) -> Iterator[Frame]:
        """Return the trades of these symbols, of all when None, newest first."""
        of = self._by_symbol["trade"]
        return _newest_first([of[name] for name in (of if symbols is None else symbols) if name in of])

    def ticks(self, symbol: str, channels: Collection[str]) -> Iterator[Frame]:
        """Return the tickers and trades of a symbol, as asked for, and every gap there is, newest first."""
        found = [of[symbol] for kind, of in self._by_symbol.items() if kind in channels and symbol in of]
        return _newest_first([*found, self._gaps])


def _newest_first(queues: list[deque[Frame]]) -> Iterator[Frame]:
    if len(queues) == 1:
        return reversed(queues[0])
    return heapq.merge(*map(reversed, queues), key=_entry_of, reverse=True)
