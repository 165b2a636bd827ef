"""One venue as the monitor knows it: what its stream and its ingest said so far, and what to think of it.

No I/O, and the time comes in as an argument: whole weeks pass through it in a test.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import msgspec

from spark_bus import feed
from spark_bus.reader import Entry
from spark_market import wire
from spark_market.messages import Alarm, Heartbeat, Status
from spark_monitor.alarms import Alarms
from spark_monitor.causes import calendar_cause, causes, clock_cause
from spark_monitor.hearing import Hearing
from spark_monitor.hours import Hours, Moment
from spark_monitor.hysteresis import Hysteresis
from spark_monitor.judgement import INTERVALS, SILENT_AFTER_S, Judgement, VenueState, judge
from spark_monitor.latency import Latencies
from spark_monitor.offset import ClockOffset
from spark_monitor.reading import Reading, milliseconds
from spark_monitor.roster import Roster
from spark_monitor.stamps import stamps
from spark_monitor.standing import NOBODY, Standing
from spark_monitor.storm import Storm
from spark_monitor.verdict import Earlier

CHANNELS: Final = frozenset({"ticker", "trade", "book"})
REPEATS_S: Final[Mapping[str, Mapping[str, float]]] = {"btcturk": {"ticker": 0.76}}
"""What a venue repeats though nothing has changed, and how often: its silence needs no rhythm to be judged."""

SETTLED_S: Final = 15.0
"""Who has just begun to look, or could not, gives an ingest that starts with it a moment before it raises an alarm."""


@dataclass(frozen=True)
class Found:
    """What an ingest keeps beside its stream: its state (JSON), the hash of what it heard; and the bus's time (ms)."""

    feed: bytes | None
    heard: Mapping[bytes, bytes]
    bus_ms: int


class Mind:
    """One venue's. ``now`` is always the monotonic clock, in seconds; ``now_ms`` the wall's."""

    def __init__(
        self,
        venue: str,
        target_s: float,
        hours: Hours,
        latencies: Latencies,
        unreadable: Callable[[Entry, Exception], None],
    ) -> None:
        """``unreadable`` is told of entries that are no messages."""
        self.venue = venue
        self.hearing = Hearing()
        self.offset = ClockOffset()
        self.alarms = Alarms(venue)
        self.roster = self._new_roster(target_s)
        self._target_s = target_s
        self._hours = hours
        self._unreadable = unreadable
        self._to_monitor = latencies.of(venue, "bus_to_monitor")
        self._to_bus = latencies.of(venue, "receive_to_bus")
        self._from_venue = latencies.of(venue, "venue_to_receive")
        self._storm = Storm()
        self._hysteresis = Hysteresis()
        self._moved: dict[str, float] = {}
        self._moves: Counter[str] = Counter()
        self._connected_since: int | None = None
        self._silent: frozenset[str] = frozenset()
        self.delay_ms = 0  # of the source: what it last declared holds while its state cannot be read
        self._polled_every_s: float | None = None
        self._state: VenueState | None = None
        self._offset_ms: float | None = None

    def _new_roster(self, target_s: float) -> Roster:
        return Roster(target_s, REPEATS_S.get(self.venue))

    def recall(self, earlier: Earlier, now: float, now_ms: int) -> None:
        """Take over what an earlier monitor said of the venue a moment ago."""
        self.hearing.recall(earlier.mode, earlier.staleness_s, now, now_ms)
        self._hysteresis.recall(Judgement(earlier.status, earlier.reason, NOBODY))

    def take(self, entries: Sequence[Entry], now: float, read_ms: float) -> None:
        """Take in entries of the stream, read at ``read_ms`` (wall): little is done for each."""
        to_monitor, to_bus, offset_ms = self._to_monitor.observe, self._to_bus.observe, self._offset_ms
        for entry in entries:
            kind, written_ms = entry.kind, entry.id.ms
            to_monitor(read_ms - written_ms)
            try:
                if kind in CHANNELS:
                    venue_time, received_at = stamps(entry.data)
                    to_bus(written_ms - received_at)
                    if kind == "ticker":  # whose time is its last trade's, however long ago that was: no clock's
                        self._moved[entry.symbol] = now
                    elif venue_time is not None:
                        self.offset.take(venue_time, received_at)
                        if offset_ms is not None:
                            self._observe_venue(venue_time, received_at, offset_ms)
                elif kind == "heartbeat":
                    self._beat(wire.decode(entry.data), written_ms, now)
            except (wire.MalformedMessage, msgspec.MsgspecError, UnicodeError) as exc:
                self._unreadable(entry, exc)

    def _observe_venue(self, venue_time: int, received_at: int, offset_ms: float) -> None:
        taken_ms = self.offset.taken_ms(venue_time, received_at, offset_ms)
        if taken_ms is not None:
            self._from_venue.observe(taken_ms)

    def _beat(self, message: object, written_ms: int, now: float) -> None:
        if isinstance(message, Heartbeat):
            if self.hearing.mode is not None and message.mode is not self.hearing.mode:
                self.roster = self._new_roster(self._target_s)  # a simulator's rhythm is not the venue's
            self.hearing.take(message, written_ms, now)

    def market(self) -> Moment:
        """Return what time it is for the venue's market, as its source shows it."""
        return self._hours.look(self.delay_ms)

    def staleness_s(self, now: float) -> float | None:
        """Return for how much of the market's open time the venue has been silent; None when it has never spoken."""
        silence_s = self.hearing.staleness_s(now)
        return None if silence_s is None else self.market().overdue_s(silence_s)

    @property
    def target_s(self) -> float:
        """After how long a silence the venue is stale."""
        return max(self._target_s, INTERVALS * (self._polled_every_s or 0.0))

    def offset_ms(self, now: float) -> float | None:
        """Return the venue's clock minus the ingest's; None while nobody knows."""
        heartbeat, silence_s = self.hearing.heartbeat, self.hearing.silence_s(now)
        if heartbeat is None or silence_s is None:
            self._offset_ms = None
        else:
            self._offset_ms = self.offset.offset_ms(heartbeat.sent_at + round(silence_s * 1000))
        return self._offset_ms

    def judge(self, found: Found, watched_s: float, now: float) -> Judgement | None:
        """Return what to tell of the venue; None when too little has been seen."""
        self.hearing.compare(found.bus_ms, now)
        told = _read_feed(found.feed)
        if told is not None:
            if told.connected_since is not None:
                self._connected_since = told.connected_since
                self.offset.joined(told.connected_since)
            self.delay_ms = told.delay_ms
            self._polled_every_s = told.poll_interval_ms / 1000 if told.source == "poll" else None
            self._storm.take(told.reconnects, now)
        market = self.market()
        self._state = self.hearing.state(
            now,
            watched_s=watched_s,
            connected_since=self._connected_since,
            feed=told,
            missed=self._missed(found, told),
            standing=self._listen(found, told, market, now),
            storm=self._storm.rages(now),
            market=market,
            poll_interval_s=self._polled_every_s or 0.0,
        )
        judgement = judge(self._state, self._target_s)
        if judgement is None:
            return None
        if judgement.status is not Status.DOWN:
            self._silent = frozenset(_silent(judgement, found.heard))
        return self._hysteresis.settle(judgement, now)

    def _missed(self, found: Found, told: feed.FeedState | None) -> tuple[str, ...]:
        """Return what was silent when the last connection ended, and is on this one: to reconnect heals nothing."""
        if told is None or told.connected_since is None:
            return ()
        heard = {name: found.heard.get(name.encode()) for name in self._silent}
        return tuple(
            name
            for name, at in heard.items()
            if (name in told.unproven if at is None else milliseconds(at) < told.connected_since)
        )

    def busiest(self, number: int) -> list[str]:
        """Return symbols whose tickers move most."""
        return [symbol for symbol, _ in self._moves.most_common(number)]

    def _listen(self, found: Found, told: feed.FeedState | None, market: Moment, now: float) -> Standing:
        heartbeat, silence_s = self.hearing.heartbeat, self.hearing.silence_s(now)
        moved, self._moved = self._moved, {}
        self._moves.update(moved.keys())
        if heartbeat is None or silence_s is None:
            return NOBODY
        reading = Reading(
            heard=found.heard,
            sent_at=heartbeat.sent_at,
            beat_age_s=silence_s,
            connected=heartbeat.connected and silence_s < SILENT_AFTER_S,
            connected_since=self._connected_since,
            stepped=self.hearing.stepped(),
            unproven=() if told is None else tuple(told.unproven),
            polled_every_s=self._polled_every_s,
            moved=moved,
            phase=market.phase.value,
            trading=market.overdue_s(1.0) > 0,
            closed=market.shows_closed,
        )
        return self.roster.listen(reading, now)

    def news(self, judgement: Judgement, now: float, now_ms: int) -> list[Alarm]:
        """Return what there is to tell of alarms, after a judgement; say so to `alarms` when it has been told."""
        assert self._state is not None  # noqa: S101, it was judged
        market = self.market()
        clocks = () if judgement.status is Status.DOWN else clock_cause(self._offset_ms, now_ms)
        edge = calendar_cause(market.calendar, market.now_ms, now_ms)
        every = [*chain(causes(judgement, self._state, now_ms), clocks, edge)]
        return self.alarms.news(every, now, raising=self._state.watched_s >= SETTLED_S)


def _silent(judgement: Judgement, heard: Mapping[bytes, bytes]) -> Iterator[str]:
    """Yield the subscriptions that a judgement complains of; those of a channel one by one."""
    yield from judgement.overdue
    yield from (mute.subscription for mute in judgement.standing.mute if not mute.frozen)
    channels = {mute.subscription for mute in judgement.standing.channels}
    yield from (name for name in map(bytes.decode, heard) if channels and name.partition(":")[0] in channels)


def _read_feed(text: bytes | None) -> feed.FeedState | None:
    if text is None:
        return None
    try:
        return feed.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None  # of a version that we do not know: the heartbeats still tell most
