"""A polled, delayed source and the monitor's judgement of it on a virtual clock: days pass in a moment."""

from collections.abc import Iterator

from spark_bus.feed import FeedState
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status
from spark_market.sessions import Calendar, Phase, TradingDay
from spark_monitor.hearing import Hearing
from spark_monitor.hours import Moment
from spark_monitor.judgement import Judgement, judge
from spark_monitor.reading import Reading
from spark_monitor.roster import Roster

SYMBOLS = ("THYAO", "GARAN", "ASELS")
TARGET_S = 30.0


class Source:
    """Asked once an interval from a session's opening to its end and the delay, as the ingest does."""

    def __init__(self, calendar: Calendar, delay_ms: int, interval_ms: int, first_prints_after_ms: int) -> None:
        self._calendar = calendar
        self.delay_ms = delay_ms
        self.interval_ms = interval_ms
        self._first_prints_after_ms = first_prints_after_ms
        self._asked_until: int | None = None
        self.frozen = False
        self.vanished: set[str] = set()
        self.moved_at: int | None = None
        self.heard: dict[str, int] = {}

    def pass_time(self, until: int) -> None:
        """Ask, as often as is due, until then."""
        asked = until if self._asked_until is None else self._asked_until
        while asked + self.interval_ms <= until:
            asked += self.interval_ms
            session = self._calendar.session(asked - self.delay_ms)
            if session is None or asked < session.opens_at:
                if session is not None and session.opens_at - asked > 2 * self.interval_ms:
                    nights = (min(until, session.opens_at) - asked) // self.interval_ms
                    asked += max(0, nights - 1) * self.interval_ms
                continue
            self._answer(asked, session)
        self._asked_until = asked

    def _answer(self, now: int, session: TradingDay) -> None:
        self.heard.update({f"ticker:{symbol}": now for symbol in SYMBOLS if symbol not in self.vanished})
        shown = now - self.delay_ms
        trades = self._calendar.at(shown) is Phase.CONTINUOUS
        if trades and shown >= session.opens_at + self._first_prints_after_ms and not self.frozen:
            self.moved_at = now


class Watched:
    """The source through a monitor's ears: heartbeats once a step, a verdict on each."""

    def __init__(self, calendar: Calendar, source: Source, start: int) -> None:
        self._calendar = calendar
        self._source = source
        self._start = start
        self._hearing = Hearing()
        self._roster = Roster(TARGET_S)
        self.now = start
        self.connected = True
        self.staleness_s: float | None = None

    def restart(self) -> None:
        """Another monitor takes over, which has heard nothing yet."""
        self._hearing = Hearing()
        self._roster = Roster(TARGET_S)

    def look(self, now: int) -> Judgement:
        """Return the verdict at ``now``."""
        source = self._source
        source.pass_time(now)
        self.now = now
        age = None if source.moved_at is None else now - source.moved_at
        heartbeat = Heartbeat(
            venue="bist", mode=Mode.DELAYED, sent_at=now, connected=self.connected, ages={"ticker": age}
        )
        self._hearing.take(heartbeat, now, now / 1000)
        feed = FeedState(
            venue="bist", mode=Mode.DELAYED, connected=self.connected, connected_since=self._start,
            delay_ms=source.delay_ms, poll_interval_ms=source.interval_ms, subscriptions=len(SYMBOLS), unproven=[],
            reconnects=0, malformed=0, queued=0, dropped=0, source="poll",
        )  # fmt: skip
        market = Moment(self._calendar, now, source.delay_ms)
        standing = self._roster.listen(self._reading(now, market), now / 1000)
        state = self._hearing.state(
            now / 1000, watched_s=60, connected_since=self._start, feed=feed, standing=standing, market=market,
            poll_interval_s=source.interval_ms / 1000,
        )  # fmt: skip
        self.staleness_s = None if state.staleness_s is None else market.overdue_s(state.staleness_s)
        judgement = judge(state, TARGET_S)
        assert judgement is not None
        return judgement

    def _reading(self, now: int, market: Moment) -> Reading:
        source = self._source
        return Reading(
            heard={name.encode(): b"%d" % at for name, at in source.heard.items()},
            sent_at=now,
            connected=self.connected,
            connected_since=self._start,
            polled_every_s=source.interval_ms / 1000,
            phase=market.phase.value,
            trading=market.overdue_s(1.0) > 0,
            closed=market.shows_closed,
        )

    def until(self, status: Status, not_after: int, step_ms: int = 1000) -> int:
        """Look once a step until the status is this one; return when that was."""
        while self.now <= not_after:
            if self.look(self.now + step_ms).status is status:
                return self.now
        raise AssertionError(f"not {status} by {not_after}")


def moments(days: Iterator[TradingDay], delay_ms: int) -> Iterator[int]:
    """Yield times to look at: the whole of the days and nights now and then, each change of the market closely."""
    before: int | None = None
    for day in days:
        edges = sorted({edge + late for span in day.spans for edge in span[1:] for late in (0, delay_ms)})
        close = {edge + second * 1000 for edge in edges for second in (*range(-60, 300, 10), -1, 1)}
        first = edges[0] - 60_000 if before is None else before
        seldom = range(first, edges[-1], 600_000)
        times = sorted({at for at in (*close, *seldom) if before is None or at > before})
        yield from times
        before = times[-1]
