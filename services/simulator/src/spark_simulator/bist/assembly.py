"""The parts of the simulated Borsa İstanbul, put together, and its HTTP paths."""

import asyncio
from functools import cache

from aiohttp import web

from spark_market.sessions import NONE, Calendar, Overrides, bist
from spark_service.clock import Clock, MarketClock, WallClock
from spark_service.clock import now_ms as wall_ms
from spark_simulator.bist.account import BistAccount
from spark_simulator.bist.answers import Answers
from spark_simulator.bist.control import BistControl
from spark_simulator.bist.faults import BistFaults
from spark_simulator.bist.market import BistMarket
from spark_simulator.bist.sockets import Sockets
from spark_simulator.bist.view import View


@cache
def _published() -> Calendar:
    return bist()  # a tenth of a second, and tests start many simulators


class Bist:
    """The exchange and its sources. Without sockets `answers` is all that is needed to ask it something."""

    def __init__(self, seed: int, clock: Clock, overrides: Overrides = NONE) -> None:
        if isinstance(clock, WallClock):
            clock = MarketClock(wall_ms(), wall_ms())  # so that it can be set
        self.clock = clock
        self.market = BistMarket(seed, _published() if overrides is NONE else bist(overrides))
        self.faults = BistFaults(clock.monotonic)
        self.account = BistAccount()
        self.view = View(self.market, self.faults, self.account)
        self.answers = Answers(self.view, self.faults, self.account, clock)
        self.sockets = Sockets(self.view, self.faults, self.account, self.answers, clock)
        self._control = BistControl(self.view, self.faults, self.account, self.sockets, clock)

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [*self.sockets.routes(), web.get("/bist/{below:.*}", self._get), *self._control.routes()]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        reply = self.answers.get(request.path_qs, request.headers)
        await asyncio.sleep(reply.delay_s)
        headers = {"Content-Type": reply.content_type, **reply.headers}
        if not reply.cut:
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
        if request.transport is not None:
            request.transport.close()  # after what was written; a content length promised more
        return response
