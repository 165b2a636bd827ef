"""Faults on demand: each does what it says to every connection, and passes."""

import asyncio
import json
import socket

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from integration.simulator.helpers import DEADLINE_S, client_of, eventually, fault, http_of, simulated, state
from spark_market.numbers import canonical


async def test_cut_drops_every_connection_without_a_close_frame() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        async with client_of(simulator) as one, client_of(simulator) as two:
            await one.join("ticker", "BTCTRY")
            assert (await fault(http, "cut"))["connections"] == 2
            for client in (one, two):
                await client.closed()
                assert client.ws.close_code == 1006

        async def empty() -> bool:
            return not (await state(http))["connections"]

        await eventually(empty)
        async with client_of(simulator) as client:
            assert (await client.join("ticker", "BTCTRY"))["ok"]


@pytest.mark.parametrize(
    ("fields", "code", "reason"), [({}, 1000, ""), ({"code": 1012, "reason": "güle"}, 1012, "güle")]
)
async def test_close_says_code_and_reason(fields: dict[str, object], code: int, reason: str) -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        await fault(http, "close", **fields)
        await client.closed()
        assert (client.ws.close_code, client.ws.close_reason) == (code, reason)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_refuse_answers_upgrades_with_a_status_until_cleared(status: int) -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as earlier:
        await fault(http, "refuse", status=status, seconds=60, retryAfter=7)
        with pytest.raises(InvalidStatus) as refused:
            await connect(simulator.ws_url)
        assert refused.value.response.status_code == status
        assert refused.value.response.headers["Retry-After"] == "7"
        assert (await earlier.join("ticker", "BTCTRY"))["ok"]  # who is in stays in
        now = await state(http)
        assert (now["accepted"], now["refused"], now["requests"]["/btcturk/ws"]) == (1, 1, 2)
        assert [told["fault"] for told in now["faults"]] == ["refuse"]

        assert (await http.delete("/control/faults")).json()["faults"] == []
        async with client_of(simulator) as client:
            assert (await client.join("ticker", "BTCTRY"))["ok"]


async def test_refuse_passes_by_itself() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "refuse", status=503, seconds=0.1)
        with pytest.raises(InvalidStatus) as refused:
            await connect(simulator.ws_url)
        assert "Retry-After" not in refused.value.response.headers

        async def accepted() -> bool:
            try:
                async with connect(simulator.ws_url):
                    return True
            except InvalidStatus:
                return False

        await eventually(accepted)


async def test_silence_stops_data_while_acks_and_pongs_go_on_and_the_market_walks() -> None:
    """The stall that a ping does not find: only a watch on the data does."""
    async with (
        simulated(change_probability=1, trades_per_minute=6000) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await client.join("ticker", "BTCTRY")
        told = await fault(http, "silence", seconds=600)
        assert [active["fault"] for active in told["faults"]] == ["silence"]
        seq = (await http.get("/control/ledger")).json()["last"]
        async with asyncio.timeout(DEADLINE_S):
            await (await client.ws.ping())
        assert (await client.join("ticker", "ETHTRY"))["ok"]
        volumes: set[str] = set()

        async def walked_on() -> bool:
            ticker = (await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": "BTCTRY"})).json()
            volumes.add(ticker["data"][0]["volume"])
            return len(volumes) > 3

        await eventually(walked_on)
        entries = (await http.get("/control/ledger", params={"after": seq})).json()["entries"]
        assert [(entry["type"], entry["event"]) for entry in entries] == [(100, "ETHTRY")]

        await http.delete("/control/faults")
        assert {(await client.next(402))["event"] for _ in range(20)} == {"BTCTRY", "ETHTRY"}


async def test_silence_passes_by_itself() -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await fault(http, "silence", seconds=0.1)
        await client.join("ticker", "BTCTRY")
        assert (await client.next(402))["event"] == "BTCTRY"


def usable(text: str) -> bool:
    """Whether a client could take a price from this frame."""
    try:
        number, body = json.loads(text)
        last = canonical(body["LA"])
        return bool(number == 402 and last > 0 and body["PS"].isascii() and body["PS"].isupper())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


async def test_malformed_frames_come_besides_the_real_ones() -> None:
    async with (
        simulated() as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
        client_of(simulator) as other,
    ):
        await client.join("ticker", "BTCTRY")
        await fault(http, "malformed", count=25)
        entries = (await http.get("/control/ledger")).json()["entries"]
        malformed = [entry for entry in entries if entry["type"] == "malformed"]
        expected = [entry["frame"] for entry in malformed if entry["connection"] == 1]

        assert len(expected) == 25
        assert len(set(expected)) > 15
        assert not any(usable(text) for text in expected)
        assert [await other.text() for _ in range(26)][1:] == expected
        received: list[str] = []
        while len(received) < 25:
            if not usable(text := await client.text()) and not text.startswith(("[100,", "[991,")):
                received.append(text)
        assert received == expected
        assert usable(await client.next_text(402))


async def test_a_client_that_does_not_read_is_cut_and_holds_up_nobody() -> None:
    async with simulated(pairs=4) as simulator, http_of(simulator) as http, client_of(simulator) as reader:
        await reader.join("ticker", "BTCTRY")
        with socket.create_connection((simulator.host, simulator.port)) as sleeper:
            sleeper.sendall(
                b"GET /btcturk/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )

            async def both() -> bool:
                return len((await state(http))["connections"]) == 2

            await eventually(both)

            async def flooded_out() -> bool:
                await fault(http, "malformed", count=1000)
                connections = (await state(http))["connections"]
                assert connections[0]["connection"] == 1
                assert all(connection["buffered"] < 16 * 1024 * 1024 for connection in connections)
                malformed = 0
                while malformed < 1000:
                    malformed += not usable(await reader.text())
                return len(connections) == 1

            await eventually(flooded_out)
        assert usable(await reader.next_text(402))


BAD = [
    b"",
    b"not JSON",
    b"[]",
    b"{}",
    b'{"fault":"nope"}',
    b'{"fault":"cut","seconds":1}',
    b'{"fault":"close","code":1006}',
    b'{"fault":"close","code":5000}',
    b'{"fault":"close","reason":7}',
    '{"fault":"close","reason":"%s"}'.replace("%s", "ş" * 100).encode(),
    b'{"fault":"refuse","status":404,"seconds":1}',
    b'{"fault":"refuse","status":503}',
    b'{"fault":"refuse","status":503,"seconds":1,"retryAfter":-1}',
    b'{"fault":"silence","seconds":0}',
    b'{"fault":"silence","seconds":"5"}',
    b'{"fault":"malformed","count":0}',
    b'{"fault":"malformed","count":1.5}',
    b"[" * 5000,
    b"\xff",
]


@pytest.mark.parametrize("body", BAD)
async def test_a_bad_fault_is_answered_with_one_sentence_and_does_nothing(body: bytes) -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        response = await http.post("/control/faults", content=body)
        _says_why(response)
        assert (await state(http))["faults"] == []
        assert (await client.join("ticker", "BTCTRY"))["ok"]


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=10001", "limit=1e3", "after=²"])
async def test_a_bad_question_to_the_ledger_is_answered_with_one_sentence(query: str) -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        _says_why(await http.get(f"/control/ledger?{query}"))


def _says_why(response: httpx.Response) -> None:
    assert response.status_code == 422
    body = response.json()
    assert body.keys() == {"error"}
    assert "\n" not in body["error"]
