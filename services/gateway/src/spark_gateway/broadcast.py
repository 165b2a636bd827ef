"""Everyone who asked for the same thing at the same pace: one frame is built, and written to all."""

from collections.abc import Callable
from typing import Final

from spark_bus.cursor import Cursor
from spark_gateway.events import Frame, conflate, conflation_key, data_event, event
from spark_gateway.feed import Feed
from spark_gateway.member import Member, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from spark_market.messages import Gap, Lagged
from spark_service.clock import now_ms

STUCK_AFTER_S: Final = 30.0
_CATCH_UP_AT_ONCE: Final = 16


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
        self._changed: dict[object, Frame] = {}
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
        if not self.subscription.wants(frame.channel, frame.symbol):
            return
        key = conflation_key(frame) if self.subscription.throttle_ms else frame.entry
        if self._changed.pop(key, None) is not None:  # popped, so that order is that of the newest entries
            self._metrics.conflated(1)
        self._changed[key] = frame

    def flush(self, position: Cursor) -> None:
        """Write what changed up to ``position``, in bus order, to every member that can take it."""
        changed = list(self._changed.values())
        self._changed.clear()
        flushed_before, self._flushed = self._flushed, position
        if changed:
            self._write_to_those_in_step(chunk(b"".join([item.event for item in changed])), flushed_before)
            self._metrics.delivered(len(changed) * len(self._in_step))
        if self._ahead:
            self._let_catch_step(changed)

    def _write_to_those_in_step(self, batch: bytes, position: Cursor) -> None:
        """Write ``batch``; who cannot take it stays at ``position``."""
        slow = [member for member in self._in_step if not member.write(batch)]
        if slow:
            since = self._feed.received_before(position.entry)
            for member in slow:
                self._fall_behind(member, position, since)

    def _let_catch_step(self, changed: list[Frame]) -> None:
        for member in list(self._ahead):
            position = member.position
            assert position is not None  # noqa: S101, it joined with one
            news = [item for item in changed if item.entry > position.entry]
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
        self._changed.clear()
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
        wanted = sorted(
            (item for item in self._feed.tickers.values() if self.subscription.wants(item.channel, item.symbol)),
            key=lambda item: item.entry,
        )
        values = b"".join([data_event(item.data) for item in wanted])
        return self._status_event() + values + self._health(self._feed.position)

    def _health(self, position: Cursor | None) -> bytes:
        return self._health_event(position, self.subscription.throttle_ms)

    def _gap(self, cause: str, since: int, lost: int | None = None) -> bytes:
        self._metrics.gap(cause)
        gap = Gap(venue=self._feed.venue, channel=None, symbol=None, from_=since, to=now_ms(), cause=cause, lost=lost)
        return event(gap)

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
        """Give a member that lagged the newest of what it missed, and say that it lagged."""
        position, current = member.position, self._feed.position
        assert current is not None  # noqa: S101, it was a member of a loaded venue
        since = member.behind_since or 0
        if position is None or not self._feed.holds(position):
            text = self._gap("slow", since) + self.snapshot()
        else:
            missed = [
                item for item in self._feed.after(position.entry) if self.subscription.wants(item.channel, item.symbol)
            ]
            newest = conflate(missed)
            lagged = Lagged(venue=self._feed.venue, conflated=len(missed) - len(newest), dropped=0)
            told = [event(lagged)] if missed else []
            text = b"".join([*told, self._status_event(), *[item.event for item in newest], self._health(current)])
        if member.write(chunk(text)):
            self._lagging.discard(member)
            member.position, member.behind_since = current, None
            self.join(member)
