"""Everyone who asked for the same thing at the same pace: one frame is built, and written to all."""

from collections.abc import Callable, Iterator
from typing import Final

from spark_bus.cursor import Cursor, EntryId
from spark_gateway.conflation import Changes, Window
from spark_gateway.events import Frame, data_event, event
from spark_gateway.feed import Feed
from spark_gateway.member import FULL_BYTES, Member, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import CURRENT_CHANNELS, Subscription
from spark_market.messages import Gap, Lagged
from spark_service.clock import now_ms

STUCK_AFTER_S: Final = 30.0
_CATCH_UP_AT_ONCE: Final = 16
_BEGINNING: Final = EntryId(0, 0)


class Broadcast:
    """One group of streams. All of it runs in one task's turn: nothing in here waits.

    Members are *in step* (they have all that was flushed), *ahead* (they joined within a window, or come from a
    replica that is ahead of this one: they have more than was flushed) or *lagging* (their socket was full).
    """

    def __init__(
        self,
        feed: Feed,
        subscription: Subscription,
        metrics: GatewayMetrics,
        *,
        status_event: Callable[[], bytes],
        health_event: Callable[[Cursor | None, int], bytes],
    ) -> None:
        assert feed.position is not None  # noqa: S101, nobody joins before the venue is loaded
        self.subscription = subscription
        self._feed = feed
        self._metrics = metrics
        self._status_event = status_event
        self._health_event = health_event
        self._flushed: Cursor = feed.position
        self._changed = Window(throttled=subscription.throttle_ms > 0)
        self._in_step: set[Member] = set()
        self._ahead: set[Member] = set()
        self._lagging: set[Member] = set()

    def __len__(self) -> int:
        return len(self._in_step) + len(self._ahead) + len(self._lagging)

    def members(self) -> list[Member]:
        """Return all members."""
        return [*self._in_step, *self._ahead, *self._lagging]

    def join(self, member: Member) -> None:
        """Take in a member that has been written everything up to its position."""
        (self._in_step if member.position == self._flushed else self._ahead).add(member)

    def leave(self, member: Member) -> None:
        """Let a member go."""
        for members in (self._in_step, self._ahead, self._lagging):
            members.discard(member)

    def offer(self, frame: Frame) -> None:
        """Note a new frame, to be flushed when the pace allows."""
        if self.subscription.wants(frame.channel, frame.symbol) and self._changed.add(frame):
            self._metrics.conflated(1)

    def flush(self, position: Cursor) -> None:
        """Write what changed up to ``position``, in bus order, to every member that can take it.

        ``position`` is the feed's: the books are of no other.
        """
        changed = self._changed.take()
        flushed_before, self._flushed = self._flushed, position
        if changed:
            told = [frame for item in changed if (frame := self._told(item)) is not None]
            if told:  # an empty chunk would end the response
                self._write_to_those_in_step(chunk(b"".join([item.event for item in told])), flushed_before)
                self._metrics.delivered(len(told) * len(self._in_step))
        if self._ahead:
            self._let_catch_step(changed)

    def _told(self, item: Frame | Changes) -> Frame | None:
        return item.frame(self._flushed, self._feed.books.get) if isinstance(item, Changes) else item

    def _told_after(self, entry: EntryId, item: Frame | Changes) -> Frame | None:
        """Return what tells of ``item`` to one who has had all up to ``entry``."""
        if isinstance(item, Frame):
            return item if item.entry > entry else None
        if item.newest.entry <= entry:
            return None
        if item.first > entry:
            return self._told(item)
        book = self._feed.books.get(item.newest.symbol)  # it has had some of these changes
        return None if book is None else book.frame()

    def _write_to_those_in_step(self, batch: bytes, position: Cursor) -> None:
        """Write ``batch``; who cannot take it stays at ``position``."""
        slow = [member for member in self._in_step if not member.write(batch)]
        if slow:
            since = self._feed.received_before(position.entry)
            for member in slow:
                self._fall_behind(member, position, since)

    def _let_catch_step(self, changed: list[Frame | Changes]) -> None:
        for member in list(self._ahead):
            position = member.position
            assert position is not None  # noqa: S101, it joined with one
            news = [told for item in changed if (told := self._told_after(position.entry, item)) is not None]
            if news and not member.write(chunk(b"".join([item.event for item in news]))):
                self._fall_behind(member, position, self._feed.received_before(position.entry))
            elif position.entry <= self._flushed.entry:
                self._ahead.discard(member)
                self._in_step.add(member)
            self._metrics.delivered(len(news))

    def _fall_behind(self, member: Member, position: Cursor, since: int) -> None:
        self._in_step.discard(member)
        self._ahead.discard(member)
        if member.gone:
            return
        member.position, member.behind_since = position, since
        self._lagging.add(member)
        self._metrics.lagged()

    def restart(self, cause: str, received_before: int) -> None:
        """Something is missing, or the epoch changed: tell every member of the gap, and give it a snapshot.

        ``received_before`` is when the last that was flushed had been received.
        """
        assert self._feed.position is not None  # noqa: S101, a restart brings one
        self._changed.take()
        self._flushed = self._feed.position
        text = chunk(self._gap(cause, received_before) + self.snapshot())
        for member in [*self._in_step, *self._ahead]:
            if member.write(text):
                self._ahead.discard(member)
                self._in_step.add(member)
            else:
                self._in_step.discard(member)
                self._ahead.discard(member)
                member.behind_since = received_before
                self._lagging.add(member)
        for member in self._lagging:
            member.position = None  # what it had cannot be gone on from

    def snapshot(self) -> bytes:
        """Return the events that open a stream: the current values, closed by the position they are of."""
        values = b"".join([data_event(item.data) for item in self._values()])
        return self._status_event() + values + self.unknown_books(0) + self._health(self._feed.position)

    def _values(self, after: EntryId = _BEGINNING) -> list[Frame]:
        """Return the current values that are newer than ``after``, in bus order."""
        wants = self.subscription.wants
        found = [item for item in self._feed.tickers.values() if item.entry > after and wants("ticker", item.symbol)]
        return sorted([*found, *self._books(after)], key=lambda item: item.entry)

    def _books(self, after: EntryId = _BEGINNING) -> list[Frame]:
        wants = self.subscription.wants
        books = self._feed.books.known() if "book" in self.subscription.channels else ()
        return [book.frame() for book in books if book.position.entry > after and wants("book", book.symbol)]

    def books(self) -> bytes:
        """Return the whole books as events, of the feed's position."""
        return b"".join([data_event(item.data) for item in self._books()])

    def unknown_books(self, since: int) -> bytes:
        """Return a gap for each book that nothing can be told of yet; ``since`` (ms UTC) is when its hole may begin."""
        missing = self._feed.books.missing(lambda symbol: self.subscription.wants("book", symbol))
        return b"".join([self._gap("unknown", since, "book", symbol) for symbol in missing])

    def _health(self, position: Cursor | None) -> bytes:
        return self._health_event(position, self.subscription.throttle_ms)

    def _gap(self, cause: str, since: int, channel: str | None = None, symbol: str | None = None) -> bytes:
        self._metrics.gap(cause)
        return event(Gap(venue=self._feed.venue, channel=channel, symbol=symbol, from_=since, to=now_ms(), cause=cause))

    def ping(self) -> None:
        """Write a health event that keeps the stream, and the reader's cursor, from growing old."""
        batch = chunk(self._health(self._flushed))
        for member in self._in_step:
            member.write(batch)
        for member in self._ahead:  # with a slow pace they may be ahead for longer than a proxy waits
            member.write(chunk(self._health(member.position)))

    def tell(self, text: bytes) -> None:
        """Write an event that is no part of the bus; who cannot take it lags, and is told when it catches up."""
        batch = chunk(text)
        self._write_to_those_in_step(batch, self._flushed)
        for member in list(self._ahead):
            position = member.position
            assert position is not None  # noqa: S101, it joined with one
            if not member.write(batch):
                self._fall_behind(member, position, self._feed.received_before(position.entry))

    def look_after(self, now: float) -> None:
        """Bring back those who lagged and have drained, drop those who take nothing; ``now`` is monotonic.

        A few at a time: each that comes back costs a walk through the ring, and nobody else is served meanwhile.
        """
        drained = [member for member in self._lagging if member.drained()]
        for member in drained[:_CATCH_UP_AT_ONCE]:
            self._catch_up(member)
        for member in self.members():
            if member.gone:
                self.leave(member)
            elif member.stuck(now, STUCK_AFTER_S):
                self._metrics.dropped_slow()
                self.leave(member)
                member.drop()

    def _catch_up(self, member: Member) -> None:
        """Give a member that lagged the newest of what it missed, and say that it lagged.

        As much as it takes now: the rest when it has drained again, by what is newest then.
        """
        current, wants = self._feed.position, self.subscription.wants
        assert current is not None  # noqa: S101, it was a member of a loaded venue
        reached = _BEGINNING if member.position is None else member.position.entry
        whole = member.position is not None and self._feed.holds(member.position)
        missed = [item for item in self._feed.after(reached) if wants(item.channel, item.symbol)]
        once = [item for item in missed if item.kind not in CURRENT_CHANNELS]
        due = sorted([*once, *self._values(reached)], key=lambda item: item.entry)
        since = member.behind_since or 0
        notice = b"" if whole else self._gap("slow", since) + self.unknown_books(since)
        for part, through in _parts(due, current):
            late = [item for item in missed if reached < item.entry <= through.entry]
            if whole and late:
                conflated = max(0, len(late) - len(part))
                notice = event(Lagged(venue=self._feed.venue, conflated=conflated, dropped=0))
            values = b"".join([item.event for item in part])
            closing = self._health(current) if through is current else b""
            if not member.write(chunk(notice + self._status_event() + values + closing)):
                return
            member.position, reached, notice = through, through.entry, b""
        self._lagging.discard(member)
        member.behind_since = None
        self.join(member)


def _parts(frames: list[Frame], end: Cursor) -> Iterator[tuple[list[Frame], Cursor]]:
    """Yield ``frames`` in parts of about what a socket takes, each with the position that it brings a reader to."""
    part: list[Frame] = []
    size = 0
    for item in frames:
        if size > FULL_BYTES and item.entry > part[-1].entry:  # a position cannot tell values of one entry apart
            yield part, end._replace(entry=part[-1].entry)
            part, size = [], 0
        part.append(item)
        size += len(item.event)
    yield part, end
