"""One socket of BtcTurk, for ever: connect, join, read, tend what was joined, reconnect. No parsing."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial

import structlog

from spark_ingest.liveness import STEADY_AFTER_S, TEND_S, Pulse, Silent, Stalled, cause, read
from spark_ingest.setback import redated
from spark_ingest.websocket import Closed, Refused, WebSocket, connected, retry_after_s
from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.limiter import ConnectLimiter
from spark_ingest_btcturk.listener import Listener
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.subscriptions import Subscriptions, Unheard
from spark_service.clock import now_ms
from spark_service.lifecycle import run_together

SILENT_AFTER_S = 15.0
"""The venue repeats tickers every 0.8 s whether or not they change: so long without data is a dead connection."""
_LONGEST_RETRY_AFTER_S = 120.0

logger = structlog.get_logger()


class Session:
    """One connection after the other, each with the same subscriptions."""

    def __init__(
        self,
        number: int,
        url: str,
        *,
        listener: Callable[[Subscriptions], Listener],
        limiter: ConnectLimiter,
        metrics: IngestMetrics,
        waits: Callable[[], Iterator[float]],
    ) -> None:
        """``listener`` makes one for each connection: what it knows of a conversation ends with it."""
        self.number = number
        self.subscriptions = Subscriptions()
        self.connected_since: int | None = None
        self.heard_at: float | None = None
        self._url = url
        self._new_listener = listener
        self._limiter = limiter
        self._metrics = metrics
        self._new_waits = waits
        self._ws: WebSocket | None = None
        self._opened_at = time.monotonic()

    async def want(self, wanted: Collection[Subscription], probe: Subscription | None) -> None:
        """Join and leave what has changed, now if there is a connection; the next one joins everything.

        ``probe`` is the one of them that is there only to show that the socket lives.
        """
        with suppress(OSError, Closed):  # it is just being lost, which is for `run` to see
            await self._send(self.subscriptions.want(wanted, time.monotonic(), probe))

    def clock_set_back(self, back_ms: int, now_ms: int) -> None:
        """The wall clock was set back, and is now there."""
        if self.connected_since is not None:
            self.connected_since = redated(self.connected_since, back_ms, now_ms)

    async def run(self) -> None:
        """Connect, read, reconnect, until cancelled."""
        waits = self._new_waits()
        while True:
            await self._limiter.wait()
            started = time.monotonic()
            listener = self._new_listener(self.subscriptions)
            try:
                await self._connect_and_read(listener)
            except (OSError, Closed, Refused, Silent, Stalled, Unheard) as exc:  # TimeoutError is an OSError
                if self._flowed_since(started):
                    waits = self._new_waits()
                why = "unheard" if isinstance(exc, Unheard) else cause(exc)
                asked_s = retry_after_s(exc, _LONGEST_RETRY_AFTER_S)
                self._limiter.hold(asked_s)  # it is the address that was refused, not this socket
                wait_s = max(next(waits), asked_s)
                self.subscriptions.closed()
                listener.interrupted(why)
                self._metrics.disconnected(why)
                logger.warning(
                    "lost btcturk", socket=self.number, cause=why, error=str(exc), retry_in_s=round(wait_s, 2)
                )
                await asyncio.sleep(wait_s)

    def _flowed_since(self, started: float) -> bool:
        return self.heard_at is not None and self.heard_at - started > STEADY_AFTER_S

    async def _connect_and_read(self, listener: Listener) -> None:
        async with connected(self._url) as ws:
            self._ws = ws
            self.connected_since = now_ms()
            pulse, self._opened_at = Pulse(), time.monotonic()
            joins = self.subscriptions.opened(self._opened_at)
            logger.info("connected to btcturk", url=self._url, socket=self.number, subscriptions=len(joins))
            try:
                await self._send(joins)
                await run_together([read(ws, pulse, partial(self._take, listener)), self._tend(listener, pulse)])
            except (Silent, Stalled, Unheard):
                ws.abort()  # nothing more is wanted from it, a close handshake least of all
                raise
            finally:
                self._ws = self.connected_since = None

    def _take(self, listener: Listener, frame: bytes, now: float) -> None:
        if listener.take(frame, now_ms(), now):
            self.heard_at = now

    async def _tend(self, listener: Listener, pulse: Pulse) -> None:
        while True:
            await asyncio.sleep(TEND_S)
            now = time.monotonic()
            pulse.move(now)
            if now - max(self._opened_at, self.heard_at or 0.0) > SILENT_AFTER_S:
                raise Silent(f"no data for {SILENT_AFTER_S:g} s")
            tended = self.subscriptions.tend(now)
            if tended.mute:
                listener.fell_mute(tended.mute)
            await self._send(tended.frames)

    async def _send(self, frames: Collection[str]) -> None:
        if self._ws is not None and frames:
            await self._ws.send(*frames)
