"""What the gateway is measured against: the usual way to fan a Redis stream out, with sse-starlette.

One reader of the stream, an ``asyncio.Queue`` for each client, an ``EventSourceResponse`` that drains it; events carry
the same id and the same JSON. Arguments: Redis URL, port, symbol, entries per read at most.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from redis.asyncio import Redis
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bench.sse_lines import PATH
from spark_bus import keys
from support.examples import VENUE

Event = dict[str, str]


class Peer:
    """The application."""

    def __init__(self, redis: Redis, symbol: str, count: int) -> None:
        self._redis = redis
        self._count = count
        self._symbol = symbol.encode()
        self._queues: set[asyncio.Queue[Event]] = set()

    async def read(self) -> None:
        """Hand each ticker to every queue, for ever."""
        last = b"$"
        while True:
            answer: Any = await self._redis.xread({keys.messages(VENUE): last}, count=self._count, block=500)
            for last, fields in answer[0][1] if answer else []:
                if fields[b"k"] == b"ticker" and fields[b"s"] == self._symbol:
                    event = {"id": last.decode(), "data": fields[b"d"].decode()}
                    for queue in self._queues:
                        queue.put_nowait(event)

    async def stream(self, _: Request) -> EventSourceResponse:
        """Answer one client."""
        return EventSourceResponse(self._events())

    async def _events(self) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Read for as long as it serves."""
        reading = asyncio.create_task(self.read())
        yield
        reading.cancel()


def main(url: str, port: int, symbol: str, count: int) -> None:
    peer = Peer(Redis.from_url(url, protocol=2), symbol, count)
    app = Starlette(routes=[Route(PATH, peer.stream)], lifespan=peer.lifespan)
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning",
        backlog=4096,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
