"""The simulated WebSocket sources of Borsa İstanbul: Yahoo's streamer, Laplace, AlgoLab."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from integration.simulator.bist_helpers import exchange, fault
from integration.simulator.helpers import DEADLINE_S
from spark_simulator.bist.conversations import AlgoLab, HungUp
from spark_simulator.server import Simulator
from support.eventually import eventually
from support.istanbul import MONDAY, at
from support.simulated_bist import Asked

ANYBODY = "any"
KEY = {"Authorization": "Bearer simulated-key"}


@contextlib.asynccontextmanager
async def talking(
    simulator: Simulator, path: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[ClientConnection]:
    url = f"{simulator.http_url.replace('http', 'ws')}/bist/{path}"
    async with connect(url, additional_headers=headers, close_timeout=1) as ws:
        yield ws


async def say(ws: ClientConnection, **fields: object) -> None:
    await ws.send(json.dumps(fields))


async def hear(ws: ClientConnection) -> Any:
    async with asyncio.timeout(DEADLINE_S):
        return json.loads(await ws.recv())


async def hear_of(ws: ClientConnection, kind: str) -> Any:
    """Return the content of the next message of one type, Laplace's or AlgoLab's."""
    while True:
        heard = await hear(ws)
        if kind in (heard.get("t"), heard.get("Type")):
            return heard.get("d", heard.get("Content"))


def symbol_in(frame: Any) -> str:
    data = base64.b64decode(frame["message"])
    assert data[0] == 0x0A
    return data[2 : 2 + data[1]].decode()


async def connections(http: Any) -> Any:
    return (await http.get("/control/bist/state")).json()["connections"]


async def test_the_streamer_sends_the_last_price_first_and_then_changes() -> None:
    async with exchange("2026-04-28 03:00") as (simulator, http, clock), talking(simulator, "yahoo/streamer") as ws:
        await say(ws, subscribe=["THYAO.IS", "NOPE.IS", "XU100.IS"])
        first = [await hear(ws), await hear(ws)]
        assert [symbol_in(frame) for frame in first] == ["THYAO.IS", "XU100.IS"]
        assert {frame["type"] for frame in first} == {"pricing"}
        clock.ms = at("2026-04-28 10:20")
        again = [await hear(ws), await hear(ws)]
        assert [symbol_in(frame) for frame in again] == ["THYAO.IS", "XU100.IS"]
        assert again != first
        await say(ws, unsubscribe=["THYAO.IS"])
        clock.ms += 60_000
        assert symbol_in(await hear(ws)) == "XU100.IS"
        [told] = await connections(http)
        assert (told["source"], told["symbols"]) == ("yahoo", 3)


async def test_the_streamer_has_a_hundred_slots() -> None:
    async with exchange() as (simulator, http, _), talking(simulator, "yahoo/streamer") as ws:
        await say(ws, subscribe=[f"NO{number}.IS" for number in range(99)])
        await say(ws, subscribe=["THYAO.IS", "GARAN.IS"])
        await say(ws, subscribe=["AKBNK.IS"])
        assert symbol_in(await hear(ws)) == "THYAO.IS"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):  # a round and a half: the others never come
                await ws.recv()
        assert [one["symbols"] for one in await connections(http)] == [100]


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"subscribe":"THYAO.IS"}', '{"subscribe":[null]}'])
async def test_the_streamer_closes_without_a_status_on_what_it_cannot_read(text: str) -> None:
    async with exchange() as (simulator, _, _clock), talking(simulator, "yahoo/streamer") as ws:
        await ws.send(text)
        with pytest.raises(ConnectionClosed):
            await hear(ws)
        assert ws.close_code == 1005


async def test_laplace_wants_a_key_and_beats() -> None:
    async with exchange() as (simulator, _, clock):
        with pytest.raises(InvalidStatus) as refused:
            async with talking(simulator, "laplace/ws"):
                pass
        assert refused.value.response.status_code == 401
        async with talking(simulator, "laplace/ws?api_key=simulated-key") as ws:
            assert await hear(ws) == {"t": "heartbeat", "d": {}}
            await say(ws, type="subscribe", feed="live_price_tr", symbols=["THYAO", "NOPE"])
            live = await hear_of(ws, "pr")
            await say(ws, type="subscribe", feed="delayed_price_tr", symbols=["THYAO"])
            delayed = await hear_of(ws, "pr")
            assert live["s"] == delayed["s"] == "THYAO"
            assert delayed["d"] < at(f"{MONDAY} 11:15") <= live["d"]
            await say(ws, type="subscribe", feed="depth_tr", symbols=["THYAO"])
            book = await hear_of(ws, "ob")
            assert book["bid"] < book["ask"]
            clock.ms += 10_000
            assert (await hear_of(ws, "pr"))["d"] > live["d"]


async def test_algolab_tells_of_some_or_of_all() -> None:
    async with exchange() as (simulator, _, clock), talking(simulator, "algolab/api/ws", KEY) as ws:
        await say(ws, Type="T", Token=ANYBODY, Symbols=["THYAO", "XU100"])
        share, index = await hear_of(ws, "T"), await hear_of(ws, "T")
        assert (share["Market"], index["Market"]) == ("IMKBH", "IMKBX")
        assert share["Ask"] < share["Bid"]  # as its documentation has it
        await say(ws, Type="D", Token=ANYBODY, Symbols=["THYAO"])
        assert [(await hear_of(ws, "D"))["Direction"] for _ in range(2)] == ["B", "S"]
        await say(ws, Type="T", Token=ANYBODY, Symbols=["ALL"])
        heard = {(await hear_of(ws, "T"))["Symbol"] for _ in range(598)}
        assert len(heard) == 598
        clock.ms += 10_000
        assert (await hear_of(ws, "T"))["Date"] > f"{MONDAY}T11:30:00"


def test_algolab_hangs_up_on_who_sends_no_heartbeat_or_no_token() -> None:
    asked = Asked()
    talk = AlgoLab(asked.bist.view, idle_s=60)
    talk.upkeep(0)
    talk.receive('{"Type":"H","Token":"token"}', asked.clock.ms, 50)
    talk.upkeep(110)
    with pytest.raises(HungUp):
        talk.upkeep(111)
    with pytest.raises(HungUp):
        talk.receive('{"Type":"T","Symbols":["ALL"]}', asked.clock.ms, 112)


async def test_sockets_are_cut_closed_silenced_and_sent_rubbish() -> None:
    async with exchange() as (simulator, http, clock):
        async with talking(simulator, "yahoo/streamer") as ws:
            await say(ws, subscribe=["THYAO.IS"])
            await hear(ws)
            await fault(http, "malformed", count=2)
            assert await ws.recv() == "this is not JSON"
            assert await ws.recv() == '{"type":"pricing","message":"!!!"}'
            await fault(http, "silence", seconds=600)
            clock.ms += 60_000
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await ws.recv()
            await http.delete("/control/bist/faults")
            assert symbol_in(await hear(ws)) == "THYAO.IS"
            await fault(http, "cut", source="laplace")
            await fault(http, "cut", source="yahoo")
            with pytest.raises(ConnectionClosed):
                await hear(ws)
            assert ws.close_code == 1006
        async with talking(simulator, "laplace/ws", KEY) as ws:
            await hear(ws)
            await fault(http, "close", code=1012)
            with pytest.raises(ConnectionClosed):
                await hear(ws)
            assert ws.close_code == 1012

        async def nobody() -> bool:
            return not await connections(http)

        await eventually(nobody, DEADLINE_S, "all connections forgotten")


async def test_upgrades_are_refused() -> None:
    async with exchange() as (simulator, http, _):
        await fault(http, "limit", retryAfter=3)
        with pytest.raises(InvalidStatus) as refused:
            async with talking(simulator, "yahoo/streamer"):
                pass
        response = refused.value.response
        assert (response.status_code, response.headers["Retry-After"]) == (429, "3")
        ledger = (await http.get("/control/bist/ledger")).json()["entries"]
        assert [(one["path"], one["status"], one["fault"]) for one in ledger] == [("streamer", 429, "limit")]


async def test_a_simulator_that_leaves_says_goodbye() -> None:
    async with contextlib.AsyncExitStack() as stack:
        simulator, _, _ = await stack.enter_async_context(exchange())
        async with talking(simulator, "laplace/ws", KEY) as ws:
            await hear(ws)
            await stack.aclose()
            async with asyncio.timeout(DEADLINE_S):
                await ws.wait_closed()
            assert ws.close_code == 1001
