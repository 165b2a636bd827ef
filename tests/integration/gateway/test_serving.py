"""The gateway's ports and its end: who is answered where, and that nobody can hold up a stop."""

import asyncio
import contextlib
import socket
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from support.eventually import eventually
from support.examples import tickers
from support.redis_server import free_port
from support.stack import UNLIMITED
from support.wire import line

from .conftest import Bench, benched

STREAM = b"GET /api/market/btcturk/stream?symbol=%b&throttle=0 HTTP/1.1\r\nhost: x\r\n\r\n"
ADMIN = ("/metrics", "/api/tools/metrics", "/api/tools/metrics?format=json")
STREAMS = 1_000
STUCK = 20


async def status(port: int, path: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code


async def test_admin_routes_can_have_a_port_of_their_own(bench: Bench) -> None:
    """Then the public one does not have them; what tells whether the process lives is on both."""
    bench.gateway.kill()
    admin = free_port()
    bench.gateway = bench.service({"SPARK_GATEWAY_ADMIN_PORT": str(admin)})
    await bench.start_gateway()

    for path in ADMIN:
        assert await status(admin, path) == 200
        assert await status(bench.port, path) == 404
    for path in ("/livez", "/readyz"):
        assert await status(admin, path) == await status(bench.port, path) == 200
    for path in ("/", "/docs", "/openapi.json", "/api/healthz", "/api/market/btcturk/ticker?symbol=BTC_TRY"):
        assert await status(admin, path) == 404
        assert await status(bench.port, path) == 200
    async with httpx.AsyncClient() as client:
        problem = await client.get(f"http://127.0.0.1:{admin}/api/tools/metrics?format=xml")
        schema = (await client.get(f"{bench.url}/openapi.json")).json()
    assert problem.status_code == 422
    assert problem.headers["content-type"] == "application/problem+json"
    assert "/metrics" not in schema["paths"]

    assert await asyncio.to_thread(bench.gateway.terminate) == 0


async def test_without_an_admin_port_all_is_on_one(bench: Bench) -> None:
    for path in (*ADMIN, "/livez", "/readyz"):
        assert await status(bench.port, path) == 200


@pytest.mark.parametrize("taken_by", ["another", "ourselves"])
async def test_a_taken_admin_port_is_named(bench: Bench, taken_by: str) -> None:
    bench.gateway.kill()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = bench.port if taken_by == "ourselves" else taken.getsockname()[1]
        bench.gateway = bench.service({"SPARK_GATEWAY_ADMIN_PORT": str(port)})
        bench.gateway.start()
        assert await asyncio.to_thread(bench.gateway.wait) == 3

    complaint = bench.gateway.log.read_text().splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{port}" in complaint
    assert "SPARK_GATEWAY_ADMIN_PORT" in complaint


async def test_a_stop_ends_every_stream_within_seconds() -> None:
    """A thousand readers get a goodbye each; those who do not read, do not finish or do not say a word are cut off."""
    async with benched(UNLIMITED) as bench, AsyncExitStack() as stack:
        await _stuck_streams(bench, stack)
        for sent in (b"", b"GET /livez HTTP/1.1\r\nho", b"POST /livez HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf"):
            for _ in range(STUCK):
                await (await stack.enter_async_context(line(bench.port))).send(sent)
        for _ in range(STUCK):  # answers that nobody takes
            client = await stack.enter_async_context(_Deaf(bench.port))
            await client.send(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 30)
        readers = [await stack.enter_async_context(line(bench.port)) for _ in range(STREAMS)]
        for reader in readers:
            await reader.send(STREAM % b"ETH_TRY")
        for reader in readers:
            await reader.until(b'"type":"health"')

        received = [asyncio.create_task(reader.all()) for reader in readers]
        started = time.monotonic()
        assert await asyncio.to_thread(bench.gateway.terminate) == 0
        took_s = time.monotonic() - started
        ends = await asyncio.gather(*received)
        log = bench.gateway.log.read_text()

    print(f"stopped in {took_s:.1f} s")
    assert took_s < 5
    assert all(b'"type":"goodbye"' in end and end.endswith(b"\r\n0\r\n\r\n") for end in ends)
    assert "Traceback" not in log, log[-3000:]


async def _stuck_streams(bench: Bench, stack: AsyncExitStack) -> None:
    for _ in range(STUCK):
        client = await stack.enter_async_context(_Deaf(bench.port))
        await client.send(STREAM % b"BTC_TRY")
    await eventually(lambda: bench.has_metric(f"spark_gateway_streams {float(STUCK)}"))
    for first in range(0, 20_000, 2_000):
        await bench.publish_many(tickers(*range(first, first + 2_000)))
        if await bench.has_metric(f"spark_gateway_readers_lagged_total {float(STUCK)}"):
            break
    await eventually(lambda: bench.has_metric(f"spark_gateway_readers_lagged_total {float(STUCK)}"))


class _Deaf:
    """A connection that takes next to nothing of what it is sent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)

    async def __aenter__(self) -> "_Deaf":
        await asyncio.get_running_loop().sock_connect(self._socket, ("127.0.0.1", self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)


async def test_a_stop_without_clients_is_at_once(bench: Bench) -> None:
    started = time.monotonic()

    assert await asyncio.to_thread(bench.gateway.terminate) == 0
    assert time.monotonic() - started < 2
