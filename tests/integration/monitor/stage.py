"""A real monitor process, and an ingest in front of it that says what the test wants said."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import BUS_ERRORS
from spark_bus.feed import FeedState
from spark_bus.publisher import Fenced, Outgoing, Publisher
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status, VenueStatus
from spark_service.lifecycle import end
from support.eventually import eventually
from support.redis_server import free_port

VENUE = "btcturk"
DEADLINE_S = 20.0  # for a busy machine; only a failure takes so long
SYMBOLS = ("BTC_TRY", "ETH_TRY")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Ingest:
    """Beats as an ingest does, only faster. Every instrument speaks at each beat, unless it is mute."""

    def __init__(self, redis: Redis, mode: Mode = Mode.MOCK, venue: str = VENUE) -> None:
        self._redis = redis
        self._mode = mode
        self._venue = venue
        self._publisher = Publisher(redis, venue, mode)
        self._heard: dict[str, int] = {}
        self._spoke: float | None = None
        self.connected = True
        self.connected_since = now_ms()
        self.mute: set[str] = set()
        self.unproven: list[str] = []
        self.source: Literal["websocket", "rest", "poll"] = "websocket"
        self.delay_ms = 0
        self.poll_interval_ms = 0

    async def run(self) -> None:
        """Claim the venue and beat, through every loss of Redis, until cancelled."""
        claimed = False
        while True:
            with suppress(*BUS_ERRORS):
                try:
                    if not claimed:
                        await self._publisher.claim()
                        claimed = True
                    await self._beat()
                except Fenced:
                    claimed = False
            await asyncio.sleep(0.2)

    async def _beat(self) -> None:
        spoken = set(SYMBOLS) - self.mute
        if spoken:
            self._spoke = time.monotonic()
        self._heard.update({f"ticker:{symbol}": now_ms() for symbol in spoken})
        age = None if self._spoke is None else int((time.monotonic() - self._spoke) * 1000)
        heartbeat = Heartbeat(
            venue=self._venue, mode=self._mode, sent_at=now_ms(), connected=self.connected, ages={"ticker": age}
        )
        state = FeedState(
            venue=self._venue, mode=self._mode, connected=self.connected, connected_since=self.connected_since,
            subscriptions=len(SYMBOLS), unproven=self.unproven, reconnects=0, malformed=0, queued=0, dropped=0,
            source=self.source, sockets=0, sockets_wanted=2,
            delay_ms=self.delay_ms, poll_interval_ms=self.poll_interval_ms,
        )  # fmt: skip
        if await self._publisher.beat(heartbeat, self._heard, state) is None:
            await self._publisher.append([])

    async def publish(self, *batch: Outgoing) -> None:
        await self._publisher.append(batch)

    async def release(self) -> None:
        await self._publisher.release()


@asynccontextmanager
async def ingesting(redis: Redis, mode: Mode = Mode.MOCK, venue: str = VENUE) -> AsyncIterator[Ingest]:
    """Run an ingest while the context lasts; it dies without a word, but leaves the venue to the next."""
    ingest = Ingest(redis, mode, venue)
    task = asyncio.create_task(ingest.run())
    try:
        yield ingest
    finally:
        await end([task])  # one cancellation may be lost in redis-py, and then the wait has no end
        with suppress(*BUS_ERRORS):
            await ingest.release()


class Monitor:
    """The process, and what it says on its endpoint."""

    def __init__(self, redis_url: str, **settings: str) -> None:
        self.port = free_port()
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")} | {
            "SPARK_REDIS_URL": redis_url,
            "SPARK_MONITOR_PORT": str(self.port),
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start it first"
        return self._process

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "spark_monitor",
            env=self._environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Signal it; return its exit status and what it logged."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        _, logged = await asyncio.wait_for(self.process.communicate(), DEADLINE_S)
        assert self.process.returncode is not None
        return self.process.returncode, logged.decode()

    async def get(self, path: str) -> httpx.Response | None:
        """Return its answer; None while it does not listen yet."""
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return await client.get(f"http://127.0.0.1:{self.port}{path}")
            except httpx.TransportError:
                return None

    async def metrics_text(self) -> str:
        response = await eventually(lambda: self.get("/metrics"), DEADLINE_S, "the monitor's endpoint")
        assert isinstance(response, httpx.Response)
        return response.text

    async def metrics(self) -> dict[tuple[str, ...], float]:
        """Return the samples: by name, then label values in the order of their names."""
        return {
            (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
            for family in text_string_to_metric_families(await self.metrics_text())
            for sample in family.samples
        }

    async def has(self, value: float, *series: str) -> None:
        """Wait until a series has this value."""

        async def there() -> bool:
            return (await self.metrics()).get(series) == value

        await eventually(there, DEADLINE_S, f"{series} {value}")


@asynccontextmanager
async def monitoring(redis_url: str, **settings: str) -> AsyncIterator[Monitor]:
    """Run a monitor while the context lasts."""
    monitor = Monitor(redis_url, **settings)
    await monitor.start()
    try:
        yield monitor
    finally:
        if monitor.process.returncode is None:
            await monitor.end(signal.SIGKILL)


async def verdict(redis: Redis, venue: str = VENUE) -> VenueStatus | None:
    """Return what the monitor says on the bus now."""
    text = await redis.get(keys.verdict(venue))
    if text is None:
        return None
    assert isinstance(text, bytes)
    found = wire.decode(text)
    assert isinstance(found, VenueStatus)
    return found


async def verdict_becomes(redis: Redis, status: Status, venue: str = VENUE) -> VenueStatus:
    """Wait for a status, and return the verdict that brings it."""

    async def there() -> VenueStatus | None:
        found = await verdict(redis, venue)
        return found if found is not None and found.status is status else None

    found = await eventually(there, DEADLINE_S, f"{venue} is {status}")
    assert isinstance(found, VenueStatus)
    return found
