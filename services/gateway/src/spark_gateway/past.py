"""An answer about the past in the making: fed entries from the newest back, it knows how far back it is whole."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final, NamedTuple

from spark_bus.cursor import EntryId
from spark_gateway.events import Frame
from spark_market import wire
from spark_market.messages import Gap

TICKS: Final = ("ticker", "trade")
"""The channels with a history. That of a book would be changes, of no use without the book that they begin with."""


class Asked(NamedTuple):
    """A question. Times are those of the bus, ms UTC; ``before`` is an entry that an earlier answer named."""

    symbol: str
    channels: Collection[str]
    since: int | None
    until: int | None
    last: int
    before: EntryId | None

    def wants(self, item: Frame) -> bool:
        """Return whether this is about the symbol and channels, as a gap of all of them is too."""
        if item.channel and item.channel not in self.channels:
            return False
        return item.symbol == self.symbol or not item.symbol


class End(StrEnum):
    """Why an answer goes back no further."""

    WHOLE = "whole"
    """It is all that was asked for."""
    MORE = "more"
    """There may be more, for another question."""
    GONE = "gone"
    """What is older is not to be had: trimmed, or of another epoch."""


class Past:
    """What was found. Of what was looked at, ``at`` is the oldest entry."""

    def __init__(self, asked: Asked, newest: EntryId) -> None:
        self.asked = asked
        self.at = newest
        self.end: End | None = None
        self.whole_from = newest.ms + 1
        """Nothing that came onto the bus at this time (ms UTC) or later is missing, up to the newest asked for."""
        self.before: EntryId | None = None
        """Where the next question goes on, when there may be more."""
        self._found: list[Frame] = []
        self._told: list[Frame] = []

    @property
    def complete(self) -> bool:
        """Whether it is all that was asked for."""
        return self.end is End.WHOLE

    def take(self, item: Frame) -> None:
        """Take the next older frame, which may be none that is wanted."""
        asked = self.asked
        if self._passes(item.entry) or not asked.wants(item):
            return
        if asked.until is not None and item.entry.ms > asked.until:
            if item.kind == "gap" and _begins(item) <= asked.until:  # a hole is told of when it is over
                self._told.append(item)
        elif len(self._found) == asked.last:
            self.before = self._found[-1].entry
            self._finish(End.MORE, _from(self.before))
        else:
            self._found.append(item)

    def reached(self, entry: EntryId) -> None:
        """Say that nothing is missing from this entry on."""
        if not self._passes(entry):
            self.at, self.whole_from = entry, _from(entry)

    def lacks_nothing_after(self, entry: EntryId) -> None:
        """Say that nothing is missing after this entry, of which itself nothing is known."""
        if not self._passes(entry):
            self.whole_from = min(self.whole_from, entry.ms + 1)

    def _passes(self, entry: EntryId) -> bool:
        """Return whether it has ended, as it does with the first entry from before the time asked for."""
        since = self.asked.since
        if self.end is None and since is not None and entry.ms < since:
            self._finish(End.WHOLE, since)
        return self.end is not None

    def stop_at_the_beginning(self) -> None:
        """Say that there is nothing older: all there is, is whole; a time before that is not."""
        since = self.asked.since
        if self.end is None:
            self._finish(End.WHOLE if since is None or self.whole_from <= since else End.GONE, self.whole_from)

    def stop(self, end: End) -> None:
        """End here."""
        if self.end is None:
            self.before = self.at if end is End.MORE else None
            self._finish(end, self.whole_from)

    def _finish(self, end: End, whole_from: int) -> None:
        self.end, self.whole_from = end, whole_from

    def messages(self) -> list[bytes]:
        """Return what was found, oldest first."""
        return [item.data for item in reversed([*self._told, *self._found])]


def _from(entry: EntryId) -> int:
    """Return the first millisecond of which nothing can lie before this entry."""
    return entry.ms if entry.seq == 0 else entry.ms + 1


def _begins(item: Frame) -> int:
    gap = wire.decode(item.data)
    return gap.from_ if isinstance(gap, Gap) else 0
