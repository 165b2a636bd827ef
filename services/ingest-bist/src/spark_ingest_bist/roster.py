"""Which symbols are asked for, and in which batches; those that the source does not have are set aside. Pure.

Times are seconds of a clock that never goes back.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from spark_ingest_bist.doubts import Batch

DAY_S: Final = 86_400.0
_FIRST_S: Final = 300.0
_MISSED: Final = 3


@dataclass
class _Aside:
    again_at: float
    wait_s: float


class Roster:
    """The symbols wanted, in their order, and the market's pulse: one that is asked for even if nobody wants it."""

    def __init__(
        self,
        symbols: Sequence[str],
        most_together: int,
        pulse: str | None = None,
        choose: Callable[[Sequence[str]], str] = random.choice,
    ) -> None:
        self._choose = choose
        self.wanted = tuple(symbols)
        self.pulse = pulse
        self._asked = tuple(dict.fromkeys([*symbols, *([] if pulse is None else [pulse])]))
        self._most = most_together
        self._aside: dict[str, _Aside] = {}
        self._heard: set[str] = set()
        self._missed: Counter[str] = Counter()

    def batches(self) -> list[Batch]:
        """Return what is asked for in a round, as evenly parted as can be."""
        symbols = [symbol for symbol in self._asked if symbol not in self._aside]
        parts = -(-len(symbols) // self._most)
        return [tuple(symbols[at::parts]) for at in range(parts)]

    def retries(self, now: float) -> list[Batch]:
        """Return those set aside whose time has come, each for itself: it may not harm the others."""
        return [(symbol,) for symbol, aside in self._aside.items() if now >= aside.again_at]

    def canary(self, avoid: Collection[str]) -> str | None:
        """Return a symbol that the source should have, one of ``avoid`` only if there is no other.

        While nothing was heard that is the pulse; once that is in doubt, any: a source may lack the pulse itself.
        """
        there = [symbol for symbol in self._asked if symbol in self._heard and symbol not in self._aside]
        if not there:
            if self.pulse is None or self.pulse not in avoid:
                return self.pulse
            return self._choose([symbol for symbol in self._asked if symbol not in self._aside] or [self.pulse])
        return self._choose([symbol for symbol in there if symbol not in avoid] or there)

    def heard(self, symbols: Collection[str]) -> list[str]:
        """The source has these; return those that it did not seem to have."""
        back = [symbol for symbol in symbols if symbol in self._aside or self._missed[symbol] >= _MISSED]
        for symbol in symbols:
            self._aside.pop(symbol, None)
            self._missed.pop(symbol, None)
            self._heard.add(symbol)
        return back

    def unknown(self, symbol: str, now: float) -> bool:
        """The source says that it does not have it; return whether that is news.

        One that it never had is asked for again the next day, one that it had soon: it may have come and gone.
        """
        before = self._aside.get(symbol)
        first_s = _FIRST_S if symbol in self._heard else DAY_S
        wait_s = first_s if before is None else min(DAY_S, before.wait_s * 2)
        self._aside[symbol] = _Aside(now + wait_s, wait_s)
        return before is None

    def absent(self, symbols: Collection[str]) -> list[str]:
        """The source passed over these; return those for which that is news by now. They are asked for all the same."""
        self._missed.update(symbols)
        return [symbol for symbol in symbols if self._missed[symbol] == _MISSED]

    def known(self, symbols: Collection[str]) -> bool:
        """Return whether any of these was ever heard."""
        return not self._heard.isdisjoint(symbols)

    def missing(self) -> list[str]:
        """Return what is wanted and the source does not have."""
        return [each for each in self.wanted if each in self._aside or self._missed[each] >= _MISSED]

    def never_had(self) -> set[str]:
        """Return what of that was never heard: readers are not to be offered it."""
        return set(self.missing()) - self._heard
