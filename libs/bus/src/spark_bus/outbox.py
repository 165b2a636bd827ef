"""What waits for Redis: bounded, in order; when it overflows something goes, and the hole is told of.

Order books go first, all of them: one snapshot of each, made when Redis is back, replaces whatever it missed. Then the
oldest go. The newest value of a symbol survives even so, unless a newer one waits: the venue's later repeats of it are
no ticks, so nothing else would ever correct what readers hold.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from spark_bus.publisher import Outgoing, outgoing
from spark_market.messages import Book, Gap

MOST_MESSAGES = 50_000
MOST_BYTES = 64 * 2**20
MOST_AGE_MS = 15 * 60 * 1000
"""Older than what the stream keeps is not worth keeping. It also bounds how much later than its ``received_at`` a
message can reach the bus."""


class Outbox:
    """A queue between the venue's feed, which never waits, and the carrier, which waits for Redis.

    ``books`` gives the full order books that can be believed now. The feed changes a book and puts the change in one
    go, without an await in between: so what ``books`` gives at a take is what was put, and what is put next follows it.
    """

    def __init__(
        self,
        venue: str,
        *,
        books: Callable[[], Iterable[Book]] = tuple,
        most_messages: int = MOST_MESSAGES,
        most_bytes: int = MOST_BYTES,
        most_age_ms: int = MOST_AGE_MS,
    ) -> None:
        self._venue = venue
        self._books = books
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._most_age_ms = most_age_ms
        self._waiting: deque[tuple[int, Outgoing]] = deque()  # with the time (ms) by which it was put
        self._bytes = 0
        self._newest = 0  # the latest time that any message told of: the queue's clock
        self._holes: dict[tuple[str | None, str | None], Gap] = {}
        self._survivors: dict[str, Outgoing] = {}
        self._without_books = False  # from an overflow to the next take, nothing of a book is kept
        self._stale_books: set[str] = set()  # symbols whose book is to be published anew
        self._filled = asyncio.Event()
        self.drops: Counter[str] = Counter()
        """Messages given up since the start, by channel."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """Messages given up since the start."""
        return self.drops.total()

    def put(self, messages: Iterable[Outgoing]) -> None:
        """Queue ``messages``, in order; gives up what is too many, too large in all, or too old."""
        for message in messages:
            if self._without_books and _is_of_books(message):
                self._give_up(message)
                continue
            time = message.received_at if message.gap is None else message.gap.to
            if time > self._newest:
                self._newest = time
            self._waiting.append((self._newest, message))
            self._bytes += len(message.data)
            if self._overflows():
                self._shrink()
        if self._waiting or self._without_books:
            self._filled.set()

    def _overflows(self) -> bool:
        waiting = self._waiting
        return (
            len(waiting) > self._most_messages
            or self._bytes > self._most_bytes
            or self._newest - waiting[0][0] > self._most_age_ms
        )

    def _shrink(self) -> None:
        if not self._without_books:
            self._without_books = True
            self._sort_out(self._give_up)
        while self._waiting and self._overflows():
            self._drop(self._pop())

    def _pop(self) -> Outgoing:
        _, message = self._waiting.popleft()
        self._bytes -= len(message.data)
        return message

    def _sort_out(self, replaced: Callable[[Outgoing], None]) -> None:
        """Take what is of books out of the queue; it goes to ``replaced``."""
        for _, message in self._waiting:
            if _is_of_books(message):
                replaced(message)
        self._waiting = deque(item for item in self._waiting if not _is_of_books(item[1]))
        self._bytes = sum(len(message.data) for _, message in self._waiting)

    def _give_up(self, message: Outgoing) -> None:
        """Note what a snapshot, to be made at the next take, replaces."""
        if message.gap is not None:
            self._disclose(message.gap)  # in front of the snapshot: behind it, it would void it
        elif message.kind:
            self._stale_books.add(message.symbol)
            if not message.field:  # a delta
                self._lose(message)

    def _drop(self, message: Outgoing) -> None:
        if message.gap is not None:  # its readers' only notice of an earlier hole
            self._disclose(message.gap)
            return
        if message.field:
            overtaken = self._survivors.pop(message.field, None)  # popped, so that survivors stay in order
            self._survivors[message.field] = message
            if overtaken is not None:
                self._lose(overtaken)
        else:
            self._lose(message)

    def _lose(self, message: Outgoing) -> None:
        self.drops[message.channel] += 1
        # Tickers share a hole: every symbol's newest survives. A trade or a delta is missing from its symbol alone.
        symbol = None if message.channel == "ticker" else message.symbol
        self._disclose(
            Gap(
                venue=self._venue, channel=message.channel, symbol=symbol, from_=message.received_at,
                to=message.received_at, cause="overflow", lost=1,
            )
        )  # fmt: skip

    def _disclose(self, gap: Gap) -> None:
        """Keep one hole for each channel and symbol, however many there were: this too is bounded."""
        key = (gap.channel, gap.symbol)
        before = self._holes.get(key)
        if before is not None:
            lost = None if before.lost is None or gap.lost is None else before.lost + gap.lost
            gap = msgspec.structs.replace(
                before, from_=min(before.from_, gap.from_), to=max(before.to, gap.to), lost=lost
            )
        self._holes[key] = gap

    async def wait(self, timeout_s: float) -> None:
        """Return when there is something to take, or after ``timeout_s``."""
        if self._filled.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()

    def take(self, most: int) -> list[Outgoing]:
        """Take up to ``most`` messages; before them the gaps of what was given up, and what survives or replaces it."""
        taken = self._remedies() if self._holes or self._survivors or self._without_books else []
        taken += [self._pop() for _ in range(min(most, len(self._waiting)))]
        if not self._waiting:
            self._filled.clear()
        return taken

    def _remedies(self) -> list[Outgoing]:
        newer = {message.field for _, message in self._waiting}
        for field in newer & self._survivors.keys():
            self._lose(self._survivors.pop(field))
        found = [*map(outgoing, self._holes.values()), *self._survivors.values()]
        self._holes.clear()
        self._survivors.clear()
        return found + self._renewed(lambda symbol: symbol in self._stale_books)

    def start_over(self, in_hand: Iterable[Outgoing]) -> tuple[list[Outgoing], list[Outgoing]]:
        """Books for a new epoch, which holds none yet: return what goes first, and what is left of ``in_hand``.

        First go a snapshot of every book, and before them the gaps of books that were still to be told of. They replace
        all that was in hand or waits here of books, and the epoch itself is the notice of that.
        """
        left = []
        for message in in_hand:
            if _is_of_books(message):
                self._supersede(message)
            else:
                left.append(message)
        self._sort_out(self._supersede)
        gaps = [gap for gap in self._holes.values() if gap.channel in _BOOK_CHANNELS]
        for gap in gaps:
            del self._holes[gap.channel, gap.symbol]
        return [*map(outgoing, gaps), *self._renewed(lambda _: True)], left

    def _supersede(self, message: Outgoing) -> None:
        if message.gap is not None:
            self._disclose(message.gap)

    def _renewed(self, wanted: Callable[[str], bool]) -> list[Outgoing]:
        """Return snapshots of the books wanted; from now on what is put of books is queued again."""
        renewed = [outgoing(book) for book in self._books() if wanted(book.symbol)]
        self._without_books = False
        self._stale_books.clear()
        return renewed


_BOOK_CHANNELS = ("book", None)


def _is_of_books(message: Outgoing) -> bool:
    """Whether it is a snapshot, a delta or a refresh of a book, or a gap that voids one."""
    if message.gap is not None:
        return message.gap.channel in _BOOK_CHANNELS
    return message.kind == "book" or not message.kind
