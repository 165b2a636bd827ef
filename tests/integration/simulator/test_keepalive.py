"""The venue pings by protocol frames, and gives up a client that does not answer."""

import asyncio

import aiohttp

from integration.simulator.helpers import DEADLINE_S, client_of, simulated

PERIOD_S = 0.1


async def test_a_client_that_never_pongs_is_closed_when_the_third_ping_is_due() -> None:
    async with simulated(ping_period_s=PERIOD_S) as simulator, aiohttp.ClientSession() as session:
        loop = asyncio.get_running_loop()
        async with session.ws_connect(simulator.ws_url, autoping=False) as ws:
            started = loop.time()
            kinds = []
            async with asyncio.timeout(DEADLINE_S):
                while (message := await ws.receive()).type is not aiohttp.WSMsgType.CLOSE:
                    kinds.append(message.type)
            took = loop.time() - started

    assert kinds == [aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PING]
    assert (message.data, message.extra) == (1000, "")
    assert 2.5 * PERIOD_S < took < 30 * PERIOD_S


async def test_pongs_that_stop_later_close_the_connection_too() -> None:
    """Three periods after the last pong, wherever in the conversation that was."""
    async with (
        simulated(ping_period_s=PERIOD_S) as simulator,
        aiohttp.ClientSession() as session,
        session.ws_connect(simulator.ws_url, autoping=False) as ws,
        asyncio.timeout(DEADLINE_S),
    ):
        pings = 0
        while (message := await ws.receive()).type is not aiohttp.WSMsgType.CLOSE:
            if message.type is aiohttp.WSMsgType.PING:
                pings += 1
                if pings <= 4:
                    await ws.pong(message.data)

    assert pings == 6
    assert message.data == 1000


async def test_a_client_that_pongs_stays_though_it_joins_nothing() -> None:
    async with (
        simulated(ping_period_s=0.05) as simulator,
        aiohttp.ClientSession() as session,
        session.ws_connect(simulator.ws_url, autoping=False) as ws,
    ):
        for _ in range(10):
            while (message := await ws.receive(DEADLINE_S)).type is not aiohttp.WSMsgType.PING:
                assert message.type is aiohttp.WSMsgType.TEXT
            await ws.pong(message.data)
        assert not ws.closed


async def test_a_clients_own_ping_is_answered() -> None:
    async with simulated() as simulator, client_of(simulator) as client:
        async with asyncio.timeout(DEADLINE_S):
            await (await client.ws.ping(b"are you there"))
