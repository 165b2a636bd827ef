"""Reading backwards: each page is whole down to its last entry, or it is not had."""

from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.cursor import Cursor, EntryId
from spark_bus.history import is_birth, look_back
from spark_bus.publisher import Claim, Publisher
from spark_bus.reader import Entry
from spark_market.instruments import Mode
from support import stream
from support.examples import VENUE, tickers

from .test_replay import a_stream_of


async def test_a_page_holds_what_came_before_newest_first(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2, 3)

    found = await look_back(redis, cursors[-1], count=2)

    assert found is not None
    assert [stream.price_of(entry.data) for entry in found] == [2, 1]
    assert [entry.id for entry in found] == [cursor.entry for cursor in cursors[2:0:-1]]


async def test_it_ends_where_the_stream_begins(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1)

    [birth] = await look_back(redis, cursors[1], count=10) or []

    assert is_birth(birth)
    assert await look_back(redis, cursors[0], count=10) == []


async def test_trimming_leaves_the_rest_whole(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2, 3)
    await redis.xtrim(keys.messages(VENUE), maxlen=2, approximate=False)

    found = await look_back(redis, cursors[3], count=10)

    assert found is not None
    assert [entry.id for entry in found] == [cursors[2].entry]
    assert await look_back(redis, cursors[1], count=10) == []


async def test_there_is_no_page_before_what_was_lost(redis: Redis) -> None:
    """Older entries without the one to begin at: Redis came back without its tail."""
    cursors = await a_stream_of(redis, 1, 2, 3)
    await redis.xdel(keys.messages(VENUE), str(cursors[2].entry), str(cursors[3].entry))

    assert await look_back(redis, cursors[3], count=10) is None


async def test_there_is_no_page_of_another_epoch_or_of_nothing(redis: Redis) -> None:
    cursors = await a_stream_of(redis, 1, 2)

    assert await look_back(redis, cursors[1]._replace(epoch="0e0c"), count=10) is None
    await redis.flushall()
    assert await look_back(redis, cursors[1], count=10) is None


async def test_an_epoch_begins_with_an_entry_that_says_so_and_a_new_directory_does_not(redis: Redis) -> None:
    publisher = Publisher(redis, VENUE, Mode.MOCK)
    claim = await publisher.claim()
    assert isinstance(claim, Claim)
    await publisher.append([publisher.directory_changed(), *tickers(1)])
    await redis.delete(keys.epoch(VENUE))
    lost = await publisher.append(tickers(2))
    assert lost.born
    await publisher.append(tickers(3))
    [(end, _)] = (await stream.raw(redis))[-1:]

    found = await look_back(redis, Cursor(VENUE, lost.epoch, EntryId.parse(end)), count=10)

    assert found is not None
    assert [(entry.kind, is_birth(entry)) for entry in found] == [
        ("instruments", True),
        ("ticker", False),
        ("instruments", False),
        ("instruments", True),
    ]


def test_what_cannot_be_read_may_be_a_beginning() -> None:
    assert is_birth(Entry(EntryId(1, 0), "instruments", "", b"nonsense"))
    assert not is_birth(Entry(EntryId(1, 0), "ticker", "", b"nonsense"))
