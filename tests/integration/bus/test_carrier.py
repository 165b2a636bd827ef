"""The carrier: whatever happens to Redis, all that was put is on the stream, once and in order, or disclosed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.carrier import BEAT_S, Beat, Carrier, LeaseLost
from spark_bus.connection import connect
from spark_bus.outbox import Outbox
from spark_bus.publisher import Claim, Publisher, outgoing
from spark_market.instruments import Instrument, Mode
from support import stream
from support.eventually import eventually
from support.examples import NOON, VENUE, Notes, a_feed_state, a_gap, a_heartbeat, an_instrument, tickers
from support.redis_server import RedisServer
from support.running import running
from support.tcp_proxy import TcpProxy


def waits() -> Iterator[float]:
    while True:
        yield 0.02


@pytest.fixture(autouse=True)
def brisk_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of these tests wait for one; how often they come is one test's subject."""
    monkeypatch.setattr("spark_bus.carrier.BEAT_S", 0.1)


class Line:
    """A carrier with all its parts."""

    def __init__(self, redis: Redis, *, lease_ms: int = 3_000, most_messages: int = 50_000) -> None:
        self.redis = redis
        self.publisher = Publisher(redis, VENUE, Mode.MOCK, lease_ms=lease_ms)
        self.outbox = Outbox(VENUE, most_messages=most_messages)
        self.notes = Notes()
        self.directory: Mapping[str, Instrument] = {symbol: an_instrument(symbol) for symbol in ("BTC_TRY", "ETH_TRY")}
        self.carrier = Carrier(
            self.publisher,
            self.outbox,
            beat=lambda: Beat(a_heartbeat(), {"ticker:BTC_TRY": NOON}, a_feed_state()),
            instruments=lambda: self.directory,
            waits=waits,
            watcher=self.notes,
        )

    def put(self, *prices: int, symbol: str = "BTC_TRY") -> None:
        self.outbox.put(tickers(*prices, symbol=symbol))

    async def carried(self, count: int) -> None:
        def enough() -> bool:
            return sum(message.kind == "ticker" for message in self.notes.carried) >= count

        await eventually(enough, what=f"{count} tickers acknowledged")


@asynccontextmanager
async def carrying(line: Line) -> AsyncIterator[Line]:
    await line.carrier.claim()
    async with running(line.carrier.run()):
        yield line


@pytest.fixture
async def clients(server: RedisServer) -> AsyncIterator[Callable[[], Redis]]:
    """Clients of a server that the test will crash."""
    made: list[Redis] = []

    def client() -> Redis:
        made.append(connect(server.url))
        return made[-1]

    yield client
    for one in made:
        await one.aclose()


async def test_everything_put_is_on_the_stream_once_and_in_order(redis: Redis) -> None:
    line = Line(redis)
    async with carrying(line):
        for price in range(2_000):
            line.put(price)
            if price % 100 == 0:
                await asyncio.sleep(0)
        await line.carried(2_000)

    assert await stream.prices(redis) == list(range(2_000))
    assert await stream.latest(redis) == {"BTC_TRY": 1_999}


async def test_a_first_heartbeat_comes_at_once_and_then_one_a_second(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor takes three missing ones for a dead ingest."""
    monkeypatch.setattr("spark_bus.carrier.BEAT_S", BEAT_S)
    line = Line(redis)
    async with carrying(line):
        await eventually(lambda: line.notes.beats, timeout_s=0.9)
        started = time.monotonic()
        await eventually(lambda: len(line.notes.beats) >= 2, timeout_s=4)

    assert 0.9 <= time.monotonic() - started <= 2.0
    assert (await stream.kinds(redis)).count("heartbeat") == len(line.notes.beats)


async def test_heartbeats_go_on_while_data_flows_without_a_pause(redis: Redis) -> None:
    """A busy feed must not look like a dead one."""
    line = Line(redis)

    async def pour() -> None:
        price = 0
        while True:
            line.put(price)
            price += 1
            await asyncio.sleep(0)

    async with carrying(line), running(pour()):
        await eventually(lambda: len(line.notes.beats) >= 2, timeout_s=3)


async def test_the_directory_is_written_before_it_is_announced_and_again_when_it_changes(redis: Redis) -> None:
    line = Line(redis)
    async with carrying(line):
        await eventually(lambda: redis.hexists(keys.instruments(VENUE), "BTC_TRY"))
        line.directory = {**line.directory, "NEW_TRY": an_instrument("NEW_TRY")}
        await eventually(lambda: redis.hexists(keys.instruments(VENUE), "NEW_TRY"))
        await eventually(lambda: sum(message.kind == "instruments" for message in line.notes.carried) == 2)

    assert (await stream.kinds(redis)).count("instruments") == 3  # the birth of the stream is one as well


async def test_a_crash_of_redis_that_keeps_its_data_costs_nothing(
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """Same epoch, every message once and in order: no reader has anything to be told of."""
    line = Line(clients())
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
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    line = Line(clients())
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
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """A symbol that does not change for an hour must not be missing from every snapshot until then."""
    line = Line(clients())
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


async def test_a_quiet_venue_too_notices_a_wiped_redis(server: RedisServer, clients: Callable[[], Redis]) -> None:
    """The heartbeat finds out; there need be no tick."""
    line = Line(clients())
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
    server: RedisServer, clients: Callable[[], Redis], quiet: bool
) -> None:
    """Readers have seen entries that Redis no longer has: continuing their epoch would be a lie."""
    line = Line(clients())
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
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """Redis then knows an older writer: ours claims again, and as Redis was restarted, in a new epoch."""
    first = Line(clients(), lease_ms=1)
    async with carrying(first):
        first.put(1)
        await first.carried(1)
    await first.publisher.release()
    older = server.keep_copy()
    second = Line(clients())
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
        through = connect(f"redis://127.0.0.1:{proxy.port}/0")
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
        through = connect(f"redis://127.0.0.1:{proxy.port}/0")
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
        through = connect(f"redis://127.0.0.1:{proxy.port}/0")
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
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """The gap stands between the last entry before the outage and the first after it."""
    line = Line(clients(), most_messages=2)
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


async def test_a_gap_in_the_queue_is_carried_in_its_place(redis: Redis) -> None:
    line = Line(redis)
    async with carrying(line):
        line.outbox.put([*tickers(1), outgoing(a_gap()), *tickers(2)])
        await line.carried(2)

    assert [kind for kind in await stream.kinds(redis) if kind in {"ticker", "gap"}] == ["ticker", "gap", "ticker"]


async def test_another_writer_in_between_ends_the_carrier(redis: Redis) -> None:
    """Its stream is no longer ours to continue; what we hold is not put after what it wrote."""
    line = Line(redis, lease_ms=1)
    await line.carrier.claim()
    task = asyncio.create_task(line.carrier.run())
    line.put(1)
    await line.carried(1)
    other = Publisher(redis, VENUE, Mode.MOCK)
    await eventually(lambda: _claims(other))
    await other.append(tickers(50))

    line.put(2)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(task, 5)

    assert await stream.prices(redis) == [1, 50]


async def test_after_a_lost_lease_nothing_old_is_flushed_behind_the_other_writers_data(redis: Redis) -> None:
    """The other one may be gone again: that makes the venue free, and our leftovers no newer."""
    line = Line(redis, lease_ms=1)
    await line.carrier.claim()
    task = asyncio.create_task(line.carrier.run())
    line.put(1)
    await line.carried(1)
    other = Publisher(redis, VENUE, Mode.MOCK)
    await eventually(lambda: _claims(other))
    await other.append(tickers(50))
    await other.release()

    line.put(2, 3)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(task, 5)
    line.put(4)
    await line.carrier.flush()

    assert await stream.prices(redis) == [1, 50]
    assert await stream.latest(redis) == {"BTC_TRY": 50}


async def _claims(publisher: Publisher) -> bool:
    return isinstance(await publisher.claim(), Claim)


async def test_a_second_ingest_stands_by_until_the_first_leaves(redis: Redis) -> None:
    first, second = Line(redis), Line(redis)
    async with carrying(first):
        claim = asyncio.create_task(second.carrier.claim())
        await eventually(lambda: second.notes.stood_by)
        assert not claim.done()
    await first.publisher.release()

    assert not (await asyncio.wait_for(claim, 5)).born


async def test_claiming_waits_for_a_redis_that_is_not_there_yet(
    server: RedisServer, clients: Callable[[], Redis]
) -> None:
    """Services start in any order."""
    server.kill()
    line = Line(clients())
    claim = asyncio.create_task(line.carrier.claim())
    await eventually(lambda: len(line.notes.lost) >= 2)
    await server.start()

    assert (await asyncio.wait_for(claim, 5)).born


async def test_an_orderly_stop_delivers_what_waits(redis: Redis) -> None:
    line = Line(redis)
    await line.carrier.claim()
    task = asyncio.create_task(line.carrier.run())
    await eventually(lambda: line.notes.beats)
    line.put(*range(1_200))
    task.cancel()
    await asyncio.wait([task])

    await line.carrier.flush()

    assert await stream.prices(redis) == list(range(1_200))


async def test_a_stop_amid_a_call_delivers_once(server: RedisServer, clients: Callable[[], Redis]) -> None:
    """Cancelled while Redis was being asked: whether it had taken the batch is for the number to tell."""
    async with TcpProxy(server.port) as proxy:
        through = connect(f"redis://127.0.0.1:{proxy.port}/0")
        line = Line(through)
        await line.carrier.claim()
        task = asyncio.create_task(line.carrier.run())
        line.put(1)
        await line.carried(1)
        await eventually(lambda: line.notes.beats)
        reading = clients()
        proxy.drop_next_reply()  # the batch arrives, its answer never does
        line.put(2)
        await eventually(lambda: _has(reading, 2))
        task.cancel()
        await asyncio.wait([task])
        await line.carrier.flush()
        await through.aclose()

    assert await stream.prices(reading) == [1, 2]


async def _has(redis: Redis, price: int) -> bool:
    return price in await stream.prices(redis)


async def test_a_cancelled_carrier_ends_at_whatever_moment_it_is_cancelled(redis: Redis) -> None:
    """And what it had in hand is delivered once by the flush that follows."""
    line = Line(redis)
    await line.carrier.claim()
    for turns in range(80):
        line.put(turns)
        task = asyncio.create_task(line.carrier.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=2)
        assert ended, f"still running, cancelled after {turns} turns of the loop"
        await line.carrier.flush()

    assert await stream.prices(redis) == list(range(80))


async def test_a_failover_behind_one_address_is_followed(server: RedisServer) -> None:
    """The demoted master keeps the connection and refuses to write: it must not be asked for ever."""
    async with RedisServer(server.binary) as promoted, TcpProxy(server.port) as proxy:
        old, new = connect(server.url), connect(promoted.url)
        line = Line(connect(f"redis://127.0.0.1:{proxy.port}/0"))
        async with carrying(line):
            line.put(1)
            await line.carried(1)
            await new.replicaof("127.0.0.1", str(server.port))
            await eventually(lambda: _latest_is(new, {"BTC_TRY": 1}), what="replication")
            await new.replicaof("NO", "ONE")
            proxy.lead_to(promoted.port)
            await old.replicaof("127.0.0.1", str(promoted.port))
            line.put(2)
            await line.carried(2)

        assert (await stream.prices(new))[-1] == 2
        for client in (old, new, line.redis):
            await client.aclose()
