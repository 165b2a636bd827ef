"""The carrier when Redis, or the way to it, breaks: nothing is lost in silence, doubled or reordered."""

import asyncio
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import connect, connect_alone
from support import stream
from support.eventually import eventually
from support.examples import NOON, VENUE, a_gap, an_instrument
from support.redis_server import RedisServer
from support.running import running
from support.tcp_proxy import TcpProxy

from .line import Line, carrying

pytestmark = pytest.mark.usefixtures("brisk_heartbeats")


async def test_a_crash_of_redis_that_keeps_its_data_costs_nothing(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """Same epoch, every message once and in order: no reader has anything to be told of."""
    line = Line(writers())
    async with carrying(line):
        line.put(*range(100))
        await line.carried(100)
        server.kill()
        for price in range(100, 300):
            line.put(price)
        await eventually(lambda: line.notes.lost)
        await server.restart()
        await line.carried(300)
        beats = len(line.notes.beats)
        await eventually(lambda: len(line.notes.beats) > beats)

    assert await stream.prices(clients()) == list(range(300))
    assert len(line.notes.epochs) == 1  # the very first


async def test_crash_after_crash_under_load_nothing_is_lost_doubled_or_reordered(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    line = Line(writers())
    put = 0

    async def pour() -> None:
        nonlocal put
        while True:
            line.put(put)
            put += 1
            await asyncio.sleep(0.0005)

    async with carrying(line):
        async with running(pour()):
            for round_ in range(1, 5):
                await line.carried(round_ * 100)
                server.kill()
                await server.restart()
        await line.carried(put)

    assert await stream.prices(clients()) == list(range(put))
    assert len(line.notes.epochs) == 1


async def test_a_wiped_redis_gets_a_new_epoch_with_every_current_value_and_the_directory(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """A symbol that does not change for an hour must not be missing from every snapshot until then."""
    line = Line(writers())
    async with carrying(line):
        line.put(1, 2)
        line.put(7, symbol="ETH_TRY")
        await line.carried(3)
        server.kill()
        server.wipe()
        line.put(3)
        await server.restart()
        await line.carried(4)
        reading = clients()
        await eventually(lambda: reading.hexists(keys.instruments(VENUE), "BTC_TRY"))

    assert len(line.notes.epochs) == 2
    assert await stream.epoch(reading) == line.notes.epochs[-1]
    assert await stream.latest(reading) == {"BTC_TRY": 3, "ETH_TRY": 7}
    assert await stream.prices(reading) == [2, 7, 3]  # the current values first, then what came since


async def test_a_quiet_venue_too_notices_a_wiped_redis(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """The heartbeat finds out; there need be no tick."""
    line = Line(writers())
    async with carrying(line):
        line.put(5)
        await line.carried(1)
        server.kill()
        server.wipe()
        await server.restart()
        reading = clients()
        await eventually(lambda: _latest_is(reading, {"BTC_TRY": 5}))
        await eventually(lambda: reading.hexists(keys.instruments(VENUE), "BTC_TRY"))


async def _latest_is(redis: Redis, expected: dict[str, int]) -> bool:
    return await stream.latest(redis) == expected


@pytest.mark.parametrize("quiet", [True, False], ids=["quiet", "busy"])
async def test_a_lost_tail_starts_a_new_epoch_with_every_current_value(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis], quiet: bool
) -> None:
    """Readers have seen entries that Redis no longer has: continuing their epoch would be a lie."""
    line = Line(writers())
    async with carrying(line):
        line.put(1)
        line.put(7, symbol="ETH_TRY")
        await line.carried(2)
        older = server.keep_copy()
        line.put(2)
        await line.carried(3)
        server.kill()
        if not quiet:
            line.put(3)
        server.restore(older)
        await server.restart()
        await eventually(lambda: len(line.notes.epochs) == 2)
        newest = 2 if quiet else 3
        reading = clients()
        await eventually(lambda: _latest_is(reading, {"BTC_TRY": newest, "ETH_TRY": 7}))
        await eventually(lambda: line.notes.carried[-1].kind == "instruments")

    prices = await stream.prices(reading)
    assert prices[:2] == [1, 7]
    assert sorted(prices[2:4]) == [2, 7]
    assert prices[4:] == ([] if quiet else [3])


async def test_a_lost_tail_that_held_only_the_claim_is_noticed(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """Redis then knows an older writer: ours claims again, and as Redis was restarted, in a new epoch."""
    first = Line(writers(), lease_ms=1)
    async with carrying(first):
        first.put(1)
        await first.carried(1)
    await first.publisher.release()
    older = server.keep_copy()
    second = Line(writers())
    async with carrying(second):
        second.put(2)
        await second.carried(1)
        server.kill()
        server.restore(older)
        await server.restart()
        second.put(3)
        await second.carried(2)

    reading = clients()
    assert len(second.notes.epochs) == 1
    assert await stream.prices(reading) == [1, 2, 3]
    assert await stream.latest(reading) == {"BTC_TRY": 3}


async def test_a_lost_reply_does_not_double_a_batch(server: RedisServer, clients: Callable[[], Redis]) -> None:
    """Over a real socket: the request arrives, its answer does not."""
    async with TcpProxy(server.port) as proxy:
        through = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
        line = Line(through)
        async with carrying(line):
            line.put(1)
            await line.carried(1)
            for price in range(2, 12):
                proxy.drop_next_reply()
                line.put(price)
                await line.carried(price)
        await through.aclose()

    assert proxy.replies_dropped == 10
    assert await stream.prices(clients()) == list(range(1, 12))
    assert len(line.notes.epochs) == 1


async def test_cuts_at_any_moment_lose_and_double_nothing(server: RedisServer, clients: Callable[[], Redis]) -> None:
    async with TcpProxy(server.port) as proxy:
        through = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
        line = Line(through)
        async with carrying(line):
            for price in range(400):
                line.put(price)
                if price % 20 == 0:
                    proxy.cut()
                await asyncio.sleep(0.001)
            await line.carried(400)
        await through.aclose()

    assert await stream.prices(clients()) == list(range(400))
    assert len(line.notes.epochs) == 1


async def test_a_redis_that_holds_still_is_waited_for(
    server: RedisServer, clients: Callable[[], Redis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected but mute, as behind a broken network: the call's own deadline ends it, and it is sent again."""
    monkeypatch.setattr("spark_bus.connection.CALL_TIMEOUT_S", 0.2)
    async with TcpProxy(server.port) as proxy:
        through = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
        line = Line(through)
        async with carrying(line):
            line.put(1)
            await line.carried(1)
            proxy.pause()
            line.put(2, 3)
            await eventually(lambda: line.notes.lost)
            proxy.resume()
            await line.carried(3)
        await through.aclose()

    assert await stream.prices(clients()) == [1, 2, 3]


async def test_what_the_outbox_had_to_drop_is_disclosed_where_the_hole_is(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """The gap stands between the last entry before the outage and the first after it."""
    line = Line(writers(), most_messages=2)
    async with carrying(line):
        line.put(1)
        await line.carried(1)
        server.kill()
        line.put(2)
        await eventually(lambda: len(line.outbox) == 0)  # 2 is in hand by now
        line.put(3, 4, 5, 6)
        await server.restart()
        await line.carried(4)

    reading = clients()
    assert await stream.prices(reading) == [1, 2, 5, 6]
    assert await stream.gaps(reading) == [a_gap(NOON + 3, NOON + 4, cause="overflow", lost=2)]
    found = await stream.kinds(reading)
    at = found.index("gap")
    assert [kind for kind in found[:at] if kind == "ticker"] == ["ticker"] * 2


async def test_a_new_epoch_has_nothing_of_what_is_not_carried_any_more(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """A value of months ago, which nothing would ever correct."""
    line, redis = Line(writers()), clients()
    async with carrying(line):
        line.put(1)
        line.put(5, symbol="ETH_TRY")
        await line.carried(2)
        line.directory = {"BTC_TRY": an_instrument("BTC_TRY")}
        await eventually(lambda: _latest_is(redis, {"BTC_TRY": 1}))
        await redis.flushall()
        line.put(2)
        await line.carried(4)

    assert await stream.prices(redis) == [1, 2]


@pytest.mark.parametrize("quiet", [False, True], ids=["lively", "quiet"])
async def test_a_failover_behind_one_address_is_followed(server: RedisServer, quiet: bool) -> None:
    """The demoted master keeps the connection and refuses to write: it must not be asked for ever.

    Not by heartbeats either, when a venue has nothing to say.
    """
    async with RedisServer(server.binary) as promoted, TcpProxy(server.port) as proxy:
        old, new = connect(server.url), connect(promoted.url)
        line = Line(connect_alone(f"redis://127.0.0.1:{proxy.port}/0"))
        async with carrying(line):
            line.put(1)
            await line.carried(1)
            await new.replicaof("127.0.0.1", str(server.port))
            await eventually(lambda: _latest_is(new, {"BTC_TRY": 1}), what="replication")
            await new.replicaof("NO", "ONE")
            proxy.lead_to(promoted.port)
            await old.replicaof("127.0.0.1", str(promoted.port))
            if quiet:
                beats = (await stream.kinds(new)).count("heartbeat")
                await eventually(lambda: _beaten(new, beats), what="a heartbeat at the new master")
            line.put(2)
            await eventually(lambda: _latest_is(new, {"BTC_TRY": 2}))

        for client in (old, new, line.redis):
            await client.aclose()


async def _beaten(redis: Redis, before: int) -> bool:
    return (await stream.kinds(redis)).count("heartbeat") > before
