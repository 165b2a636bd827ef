"""One connection to BtcTurk after the other: connect, read, reconnect, for ever. No parsing."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from spark_ingest_btcturk.continuity import Continuity
from spark_ingest_btcturk.directory import Directory
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame, Received
from spark_market.instruments import Mode
from spark_market.messages import Gap, Ticker
from spark_service.clock import now_ms

SILENT_AFTER_S = 15.0
"""The venue repeats tickers every 0.8 s whether or not they change: so long without data is a dead connection, and so
long without data of one pair a dead subscription."""
STEADY_AFTER_S = 15.0
"""Data must have flowed this long before the next loss is retried at once: greeting and hanging up is not health."""
STALLED_AFTER_S = 2.0
"""When this process stood still for longer, what waits in the socket is old: it can not be told how old."""
_PULSE_S = 0.25
_LOOK_FOR_MUTE_S = 1.0
_LONGEST_RETRY_AFTER_S = 120.0
_LARGEST_FRAME = 4 * 2**20  # one frame with all pairs is about 0.1 MB
_MOST_MALFORMED_LOGGED = 20

logger = structlog.get_logger()


class Silent(Exception):
    """Connected, but no data."""


class Stalled(Exception):
    """This process, not the venue, stood still."""


class Session:
    """The feed's life, and what it knows of itself for the heartbeat."""

    def __init__(
        self,
        url: str,
        mode: Mode,
        events: Sequence[str],
        *,
        publish: Callable[[Sequence[Ticker | Gap]], None],
        directory: Directory,
        metrics: IngestMetrics,
        waits: Callable[[], Iterator[float]],
        known_until: Mapping[str, int],
    ) -> None:
        self._url = url
        self._mode = mode
        self._events = events
        self._publish = publish
        self._directory = directory
        self._metrics = metrics
        self._new_waits = waits
        self._continuity = Continuity(events, known_until)
        self._pulse_at = time.monotonic()
        self._logged_malformed = 0
        self._look_for_mute_at = 0.0
        self.connected_since: int | None = None
        self.reconnects = 0
        self.malformed = 0
        self.last_heard_monotonic: float | None = None
        self.heard: dict[str, int] = {}

    def unproven(self) -> list[str]:
        """Return the joined events without data."""
        return self._continuity.unheard()

    async def run(self) -> None:
        """Connect, read, reconnect, until cancelled."""
        pulse = asyncio.create_task(self._beat_pulse())
        try:
            await self._run()
        finally:
            pulse.cancel()

    async def _run(self) -> None:
        waits = self._new_waits()
        while True:
            started = time.monotonic()
            try:
                await self._connect_and_read()
            except (OSError, WebSocketException, Silent, Stalled) as exc:  # TimeoutError is an OSError
                if self._flowed_since(started):
                    waits = self._new_waits()
                cause = _cause(exc)
                wait_s = max(next(waits), _retry_after_s(exc))
                self.connected_since = None
                self.reconnects += 1
                self._continuity.interrupted(cause)
                self._metrics.disconnected(cause)
                logger.warning("lost btcturk", cause=cause, error=str(exc), retry_in_s=round(wait_s, 2))
                await asyncio.sleep(wait_s)

    def _flowed_since(self, started: float) -> bool:
        return self.last_heard_monotonic is not None and self.last_heard_monotonic - started > STEADY_AFTER_S

    async def _connect_and_read(self) -> None:
        async with connect(
            self._url,
            compression=None,  # the venue never grants it
            ping_interval=None,  # the venue pings; whether it is well is for its data to show
            open_timeout=10,
            close_timeout=1,
            max_size=_LARGEST_FRAME,
        ) as ws:
            self.connected_since = now_ms()
            self._metrics.connected()
            logger.info("connected to btcturk", url=self._url, events=len(self._events))
            try:
                await self._converse(ws)
            except (Silent, Stalled):
                ws.transport.abort()  # nothing more is wanted from it, a close handshake least of all
                raise

    async def _converse(self, ws: ClientConnection) -> None:
        protocol = BtcTurkProtocol(self._mode, self._events)
        loop = asyncio.get_running_loop()
        self._pulse_at = time.monotonic()
        try:
            async with asyncio.timeout(SILENT_AFTER_S) as silence:
                for request in protocol.opening_frames():
                    await ws.send(request)
                while True:
                    frame = await ws.recv(decode=False)  # raises on every close; `async for` would just end
                    if time.monotonic() - self._pulse_at > STALLED_AFTER_S:
                        raise Stalled(f"this process stood still for over {STALLED_AFTER_S:g} s")
                    if self._take(protocol, frame):
                        silence.reschedule(loop.time() + SILENT_AFTER_S)
                        self._look_for_mute()
        except TimeoutError as exc:
            raise Silent(f"no data for {SILENT_AFTER_S:g} s") from exc

    def _look_for_mute(self) -> None:
        """A pair that has fallen silent while others speak is lost: only a new connection is sure to bring it back."""
        now = time.monotonic()
        if now < self._look_for_mute_at:
            return
        self._look_for_mute_at = now + _LOOK_FOR_MUTE_S
        mute = self._continuity.mute(now_ms(), int(SILENT_AFTER_S * 1000))
        if mute:
            raise Silent(f"no data of {', '.join(mute[:5])} for {SILENT_AFTER_S:g} s while others speak")

    def _take(self, protocol: BtcTurkProtocol, frame: bytes) -> bool:
        """Publish what ``frame`` brings; returns whether it was data, which alone proves that the feed is well."""
        received_at = now_ms()
        try:
            received = protocol.receive(frame, received_at)
        except MalformedFrame as exc:
            self._count_malformed([str(exc)])
            self._metrics.received("malformed", 0, 1)
            return False
        unchanged = len(received.heard) - len(received.tickers)
        self._metrics.received(received.kind, unchanged, len(received.malformed))
        if received.malformed:
            self._count_malformed(received.malformed)
        if received.proof is None:
            return False
        self._hear(received, received.proof, received_at)
        return True

    def _hear(self, received: Received, proof: str, received_at: int) -> None:
        self.last_heard_monotonic = time.monotonic()
        self._metrics.heard(received_at)
        for instrument in received.heard:
            self.heard[f"ticker:{instrument.symbol}"] = received_at
            self._directory.meet(instrument)
        gap = self._continuity.hear(proof, received.heard[0].symbol, received_at)
        if gap is not None:
            self._metrics.gap(gap.cause)
            logger.warning("gap", symbol=gap.symbol, cause=gap.cause, lasted_ms=gap.to - gap.from_)
            self._publish([gap])
        if received.tickers:
            self._publish(received.tickers)

    def _count_malformed(self, reasons: Sequence[str]) -> None:
        self.malformed += len(reasons)
        self._logged_malformed += 1
        if self._logged_malformed <= _MOST_MALFORMED_LOGGED:
            logger.warning("malformed frame", reason=reasons[0][:200], rows=len(reasons))
        elif self._logged_malformed == _MOST_MALFORMED_LOGGED + 1:
            logger.warning("more malformed frames; they are counted, and no longer logged")

    async def _beat_pulse(self) -> None:
        """Notice when this process was stopped or starved. Never forgives a pause: the reader must see it first."""
        while True:
            await asyncio.sleep(_PULSE_S)
            now = time.monotonic()
            if now - self._pulse_at <= STALLED_AFTER_S:
                self._pulse_at = now


def _retry_after_s(exc: Exception) -> float:
    """Return how long a venue that refused us asks to be left alone; the dated form of the header is not known here."""
    asked = exc.response.headers.get("Retry-After", "") if isinstance(exc, InvalidStatus) else ""
    return min(float(asked), _LONGEST_RETRY_AFTER_S) if re.fullmatch(r"[0-9]{1,9}", asked) else 0.0


def _cause(exc: Exception) -> str:
    """Return a bounded label for the metric."""
    match exc:
        case Silent():
            return "silent"
        case Stalled():
            return "stalled"
        case InvalidStatus():
            return f"refused_{exc.response.status_code}"
        case TimeoutError():
            return "timeout"
        case WebSocketException():
            return "closed"
        case _:
            return "network"
