"""What those the gateway is measured against read from the bus: one reader of the stream, in each its own way on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis

from spark_bus import keys
from support.examples import VENUE

_MOST = 1000
_BLOCK_MS = 500


class Event(NamedTuple):
    """One ticker: the entry's id, and the message as JSON."""

    id: str
    data: str


async def tickers(redis: Redis, ready: asyncio.Event) -> AsyncIterator[Event]:
    """Yield each ticker that comes after ``ready`` was set, for ever."""
    stream = keys.messages(VENUE)
    newest: Any = await redis.xrevrange(stream, count=1)
    last = newest[0][0]
    ready.set()
    while True:
        answer: Any = await redis.xread({stream: last}, count=_MOST, block=_BLOCK_MS)
        for last, fields in answer[0][1] if answer else []:
            if fields[b"k"] == b"ticker":
                yield Event(last.decode(), fields[b"d"].decode())


class Queues:
    """The usual way to fan out: an ``asyncio.Queue`` for each client."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, protocol=2)
        self._queues: set[asyncio.Queue[Event]] = set()

    async def events(self) -> AsyncIterator[Event]:
        """Yield each ticker to one client, for as long as it stays."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def _read(self, ready: asyncio.Event) -> None:
        async for event in tickers(self._redis, ready):
            for queue in self._queues:
                queue.put_nowait(event)

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Read for as long as the application serves."""
        ready = asyncio.Event()
        reading = asyncio.create_task(self._read(ready))
        await ready.wait()
        yield
        reading.cancel()
