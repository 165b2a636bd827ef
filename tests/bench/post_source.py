"""Takes each ticker from the bus and posts it to a server that does not read Redis itself.

Arguments: Redis URL, port. Says `true` when it reads; each ticker is one `POST /publish?id=ID` on a kept connection,
sent when the one before has been answered.
"""

import asyncio
import sys

import uvloop
from redis.asyncio import Redis

from bench.peer_feed import Event, tickers

_PATIENCE_S = 10.0


class Poster:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, event: Event) -> None:
        """Post one event, and take the answer. Raises TimeoutError."""
        body = event.data.encode()
        head = f"POST /publish?id={event.id} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(_PATIENCE_S):
            answer = await self._reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 20"), answer
            lines = dict(line.lower().split(": ", 1) for line in answer.decode().split("\r\n")[1:] if line)
            if "content-length" in lines:
                await self._reader.readexactly(int(lines["content-length"]))
            else:
                await self._reader.readuntil(b"0\r\n\r\n")


async def main(url: str, port: int) -> None:
    poster = Poster(*await asyncio.open_connection("127.0.0.1", port))
    ready = asyncio.Event()
    telling = asyncio.create_task(_tell(ready))
    async for event in tickers(Redis.from_url(url, protocol=2), ready):
        await poster.post(event)
    await telling


async def _tell(ready: asyncio.Event) -> None:
    await ready.wait()
    print("true", flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
