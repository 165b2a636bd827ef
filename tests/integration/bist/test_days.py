"""Three days of 2026 over real sockets on one sped-up clock: the simulator's server, the ingest, Redis, the monitor.

A half-day, a day before a holiday, and an ordinary day whose prices freeze for hours. A second here is half an hour
there, so what the monitor says once a second is late by as much, and the source is asked every third of one.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from spark_bus import keys
from spark_bus.connection import connect, connect_alone
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import choose
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.times import Times
from spark_ingest_bist.yahoo import YahooProtocol
from spark_market import wire
from spark_market.messages import Status, VenueStatus
from spark_market.sessions import bist
from spark_monitor.bus import Bus
from spark_monitor.hours import Hours
from spark_monitor.metrics import MonitorMetrics
from spark_monitor.watch import Watch
from spark_service.backoff import backoff
from spark_service.clock import MarketClock, now_ms
from spark_service.lifecycle import run_together
from spark_service.redis_url import address
from spark_service.settings import load
from spark_simulator.bist.assembly import Bist
from spark_simulator.bist.commands import Stale
from support.bist_days import Day, at, trading_days
from support.redis_server import RedisServer, binaries
from support.running import running

SPEED = 2000
LATE_MS = int(2.5 * 1000 * SPEED)  # what is judged once a second, and read by us, on a machine that does much else
BETTER_MS = 5 * 1000 * SPEED  # what the monitor waits before it believes that all is well again
MINUTE_MS = 60_000
ORDINARY, HALF, EVE = date(2026, 4, 27), date(2026, 3, 19), date(2026, 4, 22)
FROZEN = at(ORDINARY, 13), at(ORDINARY, 16, 30)


class Said(NamedTuple):
    """A verdict, and the market's time at which it was read."""

    at: int
    verdict: VenueStatus


class Rig:
    """All parts in this process, with sockets in between."""

    def __init__(self, redis_url: str, day: date) -> None:
        self.clock = MarketClock(at(day, 7), now_ms(), SPEED)
        self.exchange = Bist(1, self.clock)
        self.redis_url = redis_url
        self.redis, self._other, self._third = connect(redis_url), connect_alone(redis_url), connect(redis_url)

    async def run(self) -> None:
        app = web.Application()
        app.add_routes(self.exchange.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            await run_together([*self._ingest(runner.addresses[0][1]), self._watch().run()])
        finally:
            await runner.cleanup()
            for redis in (self.redis, self._other, self._third):
                await redis.aclose()

    def _ingest(self, port: int) -> list[Any]:
        settings = load(
            IngestSettings,
            {
                "SPARK_REDIS_URL": self.redis_url, "SPARK_VENUES": "bist", "SPARK_BIST_SYMBOLS": "THYAO,GARAN,XU100",
                "SPARK_BIST_URL": f"http://127.0.0.1:{port}/bist/yahoo",
            },
        )  # fmt: skip
        metrics = IngestMetrics(CollectorRegistry())
        source = replace(choose(settings), session=lambda wiring: _seldom(settings.url, wiring))
        feed = Feed(source, dict.fromkeys(settings.symbols), bist(), metrics, Times(self.clock))
        told = address(SecretStr(self.redis_url))
        return [feed.run(), feed.tend(), Terms("bist", source.mode, feed, metrics, self._other, told).run()]

    def _watch(self) -> Watch:
        metrics = MonitorMetrics(CollectorRegistry(), ("bist",))
        bus = Bus(address(SecretStr(self.redis_url)), told=metrics.bus)
        return Watch(
            self._third, "bist", 2.5, hours=Hours(bist(), self.clock), waits=lambda: backoff(first_s=0.1, most_s=2.0),
            bus=bus, metrics=metrics,
        )  # fmt: skip

    async def until(self, ms: int) -> list[Said]:
        """Return every verdict until the market's clock says so."""
        found: list[Said] = []
        while (now := self.clock.now_ms()) < ms:
            text: Any = await self.redis.get(keys.verdict("bist"))
            if text is not None:
                found.append(Said(now, _status(text)))
            await asyncio.sleep(0.05)
        return found

    def asked(self) -> list[int]:
        """Return when, by the market's clock, the simulator was asked."""
        return [each.market_time for each in self.exchange.account.requests.page(0, 100_000, lambda _: True).entries]


def _seldom(url: str, wiring: Wiring) -> Poller:
    """Return the ingest's session with Yahoo, at a pace that a process which stands still for a second can keep."""
    return Poller(YahooProtocol(url), wiring, every_s=600, most_per_hour=1000)


def _status(text: bytes) -> VenueStatus:
    found = wire.decode(text)
    assert isinstance(found, VenueStatus)
    return found


@asynccontextmanager
async def living(day: date) -> AsyncIterator[Rig]:
    async with RedisServer(binaries()[0]) as redis:
        rig = Rig(redis.url, day)
        async with running(rig.run()):
            yield rig


def session_of(day: date) -> Day:
    return next(trading_days(day, day))


def right_at(now: int, session: Day, begun: int) -> set[Status]:
    """Return what a verdict that was read at ``now`` may say, made at any time shortly before."""
    times = (now, now - LATE_MS)
    right = {Status.MOCK if session.shows_from <= at < session.shows_until else Status.CLOSED for at in times}
    if now < begun + LATE_MS:
        right.add(Status.DOWN)  # its first answer is still to come, or was a while ago when the clock was set
    if FROZEN[0] <= now < FROZEN[1] + LATE_MS + BETTER_MS:
        right.add(Status.STALE)
    return right


def check(day: date, said: list[Said], asked: list[int]) -> None:
    session = session_of(day)
    print(day, len(asked), "requests,", Counter(each.verdict.status.value for each in said))
    wrong = [each for each in said if each.verdict.status not in right_at(each.at, session, said[0].at)]
    assert wrong == []
    assert {Status.MOCK, Status.CLOSED} <= {each.verdict.status for each in said}
    before = [when for when in asked if when < session.asked_from]
    after = [when for when in asked if when > session.shows_until]
    assert len(before) <= 1, "one round at a start"
    assert len(after) == 1, "and one after the end"
    assert len(asked) > (session.shows_until - session.asked_from) / (20 * MINUTE_MS)
    for number, when in enumerate(asked):
        assert sum(other < when + 60 * MINUTE_MS for other in asked[number:]) <= 8


@pytest.mark.timeout(180)
async def test_three_days() -> None:
    async with living(HALF) as rig:
        for day, reopens in ((HALF, "2026-03-23"), (EVE, "2026-04-24"), (ORDINARY, "2026-04-28")):
            asked = len(rig.asked())
            if day != HALF:
                rig.clock.set(at(day, 9))
                await rig.until(at(day, 9, 45))
            said = await rig.until(FROZEN[0]) if day == ORDINARY else []
            if day == ORDINARY:
                rig.exchange.faults.begin(Stale(seconds=(FROZEN[1] - FROZEN[0]) / 1000), rig.clock.now_ms())
            said += await rig.until(session_of(day).shows_until + LATE_MS)
            check(day, said, rig.asked()[asked:])
            assert said[-1].verdict.reason == f"closed until {reopens} 10:15 +03:00 (with the source's delay)"

    stale = [each.at for each in said if each.verdict.status is Status.STALE]
    assert stale and stale[0] < FROZEN[1]
