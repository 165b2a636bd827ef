"""One socket of BtcTurk, for ever: connect, join, read, tend what was joined, reconnect. No parsing."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

import structlog

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
STEADY_AFTER_S = 15.0
"""Data must have flowed this long before the next loss is retried at once: greeting and hanging up is not health."""
STALLED_AFTER_S = 2.0
"""When this process stood still for longer, what waits in the socket is old: it can not be told how old."""
TEND_S = 0.25
FRAMES_A_TURN = 64
"""While frames are waiting, `receive` never gives way: after so many, what they told has its turn to go out."""
_SEND_S = 10.0  # requests are a few kB; a venue that does not take them in so long is not there
_LONGEST_RETRY_AFTER_S = 120.0

logger = structlog.get_logger()


class Silent(Exception):
    """Connected, but no data."""


class Stalled(Exception):
    """This process, not the venue, stood still."""


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
        self._opened_at = self._pulse_at = time.monotonic()

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
                cause, asked_s = _cause(exc), retry_after_s(exc, _LONGEST_RETRY_AFTER_S)
                self._limiter.hold(asked_s)  # it is the address that was refused, not this socket
                wait_s = max(next(waits), asked_s)
                self.subscriptions.closed()
                listener.interrupted(cause)
                self._metrics.disconnected(cause)
                logger.warning(
                    "lost btcturk", socket=self.number, cause=cause, error=str(exc), retry_in_s=round(wait_s, 2)
                )
                await asyncio.sleep(wait_s)

    def _flowed_since(self, started: float) -> bool:
        return self.heard_at is not None and self.heard_at - started > STEADY_AFTER_S

    async def _connect_and_read(self, listener: Listener) -> None:
        async with connected(self._url) as ws:
            self._ws = ws
            self.connected_since = now_ms()
            self._pulse_at = self._opened_at = time.monotonic()
            joins = self.subscriptions.opened(self._pulse_at)
            logger.info("connected to btcturk", url=self._url, socket=self.number, subscriptions=len(joins))
            try:
                await self._send(joins)
                await run_together([self._read(ws, listener), self._tend(listener)])
            except (Silent, Stalled, Unheard):
                ws.abort()  # nothing more is wanted from it, a close handshake least of all
                raise
            finally:
                self._ws = self.connected_since = None

    async def _read(self, ws: WebSocket, listener: Listener) -> None:
        while True:
            for _ in range(FRAMES_A_TURN):
                frame = await ws.receive()
                now = time.monotonic()
                if now - self._pulse_at > STALLED_AFTER_S:
                    raise Stalled(f"this process stood still for over {STALLED_AFTER_S:g} s")
                if listener.take(frame, now_ms(), now):
                    self.heard_at = now
            await asyncio.sleep(0)

    async def _tend(self, listener: Listener) -> None:
        """Look after silences, and notice when this process was stopped or starved.

        Never forgives a pause: the reader must see it first, for what it reads next may be old.
        """
        while True:
            await asyncio.sleep(TEND_S)
            now = time.monotonic()
            if now - self._pulse_at > STALLED_AFTER_S:
                raise Stalled(f"this process stood still for over {STALLED_AFTER_S:g} s")
            self._pulse_at = now
            if now - max(self._opened_at, self.heard_at or 0.0) > SILENT_AFTER_S:
                raise Silent(f"no data for {SILENT_AFTER_S:g} s")
            tended = self.subscriptions.tend(now)
            if tended.mute:
                listener.fell_mute(tended.mute)
            await self._send(tended.frames)

    async def _send(self, frames: Collection[str]) -> None:
        ws = self._ws
        if ws is not None and frames:
            async with asyncio.timeout(_SEND_S):
                for frame in frames:
                    await ws.send(frame)


def _cause(exc: Exception) -> str:
    """Return a bounded label for the metric."""
    match exc:
        case Silent():
            return "silent"
        case Stalled():
            return "stalled"
        case Unheard():
            return "unheard"
        case Refused():
            return f"refused_{exc.status}"
        case TimeoutError():
            return "timeout"
        case Closed():
            return "closed"
        case _:
            return "network"
