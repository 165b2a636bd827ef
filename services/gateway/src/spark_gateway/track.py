"""One venue's part of a group of streams: what has been flushed of it, and what waits to be."""

from typing import Final

from spark_bus.cursor import EntryId
from spark_gateway.conflation import Changes, Window
from spark_gateway.events import Frame, data_event, event
from spark_gateway.feed import Feed
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import CURRENT_CHANNELS, Interest
from spark_market.messages import Gap
from spark_service.clock import now_ms

BEGINNING: Final = EntryId(0, 0)


class Track:
    """``flushed`` is up to where everything has been written to the members in step.

    It is None until the venue has been loaded.
    """

    def __init__(self, feed: Feed, interest: Interest, metrics: GatewayMetrics, *, throttled: bool) -> None:
        self.feed = feed
        self.interest = interest
        self.flushed = feed.position
        self._metrics = metrics
        self._window = Window(throttled=throttled)

    def offer(self, frame: Frame) -> None:
        """Note a new frame that its streams want, to be flushed when the pace allows."""
        if self._window.add(frame):
            self._metrics.conflated(1)

    def advance(self) -> None:
        """While nothing waits, everything up to the feed's position has been flushed."""
        if not self._window:
            self.flushed = self.feed.position

    def take(self) -> list[Frame | Changes]:
        """Return what waited, in bus order: the caller writes it, which flushes all up to the feed's position."""
        self.flushed = self.feed.position
        return self._window.take()

    def told(self, item: Frame | Changes) -> Frame | None:
        """Return what tells of ``item``, which was just taken; None for a book that is not known any more."""
        if isinstance(item, Frame):
            return item
        assert self.flushed is not None  # noqa: S101, something was offered
        return item.frame(self.flushed, self.feed.books.get)

    def told_after(self, entry: EntryId, item: Frame | Changes) -> Frame | None:
        """Return what tells of ``item`` to one who has had all up to ``entry``."""
        if isinstance(item, Frame):
            return item if item.entry > entry else None
        if item.newest.entry <= entry:
            return None
        if item.first > entry:
            return self.told(item)
        book = self.feed.books.get(item.newest.symbol)  # it has had some of these changes
        return None if book is None else book.frame()

    def values(self, after: EntryId = BEGINNING) -> list[Frame]:
        """Return the current values that are newer than ``after``, in bus order."""
        found: list[Frame] = []
        if "ticker" in self.interest.channels:
            tickers = self.feed.tickers
            names = tickers if self.interest.symbols is None else self.interest.symbols
            found = [item for name in names if (item := tickers.get(name)) is not None and item.entry > after]
        return sorted([*found, *self._books(after)], key=_by_entry)

    def _books(self, after: EntryId = BEGINNING) -> list[Frame]:
        if "book" not in self.interest.channels:
            return []
        wants = self.interest.wants
        books = self.feed.books.known()
        return [book.frame() for book in books if book.position.entry > after and wants("book", book.symbol)]

    def missed(self, after: EntryId) -> list[Frame]:
        """Return what came after ``after`` and its streams want, as far as memory holds it."""
        wants = self.interest.wants
        return [item for item in self.feed.after(after) if wants(item.channel, item.symbol)]

    def due(self, missed: list[Frame], after: EntryId) -> list[Frame]:
        """Return what is left of ``missed``, which came after ``after``, for one who is to get the newest values."""
        once = [item for item in missed if item.kind not in CURRENT_CHANNELS]
        return sorted([*once, *self.values(after)], key=_by_entry)

    def opening(self) -> bytes:
        """Return the events of the current values, without ids."""
        return b"".join([data_event(item.data) for item in self.values()]) + self.unknown_books(0)

    def books(self) -> bytes:
        """Return the whole books as events without ids, of the feed's position."""
        return b"".join([data_event(item.data) for item in self._books()])

    def unknown_books(self, since: int) -> bytes:
        """Return a gap for each book that nothing can be told of yet; ``since`` (ms UTC) is when its hole may begin."""
        wants = self.interest.wants
        missing = self.feed.books.missing(lambda symbol: wants("book", symbol))
        return b"".join([self.gap("unknown", since, "book", symbol) for symbol in missing])

    def gap(self, cause: str, since: int, channel: str | None = None, symbol: str | None = None) -> bytes:
        """Return a gap of the gateway's own, from ``since`` (ms UTC) to now, as an event without an id."""
        self._metrics.gap(cause)
        return event(Gap(venue=self.feed.venue, channel=channel, symbol=symbol, from_=since, to=now_ms(), cause=cause))


def _by_entry(item: Frame) -> EntryId:
    return item.entry
