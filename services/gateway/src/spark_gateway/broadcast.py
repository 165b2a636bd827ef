"""Everyone who asked for the same thing at the same pace: one frame is built, and written to all."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from spark_bus.cursor import Cursor, Positions
from spark_gateway.conflation import Changes
from spark_gateway.events import Frame, among, event
from spark_gateway.feed import Feed
from spark_gateway.member import FULL_BYTES, Member, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.subscription import Subscription
from spark_gateway.track import BEGINNING, Track
from spark_market.messages import Lagged
from spark_service.clock import now_ms

STUCK_AFTER_S: Final = 30.0
PING_S: Final = 10.0
"""So often a stream hears that it lives. The ping rides along with the next flush, or goes out alone after a while."""
_PING_ALONE_AFTER_S: Final = 2.0
_CATCHING_UP_S: Final = 0.01
"""So long at most nobody else is served while those who lagged are brought back."""


@dataclass(slots=True)
class _Lag:
    """What one who lags has had: ``positions`` lacks a venue of which that cannot be gone on from.

    ``since`` is a lower bound (ms UTC) of when the oldest tick that it lacks was received, of each venue that it has
    been told anything of. Of these a gap is due when they have no position, or one that memory does not reach back to.
    """

    positions: dict[str, Cursor]
    since: dict[str, int]
    causes: dict[str, str] = field(default_factory=dict)
    """Of gaps that are not due to its being slow alone."""


class Broadcast:
    """One group of streams. All of it runs in one task's turn: nothing in here waits.

    Members are *in step* (they have all that was flushed), *ahead* (they joined within a window, or come from a
    replica that is ahead of this one: they have more than was flushed) or *lagging* (their socket was full).
    """

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        subscription: Subscription,
        metrics: GatewayMetrics,
        *,
        turn: int,
        status_event: Callable[[str], bytes],
        health_event: Callable[[Subscription, Positions], bytes],
    ) -> None:
        """``turn`` is any number: groups of one pace are flushed in turn by it."""
        self.subscription = subscription
        self.turn = turn
        throttled = subscription.throttle_ms > 0
        self.tracks = {
            interest.venue: Track(feeds[interest.venue], interest, metrics, throttled=throttled)
            for interest in subscription.interests
        }
        self._metrics = metrics
        self._status_event = status_event
        self._health_event = health_event
        self._in_step: set[Member] = set()
        self._ahead: dict[Member, dict[str, Cursor]] = {}
        self._lagging: dict[Member, _Lag] = {}
        self._pinged_at = time.monotonic()
        self._ping_is_due = False

    def __len__(self) -> int:
        return len(self._in_step) + len(self._ahead) + len(self._lagging)

    @property
    def has_lagging(self) -> bool:
        """Whether somebody lags."""
        return bool(self._lagging)

    def members(self) -> list[Member]:
        """Return all members."""
        return [*self._in_step, *self._ahead, *self._lagging]

    def flushed(self) -> dict[str, Cursor]:
        """Return the positions that members in step have been brought to."""
        return {venue: track.flushed for venue, track in self.tracks.items() if track.flushed is not None}

    def join(self, member: Member, positions: Positions) -> None:
        """Take in a member that has been written everything up to ``positions``."""
        for track in self.tracks.values():
            track.advance()
        if positions == self.flushed():
            self._in_step.add(member)
        else:
            self._ahead[member] = dict(positions)

    def leave(self, member: Member) -> None:
        """Let a member go."""
        self._in_step.discard(member)
        self._ahead.pop(member, None)
        self._lagging.pop(member, None)

    def flush(self) -> None:
        """Write what changed, in the bus order of each venue, to every member that can take it."""
        before = self.flushed()
        taken: list[tuple[Track, list[Frame | Changes]]] = []
        text: list[bytes] = []
        for venue, track in self.tracks.items():
            if track.feed.position is None:
                continue
            changed = track.take()
            taken.append((track, changed))
            told = [frame for item in changed if (frame := track.told(item)) is not None]
            text += self.events(venue, told, self.flushed())
            self._metrics.delivered(len(told) * len(self._in_step))
        if text:  # an empty chunk would end the response
            if self._ping_is_due:
                text.append(self._health(self.flushed()))
                self._pinged()
            self._write_to_those_in_step(b"".join(text), before)
        if self._ahead:
            for track, changed in taken:
                self._let_catch_step(track, changed)

    def events(self, venue: str, frames: Iterable[Frame], positions: Positions) -> list[bytes]:
        """Return frames of one venue as this group's streams get them: each id names the others' ``positions`` too."""
        if len(self.tracks) == 1:
            return [item.event for item in frames]
        before = "".join([f"{positions[other]}," for other in sorted(positions) if other < venue]).encode()
        after = "".join([f",{positions[other]}" for other in sorted(positions) if other > venue]).encode()
        return [among(item.event, before, after) for item in frames]

    def _write_to_those_in_step(self, batch: bytes, positions: dict[str, Cursor]) -> None:
        """Write ``batch``; who cannot take it stays at ``positions``."""
        chunked = chunk(batch)
        slow = [member for member in self._in_step if not member.write(chunked)]
        if slow:
            since = self._received_before(positions)
            for member in slow:
                self._fall_behind(member, dict(positions), dict(since))

    def _received_before(self, positions: Positions) -> dict[str, int]:
        tracks = self.tracks
        return {venue: tracks[venue].feed.received_before(position.entry) for venue, position in positions.items()}

    def _let_catch_step(self, track: Track, changed: list[Frame | Changes]) -> None:
        venue, flushed = track.feed.venue, track.flushed
        assert flushed is not None  # noqa: S101, it has just been
        for member, positions in list(self._ahead.items()):
            position = positions[venue]
            news = [told for item in changed if (told := track.told_after(position.entry, item)) is not None]
            text = b"".join(self.events(venue, news, positions))
            if text and not member.write(chunk(text)):
                self._fall_behind(member, positions, self._received_before(positions))
                continue
            self._metrics.delivered(len(news))
            if position.entry <= flushed.entry:
                positions[venue] = flushed
                if positions == self.flushed():
                    del self._ahead[member]
                    self._in_step.add(member)

    def _fall_behind(self, member: Member, positions: dict[str, Cursor], since: dict[str, int]) -> None:
        self.leave(member)
        if member.gone:
            return
        self._lagging[member] = _Lag(positions, since)
        self._metrics.lagged()

    def restart(self, venue: str, cause: str | None, received_before: int) -> None:
        """Give every member the snapshot of a venue that has been loaded, or that has begun anew.

        With a ``cause`` something may be missing, and a gap is told first; ``received_before`` (ms UTC) is when the
        last that was flushed had been received.
        """
        track = self.tracks[venue]
        before = self.flushed()
        track.take()
        assert track.flushed is not None  # noqa: S101, a restart brings a position
        text = b"" if cause is None else track.gap(cause, received_before)
        text += self._status_event(venue) + track.opening()
        since = self._received_before(before) | ({} if cause is None else {venue: received_before})
        batch = chunk(text + self._health(self.flushed()))
        for member in list(self._in_step):
            if not member.write(batch):
                self._fall_behind(member, dict(before), dict(since))
        for member, positions in list(self._ahead.items()):
            now = {**positions, venue: track.flushed}
            if not member.write(chunk(text + self._health(now))):
                self._fall_behind(member, positions, dict(since))
            elif now == self.flushed():
                del self._ahead[member]
                self._in_step.add(member)
            else:
                self._ahead[member] = now
        for lag in self._lagging.values():
            position = lag.positions.get(venue)
            if cause is not None and position is not None and position.epoch != track.flushed.epoch:
                del lag.positions[venue]
                lag.causes[venue] = cause

    def _health(self, positions: Positions) -> bytes:
        return self._health_event(self.subscription, positions)

    def ping(self, now: float) -> None:
        """See to it that each stream, and the reader's cursor, hears from us; ``now`` is monotonic."""
        if now - self._pinged_at < PING_S:
            return
        if not self._ping_is_due:
            for track in self.tracks.values():
                track.advance()
            for member, positions in self._ahead.items():  # with a slow pace they may be ahead for longer than a
                member.write(chunk(self._health(positions)))  # proxy waits
        self._ping_is_due = True
        if now - self._pinged_at > PING_S + _PING_ALONE_AFTER_S:
            batch = chunk(self._health(self.flushed()))
            for member in self._in_step:
                member.write(batch)
            self._pinged()

    def _pinged(self) -> None:
        self._pinged_at = time.monotonic()
        self._ping_is_due = False

    def tell(self, text: bytes) -> None:
        """Write an event that is no part of the bus; who cannot take it lags, and is told when it catches up."""
        self._write_to_those_in_step(text, self.flushed())
        batch = chunk(text)
        for member, positions in list(self._ahead.items()):
            if not member.write(batch):
                self._fall_behind(member, positions, self._received_before(positions))

    def drop_stuck(self, now: float) -> None:
        """Drop those who take nothing; ``now`` is monotonic."""
        for member in self.members():
            if member.gone:
                self.leave(member)
            elif member.stuck(now, STUCK_AFTER_S):
                self._metrics.dropped_slow()
                self.leave(member)
                member.drop()

    def catch_up(self) -> None:
        """Bring back those who lagged and have drained: as many as there is time for, the others with the next call."""
        until = time.monotonic() + _CATCHING_UP_S
        for member, lag in list(self._lagging.items()):
            if member.drained():
                if self._caught_up(member, lag):
                    del self._lagging[member]
                    self.join(member, lag.positions)
                if time.monotonic() > until:
                    return

    def _caught_up(self, member: Member, lag: _Lag) -> bool:
        """Give a member that lagged the newest of what it missed, and say that it lagged; returns whether it has all.

        As much as it takes now: the rest when it has drained again, by what is newest then.
        """
        broken = [venue for venue in lag.since if not self._whole(venue, lag)]
        text = b"".join([self._status_event(venue) for venue in self.tracks])
        for venue in broken:  # all of them before the first id, which may forget their position
            track, since = self.tracks[venue], lag.since[venue]
            text += track.gap(lag.causes.get(venue, "slow"), since) + track.unknown_books(since)
        told_at = now_ms()
        loaded = {venue: track for venue, track in self.tracks.items() if track.feed.position is not None}
        *_, last = loaded
        for venue, track in loaded.items():
            for part, through in self._parts(track, lag, told_to_lack=venue in broken):
                text += part
                if venue == last and through == track.feed.position:
                    text += self._health({**lag.positions, venue: through})
                if text and not member.write(chunk(text)):
                    return False
                text = b""
                lag.since.update(dict.fromkeys(broken, told_at))
                broken = []
                lag.causes.clear()
                lag.positions[venue] = through
                lag.since[venue] = track.feed.received_before(through.entry)
        return True

    def _whole(self, venue: str, lag: _Lag) -> bool:
        position = lag.positions.get(venue)
        return position is not None and self.tracks[venue].feed.holds(position)

    def _parts(self, track: Track, lag: _Lag, *, told_to_lack: bool) -> Iterator[tuple[bytes, Cursor]]:
        """Yield what one who lagged is to get of a venue, in parts, each with the position that it brings it to."""
        venue, current = track.feed.venue, track.feed.position
        assert current is not None  # noqa: S101, it has been loaded
        position = lag.positions.get(venue)
        reached = BEGINNING if position is None else position.entry
        missed = [] if position is None and not told_to_lack else track.missed(reached)
        for frames, through in _cut(track.due(missed, reached), current):
            late = [item for item in missed if reached < item.entry <= through.entry]
            notice = b""
            if late:
                conflated = max(0, len(late) - len(frames))
                notice = event(Lagged(venue=venue, conflated=conflated, dropped=None if told_to_lack else 0))
            yield notice + b"".join(self.events(venue, frames, lag.positions)), through
            reached = through.entry


def _cut(frames: list[Frame], end: Cursor) -> Iterator[tuple[list[Frame], Cursor]]:
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
