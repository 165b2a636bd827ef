"""Following a venue's stream: everything once and in order, through restarts; a new epoch is seen as one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import connect
from spark_bus.publisher import Publisher
from spark_bus.reader import Entry, Reader, Snapshot, take_snapshot
from spark_market.instruments import Mode
from support import stream
from support.eventually import eventually
from support.examples import VENUE, Notes, a_feed_state, a_heartbeat, an_instrument, tickers
from support.redis_server import RedisServer
from support.running import running


def waits() -> Iterator[float]:
    while True:
        yield 0.02


class Follower:
    """Takes all that a reader yields."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.since_snapshot: list[Entry] = []
        self.notes = Notes()

    async def follow(self, redis: Redis) -> None:
        async for news in Reader(redis, VENUE, waits, self.notes).follow():
            if isinstance(news, Snapshot):
                self.snapshots.append(news)
                self.since_snapshot = []
            else:
                self.since_snapshot += news

    @property
    def prices(self) -> list[int]:
        return [stream.price_of(entry.data) for entry in self.since_snapshot if entry.kind == "ticker"]


@asynccontextmanager
async def following(redis: Redis) -> AsyncIterator[Follower]:
    follower = Follower()
    async with running(follower.follow(redis)):
        yield follower


async def a_writer(redis: Redis) -> Publisher:
    publisher = Publisher(redis, VENUE, Mode.MOCK)
    await publisher.claim()
    return publisher


async def test_a_reader_gets_a_snapshot_and_then_each_entry_once_in_order(redis: Redis) -> None:
    """The snapshot says where it stands, so nothing is missing and nothing doubled at the seam."""
    writer = await a_writer(redis)
    await writer.write_instruments({"BTC_TRY": an_instrument()})
    await writer.append(tickers(1, 2))
    async with following(redis) as follower:
        await eventually(lambda: follower.snapshots)
        for price in range(3, 203):
            await writer.append(tickers(price))
        await eventually(lambda: len(follower.prices) >= 200)

    [snapshot] = follower.snapshots
    as_of, message = snapshot.latest["ticker:BTC_TRY"]
    assert stream.price_of(message) == 2
    assert as_of == snapshot.position.entry
    assert set(snapshot.instruments) == {"BTC_TRY"}
    assert follower.prices == list(range(3, 203))


async def test_nothing_is_yielded_until_there_is_a_stream(redis: Redis) -> None:
    """A gateway may start before the first ingest ever has."""
    async with following(redis) as follower:
        await eventually(lambda: follower.notes.reached >= 2)
        assert follower.snapshots == []

        await a_writer(redis)
        await eventually(lambda: follower.snapshots)


async def test_a_new_epoch_gives_a_fresh_snapshot_and_nothing_of_the_old_one(redis: Redis) -> None:
    """What was read across the seam can not be trusted to be continuous."""
    writer = await a_writer(redis)
    async with following(redis) as follower:
        await eventually(lambda: follower.snapshots)
        async with redis.pipeline(transaction=True) as pipe:  # at once, so that one read meets both
            pipe.xadd(keys.messages(VENUE), {"k": "ticker", "s": "BTC_TRY", "d": tickers(1)[0].data})
            pipe.set(keys.epoch(VENUE), "0e0c")
            await pipe.execute()
        await eventually(lambda: len(follower.snapshots) == 2)
        assert follower.prices == []
        await writer.append(tickers(2))
        await eventually(lambda: follower.prices)

    first, second = follower.snapshots
    assert first.position.epoch != second.position.epoch == "0e0c"
    assert follower.prices == [2]


async def test_a_new_epoch_is_seen_on_a_silent_stream_too(redis: Redis) -> None:
    await a_writer(redis)
    async with following(redis) as follower:
        await eventually(lambda: follower.snapshots)
        await redis.set(keys.epoch(VENUE), "0e0c")
        await eventually(lambda: len(follower.snapshots) == 2, timeout_s=3)


async def test_a_wiped_redis_yields_nothing_until_a_writer_is_back(redis: Redis) -> None:
    """What a reader holds is then the best there is; the new epoch replaces it."""
    await a_writer(redis)
    async with following(redis) as follower:
        await eventually(lambda: follower.snapshots)
        await redis.flushall()
        reached = follower.notes.reached
        await eventually(lambda: follower.notes.reached >= reached + 2)
        assert len(follower.snapshots) == 1

        await a_writer(redis)
        await eventually(lambda: len(follower.snapshots) == 2)


async def test_a_reader_survives_a_crash_of_redis_that_kept_its_data(server: RedisServer) -> None:
    """Nothing was lost: no second snapshot, so no gap for anybody, and no entry is missing or doubled."""
    readers, writers = connect(server.url), connect(server.url)
    writer = await a_writer(writers)
    async with following(readers) as follower:
        await eventually(lambda: follower.snapshots)
        await writer.append(tickers(*range(100)))
        server.kill()
        await eventually(lambda: follower.notes.lost)
        await server.restart()
        await writers.connection_pool.disconnect()
        await writer.append(tickers(*range(100, 200)))
        await eventually(lambda: len(follower.prices) >= 200)

    assert len(follower.snapshots) == 1
    assert follower.prices == list(range(200))
    await readers.aclose()
    await writers.aclose()


async def test_a_reader_that_fell_behind_what_the_stream_keeps_gets_a_snapshot(redis: Redis) -> None:
    """Redis answers a read of trimmed entries with what is left, and no error: that loss must not be silent."""
    writer = await a_writer(redis)
    await writer.append(tickers(1))
    news = aiter(Reader(redis, VENUE, waits, Notes()).follow())
    assert isinstance(await anext(news), Snapshot)
    await writer.append(tickers(2, 3, 4))
    await redis.xtrim(keys.messages(VENUE), maxlen=1, approximate=False)

    again = await anext(news)
    await writer.append(tickers(5))
    after = await anext(news)

    assert isinstance(again, Snapshot)
    assert stream.price_of(again.latest["ticker:BTC_TRY"][1]) == 4
    assert isinstance(after, list)
    assert [stream.price_of(entry.data) for entry in after] == [5]


async def test_a_reader_that_is_up_to_date_when_an_idle_stream_is_trimmed_goes_on(redis: Redis) -> None:
    """Hours without an ingest, then its first heartbeat trims all there was: this reader has had all of it."""
    writer = Publisher(redis, VENUE, Mode.MOCK, retention_ms=1)
    await writer.claim()
    async with following(redis) as follower:
        await eventually(lambda: follower.snapshots)
        await eventually(lambda: _older_than_a_few_ms(redis))
        first = await writer.beat(a_heartbeat(), {}, a_feed_state())
        await eventually(lambda: [entry for entry in follower.since_snapshot if entry.kind == "heartbeat"])

    assert first is not None
    assert len(follower.snapshots) == 1


async def _older_than_a_few_ms(redis: Redis) -> bool:
    last, _ = (await stream.raw(redis))[-1]
    return await stream.now_ms(redis) > int(last.partition(b"-")[0]) + 5


async def test_two_readers_of_one_venue_each_get_everything(redis: Redis) -> None:
    """No consumer groups: every gateway replica sees the whole stream."""
    writer = await a_writer(redis)
    async with following(redis) as one, following(redis) as other:
        await eventually(lambda: one.snapshots and other.snapshots)
        await writer.append(tickers(*range(50)))
        await eventually(lambda: len(one.prices) >= 50 and len(other.prices) >= 50)

    assert one.prices == other.prices == list(range(50))


async def test_a_snapshot_taken_amid_writing_joins_the_stream_without_a_seam(redis: Redis) -> None:
    """Snapshot value, then the entries after it: always the numbers in a row."""
    writer = await a_writer(redis)
    await writer.append(tickers(0))

    async def write() -> None:
        for price in range(1, 200):
            await writer.append(tickers(price))

    writing = asyncio.create_task(write())
    seams = []
    while not writing.done():
        snapshot = await take_snapshot(redis, VENUE)
        assert snapshot is not None
        after: Any = await redis.xrange(keys.messages(VENUE), min=f"({snapshot.position.entry}", count=1)
        if after:
            value = stream.price_of(snapshot.latest["ticker:BTC_TRY"][1])
            seams.append(stream.price_of(after[0][1][b"d"]) - value)
    await writing

    assert set(seams) <= {1}


async def test_a_cancelled_reader_ends_at_whatever_moment_it_is_cancelled(redis: Redis) -> None:
    """A cancellation that is lost amid a call leaves a service that does not stop."""
    await a_writer(redis)
    for turns in range(150):
        follower = Follower()
        task = asyncio.create_task(follower.follow(redis))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=2)
        assert ended, f"still running, cancelled after {turns} turns of the loop"
