"""A source on a free port: a real HTTP server that speaks Yahoo's protocol, and misbehaves as it is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from aiohttp import web

from spark_service.clock import Clock
from support import yahoo

DELAY_S = 900
Behaviour = Callable[[web.Request, list[str]], Awaitable[web.StreamResponse]]


class FakeSource:
    """``asked`` is when (monotonic s) what was asked for. ``behave`` answers; None for prices that always move."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self.asked: list[tuple[float, list[str]]] = []
        self.behave: Behaviour | None = None
        self.unknown: set[str] = set()
        """Whatever is asked for together with one of these is refused."""
        self.url = ""

    async def __aenter__(self) -> "FakeSource":
        app = web.Application()
        app.router.add_get("/v7/finance/spark", self._spark)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _spark(self, request: web.Request) -> web.StreamResponse:
        symbols = [name.removesuffix(".IS") for name in request.query["symbols"].split(",")]
        self.asked.append((time.monotonic(), symbols))
        if self.behave is not None:
            return await self.behave(request, symbols)
        if self.unknown & set(symbols):
            return web.Response(status=404)
        return self.prices(symbols)

    def prices(self, symbols: list[str]) -> web.Response:
        """Return rows that move with each answer."""
        time_s = self._clock.now_ms() // 1000 - DELAY_S
        price = 300 + len(self.asked) % 25
        rows = [
            yahoo.row(f"{symbol}.IS", regularMarketTime=time_s, regularMarketPrice=price, regularMarketVolume=...)
            for symbol in symbols
        ]
        return web.Response(body=yahoo.encoded(yahoo.spark(*rows)), content_type="application/json")


def refusing(status: int, body: str = "", **headers: str) -> Behaviour:
    async def behave(request: web.Request, symbols: list[str]) -> web.StreamResponse:
        return web.Response(
            status=status, text=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return behave


def fixed(time_s: int, price: float) -> Behaviour:
    """Tell always the same."""

    async def behave(request: web.Request, symbols: list[str]) -> web.StreamResponse:
        rows = [
            yahoo.row(f"{symbol}.IS", regularMarketTime=time_s, regularMarketPrice=price, regularMarketVolume=...)
            for symbol in symbols
        ]
        return web.Response(body=yahoo.encoded(yahoo.spark(*rows)), content_type="application/json")

    return behave


async def cut(request: web.Request, symbols: list[str]) -> web.StreamResponse:
    """Send half an answer and hang up."""
    response = web.StreamResponse()
    response.content_length = 10_000
    await response.prepare(request)
    await response.write(b'{"spark":')
    assert request.transport is not None
    request.transport.close()
    return response


async def slow(request: web.Request, symbols: list[str]) -> web.StreamResponse:
    """Say nothing for longer than anybody waits."""
    await asyncio.sleep(60)
    return web.Response()
