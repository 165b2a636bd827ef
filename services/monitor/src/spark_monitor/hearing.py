"""What a venue's heartbeats have told so far, and how long ago: measured with the monitor's own monotonic clock."""

from dataclasses import dataclass

from spark_bus.feed import FeedState
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat
from spark_monitor.hours import ALWAYS, Moment
from spark_monitor.judgement import VenueState
from spark_monitor.standing import NOBODY, Standing

_SAME_WORD_MS = 100
"""Two heartbeats that put the venue's last word this near to one time speak of the same word."""
_STEP_MS = 1_500
"""Two clocks that part by more than this within a second were not slow or fast: one was set."""


@dataclass(frozen=True)
class _Word:
    """The venue's last word: when it came by our monotonic clock (s), and by a wall clock, to tell people (ms)."""

    at: float
    told_at: int


class Hearing:
    """One venue's heartbeats. ``now`` is always the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.mode: Mode | None = None
        self._heartbeat: Heartbeat | None = None
        self._written_ms = 0
        self._arrived = 0.0
        self._late_s = 0.0
        self._word: _Word | None = None
        self._stepped = False

    def stepped(self) -> bool:
        """Return whether the ingest's clock, or the bus's, was set since this was asked last."""
        stepped, self._stepped = self._stepped, False
        return stepped

    def recall(self, mode: Mode | None, staleness_s: float | None, now: float, now_ms: int) -> None:
        """Take over what an earlier monitor knew, as far as the ingest itself has not said more."""
        if self._heartbeat is None:
            self.mode = mode
        if staleness_s is not None and self._word is None and mode is self.mode:
            self._word = _Word(now - staleness_s, now_ms - int(staleness_s * 1000))

    def take(self, heartbeat: Heartbeat, written_ms: int, now: float) -> None:
        """A heartbeat came, which the bus had dated ``written_ms``.

        One that knows of no word does not undo an earlier one: a new ingest has not heard what the last one did. Only
        another mode does, since what the simulator said is not the venue's word.
        """
        if heartbeat.mode is not self.mode:
            self._word = None
        self.mode = heartbeat.mode
        if self._heartbeat is not None:
            ahead_ms, before_ms = heartbeat.sent_at - written_ms, self._heartbeat.sent_at - self._written_ms
            self._stepped = self._stepped or abs(ahead_ms - before_ms) > _STEP_MS
        self._heartbeat = heartbeat
        self._written_ms = written_ms
        self._arrived = now
        self._late_s = 0.0
        ages = [age for age in heartbeat.ages.values() if age is not None]
        if ages:
            self._word = self._same_or_newer(_Word(now - min(ages) / 1000, heartbeat.sent_at - min(ages)))

    def _same_or_newer(self, word: _Word) -> _Word:
        known = self._word
        if known is None or abs(word.told_at - known.told_at) >= _SAME_WORD_MS:
            return word
        return _Word(min(word.at, known.at), known.told_at)  # a heartbeat that took longer makes it look younger

    def compare(self, bus_now_ms: int, now: float) -> None:
        """Learn from the bus's own clock how old the last heartbeat was when we came to read it.

        Both times are of that one clock. It matters when this process, not the ingest, had stood still.
        """
        if self._heartbeat is not None:
            self._late_s = max(0.0, (bus_now_ms - self._written_ms) / 1000 - (now - self._arrived))

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The last one; None before the first."""
        return self._heartbeat

    def silence_s(self, now: float) -> float | None:
        """Return the time since the last heartbeat."""
        return None if self._heartbeat is None else now - self._arrived + self._late_s

    def staleness_s(self, now: float) -> float | None:
        """Return the time since the venue's last word; None when it has never spoken."""
        return None if self._word is None else max(0.0, now - self._word.at + self._late_s)

    def state(
        self,
        now: float,
        *,
        watched_s: float,
        connected_since: int | None,
        feed: FeedState | None,
        missed: tuple[str, ...] = (),
        standing: Standing = NOBODY,
        storm: bool = False,
        market: Moment = ALWAYS,
        poll_interval_s: float = 0.0,
    ) -> VenueState:
        """Return what is known now, for the judgement; ``feed`` is None while it cannot be read."""
        return VenueState(
            watched_s=watched_s,
            heartbeat=self._heartbeat,
            heartbeat_at=self._written_ms or None,
            silence_s=self.silence_s(now),
            staleness_s=self.staleness_s(now),
            last_word_at=self._word.told_at if self._word else None,
            connected_since=connected_since,
            unproven=() if feed is None else tuple(feed.unproven),
            missed=missed,
            standing=standing,
            storm=storm,
            polled=feed is not None and feed.source == "rest",
            sockets=(0, 0) if feed is None else (feed.sockets, feed.sockets_wanted),
            poll_interval_s=poll_interval_s,
            market=market,
        )
