"""What the ingest is measured against: cryptofeed's Binance handler and its Redis stream, driven as it drives them.

Runs in an environment of its own, so it knows nothing of ours but what needs Python alone. Arguments as for
`bench.ingest_path`.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import uvloop
from cryptofeed import connection, connection_handler
from cryptofeed.backends import redis as backends
from cryptofeed.defines import L2_BOOK, TICKER
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols

from bench import measured, venue_frames

_POLL_S = 0.005
_DELTAS = "binance-deltas"


class RestAnswers:
    """In the place of its REST client: the whole books, as Binance tells them."""

    def __init__(self, opening: list[bytes]) -> None:
        self._books = dict(zip(venue_frames.PAIRS, opening, strict=True))

    async def read(self, url: str) -> str:
        return next(book.decode() for pair, book in self._books.items() if f"symbol={pair}&" in url)


def subscribed(kind: str, redis_url: str, opening: list[bytes]) -> tuple[Any, Any]:
    """Return the feed, and the backend that it hands everything to."""
    names = [symbol.replace("_", "-") for symbol in venue_frames.SYMBOLS]
    Symbols.set(Binance.id, dict(zip(names, venue_frames.PAIRS, strict=True)), {})
    address = urlsplit(redis_url)
    channel, backend = (L2_BOOK, backends.BookStream) if kind == _DELTAS else (TICKER, backends.TickerStream)
    stream = backend(host=address.hostname, port=address.port)
    feed = Binance(symbols=names, channels=[channel], callbacks={channel: stream})
    if opening:
        feed.http_conn = RestAnswers(opening)
    stream.start(asyncio.get_running_loop())
    return feed, stream


async def main(redis_url: str, kind: str, most: int, port: str, *, deaf: bool) -> None:
    frames = venue_frames.of(kind, most if port == "memory" else 0)
    feed, stream = subscribed(kind, redis_url, frames.opening)
    if port == "memory":
        await _from_memory(feed, stream, [frame.decode() for frame in frames.frames])
    else:
        await _from_a_socket(feed, stream, f"ws://127.0.0.1:{port}/", _drop if deaf else feed.message_handler)


async def _from_memory(feed: Any, stream: Any, frames: list[str]) -> None:
    """Take a burst, then wait until its queue is done, which is after Redis's reply."""
    left = iter(frames)

    async def handle(count: int) -> None:
        for _ in range(count // measured.BURST):
            for frame in islice(left, measured.BURST):
                await feed.message_handler(frame, None, time.time())
            await stream.queue.join()

    await measured.serve(handle)


async def _from_a_socket(feed: Any, stream: Any, url: str, handler: Callable[..., Awaitable[None]]) -> None:
    """Let its connection handler do it all."""
    link = connection.WSAsyncConn("wss://127.0.0.1/", feed.id, ping_interval=10, max_size=None, max_queue=None)
    link.address = url  # it insists on TLS, for which our side does not pay either
    reading = connection_handler.ConnectionHandler(link, feed.subscribe, handler, feed.authenticate, 0, timeout=-1)
    reading.start(asyncio.get_running_loop())
    while not link.is_open:  # noqa: ASYNC110, it tells nobody
        await asyncio.sleep(_POLL_S)
    had = 0

    async def handle(count: int) -> None:
        nonlocal had
        had += count
        while link.received < had:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        await stream.queue.join()

    await measured.serve(handle)


async def _drop(message: str, conn: Any, timestamp: float) -> None:
    """Do nothing with it."""


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], deaf="deaf" in sys.argv[5:]))
