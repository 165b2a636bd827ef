"""The server: the venue's WebSocket and REST, and the control API, on one port."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator

import structlog
from aiohttp import WSCloseCode, web

from spark_service.lifecycle import CannotStart
from spark_simulator.control import Control
from spark_simulator.conversation import Conversations, Source
from spark_simulator.faults import Faults
from spark_simulator.feed import Feed
from spark_simulator.ledger import Ledger
from spark_simulator.live import Live
from spark_simulator.market import Market
from spark_simulator.pairs import catalogue
from spark_simulator.recording import Recording
from spark_simulator.replay import Replay
from spark_simulator.rest import Rest
from spark_simulator.row import Board
from spark_simulator.settings import Settings
from spark_simulator.traffic import Traffic

PING_PERIOD_S = 15.0
_STOP_S = 0.8  # for answers under way, after the WebSockets have been closed

logger = structlog.get_logger()


class Simulator:
    """A simulator that is running."""

    def __init__(self, host: str, port: int, feeding: asyncio.Task[None]) -> None:
        self.host = host
        self.port = port
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
async def running(settings: Settings, *, ping_period_s: float = PING_PERIOD_S) -> AsyncIterator[Simulator]:
    """Serve while the context lasts. Raises CannotStart for a taken port or a recording that cannot be read."""
    feed, faults, ledger, traffic = Feed(), Faults(), Ledger(), Traffic()
    board, source = _venue(settings, feed, faults)
    app = web.Application(middlewares=[traffic.counted])
    conversations = Conversations(feed, source, faults, ledger, traffic, ping_period_s)
    app.add_routes([web.get("/btcturk/ws{below:(/.*)?}", conversations.handle), web.get("/livez", _alive)])
    app.add_routes(Rest(board).routes())
    app.add_routes(Control(board, feed, faults, ledger, traffic).routes())
    app.add_routes([web.route("*", "/{unknown:.*}", _not_found)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S)
    await runner.setup()
    try:
        port = await _listen(runner, settings)
        feeding = asyncio.create_task(source.run())
        logger.info("listening", host=settings.host, port=port, pairs=len(board.pairs))
        try:
            yield Simulator(settings.host, port, feeding)
        finally:
            feeding.cancel()
            for connection in feed.connections:
                connection.close(WSCloseCode.GOING_AWAY)
            with contextlib.suppress(asyncio.CancelledError):
                await feeding  # a feed that broke is not to be passed over
    finally:
        await runner.cleanup()


def _venue(settings: Settings, feed: Feed, faults: Faults) -> tuple[Board, Source]:
    if settings.replay is not None:
        recorded = Recording(settings.replay)
        return recorded, Replay(recorded, feed, faults, settings.interval_ms, settings.replay_speed)
    market = Market(catalogue()[: settings.pairs], settings.seed, settings.change_probability)
    return market, Live(market, feed, faults, settings.interval_ms)


async def _listen(runner: web.AppRunner, settings: Settings) -> int:
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as exc:
        why = "it is in use" if exc.errno == errno.EADDRINUSE else exc.strerror
        raise CannotStart(
            f"cannot listen on {settings.host}:{settings.port} ({why}); stop what uses it or set SPARK_SIMULATOR_PORT"
        ) from exc
    return site.port


async def _alive(request: web.Request) -> web.Response:
    return web.Response(text="alive\n")


async def _not_found(request: web.Request) -> web.Response:
    return web.Response(status=404)
