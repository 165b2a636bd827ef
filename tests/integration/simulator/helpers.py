"""A real simulator on a free port, and a client that talks to it as an ingest does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from spark_service.settings import load
from spark_simulator import server
from spark_simulator.server import Simulator
from spark_simulator.settings import Settings

DEADLINE_S = 20.0  # for a busy machine; only a failure takes so long
FAST_MS = 20


@dataclass
class Client:
    """One WebSocket connection to the simulated venue."""

    ws: ClientConnection

    async def say(self, text: str) -> None:
        await self.ws.send(text)

    async def ask(self, channel: str, event: Any, *, join: bool = True) -> None:
        await self.say(json.dumps([151, {"type": 151, "channel": channel, "event": event, "join": join}]))

    async def text(self) -> str:
        """Return the next frame's text."""
        async with asyncio.timeout(DEADLINE_S):
            text = await self.ws.recv()
        assert isinstance(text, str)
        return text

    async def frame(self) -> Any:
        return json.loads(await self.text(), parse_float=Decimal)

    async def next(self, number: int) -> Any:
        """Return the body of the next frame of one type."""
        while True:
            frame = await self.frame()
            if frame[0] == number:
                return frame[1]

    async def next_text(self, number: int) -> str:
        while not (text := await self.text()).startswith(f"[{number},"):
            pass
        return text

    async def join(self, channel: str, event: str) -> Any:
        """Join and return the ack."""
        await self.ask(channel, event)
        return await self.next(100)

    async def closed(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self.ws.wait_closed()


class Book:
    """A client's book, strict: what does not fit fails the test."""

    def __init__(self, snapshot: Any) -> None:
        self.change_set = snapshot["CS"]
        self.sides = {key: {row["P"]: row["A"] for row in snapshot[key]} for key in ("AO", "BO")}

    def apply(self, body: Any) -> None:
        assert body["CS"] == self.change_set + 1
        self.change_set = body["CS"]
        for key, side in self.sides.items():
            for change in body[key]:
                assert change.keys() == {"CP", "P", "A"}
                assert (change["P"] in side) is (change["CP"] != 1)
                if change["CP"] == 3:
                    del side[change["P"]]
                else:
                    side[change["P"]] = change["A"]

    @property
    def window(self) -> dict[str, object]:
        return {
            "bids": [list(level) for level in sorted(self.sides["BO"].items(), key=lambda it: -Decimal(it[0]))],
            "asks": [list(level) for level in sorted(self.sides["AO"].items(), key=lambda it: Decimal(it[0]))],
        }


async def seeded(client: Client, pair: str, channel: str = "obdiff") -> Book:
    assert (await client.join(channel, pair))["ok"]
    return Book(await client.next(431))


def settings_for(**values: object) -> Settings:
    """Return settings with a free port and a fast market, and ``values`` over them by their short names."""
    given = {"PORT": 0, "INTERVAL_MS": FAST_MS, "PAIRS": 4, **{name.upper(): value for name, value in values.items()}}
    return load(Settings, {f"SPARK_SIMULATOR_{name}": str(value) for name, value in given.items()})


@contextlib.asynccontextmanager
async def simulated(ping_period_s: float = server.PING_PERIOD_S, **values: object) -> AsyncIterator[Simulator]:
    async with server.running(settings_for(**values), ping_period_s=ping_period_s) as simulator:
        yield simulator


@contextlib.asynccontextmanager
async def client_of(simulator: Simulator) -> AsyncIterator[Client]:
    async with connect(simulator.ws_url, ping_interval=None, max_size=None, max_queue=None, close_timeout=1) as ws:
        yield Client(ws)


@contextlib.asynccontextmanager
async def http_of(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.http_url, timeout=DEADLINE_S) as http:
        yield http


async def fault(http: httpx.AsyncClient, name: str, **fields: object) -> Any:
    response = await http.post("/control/faults", json={"fault": name, **fields})
    assert response.status_code == 200, response.text
    return response.json()


async def state(http: httpx.AsyncClient) -> Any:
    return (await http.get("/control/state")).json()


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Poll ``check`` until it holds, or fail at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not await check():  # noqa: ASYNC110 - what is awaited is on the other side of a socket
            await asyncio.sleep(0.01)
