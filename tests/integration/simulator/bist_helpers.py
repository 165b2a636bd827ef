"""A real simulator whose exchange stands at a time, and a client of it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from integration.simulator.helpers import DEADLINE_S, settings_for
from spark_simulator import server
from spark_simulator.server import Simulator
from support.istanbul import MONDAY, StandingClock, at
from support.simulated_bist import BROWSER


@contextlib.asynccontextmanager
async def exchange(time: str = f"{MONDAY} 11:30") -> AsyncIterator[tuple[Simulator, httpx.AsyncClient, StandingClock]]:
    """A simulator whose exchange stands at a time in Istanbul, and a client that looks like a browser."""
    clock = StandingClock(at(time))
    async with (
        server.running(settings_for(interval_ms=1000), clock=clock) as simulator,
        httpx.AsyncClient(base_url=simulator.http_url, headers=BROWSER, timeout=DEADLINE_S) as http,
    ):
        yield simulator, http, clock


async def fault(http: httpx.AsyncClient, name: str, **fields: object) -> Any:
    response = await http.post("/control/bist/faults", json={"fault": name, **fields})
    assert response.status_code == 200, response.text
    return response.json()["faults"]
