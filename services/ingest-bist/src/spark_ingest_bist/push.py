"""One WebSocket of a source, for ever: connect in session hours, ask, read, keep alive, reconnect. No parsing."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from spark_ingest import websocket
from spark_ingest.liveness import STEADY_AFTER_S, TEND_S, Pulse, Silent, Stalled, cause, read
from spark_ingest.websocket import Closed, WebSocket, connected, retry_after_s
from spark_ingest_bist.quotes import Answer, MalformedAnswer, Refused
from spark_ingest_bist.refusals import by_status
from spark_ingest_bist.sources import Endpoint, PushProtocol
from spark_service.backoff import backoff
from spark_service.clock import now_ms
from spark_service.lifecycle import run_together

LARGEST_FRAME: Final = 2**20
"""In bytes. A larger one costs the connection."""
_LONGEST_RETRY_AFTER_S: Final = 900.0
_QUIET_TIMES: Final = 5
"""Frames without data prove the connection, not the subscription: after so many idle limits it is made anew."""


class _Over(Exception):
    """The session has ended, and the last of its data has come."""


class Hours(Protocol):
    """When the source may be connected to, and when something has to come."""

    def open(self) -> bool:
        """Return whether it may be now."""

    def expected(self) -> bool:
        """Return whether data has to come now: not before a delayed source's first, nor during a halt."""

    async def opened(self) -> None:
        """Return once it may be connected to."""


class PushListener(Protocol):
    """Who is told what a connection brings."""

    def take(self, answer: Answer, received_at: int) -> None:
        """A frame came, ``received_at`` ms UTC by the wall clock."""

    def malformed(self, exc: MalformedAnswer) -> None:
        """A frame could not be read, and is lost."""

    def refused(self, exc: Refused) -> None:
        """The source said no: in a frame, or to the connection itself."""

    def connected(self) -> None:
        """There is a connection, and it was asked; whether it brings anything is for its data to show."""

    def lost(self, cause: str) -> None:
        """The connection ended, or was not to be had; ``cause`` is one of few."""


@dataclass
class Waits:
    """How long to wait after what: a key that may not, or too many requests, are not to be tried again soon."""

    lost: Callable[[], Iterator[float]] = backoff
    limited: Callable[[], Iterator[float]] = lambda: backoff(15.0, 900.0)
    forbidden: Callable[[], Iterator[float]] = lambda: backoff(60.0, 900.0)


logger = structlog.get_logger()


class PushSession:
    """One connection after the other. A protocol lives as long as its connection."""

    def __init__(
        self,
        endpoint: Endpoint,
        protocol: Callable[[], PushProtocol],
        symbols: Callable[[], Sequence[str]],
        *,
        listener: PushListener,
        hours: Hours,
        idle_s: float,
        waits: Waits | None = None,
    ) -> None:
        """``symbols`` are ours; none means all there are. ``idle_s`` is how long no frame at all may come while data is
        expected."""
        self.connected_since: int | None = None
        """When the present connection came about (ms UTC)."""
        self.heard_at: float | None = None
        """When data last came, on the monotonic clock; a handshake or a heartbeat is none."""
        self._endpoint = endpoint
        self._new_protocol = protocol
        self._symbols = symbols
        self._listener = listener
        self._hours = hours
        self._idle_s = idle_s
        self._waits = waits or Waits()
        self._frame_at = time.monotonic()

    async def run(self) -> None:
        """Connect, read, reconnect, until cancelled."""
        waits: dict[str, Iterator[float]] = {}
        while True:
            await self._hours.opened()
            started = time.monotonic()
            try:
                await self._connect_and_read()
            except (OSError, Closed, websocket.Refused, Refused, Silent, Stalled) as exc:
                if self.heard_at is not None and self.heard_at - started > STEADY_AFTER_S:
                    waits.clear()
                why = exc.error if isinstance(exc, Refused) else cause(exc)
                asked_s = retry_after_s(exc, _LONGEST_RETRY_AFTER_S)
                if isinstance(exc, websocket.Refused):
                    self._listener.refused(
                        Refused(by_status(exc.status), f"status {exc.status} in place of a WebSocket")
                    )
                self._listener.lost(why)
                wait_s = max(next(waits.setdefault(*self._kind(exc))), asked_s)
                logger.warning(
                    "lost the source",
                    source=self._endpoint.label,
                    cause=why,
                    error=self._endpoint.scrubbed(str(exc))[:300],
                    retry_in_s=round(wait_s, 2),
                )
                await asyncio.sleep(wait_s)

    def _kind(self, exc: Exception) -> tuple[str, Iterator[float]]:
        match exc:
            case websocket.Refused():
                kind = by_status(exc.status)
            case Refused():
                kind = exc.error
            case _:
                kind = "lost"
        known = {"limited": self._waits.limited, "forbidden": self._waits.forbidden}
        return (kind, known[kind]()) if kind in known else ("lost", self._waits.lost())

    async def _connect_and_read(self) -> None:
        protocol, symbols = self._new_protocol(), self._symbols()
        async with connected(self._endpoint.url, self._endpoint.headers, LARGEST_FRAME) as ws:
            self.connected_since = now_ms()
            pulse, self._frame_at = Pulse(), time.monotonic()
            logger.info("connected to the source", source=self._endpoint.label, symbols=len(symbols))
            try:
                await ws.send(*protocol.opening(symbols))
                self._listener.connected()
                reading = read(ws, pulse, partial(self._take, protocol))
                await run_together([reading, self._tend(pulse), self._keep_alive(ws, protocol)])
            except _Over:
                logger.info("closing the source until the next session", source=self._endpoint.label)
            except (Silent, Stalled):
                ws.abort()  # nothing more is wanted from it, a close handshake least of all
                raise
            finally:
                self.connected_since = None

    def _take(self, protocol: PushProtocol, frame: bytes, now: float) -> None:
        self._frame_at = now
        received_at = now_ms()
        try:
            answer = protocol.receive(frame, received_at)
        except MalformedAnswer as exc:
            self._listener.malformed(exc)
            return
        except Refused as exc:
            self._listener.refused(exc)
            if exc.error in {"forbidden", "limited"}:
                raise
            return
        if answer.quotes:
            self.heard_at = now
        self._listener.take(answer, received_at)

    async def _tend(self, pulse: Pulse) -> None:
        """Notice silence, and when this process was stopped or starved; end with the session."""
        since = time.monotonic()
        while self._hours.open():
            await asyncio.sleep(TEND_S)
            now = time.monotonic()
            pulse.move(now)
            if not self._hours.expected():
                since = now
            if now - max(since, self._frame_at) > self._idle_s:
                raise Silent(f"no frame for {self._idle_s:g} s")
            quiet_s = self._idle_s * _QUIET_TIMES
            if now - max(since, self.heard_at or 0.0) > quiet_s:
                raise Silent(f"frames, but no data for {quiet_s:g} s")
        raise _Over

    async def _keep_alive(self, ws: WebSocket, protocol: PushProtocol) -> None:
        while True:
            due = protocol.keepalive()
            if due is None:
                await asyncio.Event().wait()
                return
            await asyncio.sleep(due[0])
            await ws.send(due[1])
