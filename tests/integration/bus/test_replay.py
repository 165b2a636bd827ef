"""Replaying after a cursor: whole, or not at all."""

from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.cursor import Cursor, EntryId
from spark_bus.publisher import Claim, Publisher
from spark_bus.reader import replay
from spark_market.instruments import Mode
from support import stream
from support.examples import VENUE, tickers


async def a_stream_of(redis: Redis, *prices: int) -> list[Cursor]:
    """Write tickers; return the cursor of each entry, that of the birth notice first."""
    publisher = Publisher(redis, VENUE, Mode.MOCK)
    claim = await publisher.claim()
    assert isinstance(claim, Claim)
    for price in prices:
        await publisher.append(tickers(price))
    return [Cursor(VENUE, claim.epoch, EntryId.parse(entry_id)) for entry_id, _ in await stream.raw(redis)]


async def test_a_replay_holds_every_entry_after_the_cursor(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2, 3)

    found = await replay(redis, cursors[1], count=10)

    assert found is not None
    assert [stream.price_of(entry.data) for entry in found] == [2, 3]
    assert [entry.id for entry in found] == [cursor.entry for cursor in cursors[2:]]


async def test_a_cursor_at_the_end_has_an_empty_replay(redis: Redis) -> None:
    """Up to date is not the same as not to be had."""
    cursors = await a_stream_of(redis, 1)

    assert await replay(redis, cursors[-1], count=10) == []


async def test_there_is_no_replay_when_entries_have_been_trimmed(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2, 3)
    await redis.xtrim(keys.messages(VENUE), maxlen=2, approximate=False)

    assert await replay(redis, cursors[1], count=10) is None
    assert await replay(redis, cursors[2], count=10) is not None


async def test_there_is_no_replay_of_another_epoch(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2)

    assert await replay(redis, cursors[1]._replace(epoch="0e0c"), count=10) is None


async def test_there_is_no_replay_when_the_stream_is_gone(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1)
    await redis.flushall()

    assert await replay(redis, cursors[0], count=10) is None


async def test_a_replay_comes_in_pages_that_follow_one_another(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2, 3)

    first = await replay(redis, cursors[0], count=2)
    assert first is not None
    rest = await replay(redis, cursors[0]._replace(entry=first[-1].id), count=2)
    assert rest is not None
    whole = await replay(redis, cursors[0], count=10)
    assert first + rest == whole
    assert len(first) == 2
