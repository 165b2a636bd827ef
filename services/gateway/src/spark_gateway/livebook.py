"""One order book as it stands at a position of the bus, and as a message whenever somebody asks for it."""

from functools import lru_cache

import msgspec

from spark_bus.cursor import Cursor
from spark_gateway.events import Frame, data_event
from spark_market import wire
from spark_market.messages import Book
from spark_market.orderbook import OrderBook


class _Envelope(msgspec.Struct):
    data: Book


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class Unchained(Exception):
    """A delta does not follow what is here: the book is not to be believed any more."""


@lru_cache(maxsize=1024)
def decoded(data: bytes) -> Book:
    """Return a ``book`` message. Raises MalformedMessage.

    Each entry is decoded once for the book itself and for all groups: that many come in one read of the bus.
    """
    try:
        return _ENVELOPE.decode(data).data
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as exc:
        raise wire.MalformedMessage(f"not a book: {data[:80]!r}") from exc


class LiveBook:
    """A book, from a snapshot on. ``position`` is the entry that it is as of."""

    def __init__(self, snapshot: Book, position: Cursor) -> None:
        self.position = position
        self._newest = snapshot
        self._levels = OrderBook(snapshot.bids, snapshot.asks)
        self._frame: Frame | None = None

    @property
    def size(self) -> int:
        """How many levels it has on both sides."""
        return len(self._levels.bids) + len(self._levels.asks)

    @property
    def symbol(self) -> str:
        """The symbol that it is the book of."""
        return self._newest.symbol

    def follow(self, message: Book, position: Cursor) -> None:
        """Go on with the next entry of this book. Raises Unchained."""
        if message.previous is None:
            self._levels = OrderBook(message.bids, message.asks)
        elif message.previous == self._newest.sequence:
            self._levels.apply(message.bids, message.asks)
        else:
            raise Unchained(f"{message.sequence} follows {message.previous}, and here is {self._newest.sequence}")
        self._newest = message
        self.move(position)

    def move(self, position: Cursor) -> None:
        """Stand for a later position: nothing of this book came up to there."""
        self.position = position
        self._frame = None

    def message(self, depth: int | None = None) -> bytes:
        """Return the book as a snapshot, encoded; of its best ``depth`` levels a side, or of all."""
        if depth is None:
            return self.frame().data
        return self._encoded(depth)

    def frame(self) -> Frame:
        """Return the whole book as a frame of its position; made when first asked for after a change."""
        if self._frame is None:
            data = self._encoded(None)
            event = data_event(data, str(self.position))
            self._frame = Frame(self.position.entry, "book", "book", self.symbol, data, event)
        return self._frame

    def _encoded(self, depth: int | None) -> bytes:
        whole = msgspec.structs.replace(
            self._newest, previous=None, bids=self._levels.bids.levels(depth), asks=self._levels.asks.levels(depth)
        )
        return wire.encode(whole)
