"""A venue's model through the monitor's own mind, by a virtual clock; what it says is set against what was injected."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry

from incidents.models import Crypto, PushedShares, Shares, Venue
from spark_bus.reader import Entry
from spark_market.messages import Alarm, Status
from spark_market.sessions import Calendar
from spark_monitor.hours import Hours
from spark_monitor.latency import Latencies
from spark_monitor.mind import Mind
from spark_monitor.roster import MOVES
from spark_service.clock import MarketClock

TARGET_S: Final = 30.0


@dataclass
class Found:
    """One incident, and after how long it was found; in expected gaps too, where it has some."""

    kind: str
    at_ms: int
    took_s: float | None = None
    in_gaps: float | None = None


@dataclass
class Account:
    """What a trial brought."""

    seconds: float = 0.0
    open_seconds: float = 0.0
    found: list[Found] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    def add(self, other: "Account") -> None:
        self.seconds += other.seconds
        self.open_seconds += other.open_seconds
        self.found += other.found
        self.missed += other.missed
        self.false += other.false

    def report(self) -> str:
        """Return the figures for people."""
        lines = [
            f"{self.seconds / 86_400:.1f} days, {self.open_seconds / 86_400:.1f} of them open; "
            f"{len(self.found)} incidents, {len(self.missed)} missed, {len(self.false)} false alarms"
        ]
        for kind in sorted(Counter(each.kind for each in self.found)):
            took = sorted(each.took_s for each in self.found if each.kind == kind and each.took_s is not None)
            gaps = [each.in_gaps for each in self.found if each.kind == kind and each.in_gaps is not None]
            of = f"median {took[len(took) // 2]:.0f} s, longest {took[-1]:.0f} s" if took else "nothing to be found"
            in_gaps = f", {max(gaps):.2f} expected gaps at most" if gaps else ""
            lines.append(f"  {kind:16} {len(took):4} found: {of}{in_gaps}")
        return "\n".join([*lines, *self.missed, *self.false])


class Trial:
    """One venue from a moment on."""

    def __init__(self, venue: Venue, start_ms: int) -> None:
        self.venue = venue
        self.now_ms = self.start_ms = start_ms
        self.account = Account()
        self.mind = self._mind()
        self.status: Status | None = None
        self.reason = ""
        self.bus_away = False
        self._watched_since = start_ms
        self.expecting: Callable[[str], bool] | None = None
        """What an alarm may be of now; None: there is nothing to raise one for."""

    def _mind(self) -> Mind:
        latencies = Latencies(CollectorRegistry(), [self.venue.venue])
        hours = Hours(self.venue.calendar, MarketClock(0, 0, wall_ms=lambda: self.now_ms))
        return Mind(self.venue.venue, TARGET_S, hours, latencies, self._cannot_read)

    def _cannot_read(self, entry: Entry, error: Exception) -> None:
        raise AssertionError(f"{entry} cannot be read") from error

    def step(self, step_s: float) -> list[Alarm]:
        """Let time pass, and return the alarms that it brought."""
        self.now_ms += round(step_s * 1000)
        now = (self.now_ms - self.start_ms) / 1000 + 1_000
        self.venue.pass_time(self.now_ms, step_s)
        self.account.seconds += step_s
        self.account.open_seconds += step_s if self.venue.activity(self.now_ms) else 0
        ingest = self.venue.ingest
        if self.bus_away:
            ingest.entries.clear()
            self._watched_since = self.now_ms
            self.status = Status.UNKNOWN
            return []
        entries, ingest.entries = ingest.entries, []
        self.mind.take(entries, now, self.now_ms)
        self.mind.offset_ms(now)
        judgement = self.mind.judge(ingest.found(self.now_ms), (self.now_ms - self._watched_since) / 1000, now)
        if judgement is None:
            return []
        self.status, self.reason = judgement.status, judgement.reason
        news = self.mind.news(judgement, now, self.now_ms)
        self.mind.alarms.told(news, now)
        self._account_for(news)
        return news

    def _account_for(self, news: Iterable[Alarm]) -> None:
        for alarm in news:
            if alarm.state == "raised" and (self.expecting is None or not self.expecting(alarm.id)):
                self.account.false.append(f"FALSE {self.now_ms} {alarm.id}: {alarm.reason}")

    def quiet_until(self, until_ms: int, step_s: float) -> None:
        """Trade as a rule."""
        while self.now_ms < until_ms:
            asleep = not self.venue.activity(self.now_ms) and not self.venue.activity(self.now_ms + 600_000)
            self.step(min(300.0 if asleep else step_s, (until_ms - self.now_ms) / 1000))

    def skip_to(self, at_ms: int) -> None:
        """Leave out a time in which the monitor was off: it goes on with what it had learned."""
        self.now_ms = at_ms
        self.venue.ingest.word_at = at_ms - 60_000
        self._watched_since = at_ms
        self.status = None

    @property
    def venue_delay_ms(self) -> int:
        """By how much the venue's source is late."""
        return self.venue.delay_ms if isinstance(self.venue, Shares) else 0

    def is_well(self) -> bool:
        return self.status in {Status.UP, Status.CLOSED} and not self.mind.alarms.open

    def recover(self, most_s: float) -> None:
        """Trade on until all is well again and said to be."""
        for _ in range(int(most_s)):
            self.step(1.0)
            if self.is_well():
                return
        still = [alarm.id for alarm in self.mind.alarms.open]
        self.account.false.append(f"NOT OVER {self.now_ms} {self.status} {still} {self.reason}")

    def expected_s(self, subscription: str) -> float | None:
        """Return the monitor's expected gap of a subscription, in the channel's own time."""
        channel_name, _, symbol = subscription.partition(":")
        channel = self.mind.roster.channels.get(channel_name)
        if channel is None:
            return None
        series = channel.whole if not symbol else channel.series.get(symbol)
        return None if series is None else channel.expected_s(series, "continuous")

    def moves_expected_s(self, symbol: str) -> float | None:
        return self.expected_s(f"{MOVES}:{symbol}")


def crypto(calendar: Calendar, start_ms: int, pairs: int, seed: int) -> Trial:
    return Trial(Crypto(calendar, start_ms, pairs, random.Random(seed)), start_ms)


def shares(calendar: Calendar, start_ms: int, symbols: int, seed: int) -> Trial:
    return Trial(Shares(calendar, start_ms, symbols, random.Random(seed)), start_ms)


def pushed_shares(calendar: Calendar, start_ms: int, symbols: int, seed: int) -> Trial:
    return Trial(PushedShares(calendar, start_ms, symbols, random.Random(seed)), start_ms)
