"""Watches one venue: follows its stream, and once a second says what to think of it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date

import msgspec
import structlog
from redis.asyncio import Redis

from spark_bus import feed, keys
from spark_bus.connection import BUS_ERRORS
from spark_bus.reader import Entry, Reader, Snapshot
from spark_market import wire
from spark_market.messages import Heartbeat
from spark_monitor.bus import Bus, Readings
from spark_monitor.edge import Edge
from spark_monitor.hearing import Hearing
from spark_monitor.hours import Hours, Moment
from spark_monitor.judgement import Judgement, judge
from spark_monitor.metrics import CHANNELS, MonitorMetrics
from spark_monitor.verdict import Verdict
from spark_service.clock import now_ms
from spark_service.lifecycle import run_together

_EVERY_S = 1.0

logger = structlog.get_logger()


class _Received(msgspec.Struct, rename="camel"):
    received_at: int


class _Data(msgspec.Struct):
    """Of market data only what its latency takes: the rest is skipped, not decoded."""

    data: _Received


_DATA = msgspec.json.Decoder(_Data)


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
        self._venue = venue
        self._target_s = target_s
        self._hours = hours
        self._edge = Edge(venue, hours.calendar)
        self._bus = bus
        self._metrics = metrics
        self._readings = Readings(bus, f"{venue} reader")
        self._reader = Reader(redis, venue, waits, self._readings)
        self._hearing = Hearing()
        self._verdict = Verdict(redis, venue)
        self._recalled = False
        self._complained = False
        self._connected_since: int | None = None
        self._delay_ms = 0  # of the source: what it last declared holds while its state cannot be read
        self._poll_interval_s = 0.0
        metrics.market(venue, hours.look().open)
        if hours.calendar.known_until < date.max:
            metrics.calendar(venue, hours.calendar.known_until_ms)

    async def run(self) -> None:
        """Follow and judge, until cancelled."""
        await run_together([self._follow(), self._judge_for_ever()])

    async def _follow(self) -> None:
        async for news in self._reader.follow():
            if not isinstance(news, Snapshot):
                self._take(news)

    def _take(self, entries: list[Entry]) -> None:
        read_ms = time.time() * 1000
        for entry in entries:
            self._metrics.latency(self._venue, "bus_to_monitor", read_ms - entry.id.ms)
            try:
                if entry.kind == "heartbeat":
                    self._take_heartbeat(wire.decode(entry.data), entry.id.ms)
                elif entry.kind in CHANNELS:
                    received_at = _DATA.decode(entry.data).data.received_at
                    self._metrics.latency(self._venue, "receive_to_bus", entry.id.ms - received_at)
            except (wire.MalformedMessage, msgspec.MsgspecError, UnicodeError) as exc:
                self._cannot_read(entry, exc)

    def _take_heartbeat(self, message: object, written_ms: int) -> None:
        if isinstance(message, Heartbeat):
            self._hearing.take(message, written_ms, time.monotonic())
            self._metrics.spoke(self._venue, message)

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
        market = self._hours.look(self._delay_ms)
        self._edge.look(market.now_ms)
        self._metrics.market(self._venue, market.open)
        self._metrics.staleness(self._venue, self._staleness_s(market))
        if self._readings.watched_s(now) is None:
            self._metrics.unknown(self._venue)
            return
        try:
            await self._recall()
            judgement = await self._ask_and_judge()
            if judgement is not None:
                staleness_s = self._staleness_s(self._hours.look(self._delay_ms))
                await self._verdict.write(judgement, staleness_s, self._hearing.mode)
        except BUS_ERRORS as exc:
            self._bus.lost(self._venue, exc)
            self._metrics.unknown(self._venue)
            return
        self._bus.reached(self._venue)
        if judgement is None:
            self._metrics.unknown(self._venue)
        else:
            self._metrics.judged(self._venue, judgement)

    def _staleness_s(self, market: Moment) -> float | None:
        """Return for how much of the market's open time the venue has been silent; None when it has never spoken."""
        silence_s = self._hearing.staleness_s(time.monotonic())
        return None if silence_s is None else market.overdue_s(silence_s)

    async def _recall(self) -> None:
        if self._recalled:
            return
        earlier = await self._verdict.recall()
        self._recalled = True
        if earlier is not None:
            self._hearing.recall(earlier.mode, earlier.staleness_s, time.monotonic(), now_ms())

    async def _ask_and_judge(self) -> Judgement | None:
        """Read what the ingest keeps beside its stream, and judge; None when it is too early, or now too late."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(keys.feed(self._venue))
            pipe.hgetall(keys.heard(self._venue))
            pipe.time()
            text, heard, (seconds, micros) = await pipe.execute()
        now = time.monotonic()
        watched_s = self._readings.watched_s(now)
        if watched_s is None:
            return None
        self._hearing.compare(seconds * 1000 + micros // 1000, now)
        told = _read_feed(text)
        if told is not None:
            self._connected_since = told.connected_since or self._connected_since
            self._delay_ms = told.delay_ms
            self._poll_interval_s = told.poll_interval_ms / 1000
        state = self._hearing.state(
            now,
            watched_s=watched_s,
            connected_since=self._connected_since,
            feed=told,
            heard=_times(heard),
            market=self._hours.look(self._delay_ms),
            poll_interval_s=self._poll_interval_s,
        )
        return judge(state, self._target_s)


def _read_feed(text: bytes | None) -> feed.FeedState | None:
    if text is None:
        return None
    try:
        return feed.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None  # of a version that we do not know: the heartbeats still tell most


def _times(heard: Mapping[bytes, bytes]) -> dict[str, int]:
    return {field.decode(errors="replace"): int(at) for field, at in heard.items() if at.isdigit()}
