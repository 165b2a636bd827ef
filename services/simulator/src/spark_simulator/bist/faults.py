"""What is wrong at the moment with Borsa İstanbul's sources. What lasts passes by the market's clock."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

import msgspec

from spark_simulator.bist.commands import Lasting, Quota, RowFault
from spark_simulator.bist.sources import Source

_MOST: Final = 1000  # faults at once; the oldest gives way
_LastingT = TypeVar("_LastingT", bound=Lasting)


class Going(msgspec.Struct, frozen=True):
    """A fault that goes on: since which time of the market, and until when by the clock's pace."""

    command: Lasting
    since_ms: int
    until: float


class BistFaults:
    """All that goes on, for the sources to ask. ``pace`` is the clock's `monotonic`."""

    def __init__(self, pace: Callable[[], float]) -> None:
        self._pace = pace
        self._going: deque[Going] = deque(maxlen=_MOST)
        self._asked: defaultdict[Source, deque[float]] = defaultdict(deque)  # when, for quotas
        self._random = Random(0)  # noqa: S311 - which share of the answers goes wrong

    def begin(self, command: Lasting, now_ms: int) -> None:
        """Let it be wrong from now on, besides what else is; the same order again takes the place of the earlier."""
        self._going = deque((one for one in self._current() if not _same(one.command, command)), maxlen=_MOST)
        self._going.append(Going(command, now_ms, self._pace() + command.seconds))

    def clear(self) -> None:
        """Make everything right."""
        self._going.clear()

    def of(self, kind: type[_LastingT], source: Source) -> _LastingT | None:
        """Return the latest order of this kind that concerns a source, if this time it is to go wrong."""
        for one in reversed(self._current()):
            command = one.command
            if isinstance(command, kind) and command.source in (None, source):
                share: float = getattr(command, "share", 1.0)
                return command if share == 1 or self._random.random() < share else None
        return None

    def exceeded(self, source: Source) -> Quota | None:
        """Count a request; return the quota that it goes beyond."""
        quota = self.of(Quota, source) if self._going else None
        asked = self._asked[source]
        if quota is None:
            asked.clear()
            return None
        now = self._pace()
        while asked and asked[0] <= now - quota.window:
            asked.popleft()
        if len(asked) >= quota.requests:
            return quota
        asked.append(now)
        return None

    def rows(self, source: Source) -> Sequence[Going]:
        """Return what is wrong with rows of a source, in the order in which it was ordered."""
        if not self._going:
            return ()
        return [
            one for one in self._current() if isinstance(one.command, RowFault) and one.command.source in (None, source)
        ]

    def active(self) -> list[dict[str, object]]:
        """Return the faults that go on."""
        now = self._pace()
        return [msgspec.to_builtins(one.command) | {"secondsLeft": one.until - now} for one in self._current()]

    def _current(self) -> deque[Going]:
        if self._going:
            now = self._pace()
            if any(one.until <= now for one in self._going):
                self._going = deque((one for one in self._going if one.until > now), maxlen=_MOST)
        return self._going


def _same(one: Lasting, other: Lasting) -> bool:
    return (
        type(one) is type(other)
        and one.source == other.source
        and getattr(one, "symbols", ()) == getattr(other, "symbols", ())
    )
