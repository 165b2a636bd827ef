"""The ingest from a frame to Redis's reply, in a process of its own; see `bench.measured` for what it is told.

Arguments: Redis URL, kind of frames, how many of them at most, and where they come from: `memory`, or the port of a
`frame_source`, and `deaf` after it to have them read from the socket as ever and then dropped.
"""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from typing import Any, cast

import uvloop
from prometheus_client import CollectorRegistry

from bench import measured, venue_frames
from spark_bus.connection import connect_alone
from spark_bus.publisher import Outgoing
from spark_ingest_btcturk.channels import CHANNELS, Subscription
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.limiter import ConnectLimiter
from spark_ingest_btcturk.listener import Listener, MalformedLog
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_ingest_btcturk.session import Session
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.subscriptions import Subscriptions
from spark_ingest_btcturk.writer import Writer
from spark_service import logs
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.settings import load
from support.eventually import eventually
from support.examples import an_instrument
from support.running import running

_MEMORY = "memory"
_REPEATS, _DELTAS = "btcturk-repeats", "btcturk-deltas"


class Progress:
    """How far it came, and who waits for how far."""

    def __init__(self) -> None:
        self.done = 0
        self._goal = 0
        self._reached = asyncio.Event()

    def more(self, count: int) -> None:
        self.done += count
        if self.done >= self._goal:
            self._reached.set()

    async def until(self, goal: int) -> None:
        """Return once so many are done since the start."""
        self._goal = goal
        if self.done < goal:
            self._reached.clear()
            await self._reached.wait()


class CountingMetrics(IngestMetrics):
    """The ingest's own, which is told of all that matters here too."""

    def __init__(self) -> None:
        super().__init__(CollectorRegistry())
        self.carried = Progress()
        self.most_queued = self.dropped = 0
        self.held = False

    def lease(self, held: bool) -> None:
        super().lease(held)
        self.held = held

    def published(self, batch: Sequence[Outgoing]) -> None:
        super().published(batch)
        self.carried.more(sum(message.channel != "" for message in batch))

    def waiting(self, queued: int, dropped: int) -> None:
        super().waiting(queued, dropped)
        self.most_queued, self.dropped = max(self.most_queued, queued), dropped


class DeafListener(Listener):
    """Takes frames, and that is all."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.heard = Progress()

    def take(self, frame: bytes, received_at: int, now: float) -> bool:
        self.heard.more(1)
        return True


class Path:
    """The parts of the ingest, put together as its ``__main__`` does."""

    def __init__(self, redis_url: str, port: str) -> None:
        settings = load(
            IngestSettings,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith("SPARK_")},
                "SPARK_REDIS_URL": redis_url,
                "SPARK_BTCTURK_SYMBOLS": ",".join(venue_frames.SYMBOLS),
                **({} if port == _MEMORY else {"SPARK_BTCTURK_WS_URL": f"ws://127.0.0.1:{port}/"}),
            },
        )
        self.settings = settings
        self.metrics = CountingMetrics()
        self.feed = Feed(settings, self.metrics)
        self.feed.directory.load({symbol: an_instrument(symbol) for symbol in venue_frames.SYMBOLS})
        self.subscriptions = Subscriptions()
        self.wanted = [Subscription(channel, pair) for channel in CHANNELS for pair in venue_frames.PAIRS]
        self.subscriptions.want(self.wanted, time.monotonic())
        self._redis = connect_alone(redis_url)
        self._writer = Writer(settings, self.feed, self.metrics, self._redis)

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs all the time: no looking for new pairs, no polling."""
        return [self._writer.run(), self._writer.show()]

    def listener(self, kind: type[Listener] = Listener) -> Listener:
        protocol = BtcTurkProtocol(self.settings.mode, self.feed.directory.pairs)
        return kind(
            protocol, self.subscriptions, self.feed.directory, self.feed.market, frozenset, self.metrics, MalformedLog()
        )

    async def close(self) -> None:
        await self._redis.aclose()


async def main(redis_url: str, kind: str, most: int, port: str, *, deaf: bool) -> None:
    path = Path(redis_url, port)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(path.close)
        for part in path.parts():
            await stack.enter_async_context(running(part))
        await eventually(lambda: path.metrics.held, what="the lease")
        if port == _MEMORY:
            await _from_memory(path, venue_frames.of(kind, most), repeats=kind == _REPEATS)
        elif deaf:
            await _into_nothing(path, stack)
        else:
            await _from_a_socket(path, stack, opening=kind == _DELTAS)


async def _from_memory(path: Path, frames: venue_frames.Frames, *, repeats: bool) -> None:
    """Take a burst, then wait until all of it is in Redis; what repeats has nothing to wait for."""
    take, carried = path.listener().take, path.metrics.carried
    for frame in frames.opening:
        take(frame, now_ms(), time.monotonic())
    await carried.until(len(frames.opening))
    left = iter(frames.frames)

    async def handle(count: int) -> None:
        for _ in range(count // measured.BURST):
            for frame in islice(left, measured.BURST):
                take(frame, now_ms(), time.monotonic())
            if repeats:
                await asyncio.sleep(0)
            else:
                await carried.until(carried.done + measured.BURST)

    await measured.serve(handle)


async def _from_a_socket(path: Path, stack: AsyncExitStack, *, opening: bool) -> None:
    """Let the feed do it all."""
    feed, metrics = path.feed, path.metrics
    await stack.enter_async_context(running(feed.sockets.run()))
    await eventually(lambda: feed.connected_since, what="a connection")
    await metrics.carried.until(len(venue_frames.PAIRS) if opening else 0)

    async def handle(count: int) -> None:
        await metrics.carried.until(metrics.carried.done + count)

    await measured.serve(handle, lambda: {"queued": metrics.most_queued, "dropped": metrics.dropped})


async def _into_nothing(path: Path, stack: AsyncExitStack) -> None:
    """Let a session read, and nobody listen."""
    listener = cast("DeafListener", path.listener(DeafListener))
    session = Session(
        1, path.settings.ws_url, listener=lambda _: listener, limiter=ConnectLimiter(1), metrics=path.metrics,
        waits=backoff,
    )  # fmt: skip
    await session.want(path.wanted, None)
    await stack.enter_async_context(running(session.run()))
    await eventually(lambda: session.connected_since, what="a connection")

    async def handle(count: int) -> None:
        await listener.heard.until(listener.heard.done + count)

    await measured.serve(handle)


if __name__ == "__main__":
    logs.configure("bench", "warning")
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], deaf="deaf" in sys.argv[5:]))
