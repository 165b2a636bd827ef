"""The carrier: whatever happens to Redis, all that was put is on the stream, once and in order, or disclosed."""

import asyncio
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.carrier import BEAT_S, ENOUGH, LeaseLost
from spark_bus.connection import connect_alone
from spark_bus.publisher import Claim, Publisher, outgoing
from spark_market.instruments import Mode
from spark_service.lifecycle import end
from support import stream
from support.eventually import eventually
from support.examples import VENUE, a_gap, an_instrument, tickers
from support.redis_server import RedisServer
from support.running import running
from support.tcp_proxy import TcpProxy

from .line import Line, carrying

pytestmark = pytest.mark.usefixtures("brisk_heartbeats")


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
        line.directory = {name: an_instrument(name) for name in ("BTC_TRY", "ETH_TRY", "NEW_TRY")}
        await eventually(lambda: redis.hexists(keys.instruments(VENUE), "NEW_TRY"))
        await eventually(lambda: sum(message.kind == "instruments" for message in line.notes.carried) == 2)

    assert (await stream.kinds(redis)).count("instruments") == 3  # the birth of the stream is one as well


async def test_a_gap_in_the_queue_is_carried_in_its_place(redis: Redis) -> None:
    line = Line(redis)
    async with carrying(line):
        line.outbox.put([*tickers(1), outgoing(a_gap()), *tickers(2)])
        await line.carried(2)

    assert [kind for kind in await stream.kinds(redis) if kind in {"ticker", "gap"}] == ["ticker", "gap", "ticker"]


async def test_another_writer_in_between_ends_the_carrier(redis: Redis) -> None:
    """Its stream is no longer ours to continue; what we hold is not put after what it wrote."""
    await _overtaken(Line(redis, lease_ms=1), leaves=False)

    assert await stream.prices(redis) == [1, 50]


async def test_after_a_lost_lease_nothing_old_is_flushed_behind_the_other_writers_data(redis: Redis) -> None:
    """The other one may be gone again: that makes the venue free, and our leftovers no newer."""
    line = Line(redis, lease_ms=1)
    await _overtaken(line, leaves=True)

    line.put(4)
    await line.carrier.flush()

    assert await stream.prices(redis) == [1, 50]
    assert await stream.latest(redis) == {"BTC_TRY": 50}


async def _overtaken(line: Line, *, leaves: bool) -> None:
    """Carry 1; let another write 50, and leave or not; return once the line has noticed, with 2 and 3 in hand."""
    await line.carrier.claim()
    task = asyncio.create_task(line.carrier.run())
    line.put(1)
    await line.carried(1)
    other = Publisher(line.redis, VENUE, Mode.MOCK)
    await eventually(lambda: _claims(other))
    await other.append(tickers(50))
    if leaves:
        await other.release()

    line.put(2, 3)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(task, 5)


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


async def test_a_crashed_writer_is_replaced_as_soon_as_its_lease_has_ended(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spark_bus.carrier.BEAT_S", BEAT_S)
    first, second = Line(redis, lease_ms=400), Line(redis)
    started = time.monotonic()
    await first.carrier.claim()

    claim = await asyncio.wait_for(second.carrier.claim(), 5)

    assert time.monotonic() - started >= 0.39, "the lease was still running"
    assert not claim.born


async def test_a_carrier_whose_term_is_over_carries_nothing_more(redis: Redis) -> None:
    """Not even when the venue is free again, and its claim would be granted."""
    line = Line(redis, lease_ms=1)
    await line.carrier.claim()
    other = Publisher(redis, VENUE, Mode.MOCK)
    await eventually(lambda: _claims(other))
    await other.append(tickers(50))
    await other.release()
    line.put(2)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(line.carrier.run(), 5)

    line.put(3)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(line.carrier.run(), 5)

    assert await stream.prices(redis) == [50]


async def test_a_venue_that_changed_its_mode_in_between_is_not_gone_on_with(redis: Redis) -> None:
    """The claim is granted and starts an epoch, but it is not the one of a Redis that forgot."""
    line = Line(redis, lease_ms=1)
    await line.carrier.claim()
    other = Publisher(redis, VENUE, Mode.REAL)
    await eventually(lambda: _claims(other))
    await other.release()

    line.put(2)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(line.carrier.run(), 5)

    assert await stream.prices(redis) == []


async def test_a_message_that_comes_alone_leaves_at_once(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so do many that come together: only quick successions are gathered."""
    line = Line(redis)
    async with carrying(line):
        await eventually(lambda: line.notes.beats)
        monkeypatch.setattr("spark_bus.carrier.GATHER_S", 60.0)
        line.put(1)
        await line.carried(1)
        line.put(*range(2, 2 + ENOUGH))
        await line.carried(1 + ENOUGH)


async def test_messages_in_quick_succession_share_calls(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_bus.carrier.GATHER_S", 0.02)
    line = Line(redis)
    batches: list[int] = []
    monkeypatch.setattr(line.notes, "published", lambda batch: batches.append(len(batch)))
    async with carrying(line):
        started = time.monotonic()
        for price in range(200):
            line.put(price)
            await asyncio.sleep(0.0005)
        await eventually(lambda: sum(batches) > 200)  # the directory's notice is one of them
        elapsed_s = time.monotonic() - started

    assert len(batches) <= elapsed_s / 0.02 + 2
    assert await stream.prices(redis) == list(range(200))


async def test_claiming_waits_for_a_redis_that_is_not_there_yet(
    server: RedisServer, writers: Callable[[], Redis]
) -> None:
    """Services start in any order."""
    server.kill()
    line = Line(writers())
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
    await end([task])

    await line.carrier.flush()

    assert await stream.prices(redis) == list(range(1_200))


async def test_a_stop_amid_a_call_delivers_once(server: RedisServer, clients: Callable[[], Redis]) -> None:
    """Cancelled while Redis was being asked: whether it had taken the batch is for the number to tell."""
    async with TcpProxy(server.port) as proxy:
        through = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
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
        await end([task])
        await line.carrier.flush()
        await through.aclose()

    assert await stream.prices(reading) == [1, 2]


async def _has(redis: Redis, price: int) -> bool:
    return price in await stream.prices(redis)


async def test_a_cancelled_carrier_ends_at_whatever_moment_it_is_cancelled(redis_url: str, redis: Redis) -> None:
    """And what it had in hand is delivered once by the flush that follows, whatever answer nobody has read."""
    alone = connect_alone(redis_url)
    line = Line(alone)
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

    await alone.aclose()
    assert await stream.prices(redis) == list(range(80))
