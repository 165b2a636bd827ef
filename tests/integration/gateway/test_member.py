"""What is written to a reader arrives byte for byte, however little its socket takes at a time."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from spark_gateway.member import FULL_BYTES, Member, Transport, chunk
from spark_gateway.protocol import descriptor_of


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Transport, socket.socket]]:
    """Yield the server's transport and the client's socket, whose buffers are as small as they can be."""
    arrived: asyncio.Future[Transport] = asyncio.get_running_loop().create_future()

    class Accepting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            arrived.set_result(transport)  # type: ignore[arg-type]

    server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", 0)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(client, server.sockets[0].getsockname())
        yield await arrived, client
    finally:
        client.close()
        server.close()


def test_what_a_slow_reader_is_written_arrives_whole_and_in_order() -> None:
    """Some writes go out at once, some in part, some are kept: nobody can tell from what arrives."""

    async def read(client: socket.socket, count: int, rng: random.Random) -> bytes:
        loop, got = asyncio.get_running_loop(), b""
        while len(got) < count:
            got += await loop.sock_recv(client, rng.choice([100, 3_000, 60_000]))
            await asyncio.sleep(0)
        return got

    async def main(seed: int) -> None:
        rng = random.Random(seed)
        async with connected() as (transport, client):
            member = Member(transport, descriptor_of(transport))
            written, refused = b"", 0
            reading = asyncio.create_task(asyncio.sleep(0, b""))
            got = b""
            for number in range(400):
                data = chunk(b"%d:" % number + b"x" * rng.choice([1, 300, 5_000, FULL_BYTES // 2]))
                if member.write(data):
                    written += data
                else:
                    refused += 1
                if rng.random() < 0.3 and reading.done():
                    got += reading.result()
                    wanted = min(len(written) - len(got), 200_000)
                    reading = asyncio.create_task(read(client, wanted, rng))
                    await asyncio.sleep(0)
            got += await asyncio.wait_for(reading, 10)
            member.finish(b"bye")
            while part := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100_000), 10):
                got += part
            assert refused > 0
            assert got == written + chunk(b"bye") + b"0\r\n\r\n"

    for seed in range(5):
        uvloop.run(main(seed))


def test_a_reader_that_is_gone_takes_nothing_and_ends_its_connection() -> None:
    async def main() -> None:
        async with connected() as (transport, client):
            member = Member(transport, descriptor_of(transport))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
            client.close()
            async with asyncio.timeout(10):
                while member.write(chunk(b"anybody there?")):  # noqa: ASYNC110, only the kernel knows when
                    await asyncio.sleep(0)
            assert member.gone

    uvloop.run(main())
