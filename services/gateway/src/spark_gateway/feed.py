"""One venue as this gateway has it in memory: position, current values, the last entries, instruments."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping

from spark_bus.cursor import Cursor, EntryId
from spark_bus.outbox import MOST_AGE_MS
from spark_bus.reader import Entry, Snapshot
from spark_gateway.events import Frame, frame, received_at

RING = 20_000
"""How many entries are kept for those who come back or lag, about 15 MB."""


class Feed:
    """What the venue's reader has brought. Only that reader's task writes it."""

    def __init__(self, venue: str, ring: int = RING) -> None:
        self.venue = venue
        self.position: Cursor | None = None
        self.tickers: dict[str, Frame] = {}
        self.instruments: dict[str, bytes] = {}
        self.loaded = asyncio.Event()
        self._ring: deque[Frame] = deque(maxlen=ring)
        self._floor = EntryId(0, 0)

    def restart(self, snapshot: Snapshot) -> None:
        """Begin at a snapshot; what came before it is another epoch's."""
        epoch = snapshot.position.epoch
        self.position = snapshot.position
        # What other replicas gave out cursors for before this one began: most who come back find it in memory.
        self._ring = deque(self._frames(epoch, snapshot.recent), maxlen=self._ring.maxlen)
        self._floor = snapshot.recent[0].id if snapshot.recent else snapshot.position.entry
        entries = (
            Entry(as_of, kind, symbol, data)
            for field, (as_of, data) in snapshot.latest.items()
            for kind, _, symbol in [field.partition(":")]
        )
        self.tickers = {item.symbol: item for item in self._frames(epoch, entries)}
        self.instruments = dict(sorted(snapshot.instruments.items()))
        self.loaded.set()

    def learn(self, instruments: Mapping[str, bytes]) -> None:
        """Take over the venue's directory; what is not in it any more has no current value."""
        self.instruments = dict(sorted(instruments.items()))
        self.tickers = {symbol: item for symbol, item in self.tickers.items() if symbol in instruments}

    def append(self, entries: list[Entry]) -> list[Frame]:
        """Take over new entries; returns those that streams may want. Needs a snapshot before it."""
        assert self.position is not None  # noqa: S101, the reader yields a snapshot first
        frames = self._frames(self.position.epoch, entries)
        for item in frames:
            if len(self._ring) == self._ring.maxlen:
                self._floor = self._ring[0].entry
            self._ring.append(item)
            if item.kind == "ticker":
                self.tickers[item.symbol] = item
        self.position = self.position._replace(entry=entries[-1].id)
        return frames

    def _frames(self, epoch: str, entries: Iterable[Entry]) -> list[Frame]:
        return [item for entry in entries if (item := frame(self.venue, epoch, entry)) is not None]

    def holds(self, cursor: Cursor) -> bool:
        """Return whether all that came after ``cursor`` is in memory."""
        return self.position is not None and cursor.epoch == self.position.epoch and cursor.entry >= self._floor

    def after(self, entry: EntryId) -> list[Frame]:
        """Return what came after ``entry``, in order, as far as memory holds it."""
        found: list[Frame] = []
        for item in reversed(self._ring):
            if item.entry <= entry:
                break
            found.append(item)
        found.reverse()
        return found

    def received_before(self, entry: EntryId) -> int:
        """Return a time (ms UTC) no later than that of anything that came after ``entry``.

        What the venue sends is stamped in order, so the last ticker up to ``entry`` tells; without one in memory it
        is bounded by how long a message can wait for the bus.
        """
        for item in reversed(self._ring):
            if item.entry <= entry and item.kind == "ticker" and (at := received_at(item.data)) is not None:
                return at
        return bound_by_age(entry)


def bound_by_age(entry: EntryId) -> int:
    """Return a time (ms UTC) before which nothing can have been received that came onto the bus after ``entry``."""
    return max(0, entry.ms - MOST_AGE_MS)
