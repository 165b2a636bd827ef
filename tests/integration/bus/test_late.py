"""What the network delivers when nobody waits for it any more: requests and answers that were given up long ago."""

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS, connect, connect_alone
from spark_bus.publisher import Claim, Publisher
from spark_market.instruments import Mode
from support import stream
from support.eventually import eventually
from support.examples import VENUE, tickers
from support.redis_server import RedisServer
from support.tcp_proxy import TcpProxy

from .line import Line, carrying


async def test_a_batch_that_arrives_long_after_it_was_sent_again_changes_nothing(
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """The kernel goes on sending what a closed connection had in hand: no entry comes twice, and no epoch begins."""
    async with TcpProxy(server.port) as proxy:
        line = Line(connect_alone(f"redis://127.0.0.1:{proxy.port}/0"))
        async with carrying(line):
            line.put(1)
            await line.carried(1)
            proxy.keep_request(b'"price":2')
            line.put(2)
            await line.carried(2)
            line.put(3)
            await line.carried(3)
            answer = await proxy.deliver_kept()
            line.put(4)
            await line.carried(4)
        await line.redis.aclose()

    assert answer == b"$4\r\nlate\r\n"
    assert line.notes.lost
    assert await stream.prices(clients()) == [1, 2, 3, 4]
    assert len(line.notes.epochs) == 1


async def test_a_claim_that_arrives_long_after_it_was_sent_again_changes_nothing(
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """It would set the writer's numbers back, and the next batch would take that for a lost tail."""
    async with TcpProxy(server.port) as proxy:
        writers = clients()
        await Publisher(writers, "another", Mode.MOCK).claim()  # the script is known: a claim is one request
        client = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
        writer = Publisher(client, VENUE, Mode.MOCK)
        proxy.keep_request(b"EVALSHA")
        with pytest.raises(BUS_ERRORS):
            await writer.claim()
        claim = await writer.claim()
        await writer.append(tickers(1))
        await writer.append(tickers(2))
        await proxy.deliver_kept()
        appended = await writer.append(tickers(3))
        await client.aclose()

    assert isinstance(claim, Claim)
    assert not appended.born
    assert await stream.prices(writers) == [1, 2, 3]


@pytest.mark.parametrize("kind", ["pool", "alone"])
async def test_an_answer_that_comes_late_is_not_taken_for_the_next_ones(
    kind: str, server: RedisServer, clients: Callable[[], Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection whose answer was given up is dropped, with whatever may yet come over it."""
    monkeypatch.setattr("spark_bus.connection.CALL_TIMEOUT_S", 0.2)
    direct = clients()
    await direct.mset({"first": "1", "second": "2"})
    async with TcpProxy(server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        client = connect_alone(url) if kind == "alone" else connect(url, 1, 0.2)
        assert await client.get("first") == b"1"
        proxy.pause()
        with pytest.raises(BUS_ERRORS):
            await client.get("first")
        proxy.resume()

        async def answered() -> bool:
            try:
                return await client.get("second") == b"2"
            except BUS_ERRORS:
                return False

        await eventually(answered)
        assert [await client.get(name) for name in ("first", "second", "first")] == [b"1", b"2", b"1"]
        await client.aclose()
