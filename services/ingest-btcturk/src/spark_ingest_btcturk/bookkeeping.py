"""One symbol's order book as the venue's obdiff channel tells it: whole and right, or known not to be.

A snapshot (431) begins a chain of change sets (432) that are numbered without holes. A number out of turn means that
frames were lost, repeated or reordered; the book is then worth nothing until the next snapshot. Only a lost tail, after
which nothing comes, is invisible here: the watchdog and the comparison with the tickers have to find it.

The venue keeps a window of 100 levels a side: what leaves it is deleted, although it may still exist in the market.
Each frame is told as one `Book`, an empty one too, so that the sequence on the bus is the venue's own, without holes.
It has no meaning across snapshots.
"""

from collections import Counter
from decimal import Decimal
from typing import Final, NamedTuple

from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Change
from spark_market.instruments import Mode
from spark_market.messages import Book
from spark_market.orderbook import BookSide, Level, OrderBook

WINDOW: Final = 100
CROSSED_FRAMES: Final = 5
CROSSED_S: Final = 5.0
"""A book that stays crossed for so many frames, or for so long, is wrong; a moment of it may be the venue's own."""

_NEW, _DELETED = 1, 3
_NOTHING: Final = Decimal(0)


class Broken(NamedTuple):
    """The book cannot be believed after ``since`` (ms), when its last good frame came: it needs a new snapshot.

    ``cause`` is ``jump`` (a number was skipped), ``older`` (one that was had already, with something else to say),
    ``overfull`` (more levels than the window has), ``crossed`` (for too long; good were the frames before it was),
    or what `Bookkeeper.interrupted` was told.
    """

    cause: str
    since: int


class Bookkeeper:
    """The book of one symbol.

    Counted in ``counts``, and let pass: ``absent_delete``, ``absent_update``, ``held_insert``, ``zero_amount`` (it
    removes the level), ``crossed`` (per frame), ``window`` (a snapshot with more than 100 levels: they are the window
    then), ``duplicate`` (the frame just had, dropped), ``reseeded`` (a snapshot that nobody waited for).
    """

    def __init__(self, symbol: str, *, mode: Mode, counts: Counter[str]) -> None:
        self._symbol = symbol
        self._mode = mode
        self._counts = counts
        self._book = OrderBook()
        self._change_set = 0
        self._last: BookChanges | None = None
        self._window = WINDOW
        self._received_at = 0  # of the last frame applied
        self._good_until = 0  # of the last one after which the book was not crossed
        self._valid = False
        self._broken: Broken | None = None
        self._crossed_frames = 0
        self._crossed_since: float | None = None

    @property
    def valid(self) -> bool:
        """Whether the book is the venue's, as of its last frame."""
        return self._valid

    @property
    def broken(self) -> Broken | None:
        """Why and since when there is no book, None while there is one and before the first: the next one's gap."""
        return self._broken

    @property
    def best(self) -> tuple[Decimal | None, Decimal | None]:
        """The best bid and ask prices, None for an empty side and for a book that is not valid."""
        if not self._valid:
            return None, None
        bid, ask = self._book.bids.best, self._book.asks.best
        return bid and bid[0], ask and ask[0]

    def skipped(self, said: BookSnapshot) -> Broken | None:
        """Return since when changes are missing before a 431 that comes while the book is valid, None if none are.

        Nobody waited for it, or it is a later one's: then the book was left and joined in between.
        """
        return Broken("jump", self._good_until) if self._valid and said.change_set != self._change_set else None

    def snapshot(self, said: BookSnapshot, received_at: int) -> Book:
        """Begin anew with a 431. Raises ValueError for one of another channel: its numbers are another chain's."""
        if said.channel != "obdiff":
            raise ValueError(f"a book of obdiff cannot begin with a snapshot of {said.channel}")
        if self._valid:
            self._counts["reseeded"] += 1
        self._book = OrderBook(said.bids, said.asks)
        self._window = max(WINDOW, len(said.bids), len(said.asks))
        if self._window > WINDOW:  # it was 25 once: the venue may change it again
            self._counts["window"] += 1
        self._change_set, self._last, self._received_at = said.change_set, None, received_at
        self._valid, self._broken = True, None
        self._crossed_frames, self._crossed_since = 0, None
        self._good_until = received_at
        self._note_crossed(received_at)
        return self._full()

    def changes(self, said: BookChanges, received_at: int) -> Book | Broken | None:
        """Apply a 432 and return what it changes, or why the book has just become invalid.

        None while a snapshot is awaited, and for the very frame that came before.
        """
        if not self._valid:
            return None
        if said.change_set != self._change_set + 1:
            if said == self._last:
                self._counts["duplicate"] += 1
                return None
            return self._break("jump" if said.change_set > self._change_set else "older")
        bids = self._apply(self._book.bids, said.bids)
        asks = self._apply(self._book.asks, said.asks)
        if len(self._book.bids) > self._window or len(self._book.asks) > self._window:
            return self._break("overfull")
        self._note_crossed(received_at)
        if self._crossed_frames >= CROSSED_FRAMES:
            return self._break("crossed")
        previous, self._change_set = self._change_set, said.change_set
        self._last, self._received_at = said, received_at
        return self._message(bids, asks, str(previous))

    def overdue(self, now: float) -> Broken | None:
        """Give up a book that nothing has uncrossed for 5 s (``now`` is monotonic); ask about once a second."""
        if not self._valid or not self._crossed_frames:
            self._crossed_since = None
            return None
        if self._crossed_since is None:
            self._crossed_since = now
        return self._break("crossed") if now - self._crossed_since >= CROSSED_S else None

    def interrupted(self, cause: str) -> None:
        """The subscription is lost or joined anew: there is no book until its snapshot comes."""
        if self._valid:
            self._break(cause)

    def book(self) -> Book | None:
        """Return the whole book as it is now, None when there is none."""
        return self._full() if self._valid else None

    def _apply(self, side: BookSide, changes: tuple[Change, ...]) -> tuple[Level, ...]:
        """Set what is updated or new, remove what is deleted, and return the levels that a reader must set."""
        changed: dict[Decimal, Decimal] = {}
        for code, price, size in changes:
            if code == _DELETED:
                size = _NOTHING  # whatever stands beside it
                if not side.set(price, size):
                    self._counts["absent_delete"] += 1
                    continue
            else:
                held = side.set(price, size)
                if not size:
                    self._counts["zero_amount"] += 1
                if held is (code == _NEW):
                    self._counts["held_insert" if held else "absent_update"] += 1
            changed[price] = size
        return tuple(changed.items())

    def _note_crossed(self, received_at: int) -> None:
        if self._book.crossed:
            self._counts["crossed"] += 1
            self._crossed_frames += 1
        else:
            self._crossed_frames, self._crossed_since = 0, None
            self._good_until = received_at

    def _break(self, cause: str) -> Broken:
        self._valid = False
        self._broken = Broken(cause, self._good_until)
        return self._broken

    def _full(self) -> Book:
        return self._message(self._book.bids.levels(), self._book.asks.levels(), previous=None)

    def _message(self, bids: tuple[Level, ...], asks: tuple[Level, ...], previous: str | None) -> Book:
        return Book(
            venue=VENUE,
            symbol=self._symbol,
            mode=self._mode,
            sequence=str(self._change_set),
            previous=previous,
            bids=bids,
            asks=asks,
            venue_time=None,
            received_at=self._received_at,
        )
