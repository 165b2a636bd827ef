"""Watches one venue: follows its stream, and once a second says what to think of it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import date

import structlog
from redis.asyncio import Redis

from spark_bus import alarms, keys
from spark_bus.connection import BUS_ERRORS
from spark_bus.cursor import EntryId
from spark_bus.reader import Entry, Reader, Snapshot
from spark_market.messages import Alarm
from spark_monitor.bus import Bus, Readings
from spark_monitor.causes import kind_of
from spark_monitor.edge import Edge
from spark_monitor.hours import Hours
from spark_monitor.judgement import Judgement
from spark_monitor.memory import Memory
from spark_monitor.metrics import MonitorMetrics
from spark_monitor.mind import Found, Mind
from spark_monitor.verdict import Verdict
from spark_service.clock import now_ms
from spark_service.lifecycle import run_together

_EVERY_S = 1.0

logger = structlog.get_logger()


class Watch:
    """One venue's."""

    def __init__(
        self,
        redis: Redis,
        venue: str,
        target_s: float,
        *,
        hours: Hours,
        waits: Callable[[], Iterator[float]],
        bus: Bus,
        metrics: MonitorMetrics,
    ) -> None:
        self._redis = redis
        self.venue = self._venue = venue
        self._bus = bus
        self._metrics = metrics
        self._mind = Mind(venue, target_s, hours, metrics.latencies, self._cannot_read)
        self._memory = Memory(redis, venue)
        self._edge = Edge(venue, hours.calendar)
        self._readings = Readings(bus, f"{venue} reader")
        self._reader = Reader(redis, venue, waits, self._readings)
        self._verdict = Verdict(redis, venue)
        self._recalled = False
        self._complained = False
        metrics.market(venue, hours.look().open)
        if hours.calendar.known_until < date.max:
            metrics.calendar(venue, hours.calendar.known_until_ms)

    def busiest(self, number: int) -> list[str]:
        """Return some symbols of which much is heard."""
        return self._mind.busiest(number)

    async def run(self) -> None:
        """Follow and judge, until cancelled."""
        await run_together([self._follow(), self._judge_for_ever()])

    async def _follow(self) -> None:
        async for news in self._reader.follow():
            if not isinstance(news, Snapshot):
                self._mind.take(news, time.monotonic(), time.time() * 1000)

    def _cannot_read(self, entry: Entry, error: Exception) -> None:
        if not self._complained:
            logger.warning(
                "an entry cannot be read; further ones are passed over in silence",
                venue=self._venue,
                entry=str(entry.id),
                kind=entry.kind,
                error=str(error),
            )
        self._complained = True

    async def _judge_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._judge()
            due = max(due + _EVERY_S, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _judge(self) -> None:
        """Judge, and say so on the bus; while that is away nothing is said there, and the verdict expires."""
        now = time.monotonic()
        self._tell_state(now)
        if self._readings.watched_s(now) is None:
            self._metrics.unknown(self._venue)
            return
        try:
            await self._recall()
            judgement = await self._ask_and_judge()
            if judgement is not None:
                staleness_s = self._mind.staleness_s(time.monotonic())
                await self._verdict.write(judgement, staleness_s, self._mind.hearing.mode, self._mind.delay_ms)
                await self._tell_alarms(judgement)
            await self._memory.save(self._mind.roster, time.monotonic())
        except BUS_ERRORS as exc:
            self._bus.lost(self._venue, exc)
            self._metrics.unknown(self._venue)
            return
        self._bus.reached(self._venue)
        if judgement is None:
            self._metrics.unknown(self._venue)
        else:
            self._metrics.judged(self._venue, judgement)

    def _tell_state(self, now: float) -> None:
        mind, metrics = self._mind, self._metrics
        market = mind.market()
        self._edge.look(market.now_ms)
        metrics.market(self._venue, market.open)
        metrics.staleness(self._venue, mind.staleness_s(now))
        metrics.target(self._venue, mind.target_s)
        metrics.offset(self._venue, mind.offset_ms(now))
        if mind.hearing.heartbeat is not None:
            metrics.spoke(self._venue, mind.hearing.heartbeat)

    async def _recall(self) -> None:
        """Take over from an earlier monitor: its verdict, if that still stands, its alarms, and what it had learned."""
        if self._recalled:
            return
        earlier = await self._verdict.recall()
        opened = await alarms.read_open(self._redis, self._venue)
        await self._memory.recall(self._mind.roster, time.monotonic())
        self._recalled = True
        self._mind.alarms.recall(opened, time.monotonic())
        if earlier is not None:
            self._mind.recall(earlier, time.monotonic(), now_ms())

    async def _ask_and_judge(self) -> Judgement | None:
        """Read what the ingest keeps beside its stream, and judge; None when it is too early, or now too late."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(keys.feed(self._venue))
            pipe.hgetall(keys.heard(self._venue))
            pipe.time()
            pipe.xrange(keys.messages(self._venue), count=1)
            text, heard, (seconds, micros), first = await pipe.execute()
        now = time.monotonic()
        watched_s = self._readings.watched_s(now)
        if watched_s is None:
            return None
        bus_ms = seconds * 1000 + micros // 1000
        if first:
            self._metrics.retention(self._venue, max(0, bus_ms - EntryId.parse(first[0][0]).ms) / 1000)
        return self._mind.judge(Found(text, heard, bus_ms), watched_s, now)

    async def _tell_alarms(self, judgement: Judgement) -> None:
        news = self._mind.news(judgement, time.monotonic(), now_ms())
        if news:
            await alarms.tell(self._redis, news)
            self._mind.alarms.told(news, time.monotonic())
            for alarm in news:
                self._log(alarm)
        self._metrics.alarms(self._venue, self._mind.alarms)

    def _log(self, alarm: Alarm) -> None:
        log = logger.info if alarm.state == "cleared" else logger.warning
        log(f"alarm {alarm.state}", alarm=alarm.id, severity=alarm.severity, reason=alarm.reason)
        if alarm.state == "raised":
            self._metrics.raised(self._venue, kind_of(alarm), alarm.severity)
