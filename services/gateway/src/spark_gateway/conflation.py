"""Conflation: what is left of many changes for one who wants fewer. Never a wrong book, and never fewer trades."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from spark_bus.cursor import Cursor
from spark_gateway.events import Frame, data_event
from spark_gateway.livebook import LiveBook, decoded
from spark_market import wire

BookOf: TypeAlias = Callable[[str], LiveBook | None]
"""Gives the book of a symbol as it stands now, None when it is not known."""
_MOST_LEVELS: Final = 2_000
"""Changes of more prices than this are not gathered: the whole book is as good, and has an end."""


class Changes:
    """One book's changes within a window, from the entry ``first`` to the ``newest``.

    They come out as one delta, with the newest size of each price; or as the whole book, if it was replaced meanwhile
    or is no larger than that.
    """

    def __init__(self, item: Frame) -> None:
        self.first = item.entry
        self.newest = item
        self._gathered = False
        self._whole = False
        self._previous: str | None = None
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}

    def add(self, item: Frame) -> None:
        """Take in the next change of this book."""
        if not self._gathered:  # a window mostly has one change of a book, and that goes out as it came in
            self._gathered = True
            self._previous = decoded(self.newest.data).previous
            self._gather(self.newest)
        self._gather(item)
        self.newest = item

    def _gather(self, item: Frame) -> None:
        if self._whole:
            return
        message = decoded(item.data)
        self._bids.update(message.bids)
        self._asks.update(message.asks)
        if message.previous is None or len(self._bids) + len(self._asks) > _MOST_LEVELS:
            self._whole = True
            self._bids, self._asks = {}, {}

    def frame(self, position: Cursor, book_of: BookOf) -> Frame | None:
        """Return what tells of all of them at ``position``; None for a book that is not known there any more."""
        if not self._gathered:
            return self.newest
        book = book_of(self.newest.symbol)
        if self._whole or (book is not None and len(self._bids) + len(self._asks) >= book.size):
            return None if book is None else book.frame()
        delta = msgspec.structs.replace(
            decoded(self.newest.data),
            previous=self._previous,
            bids=tuple(sorted(self._bids.items(), reverse=True)),
            asks=tuple(sorted(self._asks.items())),
        )
        data = wire.encode(delta)
        event = data_event(data, str(position._replace(entry=self.newest.entry)))
        return self.newest._replace(data=data, event=event)


class Window:
    """What came for a group since its last flush: everything at full pace, else the newest of each value."""

    def __init__(self, throttled: bool) -> None:
        self._throttled = throttled
        self._all: list[Frame | Changes] = []
        self._by_key: dict[object, Frame | Changes] = {}

    def __bool__(self) -> bool:
        """Whether anything is left to tell."""
        return bool(self._all or self._by_key)

    def add(self, item: Frame) -> bool:
        """Take in a frame; returns whether it overtook one."""
        if not self._throttled:
            self._all.append(item)
            return False
        key = conflation_key(item)
        earlier = self._by_key.pop(key, None)  # popped, so that order is that of the newest entries
        kept: Frame | Changes = item
        if isinstance(earlier, Changes):
            earlier.add(item)
            kept = earlier
        elif item.kind == "book":
            kept = Changes(item)
        self._by_key[key] = kept
        return earlier is not None

    def take(self) -> list[Frame | Changes]:
        """Return what is left, in bus order, and begin anew."""
        taken = [*self._by_key.values()] if self._throttled else self._all
        self._by_key, self._all = {}, []
        return taken


def conflation_key(item: Frame) -> object:
    """Return what a frame is news of: tickers and books of one symbol overtake one another, nothing else does."""
    match item.kind:
        case "ticker":
            return item.symbol
        case "book":
            return "book", item.symbol
        case _:
            return item.entry


def conflate(frames: Iterable[Frame], book_of: BookOf) -> list[Frame]:
    """Keep the newest ticker and the whole book of each symbol that has news, and everything else, in bus order.

    ``frames`` must reach up to the position that the books are of.
    """
    kept: dict[object, Frame] = {}
    for item in frames:
        key = conflation_key(item)
        kept.pop(key, None)  # an overtaken value leaves its place: order is that of the newest entries
        kept[key] = item
    found: list[Frame] = []
    for item in kept.values():
        if item.kind != "book":
            found.append(item)
        elif (book := book_of(item.symbol)) is not None:
            whole = book.frame()
            found.append(item if item.data == whole.data else whole)
    return found
