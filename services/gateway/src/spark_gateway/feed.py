"""One venue as this gateway has it in memory: position, current values, the last entries, instruments."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from spark_bus.cursor import Cursor, EntryId
from spark_bus.history import is_birth
from spark_bus.outbox import MOST_AGE_MS
from spark_bus.reader import Entry, Snapshot
from spark_gateway.books import Books
from spark_gateway.events import Frame, frame, received_at
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.ring import Ring

RING = 20_000
"""How many entries are kept for those who come back or lag, about 20 MB."""
_STAMPED_IN_ORDER = frozenset({"ticker", "trade"})
"""Not books: after an overflow of the ingest's queue a book overtakes what was received before it."""


class Feed:
    """What the venue's reader has brought. Only that reader's task writes it."""

    def __init__(self, venue: str, metrics: GatewayMetrics, ring: int = RING) -> None:
        self.venue = venue
        self.position: Cursor | None = None
        self.tickers: dict[str, Frame] = {}
        self.books = Books(venue, metrics)
        self.instruments: dict[str, bytes] = {}
        self.loaded = asyncio.Event()
        self.ring = Ring(ring)
        self.born: EntryId | None = None
        """Where the epoch began, when memory reached back to there as this venue was loaded."""

    def restart(self, snapshot: Snapshot) -> None:
        """Begin at a snapshot; what came before it is another epoch's."""
        epoch = snapshot.position.epoch
        self.position = snapshot.position
        # What other replicas gave out cursors for before this one began: most who come back find it in memory.
        recent = _since_birth(snapshot.recent)
        self.born = recent[0].id if recent and is_birth(recent[0]) else None
        self.ring.restart(self._frames(epoch, recent), recent[0].id if recent else snapshot.position.entry)
        entries = (
            Entry(as_of, "ticker", symbol, data)
            for field, (as_of, data) in snapshot.latest.items()
            for kind, _, symbol in [field.partition(":")]
            if kind == "ticker"
        )
        self.tickers = {item.symbol: item for item in self._frames(epoch, entries)}
        self.books.restart(snapshot.latest, self.ring, self.position._replace(entry=self.ring.floor))
        self.instruments = dict(sorted(snapshot.instruments.items()))
        self.loaded.set()

    def learn(self, instruments: Mapping[str, bytes]) -> None:
        """Take over the venue's directory; what is not in it any more has no current value."""
        self.instruments = dict(sorted(instruments.items()))
        self.tickers = {symbol: item for symbol, item in self.tickers.items() if symbol in instruments}
        self.books.keep(instruments)

    def append(self, entries: list[Entry]) -> list[Frame]:
        """Take over new entries; returns those that streams may want. Needs a snapshot before it."""
        position = self.position
        assert position is not None  # noqa: S101, the reader yields a snapshot first
        frames = self.books.news(position._replace(entry=entries[0].id)) if self.books.untold else []
        for item in self._frames(position.epoch, entries):
            if item.kind == "ticker":
                self.tickers[item.symbol] = item
                frames.append(item)
            elif item.kind == "trade":
                frames.append(item)
            elif (told := self.books.take(item, position._replace(entry=item.entry))) is not None:
                frames.append(told)
        self.ring.extend(frames)
        self.position = position._replace(entry=entries[-1].id)
        return frames

    def _frames(self, epoch: str, entries: Iterable[Entry]) -> list[Frame]:
        return [item for entry in entries if (item := frame(self.venue, epoch, entry)) is not None]

    def holds(self, cursor: Cursor) -> bool:
        """Return whether all that came after ``cursor`` is in memory."""
        return self.position is not None and cursor.epoch == self.position.epoch and cursor.entry >= self.ring.floor

    def after(self, entry: EntryId) -> list[Frame]:
        """Return what came after ``entry``, in order, as far as memory holds it."""
        found: list[Frame] = []
        for item in reversed(self.ring):
            if item.entry <= entry:
                break
            found.append(item)
        found.reverse()
        return found

    def trades(self, symbols: frozenset[str] | None, most: int) -> list[bytes]:
        """Return the last ``most`` trades that memory holds, oldest first; ``symbols`` is None for all."""
        found = [item.data for item in islice(self.ring.trades(symbols), most)]
        found.reverse()
        return found

    def received_before(self, entry: EntryId) -> int:
        """Return a time (ms UTC) no later than that of anything that came after ``entry``.

        What the venue sends is stamped in order, so the last tick up to ``entry`` tells; without one in memory it is
        bounded by how long a message can wait for the bus.
        """
        for item in reversed(self.ring):
            if item.entry <= entry and item.kind in _STAMPED_IN_ORDER and (at := received_at(item.data)) is not None:
                return at
        return bound_by_age(entry)


def _since_birth(recent: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries from the epoch's birth on, all if that lies before them: others are of another epoch."""
    for at in range(len(recent) - 1, -1, -1):
        if is_birth(recent[at]):
            return recent[at:]
    return recent


def bound_by_age(entry: EntryId) -> int:
    """Return a time (ms UTC) before which nothing can have been received that came onto the bus after ``entry``."""
    return max(0, entry.ms - MOST_AGE_MS)
