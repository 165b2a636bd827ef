"""The BIST ingest between a source and a Redis: in this process, on a fast market clock; or as a process to kill."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from redis.asyncio import Redis

from integration.bist.source import FakeSource
from spark_bus import feed, keys
from spark_bus.connection import connect_alone
from spark_bus.feed import FeedState
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import choose
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.times import Times
from spark_market import wire
from spark_market.sessions import bist, read_overrides
from spark_service.clock import MarketClock, now_ms
from spark_service.lifecycle import run_together
from spark_service.redis_url import address
from spark_service.settings import load
from support.running import running

ALWAYS = "* open 00:00-24:00\n"
SPEED = 60.0


def fast_clock() -> MarketClock:
    """Return the wall's time, running sixty times as fast from now on: a round takes a quarter of a second."""
    now = now_ms()
    return MarketClock(now, now, SPEED)


class Ingest:
    """One that runs in this process."""

    def __init__(self, redis_url: str, source: FakeSource, clock: MarketClock, symbols: Sequence[str]) -> None:
        settings = load(
            IngestSettings,
            {
                "SPARK_REDIS_URL": redis_url, "SPARK_VENUES": "bist", "SPARK_BIST_URL": source.url,
                "SPARK_BIST_SYMBOLS": ",".join(symbols),
            },
        )  # fmt: skip
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        chosen = choose(settings)
        self.redis = connect_alone(redis_url)
        self.feed = Feed(
            chosen, dict.fromkeys(settings.symbols), bist(read_overrides(ALWAYS)), metrics, Times(clock)
        )  # fmt: skip
        self.terms = Terms(
            VENUE, chosen.mode, self.feed, metrics, self.redis, address(SecretStr(redis_url)), recalls=True
        )  # fmt: skip

    async def run(self) -> None:
        await run_together([self.feed.run(), self.feed.tend(), self.terms.run()])

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"spark_ingest_{name}", {"venue": VENUE, **labels}) or 0.0


@asynccontextmanager
async def ingesting(
    redis_url: str, source: FakeSource, clock: MarketClock, symbols: Sequence[str] = ("THYAO", "SASA")
) -> AsyncIterator[Ingest]:
    ingest = Ingest(redis_url, source, clock, symbols)
    try:
        async with running(ingest.run()):
            yield ingest
    finally:
        await ingest.redis.aclose()


class Process:
    """One as a process of its own."""

    def __init__(self, redis_url: str, source: FakeSource, clock: MarketClock, folder: Path, **more: str) -> None:
        calendar = folder / "calendar"
        calendar.write_text(ALWAYS, encoding="utf-8")
        wall, market = now_ms(), clock.now_ms()
        environment = {
            "PATH": os.environ["PATH"], "SPARK_REDIS_URL": redis_url, "SPARK_VENUES": "bist",
            "SPARK_BIST_URL": source.url, "SPARK_BIST_SYMBOLS": "THYAO,SASA", "SPARK_BIST_METRICS_PORT": "0",
            "SPARK_BIST_CALENDAR": str(calendar), "SPARK_BIST_CLOCK": f"{_iso(market)}@{_iso(wall)}*{SPEED:g}", **more,
        }  # fmt: skip
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "spark_ingest_bist"], env=environment, stderr=log, stdout=log
            )

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it in good order, and return its status."""
        self._process.terminate()
        return self._process.wait(10)

    def status(self, timeout_s: float) -> int:
        """Wait until it has ended by itself."""
        return self._process.wait(timeout_s)


def _iso(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}+00:00"


async def messages(redis: Redis) -> list[Any]:
    """Return all of the stream but heartbeats and notices of the directory."""
    entries: Any = await redis.xrange(keys.messages(VENUE))
    return [wire.decode(fields[b"d"]) for _, fields in entries if fields[b"k"] in (b"ticker", b"gap")]


async def gaps(redis: Redis) -> list[Any]:
    return [message for message in await messages(redis) if hasattr(message, "cause")]


async def tickers(redis: Redis) -> list[Any]:
    return [message for message in await messages(redis) if hasattr(message, "price")]


async def state(redis: Redis) -> FeedState | None:
    text: Any = await redis.get(keys.feed(VENUE))
    return None if text is None else feed.decode(text)


async def directory(redis: Redis) -> dict[str, Any]:
    found: Any = await redis.hgetall(keys.instruments(VENUE))
    return {name.decode(): msgspec.json.decode(text) for name, text in found.items()}
