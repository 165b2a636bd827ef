"""Clients that are broken, slow or mean: each is told what is wrong, and nothing of it stays in the gateway."""

import asyncio
import json
import random
from contextlib import AsyncExitStack

import pytest

from support.eventually import eventually
from support.examples import a_ticker
from support.wire import PROMPT, Line, answer_of, descriptors, line, memory_bytes

from .conftest import Bench, Reading

STREAM = b"GET /api/market/btcturk/stream?symbol=*&throttle=0 HTTP/1.1\r\nhost: x\r\n"
AT_ONCE = b"GET /api/market/btcturk/ticker?symbol=BTC_TRY HTTP/1.1\r\nhost: x\r\n\r\n"
HEAD_LIMIT = 32 * 1024
WITHIN_S = 10.0


async def refused(bench: Bench, reason: str, times: int = 1) -> bool:
    return await bench.has_metric(f'spark_gateway_requests_refused_total{{reason="{reason}"}} {float(times)}')


BROKEN: dict[str, bytes] = {
    "garbage": b"hello there\r\n\r\n",
    "TLS, to a port without it": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
    "NUL in a value": b"GET /livez HTTP/1.1\r\nhost: x\r\nx-a: a\x00b\r\n\r\n",
    "NUL in a name": b"GET /livez HTTP/1.1\r\nhost: x\r\nx-\x00: ab\r\n\r\n",
    "NUL in the path": b"GET /li\x00vez HTTP/1.1\r\nhost: x\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "no address": b"GET http:// HTTP/1.1\r\nhost: x\r\n\r\n",
    "a proxy's request": b"CONNECT example.test:80 HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1, 2\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
}
LARGE: dict[str, bytes] = {
    "request line of 10 MB": b"GET /" + b"a" * 10_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "header of 10 MB": b"GET /livez HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 10_000_000 + b"\r\n\r\n",
    "100,000 headers": b"GET /livez HTTP/1.1\r\nhost: x\r\n" + b"x-a: a\r\n" * 100_000 + b"\r\n",
}


async def test_what_is_no_request_is_answered_with_a_problem(bench: Bench) -> None:
    """And the connection is closed: nobody can tell where the next request would begin."""
    for status, cases in ((400, BROKEN), (431, LARGE)):
        for name, sent in cases.items():
            async with line(bench.port) as client:
                await client.send(sent)
                answer = answer_of(await client.all())
            assert answer.status == answer.problem["status"] == status, name
            assert answer.problem["detail"]
            assert answer.headers["connection"] == "close"

    assert await refused(bench, "malformed", len(BROKEN))
    assert await refused(bench, "head", len(LARGE))


async def test_the_largest_head_that_is_allowed_is_served(bench: Bench) -> None:
    """To the byte; in one piece or in many."""
    start = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-a: "
    whole = start + b"a" * (HEAD_LIMIT - len(start) - 4) + b"\r\n\r\n"
    assert len(whole) == HEAD_LIMIT

    async with line(bench.port) as client:
        await client.send(whole)
        assert answer_of(await client.all()).status == 200
    async with line(bench.port) as client:
        for at in range(0, len(whole), 1000):
            await client.send(whole[at : at + 1000])
            await asyncio.sleep(0)
        assert answer_of(await client.all()).status == 200
    async with line(bench.port) as client:
        await client.send(whole.replace(b"x-a: ", b"x-a: a"))
        assert answer_of(await client.all()).status == 431


async def test_a_body_is_ignored_while_it_is_small(bench: Bench) -> None:
    """Some clients send one with a GET; the connection stays good for more."""
    async with line(bench.port) as client:
        await client.send(b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n" + b"a" * 60_000)
        assert (await client.answer()).status == 200
        await client.send(b"GET /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert (await client.answer()).status == 200
        await client.send(PROMPT)
        assert (await client.answer()).status == 200


async def test_a_large_body_ends_the_connection(bench: Bench) -> None:
    """With a problem if nothing was answered before it, and at once in any case."""
    heads = [
        STREAM + b"content-length: 10000000\r\n\r\n",
        b"POST /api/market/btcturk/ticker HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n989680;a=",  # a chunk's extension
        b"GET /livez HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-trailer: ",
    ]
    for head in heads:
        async with line(bench.port) as client:
            await client.send(head + b"a" * 200_000)
            await client.all()

    assert await refused(bench, "body", len(heads))


async def test_a_client_that_never_finishes_is_told_and_closed(bench: Bench) -> None:
    """Half a head, a head byte by byte, half a body, half a second request; one that says nothing is just closed.

    A request has as long when it begins in the same bytes as the one before, however that is answered.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def half(sent: bytes) -> tuple[bytes, float]:
        async with line(bench.port) as client:
            await client.send(sent)
            return await client.all(30), loop.time() - started

    async def second_half(sent: bytes) -> tuple[bytes, float]:
        async with line(bench.port) as client:
            await client.send(PROMPT)
            await client.answer()
            await client.send(sent)
            return await client.all(30), loop.time() - started

    async def byte_by_byte() -> tuple[bytes, float]:
        async with line(bench.port) as client:
            await client.send(b"GET /livez HTTP/1.1\r\nx-a: ")
            dripping = asyncio.create_task(_drip(client))
            try:
                return await client.all(30), loop.time() - started
            finally:
                dripping.cancel()
                await asyncio.gather(dripping, return_exceptions=True)

    halves = await asyncio.gather(
        half(b"GET /livez HTTP/1.1\r\nhost: x\r\n"),
        byte_by_byte(),
        half(b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf"),
        second_half(b"GET /livez HTTP/1.1\r\nho"),
        half(b""),
        second_half(b"\r\n"),
        half(PROMPT + b"GET /livez HTTP/1.1\r\nho"),
        half(AT_ONCE + b"GET /livez HTTP/1.1\r\nho"),
    )
    received, took = [data for data, _ in halves], [seconds for _, seconds in halves]

    assert [answer_of(data).status for data in received[:2]] == [408, 408]
    assert answer_of(received[0]).problem["title"] == "Request timeout"
    assert answer_of(received[2]).problem["status"] == 405  # it is answered before its body, and not again
    assert answer_of(received[3]).status == 408
    assert received[4] == received[5] == b"", "what nobody asked is not answered"
    for data in received[6:]:
        first, second = data.index(b"HTTP/1.1 200 "), data.index(b"HTTP/1.1 408 ")
        assert first == 0 and answer_of(data[second:]).problem["title"] == "Request timeout"
    assert min(took[:2] + took[3:]) > WITHIN_S - 1
    assert max(took) < WITHIN_S + 10
    await eventually(lambda: refused(bench, "timeout", 5))
    assert await refused(bench, "idle", 2)


async def test_a_stream_ends_with_its_connection_whatever_was_asked_behind_it(bench: Bench) -> None:
    """Another request, sent ahead of an answer that never ends, waits for ever: the stream must not."""
    for behind in (PROMPT, STREAM + b"\r\n"):
        for together in (True, False):
            async with line(bench.port) as client:
                await client.send(STREAM + b"\r\n" + (behind if together else b""))
                await client.until(b'"type":"health"')
                await client.send(b"" if together else behind)
    number = 10
    while not await bench.has_metric("spark_gateway_streams 0.0"):  # what is written shows that nobody is there
        number += 1
        assert number < 200
        await bench.publish(a_ticker(number))
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("together", [True, False])
async def test_a_reader_that_leaves_is_seen_at_once_although_it_asked_for_more(bench: Bench, together: bool) -> None:
    """Nothing is written to it meanwhile: its place is free before a write could show that nobody is there."""
    async with line(bench.port) as client:
        await client.send(STREAM + b"\r\n" + (PROMPT if together else b""))
        await client.until(b'"type":"health"')
        await client.send(PROMPT)
        assert await bench.has_metric("spark_gateway_streams 1.0")
    await eventually(lambda: bench.has_metric("spark_gateway_streams 0.0"), 8, "its place is free")  # a health is at 10


async def _drip(client: Line) -> None:
    while True:
        await client.send(b"a")
        await asyncio.sleep(0.2)


async def test_pipelined_requests_are_answered_in_order(bench: Bench) -> None:
    paths = [b"livez", b"api/version", b"livez", b"nothing-here"]
    async with line(bench.port) as client:
        await client.send(b"".join([b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n" % path for path in paths]))
        answers = [await client.answer() for _ in paths]

    assert [answer.status for answer in answers] == [200, 200, 200, 404]
    assert b"spark-gateway" in answers[1].rest


async def test_thousands_of_pipelined_requests_are_not_kept(bench: Bench) -> None:
    """Behind a stream nothing is ever answered; a connection that piles up requests there is cut."""
    before = memory_bytes(bench.gateway.pid)
    for _ in range(5):
        async with line(bench.port) as client:
            await client.send(STREAM + b"\r\n" + PROMPT * 50_000)
            await client.all()

    assert await refused(bench, "pipelined", 5)
    assert memory_bytes(bench.gateway.pid) - before < 10_000_000


async def test_hostile_clients_leave_nothing_behind_and_change_nothing_for_others(
    bench: Bench, reading: Reading
) -> None:
    """Hundreds of each kind at once: afterwards descriptors and memory are what they were, and the stream is whole."""
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    await _attack(bench)  # once before, so that what Python keeps for itself is there
    await eventually(lambda: _left_alone(bench), 20, "only the stream and the question left")
    files, memory = descriptors(bench.gateway.pid), memory_bytes(bench.gateway.pid)

    await _attack(bench)
    await eventually(lambda: descriptors(bench.gateway.pid) <= files, 20, "descriptors as before")

    assert memory_bytes(bench.gateway.pid) - memory < 10_000_000
    assert source.connections == 1
    log = bench.gateway.log.read_text()
    assert "Traceback" not in log, log[-3000:]
    assert log.count("\n") < 50, "each of them is counted, few write a line"


async def _left_alone(bench: Bench) -> bool:
    return await bench.has_metric("spark_gateway_connections 2.0")


async def _attack(bench: Bench) -> None:
    draw = random.Random(7)
    kinds = [
        b"GET /" + b"a" * 200_000,
        b"GET /livez HTTP/1.1\r\nx-a: \x00\r\n",
        b"\x00" * 1000,
        draw.randbytes(5000),
        STREAM + b"\r\n" + PROMPT * 1000,
        STREAM + b"content-length: 500000\r\n\r\n" + b"a" * 300_000,
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x-trailer: a\r\n" * 20_000,
        b"GET /livez HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x",
        b"",
    ]
    async with AsyncExitStack() as stack:
        for kind in kinds * 30:
            client = await stack.enter_async_context(line(bench.port))
            await client.send(kind)


async def test_an_upgrade_that_is_not_to_be_had_is_ignored(bench: Bench) -> None:
    """As HTTP has it; the connection stays good."""
    async with line(bench.port) as client:
        for protocol in (b"websocket", b"h2c"):
            await client.send(
                b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: %b\r\n\r\n" % protocol
            )
            assert (await client.answer()).status == 200
        await client.send(PROMPT)
        assert (await client.answer()).status == 200
        await client.send(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" + PROMPT)
        assert [(await client.answer()).status for _ in range(2)] == [200, 200]


async def test_http_1_0_gets_no_chunks(bench: Bench) -> None:
    """The stream is bare, and ends with the connection; REST says its length."""
    async with line(bench.port) as client:
        await client.send(STREAM.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n")
        head = answer_of(await client.until(b"\r\n\r\n"))
        assert head.status == 200
        assert "transfer-encoding" not in head.headers
        assert head.headers["connection"] == "close"
        assert (await client.until(b"\n\n")).startswith(b"retry: ")
        status = json.loads((await client.until(b"\n\n")).removeprefix(b"data: "))
        assert status["type"] == "status"
        await asyncio.to_thread(bench.gateway.terminate)
        rest = await client.all()
    *events, last = rest.split(b"\n\n")
    assert last == b"", "it ends with a whole event"
    assert b'"type":"goodbye"' in events[-2]

    await bench.start_gateway()
    async with line(bench.port) as client:
        await client.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert (await client.all()).endswith(b"\r\n\r\nalive\n")
    async with line(bench.port) as client:
        await client.send(b"HEAD /api/market/btcturk/stream?symbol=* HTTP/1.0\r\n\r\n")
        assert (await client.all()).endswith(b"\r\n\r\n")


async def test_connections_beyond_the_limit_are_cut_and_the_others_live_on(bench: Bench, reading: Reading) -> None:
    """Without a free descriptor the gateway could not even reach its Redis again. The limit itself is raised."""
    bench.gateway.kill()
    bench.gateway = bench.service(prefix=["prlimit", "--nofile=64:300"])
    await bench.start_gateway()
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))

    async with AsyncExitStack() as stack:
        for _ in range(400):
            client = await stack.enter_async_context(line(bench.port))
        assert await client.all() == b"", "the last was cut"
        assert 100 < descriptors(bench.gateway.pid) < 250
    await eventually(bench.metrics, 10, "an answer when they are gone")

    assert source.connections == 1
    assert await bench.has_metric("spark_gateway_connections_most 150.0")
    log = bench.gateway.log.read_text()
    assert '"descriptors": 300' in log
    assert log.count("too many connections") == 1
