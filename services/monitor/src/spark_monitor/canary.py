"""The canary: subscribes through the gateway as a user does, and measures how long what a user sees was under way.

It tells of itself and never of the venue: a canary that has no stream changes no verdict.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import aiohttp
import msgspec
import structlog
from aiohttp.http import HttpProcessingError

from spark_bus.cursor import BadCursor, parse
from spark_monitor.canarymetrics import CanaryMetrics, Cause
from spark_monitor.latency import Latencies
from spark_monitor.stamps import stamps
from spark_service.backoff import backoff

SILENT_AFTER_S: Final = 20.0
"""The gateway's own ping comes every 13 s at most."""
_CONNECT_WITHIN_S: Final = 5.0
_MOST_SYMBOLS: Final = 3
_CHOOSE_WITHIN_S: Final = 20
_ALL: Final = ("*",)
_TICKER: Final = b'{"type":"ticker",'
_HEALTH: Final = b'{"type":"health",'
_GOODBYE: Final = b'{"type":"goodbye",'
_LONGEST_LINE: Final = 256 * 1024
_WELL_AFTER_S: Final = 30.0

logger = structlog.get_logger()


class Unwell(Exception):
    """The stream is not what it should be."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause: Cause = cause


class Canary:
    """One venue's."""

    def __init__(
        self,
        gateway: str,
        venue: str,
        *,
        key: str | None,
        busiest: Callable[[int], Sequence[str]],
        metrics: CanaryMetrics,
        latencies: Latencies,
        waits: Callable[[], Iterator[float]] = lambda: backoff(first_s=1.0, most_s=30.0),
    ) -> None:
        """``gateway`` is its address; ``busiest`` names some symbols that are worth to be listened to."""
        self._url = f"{gateway.rstrip('/')}/api/market/{venue}/stream"
        self._venue = venue
        self._headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._busiest = busiest
        self._metrics = metrics
        self._to_canary = latencies.of(venue, "bus_to_canary")
        self._end_to_end = latencies.of(venue, "end_to_end")
        self._new_waits = waits
        self._complained = False

    async def run(self) -> None:
        """Listen, and come back, until cancelled."""
        waits = self._new_waits()
        while True:
            began = time.monotonic()
            try:
                await self._listen()
            except Unwell as exc:
                self._fail(exc.cause, exc)
            except TimeoutError as exc:
                self._fail("timeout", exc)
            except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as exc:
                self._fail("connect", exc)
            except (aiohttp.ClientError, OSError) as exc:
                self._fail("closed", exc)
            except Exception as exc:  # whatever it is: the verdict is not to end for the canary's sake
                self._fail("malformed", exc)
            if time.monotonic() - began > _WELL_AFTER_S:
                waits = self._new_waits()
            await asyncio.sleep(next(waits))

    def _fail(self, cause: Cause, error: Exception) -> None:
        self._metrics.failed(self._venue, cause)
        if not self._complained:
            logger.warning("the canary has no stream", venue=self._venue, cause=cause, error=str(error)[:200])
        self._complained = True

    async def _listen(self) -> None:
        """Open the stream and read it until it ends with a goodbye. Raises Unwell, and what the client raises."""
        symbols = await self._choose()
        params = {"symbol": ",".join(symbols), "channel": "ticker", "throttle": "0"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_WITHIN_S, sock_read=SILENT_AFTER_S)
        async with (
            aiohttp.ClientSession(headers=self._headers, timeout=timeout, read_bufsize=_LONGEST_LINE) as session,
            session.get(self._url, params=params, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise Unwell("refused", f"the gateway answers {response.status}")
            await self._read(response.content, symbols)

    async def _choose(self) -> tuple[str, ...]:
        """Return a few symbols that move, as soon as some do; all when none does, as in a market that is closed."""
        for _ in range(_CHOOSE_WITHIN_S):
            if symbols := tuple(self._busiest(_MOST_SYMBOLS)):
                return symbols
            await asyncio.sleep(1)
        return _ALL

    async def _read(self, lines: aiohttp.StreamReader, symbols: tuple[str, ...]) -> None:
        position = b""
        while True:
            try:
                line = (await lines.readline()).rstrip(b"\r\n")
            except (ValueError, HttpProcessingError) as exc:
                raise Unwell("malformed", "a line without an end") from exc
            if not line and lines.at_eof():
                raise Unwell("closed", "the stream ended without a goodbye")
            if line.startswith(b"id: "):
                position = line[4:]
            elif line.startswith(b"data: "):
                self._take(line[6:], position)
                if line[6:].startswith(_GOODBYE):
                    return
                if symbols == _ALL and line[6:].startswith(_HEALTH) and self._busiest(1):
                    return  # there is something to choose from now
            elif not line:
                position = b""

    def _take(self, data: bytes, position: bytes) -> None:
        now_s = time.time()
        if self._complained:
            logger.info("the canary has a stream again", venue=self._venue)
            self._complained = False
        self._metrics.spoke(self._venue, now_s)
        if not position or not data.startswith(_TICKER):
            return  # what a stream opens with is as old as it is
        try:
            entry_ms = parse(position.decode())[self._venue].entry.ms
            received_at = stamps(data).received_at
        except (BadCursor, KeyError, UnicodeError, msgspec.MsgspecError) as exc:
            raise Unwell("malformed", f"not an event: {data[:80]!r}") from exc
        self._to_canary.observe(now_s * 1000 - entry_ms)
        self._end_to_end.observe(now_s * 1000 - received_at)
