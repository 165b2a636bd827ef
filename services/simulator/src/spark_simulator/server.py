"""The server: the venue's WebSocket and REST, and the control API, on one port, and on a second one over TLS."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import structlog
from aiohttp import WSCloseCode, web

from spark_service.clock import Clock
from spark_service.lifecycle import CannotStart
from spark_simulator import tls
from spark_simulator.assembly import Parts, assembled
from spark_simulator.bist.assembly import Bist
from spark_simulator.settings import Settings

PING_PERIOD_S = 15.0
_STOP_S = 0.8  # for answers under way, after the WebSockets have been closed

logger = structlog.get_logger()


class Simulator:
    """A simulator that is running. ``tls_port`` is None when it does not speak TLS."""

    def __init__(self, host: str, port: int, tls_port: int | None, feeding: asyncio.Task[None], bist: Bist) -> None:
        self.host = host
        self.port = port
        self.tls_port = tls_port
        self.bist = bist
        self._feeding = feeding

    @property
    def ws_url(self) -> str:
        """Where the venue's WebSocket is."""
        return f"ws://{self.host}:{self.port}/btcturk/ws"

    @property
    def http_url(self) -> str:
        """Where ``/btcturk/api/v2/…`` and ``/control/…`` are."""
        return f"http://{self.host}:{self.port}"

    async def serve(self) -> None:
        """Go on until cancelled; raises what broke the feed, should it break."""
        await self._feeding


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, ping_period_s: float = PING_PERIOD_S, clock: Clock | None = None
) -> AsyncIterator[Simulator]:
    """Serve while the context lasts; ``clock`` is Borsa İstanbul's, in place of the settings'.

    Raises CannotStart for a taken port or a file that cannot be used.
    """
    parts = assembled(settings, ping_period_s, clock)
    runner = web.AppRunner(parts.app, access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        port = await _listen(runner, settings)
        async with _tls(runner, settings, parts) as tls_port:
            feeding = asyncio.create_task(parts.source.run())
            parts.scenarios.begin()
            logger.info("listening", host=settings.host, port=port, tls_port=tls_port, pairs=len(parts.board.pairs))
            try:
                yield Simulator(settings.host, port, tls_port, feeding, parts.bist)
            finally:
                await parts.bist.sockets.end()
                feeding.cancel()
                await parts.scenarios.end()
                for connection in parts.feed.connections:
                    connection.close(WSCloseCode.GOING_AWAY)
                with contextlib.suppress(asyncio.CancelledError):
                    await feeding  # a feed that broke is not to be passed over
    finally:
        await runner.cleanup()
        parts.ledger.close()


async def _listen(runner: web.AppRunner, settings: Settings) -> int:
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as exc:
        raise _taken(settings.host, settings.port, "SPARK_SIMULATOR_PORT", exc) from exc
    return site.port


@contextlib.asynccontextmanager
async def _tls(runner: web.AppRunner, settings: Settings, parts: Parts) -> AsyncIterator[int | None]:
    if settings.tls_port is None or runner.server is None:
        yield None
        return
    if settings.tls_certificate is None:
        raise CannotStart("SPARK_SIMULATOR_TLS_PORT needs SPARK_SIMULATOR_TLS_CERTIFICATE")
    made = tls.context(settings.tls_certificate)
    try:
        listening = tls.listen(settings.host, settings.tls_port)
    except OSError as exc:
        raise _taken(settings.host, settings.tls_port, "SPARK_SIMULATOR_TLS_PORT", exc) from exc
    async with tls.served(runner.server, made, listening, parts.faults):
        yield listening.getsockname()[1]


def _taken(host: str, port: int, setting: str, exc: OSError) -> CannotStart:
    why = "it is in use" if exc.errno == errno.EADDRINUSE else exc.strerror
    return CannotStart(f"cannot listen on {host}:{port} ({why}); stop what uses it or set {setting}")
