"""A venue's order books, from the bus's snapshots and deltas: each is right, or it is not here at all."""

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator, Mapping

import structlog

from spark_bus.cursor import Cursor, EntryId
from spark_gateway.events import Frame, data_event, gap_frame
from spark_gateway.livebook import LiveBook, Unchained, decoded
from spark_gateway.metrics import GatewayMetrics
from spark_market.messages import Gap
from spark_market.wire import MalformedMessage
from spark_service.clock import now_ms

_FIELD = "book:"

logger = structlog.get_logger()


class Books:
    """All books of one venue.

    ``unknown`` are the symbols that have a book which is not known here. ``bases`` are those of them that wait to be
    joined to the stream, each as of its own position.
    """

    def __init__(self, venue: str, metrics: GatewayMetrics) -> None:
        self._venue = venue
        self._metrics = metrics
        self._known: dict[str, LiveBook] = {}
        self._missed: set[str] = set()
        self._withheld: set[str] = set()  # of these nothing is told before the next snapshot
        self.unknown: set[str] = set()
        self.bases: dict[str, LiveBook] = {}
        self.untold: list[LiveBook] = []
        """Books that have become known, and that streams were told to be unknown."""
        self.waiting = asyncio.Event()
        """Set while there are bases."""
        self.settled = asyncio.Event()
        """Set while there are none."""

    def get(self, symbol: str) -> LiveBook | None:
        """Return a book that can be believed."""
        return self._known.get(symbol)

    def known(self) -> Iterator[LiveBook]:
        """Return all that can be believed."""
        return iter(self._known.values())

    def missing(self, wanted: Callable[[str], bool]) -> list[str]:
        """Return the symbols wanted whose book is unknown, for a stream to be told so; and later of the book."""
        found = sorted(filter(wanted, self.unknown))
        self._missed.update(found)
        return found

    def restart(self, latest: Mapping[str, tuple[EntryId, bytes]], recent: Iterable[Frame], floor: Cursor) -> None:
        """Begin with the books of `latest`, each brought up to the last of ``recent``.

        After ``floor`` nothing is missing from ``recent``: a book that is older waits among the bases.
        """
        self._known, self.bases, self.untold = {}, {}, []
        self.unknown, self._withheld, self._missed = set(), set(), set()
        for field, (as_of, data) in latest.items():
            if field.startswith(_FIELD):
                self._begin(field.removeprefix(_FIELD), data, floor._replace(entry=as_of), floor.entry)
        for item in recent:  # what has no place in `latest` is carried no more
            if item.kind == "gap":
                self._void(item)
            else:
                self._advance(self._known.get(item.symbol), item, floor._replace(entry=item.entry))
        self._count()

    def _begin(self, symbol: str, data: bytes, as_of: Cursor, floor: EntryId) -> None:
        try:
            book = LiveBook(decoded(data), as_of)
        except MalformedMessage as exc:
            self._lose(symbol, as_of.entry, exc)
            return
        if as_of.entry >= floor:
            self._known[symbol] = book
        else:
            self.bases[symbol] = book
            self.unknown.add(symbol)

    def take(self, item: Frame, position: Cursor) -> Frame | None:
        """Take over a frame of the stream; returns what streams are to get for it, if anything.

        A delta that does not fit is not passed on: a gap takes its place, and the book is unknown from there.
        """
        if item.kind == "gap":
            self._void(item)
            return item
        if item.kind != "book":
            return item
        try:
            return item if self._follow(item, position) else None
        except (MalformedMessage, Unchained) as exc:
            self._lose(item.symbol, item.entry, exc)
            return self._gap(item, position)

    def _follow(self, item: Frame, position: Cursor) -> bool:
        """Return whether the entry is of use here."""
        message = decoded(item.data)
        book = self._known.get(item.symbol)
        if book is not None:
            book.follow(message, position)
        elif message.previous is None:
            self._learn(item.symbol, LiveBook(message, position))
        elif item.symbol in self._withheld:
            return False
        elif item.symbol not in self.unknown:
            raise Unchained(f"{message.sequence} is of a book that nobody has told of")
        return True  # also of a book that waits to be joined: who holds it, from another replica, is to miss nothing

    def _learn(self, symbol: str, book: LiveBook) -> None:
        self._known[symbol] = book
        self.unknown.discard(symbol)
        self._withheld.discard(symbol)
        self.bases.pop(symbol, None)
        self._count()

    def _void(self, gap: Frame) -> None:
        """A hole that touches a book voids it, until the snapshot that the ingest publishes when it has one."""
        if gap.channel not in ("", "book"):
            return
        for symbol in [gap.symbol] if gap.symbol else [*self._known, *self.bases]:
            book = self._known.get(symbol) or self.bases.get(symbol)
            if book is not None and book.position.entry <= gap.entry:
                self._forget(symbol)
        self._count()

    def _forget(self, symbol: str) -> None:
        """Know a book no more, until its next snapshot."""
        self._known.pop(symbol, None)
        self.bases.pop(symbol, None)
        self.unknown.add(symbol)
        self._withheld.add(symbol)

    def _lose(self, symbol: str, entry: EntryId, error: Exception) -> None:
        logger.error("an order book is broken", venue=self._venue, symbol=symbol, entry=str(entry), error=str(error))
        self._metrics.book_broken()
        self._forget(symbol)
        self._count()

    def _gap(self, item: Frame, position: Cursor) -> Frame:
        self._metrics.gap("broken")
        gap = Gap(venue=self._venue, channel="book", symbol=item.symbol, from_=0, to=now_ms(), cause="broken")
        return gap_frame(gap, position)

    def keep(self, symbols: Container[str]) -> None:
        """Forget the books of all others: the venue carries them no more."""
        for symbol in [symbol for symbol in (*self._known, *self.unknown) if symbol not in symbols]:
            self._forget(symbol)
            self.unknown.discard(symbol)
        self._count()

    def approach(self, item: Frame, position: Cursor) -> None:
        """Bring a base on by a frame that lies before the feed's position."""
        if item.kind == "gap":
            self._void(item)
        else:
            self._advance(self.bases.get(item.symbol), item, position)

    def _advance(self, book: LiveBook | None, item: Frame, position: Cursor) -> None:
        if book is None or item.kind != "book" or item.entry <= book.position.entry:
            return
        try:
            book.follow(decoded(item.data), position)
        except (MalformedMessage, Unchained) as exc:
            self._lose(item.symbol, item.entry, exc)

    def give_up(self, symbol: str) -> None:
        """Leave a base unknown until its next snapshot: what came after it cannot be had any more."""
        self._forget(symbol)
        self._count()

    def join(self) -> None:
        """Take the bases for known, now that they hold all up to the feed's position."""
        for symbol, book in list(self.bases.items()):
            self._learn(symbol, book)
            if symbol in self._missed:
                self.untold.append(book)
        self._missed.clear()

    def news(self, position: Cursor) -> list[Frame]:
        """Return the whole of those books that are untold, as of just before the entry at ``position``.

        They have no id: that is the entry's own, which comes after them.
        """
        untold = [book for book in self.untold if self._known.get(book.symbol) is book]
        self.untold = []
        for book in untold:
            book.move(position)
        return [item._replace(event=data_event(item.data)) for item in (book.frame() for book in untold)]

    def _count(self) -> None:
        self._metrics.books(self._venue, len(self._known), len(self.unknown))
        if self.bases:
            self.settled.clear()
            self.waiting.set()
        else:
            self.waiting.clear()
            self.settled.set()
