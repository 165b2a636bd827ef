"""The protocol of one connection on a real socket, with an application that answers what a test needs."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from spark_gateway.protocol import MOST_HEAD_BYTES, Protocol
from spark_gateway.room import Room, connections_within
from spark_gateway.server import Server, listen
from spark_gateway.serving_metrics import ServingMetrics
from support.eventually import eventually
from support.served import served
from support.wire import line

LARGE = 4_000_000


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path, with something large, or in two chunks."""
    content = b"a" * LARGE if scope["path"] == "/large" else scope["path"].encode()
    headers = [] if scope["path"] == "/chunks" else [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content[:3], "more_body": True})
    await send({"type": "http.response.body", "body": content[3:]})


class Serving:
    """A server of this process, and what it counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        listening = listen("127.0.0.1", 0, "")
        self.port: int = listening.getsockname()[1]
        self.server = Server(app, Room(100, ServingMetrics(self.registry)), listening)

    def refused(self, reason: str) -> float | None:
        return self.registry.get_sample_value("spark_gateway_requests_refused_total", {"reason": reason})

    def look_after(self) -> None:
        for connection in list(self.server._connections()):
            connection.look_after()


@asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    one = Serving()
    async with served(one.server):
        yield one


async def test_requests_are_the_same_however_they_are_cut_into_pieces() -> None:
    """A piece may end anywhere, and hold the end of one request and the beginning of the next."""
    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nhost: x\r\nx-a: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (n, b"a" * 900 * n, 700 * n, b"b" * 700 * n)
        for n in range(20)
    )
    draw = random.Random(1)
    async with serving() as one:
        for most in (1_000, 10_000, 100_000, 1_000_000):
            async with line(one.port) as client:
                at = 0
                while at < len(requests):
                    piece = requests[at : at + draw.randint(1, most)]
                    at += len(piece)
                    await client.send(piece)
                    await asyncio.sleep(0)
                assert [(await client.answer()).rest for _ in range(20)] == [b"/%d" % n for n in range(20)]


BEFORE = {
    "nothing": b"",
    "a request": b"GET /1 HTTP/1.1\r\nhost: x\r\n\r\n",
    "several": b"GET /1 HTTP/1.1\r\nhost: x\r\n\r\n" * 20,
    "one with a body": b"POST /1 HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n" + b"a" * 9000,
    "one in chunks": b"POST /1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    b"4\r\n\r\n\r\n\r\n3\r\nabc\r\n0\r\nx-trailer: a\r\n\r\n",
}


@pytest.mark.parametrize("cut", [1, 5_000, 20_000])
@pytest.mark.parametrize("before", BEFORE)
async def test_a_head_is_measured_from_its_own_first_byte(before: str, cut: int) -> None:
    """To the byte, also when that came in one piece with the end of the request before it."""
    start = b"GET /2 HTTP/1.1\r\nhost: x\r\nx-a: "
    async with serving() as one:
        for more, status in ((0, 200), (1, 431), (10_000, 431)):
            whole = start + b"a" * (MOST_HEAD_BYTES + more - len(start) - 4) + b"\r\n\r\n"
            async with line(one.port) as client:
                await client.send(BEFORE[before] + whole[:cut])
                for _ in range(BEFORE[before].count(b"HTTP/1.1")):
                    assert (await client.answer()).rest == b"/1"
                await client.send(whole[cut:])
                assert (await client.answer()).status == status, more


async def test_a_head_may_follow_the_last_bytes_of_the_one_before() -> None:
    """Of a blank line the end alone comes with it."""
    first = BEFORE["a request"]
    whole = b"GET /2 HTTP/1.1\r\nx-a: " + b"a" * (MOST_HEAD_BYTES - 26) + b"\r\n\r\n"
    assert len(whole) == MOST_HEAD_BYTES
    async with serving() as one:
        for ahead in (1, 2, 3):
            async with line(one.port) as client:
                await client.send(first[:-ahead])
                await asyncio.sleep(0.02)  # most often it comes in two pieces then; any pieces are right
                await client.send(first[-ahead:] + whole[:100])
                assert (await client.answer()).rest == b"/1"
                await client.send(whole[100:])
                assert (await client.answer()).rest == b"/2"


async def test_each_request_has_its_own_time() -> None:
    """A browser connects before it knows what for: that is no reason to hurry it afterwards."""
    async with serving() as one, line(one.port) as client:
        await eventually(lambda: one.server.open_connections, what="a connection")
        [connection] = one.server._connections()
        deadlines = [await due_after(connection, 0)]
        for half in (b"GET /1 HTTP/1.1\r\n", b"host: x\r\n\r\nGET /2 HTTP/1.1\r\n"):
            await client.send(half)
            deadlines.append(await due_after(connection, deadlines[-1]))
        await client.send(b"host: x\r\n")  # the same request goes on
        await client.send(b"\r\n")

        assert [(await client.answer()).rest for _ in range(2)] == [b"/1", b"/2"]
        assert connection._due is None
        assert deadlines == sorted(set(deadlines))


async def due_after(connection: Protocol, earlier: float) -> float:
    """Return when its client is overdue, once that is later than it was."""

    def due() -> float | None:
        return connection._due.when() if connection._due and connection._due.when() > earlier else None

    found = await eventually(due, what="a deadline")
    assert isinstance(found, float)
    return found


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_only_http_1_1_gets_chunks(version: bytes) -> None:
    async with serving() as one, line(one.port) as client:
        await client.send(b"GET /chunks HTTP/%b\r\nhost: x\r\nconnection: close\r\n\r\n" % version)
        head, _, content = (await client.all()).partition(b"\r\n\r\n")

    assert content == (b"/chunks" if version == b"1.0" else b"3\r\n/ch\r\n4\r\nunks\r\n0\r\n\r\n")
    assert (b"chunked" in head) == (version == b"1.1")


async def test_one_who_does_not_take_its_answer_is_dropped() -> None:
    """However small what is left of it: one who takes some of it now and then is left alone."""
    async with serving() as one, line(one.port) as deaf, line(one.port) as slow:
        for client in (deaf, slow):
            await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n" * 4)
        await asyncio.sleep(0.1)
        for _ in range(10):
            one.look_after()
            await slow.until(b"aaaa")
            await slow.take(200_000)

        assert one.refused("stuck") == 1
        assert one.server.open_connections == 1


def test_some_descriptors_are_kept_for_everything_else() -> None:
    assert connections_within(20_000) == 19_744
    assert connections_within(64) == 32


async def test_more_connections_than_there_is_room_for_are_cut() -> None:
    async with serving() as one:
        async with AsyncExitStack() as stack:
            for _ in range(100):
                await stack.enter_async_context(line(one.port))
            async with line(one.port) as late:
                assert await late.all() == b""
        await eventually(lambda: not one.server.open_connections)
        async with line(one.port) as client:
            await client.send(b"GET /now HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await client.answer()).rest == b"/now"
        assert one.registry.get_sample_value("spark_gateway_connections_refused_total") == 1
