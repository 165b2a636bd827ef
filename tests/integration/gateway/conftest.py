"""A gateway process on a Redis of its own, and a writer of its venue: what it serves is what a test publishes."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from spark_bus.connection import connect
from spark_bus.cursor import EntryId
from spark_bus.publisher import Claim, Outgoing, Publisher, outgoing
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Ticker, Trade
from support.eventually import eventually
from support.examples import VENUE, a_feed_state, a_heartbeat, a_ticker, an_instrument
from support.redis_server import RedisServer, binaries, free_port
from support.sse import EventSource
from support.stack import Service, house_environment


class Bench:
    """Redis, a writer, and a gateway of its venue that may be restarted. ``extra`` settings go to the gateway."""

    def __init__(self, redis_server: RedisServer, folder: Path, extra: Mapping[str, str] | None = None) -> None:
        self.redis_server = redis_server
        self.redis: Redis = connect(redis_server.url)
        self.publisher = Publisher(self.redis, VENUE, Mode.MOCK)
        self.port = free_port()
        self.environ = {**house_environment(), "SPARK_REDIS_URL": redis_server.url, "SPARK_VENUES": VENUE}
        self.folder = folder
        self.gateway = self.service(extra)

    def service(self, extra: Mapping[str, str] | None = None, *, prefix: Sequence[str] = ()) -> Service:
        """Return a gateway's process, not started; ``prefix`` is a command that starts it."""
        environ = {**self.environ, "SPARK_GATEWAY_PORT": str(self.port), **(extra or {})}
        return Service("gateway", environ, self.folder / "gateway.log", prefix=prefix)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stream(self, query: str = "symbol=*&throttle=0") -> str:
        return f"{self.url}/api/market/{VENUE}/stream?{query}"

    async def claim(self) -> Claim:
        claim = await self.publisher.claim()
        assert isinstance(claim, Claim)
        await self.publisher.write_instruments({symbol: an_instrument(symbol) for symbol in ("BTC_TRY", "ETH_TRY")})
        await self.publisher.append([self.publisher.directory_changed()])
        return claim

    async def publish(self, *messages: Ticker | Trade | Book | Gap) -> None:
        await self.publisher.append([outgoing(message) for message in messages])

    async def publish_many(self, messages: Sequence[Outgoing]) -> None:
        for at in range(0, len(messages), 500):
            await self.publisher.append(messages[at : at + 500])

    async def beat(self) -> EntryId | None:
        return await self.publisher.beat(a_heartbeat(), {}, a_feed_state())

    async def start_gateway(self, query: str = "") -> None:
        self.gateway.start()
        await self.serving(query)

    async def metrics(self) -> str:
        """Return the gateway's own metrics."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.url}/metrics")).text

    async def has_metric(self, line: str) -> bool:
        """Return whether its metrics have this line."""
        return line in (await self.metrics()).splitlines()

    async def serving(self, query: str = "") -> None:
        """Return once the gateway has loaded the venue; ``query`` may bring a key."""
        await eventually(partial(self._loaded, query), 15, "the gateway")

    async def _loaded(self, query: str) -> bool:
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"{self.url}/api/market/{VENUE}/snapshot{query}")
            except httpx.HTTPError:
                return False
            return answer.status_code == 200


@asynccontextmanager
async def benched(extra: Mapping[str, str] | None = None, *, serving: str = "") -> AsyncIterator[Bench]:
    """Yield a bench with two tickers on the bus, and a gateway that has loaded them; ``serving`` may bring a key."""
    folder = Path(tempfile.mkdtemp(prefix="spark-gateway-"))
    async with RedisServer(binaries()[0]) as server:
        bench = Bench(server, folder, extra)
        try:
            await bench.claim()
            await bench.publish(a_ticker(1), a_ticker(2, "ETH_TRY"))
            await bench.start_gateway(serving)
            yield bench
        finally:
            bench.gateway.kill()
            await bench.redis.aclose()
            await asyncio.to_thread(shutil.rmtree, folder)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with benched() as bench:
        yield bench


class Reading:
    """Opens streams that end with the test."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, url: str, last_event_id: str = "") -> EventSource:
        """Return a stream whose opening has come."""
        source = EventSource(url, last_event_id)
        self._tasks.append(asyncio.create_task(source.run()))
        await eventually(lambda: source.connections, 10, "a connection")
        return source

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


@pytest.fixture
async def reading() -> AsyncIterator[Reading]:
    reading = Reading()
    yield reading
    await reading.close()
