"""Joining and leaving, with every oddity that was seen on the live feed."""

import json

import pytest
from websockets.asyncio.client import connect

from integration.simulator.helpers import client_of, http_of, simulated, state

SILENT = [
    ("ticker", "NOPETRY"),
    ("ticker", "btctry"),
    ("ticker", "ALL"),
    ("ticker", ""),
    ("nope", "BTCTRY"),
    ("trade", "btctry"),
    ("trade", "all"),
    ("orderbook", "NOPETRY"),
    ("obdiff", "NOPETRY"),
    ("obdiff", "all"),
    ("tradeview", "BTCTRY_60"),
]
UNANSWERED = [
    '[151,{"type":151,"channel":"ticker","event":["BTCTRY"],"join":true}]',
    '{"type":151,"channel":"ticker","event":"BTCTRY","join":true}',
    '[999,{"type":999,"channel":"ticker","event":"BTCTRY","join":true}]',
    '[151,{"type":151,"channel":"ticker","event":"BTCTRY"}]',
    '[151,{"type":151,"channel":"ticker","event":"\\ud800","join":true}]',
    "[151]",
    "[" * 5000,
    "hello",
    "",
]


async def test_the_first_frame_is_the_welcome_with_no_compression_negotiated() -> None:
    async with simulated() as simulator, connect(simulator.ws_url) as ws:
        assert await ws.recv() == '[991,{"type":991,"current":"6.0.0","min":"2.3.0"}]'
        assert ws.response is not None
        assert "Sec-WebSocket-Extensions" not in ws.response.headers


async def test_a_path_below_the_websocket_is_the_same_feed() -> None:
    async with simulated() as simulator, connect(simulator.ws_url + "/market/data") as ws:
        assert str(await ws.recv()).startswith("[991,")


async def test_a_join_is_acknowledged_and_then_delivers() -> None:
    async with simulated() as simulator, client_of(simulator) as client:
        assert await client.frame() == [991, {"type": 991, "current": "6.0.0", "min": "2.3.0"}]
        await client.ask("ticker", "BTCTRY")
        assert await client.frame() == [100, {"type": 100, "ok": True, "message": "join|ticker:BTCTRY"}]
        assert (await client.frame())[1]["event"] == "BTCTRY"


async def test_a_second_join_is_refused_in_the_words_of_a_success() -> None:
    """Only ``ok`` tells the two apart, and the first subscription goes on."""
    async with simulated() as simulator, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")

        assert await client.join("ticker", "BTCTRY") == {"type": 100, "ok": False, "message": "join|ticker:BTCTRY"}
        assert (await client.next(402))["event"] == "BTCTRY"


async def test_a_leave_ends_the_frames_and_allows_another_join() -> None:
    async with simulated() as simulator, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        await client.join("ticker", "ETHTRY")
        await client.ask("ticker", "BTCTRY", join=False)

        assert await client.next(100) == {"type": 100, "ok": True, "message": "leave|ticker:BTCTRY"}
        assert {(await client.next(402))["event"] for _ in range(5)} == {"ETHTRY"}
        assert (await client.join("ticker", "BTCTRY"))["ok"]


async def test_what_does_not_exist_is_acknowledged_and_stays_silent() -> None:
    """An ack proves nothing: only BTCTRY, the last join, ever delivers."""
    async with simulated() as simulator, client_of(simulator) as client:
        await client.frame()
        for channel, event in SILENT:
            await client.ask(channel, event)
            assert await client.frame() == [100, {"type": 100, "ok": True, "message": f"join|{channel}:{event}"}]
        await client.join("ticker", "BTCTRY")

        assert {(await client.next(402))["event"] for _ in range(5)} == {"BTCTRY"}


@pytest.mark.parametrize("text", UNANSWERED)
async def test_nonsense_is_not_answered_and_the_socket_stays_open(text: str) -> None:
    async with simulated() as simulator, client_of(simulator) as client:
        await client.frame()
        await client.say(text)
        await client.ws.send(b"bytes")
        await client.ask("ticker", "NOPETRY")

        assert (await client.frame())[1]["message"] == "join|ticker:NOPETRY"


async def test_nothing_is_remembered_after_a_reconnect() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        async with client_of(simulator) as client:
            await client.join("ticker", "BTCTRY")
            [connection] = (await state(http))["connections"]
            assert connection["joins"] == ["ticker:BTCTRY"]
        async with client_of(simulator) as client:
            ack = await client.join("ticker", "BTCTRY")
            assert ack["ok"]
            assert [told["connection"] for told in (await state(http))["connections"]] == [2]


async def test_many_joins_at_once_are_all_acknowledged() -> None:
    async with simulated(pairs=379, interval_ms=760) as simulator, http_of(simulator) as http:
        pairs = (await state(http))["pairs"]
        async with client_of(simulator) as client:
            for pair in pairs:
                await client.say(json.dumps([151, {"type": 151, "channel": "ticker", "event": pair, "join": True}]))
            heard: set[str] = set()
            while len(heard) < 379:
                heard.add((await client.next(402))["event"])
