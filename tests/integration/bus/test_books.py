"""Order books on real servers: whatever happens on the way, a reader never holds a wrong one."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import connect_alone
from spark_bus.publisher import outgoing, refreshed
from spark_market import wire
from spark_market.messages import Book
from spark_service.lifecycle import end
from support import stream
from support.eventually import eventually
from support.examples import NOON, VENUE, a_book, tickers
from support.feed_model import SYMBOLS, Feed, StrictReader
from support.tcp_proxy import TcpProxy

from .line import Line, carrying

pytestmark = pytest.mark.usefixtures("brisk_heartbeats")


async def field_of(redis: Redis, symbol: str = "BTC_TRY") -> tuple[str, Book]:
    """Return the entry that `latest` has a book as of, and the book."""
    found = await stream.hash_of(redis, keys.latest(VENUE))
    entry, _, data = found[f"book:{symbol}".encode()].partition(b" ")
    book = wire.decode(data)
    assert isinstance(book, Book)
    return entry.decode(), book


async def test_a_snapshot_is_an_entry_and_the_current_value_as_of_it(redis: Redis) -> None:
    line = Line(redis)
    async with carrying(line):
        line.outbox.put([outgoing(a_book(1)), outgoing(a_book(2, 1))])
        line.put(1)
        await line.carried(1)

    books = [(entry.decode(), fields[b"d"]) for entry, fields in await stream.raw(redis) if fields[b"k"] == b"book"]
    assert [wire.decode(data) for _, data in books] == [a_book(1), a_book(2, 1)]
    assert await field_of(redis) == (books[0][0], a_book(1))


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a batch"])
async def test_a_refresh_sets_the_current_value_as_of_the_entry_before_it_and_makes_none(
    redis: Redis, alone: bool
) -> None:
    line = Line(redis)
    await line.carrier.claim()
    put = [outgoing(a_book(1)), outgoing(a_book(2, 1))]
    if alone:
        await line.publisher.append(put)
        await line.publisher.append([refreshed(a_book(2))])
    else:
        await line.publisher.append([*put, refreshed(a_book(2)), *tickers(5)])

    kinds = await stream.kinds(redis)
    assert kinds == ["instruments", "book", "book", *([] if alone else ["ticker"])]
    assert await field_of(redis) == ((await stream.raw(redis))[2][0].decode(), a_book(2))


async def test_a_refresh_says_nothing_of_how_far_the_data_goes(redis: Redis) -> None:
    line = Line(redis)
    await line.carrier.claim()
    await line.publisher.append([outgoing(a_book(1, received_at=NOON)), refreshed(a_book(1, received_at=NOON + 9))])

    assert (await stream.hash_of(redis, keys.writer(VENUE)))[b"last:book"] == str(NOON).encode()


async def test_a_wiped_redis_gets_every_book_as_it_is_now(redis: Redis) -> None:
    books = [a_book(1), a_book(5, symbol="ETH_TRY")]
    line = Line(redis, books=lambda: books)
    async with carrying(line):
        line.outbox.put(map(outgoing, books))
        line.put(1)
        await line.carried(1)
        await redis.flushall()
        books[0] = a_book(2)
        line.outbox.put([outgoing(a_book(2, 1))])
        await eventually(lambda: len(line.notes.epochs) == 2)
        line.put(2)
        await line.carried(3)

    found = [wire.decode(fields[b"d"]) for fields in await stream.entries(redis) if fields[b"k"] == b"book"]
    assert sorted(book.symbol for book in found if isinstance(book, Book)) == ["BTC_TRY", "ETH_TRY"]
    assert (await field_of(redis))[1] == a_book(2)
    assert (await field_of(redis, "ETH_TRY"))[1] == books[1]


class Follower:
    """Reads on from where it was, and has the strictest of readers judge what it finds."""

    def __init__(self, redis: Redis, feed: Feed) -> None:
        self._redis = redis
        self._feed = feed
        self._reader = StrictReader(feed)
        self._last = "-"

    async def follow(self) -> None:
        """Take what is new. The only entries of kind `instruments` here are births of epochs."""
        found: Any = await self._redis.xrange(keys.messages(VENUE), min=self._last)
        for entry, fields in found:
            self._last = f"({entry.decode()}"
            if fields[b"k"] == b"instruments":
                self._reader.epoch()
            elif fields[b"k"] != b"heartbeat":
                self._reader.take(fields[b"d"])

    async def judge(self) -> None:
        """Fail unless this reader, and one that starts now from `latest`, hold what the feed holds."""
        await self.follow()
        assert self._reader.is_up_to_date()
        entries = await stream.raw(self._redis)
        for book in self._feed.books():
            as_of, held = await field_of(self._redis, book.symbol)
            newcomer = StrictReader(self._feed)
            newcomer.take(wire.encode(held))
            at = [entry.decode() for entry, _ in entries].index(as_of)
            for _, fields in entries[at + 1 :]:
                if fields[b"k"] in {b"book", b"gap"} and fields[b"s"].decode() in {book.symbol, ""}:
                    newcomer.take(fields[b"d"])
            assert newcomer.books[book.symbol][0] == book.sequence


_ACTIONS = st.sampled_from(
    ["change", "change", "change", "trade", "quote", "fail", "fail_loudly", "heal", "refresh", "take_over"]
)
_MISHAPS = st.sampled_from(["carry", "stop", "start", "lose a reply", "cut", "wipe", "keep", "lose the tail"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(_ACTIONS, st.sampled_from(SYMBOLS), st.integers(1, 6)),
        st.tuples(_ACTIONS, st.sampled_from(SYMBOLS), st.integers(1, 6)),
        st.tuples(_MISHAPS, st.just(""), st.integers(0, 12)),
    ),
    min_size=10,
    max_size=50,
)


class Trial:
    """A feed, its line to a Redis that things happen to, and a reader."""

    def __init__(self, redis: Redis, proxy: TcpProxy, through: Redis, most_messages: int, seed: int) -> None:
        self._redis = redis
        self._proxy = proxy
        self.feed = Feed(lambda messages: self.line.outbox.put(messages), seed)
        self.line = Line(through, most_messages=most_messages, books=self.feed.books)
        self.line.directory = None  # which would be announced by an entry of the kind that begins an epoch
        self.follower = Follower(redis, self.feed)
        self._carrying: asyncio.Task[None] | None = None
        self._copy: dict[str, bytes] = {}
        self._marker = 0

    async def start(self) -> None:
        if self._carrying is None:
            self._carrying = asyncio.create_task(self.line.carrier.run())

    async def stop(self) -> None:
        """Cancel it wherever it is; what it has in hand stays there."""
        if self._carrying is not None:
            await end([self._carrying])
            self._carrying = None

    async def step(self, action: str, symbol: str, count: int) -> None:
        match action:
            case "carry":
                await self.start()
                await self.settle()
            case "start":
                await self.start()
                for _ in range(count):
                    await asyncio.sleep(0)
            case "stop":
                await self.stop()
            case "lose a reply":
                self._proxy.drop_next_reply()
            case "cut":
                self._proxy.cut()
            case "wipe":
                await self.follower.follow()
                await self._redis.flushall()
                self._copy = {}
            case "keep":
                self._copy = await self._dump()
            case "lose the tail":
                await self.step("carry", "", 0)  # a tail of which the writer knows: the other kind is sent again
                await self.follower.follow()
                for key, value in self._copy.items():
                    await self._redis.restore(key, 0, value, replace=True)
            case _:
                for _ in range(count):
                    getattr(self.feed, action)(symbol)

    async def _dump(self) -> dict[str, bytes]:
        names = [keys.messages(VENUE), keys.latest(VENUE), keys.epoch(VENUE), keys.writer(VENUE)]
        return {name: found for name in names if (found := await self._redis.dump(name)) is not None}

    async def settle(self) -> None:
        """Wait until all that was put is carried: until a ticker put last is."""
        self._marker += 1
        marker = f"MARK{self._marker}_TRY"
        self.line.put(1, symbol=marker)
        await eventually(lambda: any(message.symbol == marker for message in self.line.notes.carried[-600:]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, most_messages=st.sampled_from([3, 10, 50_000]), seed=st.integers(0, 99))
async def test_whatever_happens_on_the_way_a_reader_never_holds_a_wrong_book(
    redis_url: str, redis: Redis, steps: list[tuple[str, str, int]], most_messages: int, seed: int
) -> None:
    await redis.flushall()
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    async with TcpProxy(port) as proxy:
        through = connect_alone(f"redis://127.0.0.1:{proxy.port}/0")
        trial = Trial(redis, proxy, through, most_messages, seed)
        await trial.line.carrier.claim()
        try:
            for action, symbol, count in steps:
                await trial.step(action, symbol, count)
            await trial.start()
            await trial.settle()
            await trial.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await trial.line.carrier.flush()
            await trial.follower.judge()
        finally:
            await trial.stop()
            await through.aclose()
