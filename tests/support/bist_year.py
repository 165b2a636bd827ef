"""Borsa İstanbul for as long as one likes, in one process on virtual time, and what should have come of it.

What is right is worked out from a plain table of days and from what was ordered to go wrong.
"""

import asyncio
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from spark_market.messages import Status
from spark_service.lifecycle import end
from spark_simulator.bist.assembly import Bist
from support.bist_days import ISTANBUL, Day, at, trading_days
from support.bist_outages import ONE, ROW_ONLY, Outage
from support.bist_rig import TARGET_S, Ingest, Look, Monitor, Pacing, Source
from support.virtual_loop import VirtualClock, run_virtually

GRACE_MS = 3 * 60_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
_BEFORE_EDGE_MS, _AFTER_EDGE_MS = 2 * MINUTE_MS, 5 * MINUTE_MS
_FINAL_WITHIN_MS = 3 * MINUTE_MS  # and one and a half intervals: a round may be on when the day ends
_START_WITHIN_MS = 2 * MINUTE_MS
_LOOK_MS = 10_000
"""Who looks less often, and less than twice an interval, cannot learn a rhythm."""
_FROZEN_S = 900.0
_ROWS_ALARM = f"bist:mute:ticker:{ONE[0]}"
_RECOVERED_WITHIN_MS = 90 * MINUTE_MS  # a source that forbids is left alone for up to an hour


@dataclass
class Report:
    """What happened in a year."""

    looks: Counter[Status] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    busiest_hour: int = 0
    found_after_s: dict[str, list[float]] = field(default_factory=dict)
    ticks: int = 0
    gaps: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    """Those raised, by what they are about."""
    problems: list[str] = field(default_factory=list)

    def wrong(self, at: int, what: str) -> None:
        """Note a problem, in Istanbul's time."""
        if len(self.problems) < 20:
            self.problems.append(f"{datetime.fromtimestamp(at / 1000, ISTANBUL)}: {what}")

    def lines(self) -> Iterator[str]:
        """Yield what to print."""
        yield "verdicts: " + ", ".join(f"{count:,} {status}" for status, count in self.looks.most_common())
        yield "answers: " + ", ".join(f"{count:,} of {status}" for status, count in self.answers.most_common())
        yield f"at most {self.busiest_hour} requests in an hour; {self.ticks:,} ticks and {self.gaps} gaps published"
        yield "alarms: " + ", ".join(f"{count} {name}" for name, count in self.alarms.most_common())
        for name, found in self.found_after_s.items():
            yield f"{name}: {len(found)} times, found within {max(found):.0f} s"
        yield from self.problems


class Year:
    """From midnight of ``first`` to that after ``last``, with what goes wrong in between."""

    def __init__(
        self, first: date, last: date, symbols: Sequence[str], pace: Pacing, outages: Sequence[Outage],
        restarts: Sequence[int] = (), seed: int = 1,
    ) -> None:  # fmt: skip
        self._begins, self._ends = at(first, 0), at(last + timedelta(days=1), 0)
        self._days = list(trading_days(first - timedelta(days=1), last))
        self._opens = [day.asked_from for day in self._days]
        self._clock = VirtualClock(self._begins)
        self._simulator = Bist(seed, self._clock)
        self._source = Source(self._simulator, self._clock)
        self._symbols = symbols
        self._pace = pace
        self._batches = -(-len(symbols) // pace.batch)
        self._outages = sorted(outages, key=lambda outage: outage.begins)
        self._restarts = sorted(restarts)
        self._interval_s = interval_s = max(pace.every_s, self._batches * 3600 / (0.9 * pace.most_per_hour))
        # What moved or was heard last may have been just before; the target; and the answer that misses may be late.
        self._found_within_s = max(TARGET_S, 3 * interval_s) + 2 * interval_s
        self._look_ms = int(max(_LOOK_MS, 450 * interval_s))
        self._monitor = Monitor(self._clock)
        self._ingest = self._new_ingest(None)
        self._left = deque(self._outages)  # to be found yet
        self._found: dict[Outage, int] = {}
        self._within_s: dict[Outage, float] = {}
        self._rounds: Counter[int] = Counter()
        self.report = Report()

    def _new_ingest(self, before: Ingest | None) -> Ingest:
        return Ingest(self._symbols, self._source, self._clock, self._pace, self._monitor.take, before)

    def asked(self, begins: int, ends: int) -> list[int]:
        """Return when the source was asked in that time (ms UTC)."""
        return [when for when, _ in self._source.asked if begins <= when < ends]

    def run(self) -> Report:
        """Let it pass, and return what happened."""
        run_virtually(self._clock, self._pass())
        self._check_requests()
        for outage in self._outages:
            if not outage.harmless:
                found_s = (self._found[outage] - max(outage.begins, self._expected_from(outage))) / 1000
                self.report.found_after_s.setdefault(outage.name, []).append(max(0.0, found_s))
        self.report.ticks, self.report.gaps = (self._ingest.published[kind] for kind in ("ticker", "gap"))
        return self.report

    async def _pass(self) -> None:
        asking = asyncio.create_task(self._ingest.run())
        going = asyncio.create_task(self._order_outages())
        try:
            restarts = deque(self._restarts)
            await self._clock.sleep(MINUTE_MS / 1000)
            for now in self._moments():
                if restarts and restarts[0] <= now:
                    await self._clock.sleep_until(restarts.popleft())
                    await end([asking])
                    self._ingest = self._new_ingest(self._ingest)
                    asking = asyncio.create_task(self._ingest.run())
                await self._clock.sleep_until(now)
                self._look(now)
                if asking.done():
                    await asking
        finally:
            await end([asking, going])

    async def _order_outages(self) -> None:
        for outage in self._outages:
            await self._clock.sleep_until(outage.begins)
            self._simulator.faults.begin(outage.fault, outage.begins)

    def _moments(self) -> Iterator[int]:
        """Yield when to look: closely around each edge and until what is wrong is found, else seldom."""
        edges = sorted({edge for day in self._days for edge in day} | set(self._restarts))
        now, nth = self._begins + _START_WITHIN_MS, 0
        while now < self._ends:
            yield now
            while nth < len(edges) and edges[nth] + _AFTER_EDGE_MS < now:
                nth += 1
            ahead = edges[nth] - _BEFORE_EDGE_MS - now if nth < len(edges) else HOUR_MS
            if ahead <= 0:
                step = min(15_000, self._look_ms)
            elif any(each.begins <= now < each.ends and not each.harmless for each in self._outages_left()):
                step = min(30_000, self._look_ms)
            elif any(day.asked_from <= now < day.shows_until for day in self._today(now)):
                step = self._look_ms
            else:
                step = HOUR_MS
            now += min(step, max(min(15_000, self._look_ms), ahead))

    def _outages_left(self) -> list[Outage]:
        while self._left and (self._left[0].harmless or self._left[0] in self._found):
            self._left.popleft()
        return list(self._left)[:2]

    # What should come of it

    def _look(self, now: int) -> None:
        look = self._monitor.look(self._ingest.beat())
        self.report.looks[look.status] += 1
        self.report.alarms.update(alarm.id.removeprefix("bist:") for alarm in look.raised)
        self._note_found(now, look)
        shows = any(day.shows_from <= now < day.shows_until for day in self._today(now))
        right = Status.UP if shows else Status.CLOSED
        if look.status is right and not look.alarms:
            return
        if any(restart <= now < restart + _START_WITHIN_MS for restart in (self._begins, *self._restarts)):
            return
        outage = next((each for each in reversed(self._outages) if each.begins <= now), None)
        row = outage is not None and outage.name in ROW_ONLY and {alarm.id for alarm in look.alarms} - {_ROWS_ALARM}
        if row or outage is None or outage.harmless or now > outage.ends + _RECOVERED_WITHIN_MS:
            alarms = ", ".join(alarm.id for alarm in look.alarms)
            self.report.wrong(now, f"{look.status} ({alarms or 'no alarm'}), not {right}: {look.reason}")

    def _note_found(self, now: int, look: Look) -> None:
        """Something wrong is found when the status and an alarm say so."""
        for outage in self._outages_left():
            if outage.harmless or not outage.begins <= now:
                continue
            within_s = self._within_s.setdefault(outage, self._may_take_s(outage))
            if look.status in (Status.STALE, Status.DEGRADED, Status.DOWN) and look.alarms:
                self._found[outage] = now
            elif now > max(outage.begins, self._expected_from(outage)) + (within_s + 30) * 1000:
                self.report.wrong(now, f"{outage.name} since {outage.begins} is not found: {look.status}")
                self._found[outage] = now

    def _may_take_s(self, outage: Outage) -> float:
        """Return how long an outage may go unnoticed: that of one row, three of the gaps that are usual for it."""
        if outage.name not in ROW_ONLY:
            return self._found_within_s
        gap_s = self._monitor.expected_gap_s(ONE[0])
        assert gap_s is not None, "too early in the year for an outage that only a rhythm tells of"
        return max(_FROZEN_S, 3 * self._interval_s, 3 * gap_s) + self._interval_s

    def _expected_from(self, outage: Outage) -> int:
        """Return from when on an outage can be told: not before there is data to miss, and that comes late."""
        day = self._days[max(0, bisect_right(self._opens, outage.begins + HOUR_MS) - 1)]
        return day.shows_from + GRACE_MS

    def _today(self, now: int) -> list[Day]:
        nth = bisect_right(self._opens, now)
        return self._days[max(0, nth - 1) : nth]

    def _check_requests(self) -> None:
        hour: deque[int] = deque()
        for when, status in self._source.asked:
            self.report.answers[status] += 1
            hour.append(when)
            while hour[0] <= when - HOUR_MS:
                hour.popleft()
            self.report.busiest_hour = max(self.report.busiest_hour, len(hour))
            if not self._may_ask(when):
                self.report.wrong(when, "a request that should not have been")
        if self.report.busiest_hour > self._pace.most_per_hour:
            self.report.wrong(self._begins, f"{self.report.busiest_hour} requests in an hour")

    def _may_ask(self, when: int) -> bool:
        """While a session's data can change; once at a start, and once after it; again when that failed."""
        last = next(iter(self._today(when)), None)
        if last is not None and when <= last.shows_until:
            return True
        if any(outage.begins <= when < outage.ends + _RECOVERED_WITHIN_MS for outage in self._outages):
            return True
        started = max(start for start in (self._begins, *self._restarts) if start <= when)
        if when < started + _START_WITHIN_MS:
            round_of = started
        elif last is not None and when < last.shows_until + _FINAL_WITHIN_MS + 1500 * self._interval_s:
            round_of = last.shows_until
        else:
            return False
        self._rounds[round_of] += 1
        return self._rounds[round_of] <= self._batches
