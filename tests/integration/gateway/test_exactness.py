"""Whatever the moment of a start, an opening, a cut or a stall: a book is right, or a gap says that it is not there.

Trades come once each and in order, tickers never go back.
"""

import asyncio
import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spark_bus.connection import connect
from spark_gateway.books import Books
from support.examples import VENUE
from support.redis_server import RedisServer, binaries

from .replicas import RING, SYMBOLS, VENUES, Bus, Client, Replica, View

_SYMBOL = st.sampled_from(SYMBOLS)
_WHICH = st.integers(0, 1)
_FEW = st.integers(0, 9)

_VENUE = st.sampled_from(VENUES)

LIFE = st.one_of(
    st.tuples(st.just("delta"), _VENUE, _SYMBOL),
    st.tuples(st.just("delta"), _VENUE, _SYMBOL),
    st.tuples(st.just("delta"), _VENUE, _SYMBOL),
    st.tuples(st.just("trade"), _VENUE, _SYMBOL),
    st.tuples(st.just("trade"), _VENUE, _SYMBOL),
    st.tuples(st.just("trade"), _VENUE, _SYMBOL),
    st.tuples(st.just("ticker"), _VENUE, _SYMBOL),
    st.tuples(st.just("snapshot"), _VENUE, _SYMBOL),
    st.tuples(st.just("refresh"), _VENUE, _SYMBOL),
    st.tuples(st.just("other"), _VENUE),
    st.tuples(st.just("read"), _WHICH, _VENUE, st.integers(1, 9)),
    st.tuples(st.just("read"), _WHICH, _VENUE, st.integers(1, 9)),
    st.tuples(st.just("flush"), _WHICH),
    st.tuples(st.just("flush"), _WHICH),
    st.tuples(st.just("ping"), _WHICH),
    st.tuples(st.just("start"), _WHICH, st.integers(0, RING)),
    st.tuples(st.just("join"), _WHICH),
    st.tuples(st.just("open"), _FEW, _WHICH),
    st.tuples(st.just("open"), _FEW, _WHICH),
    st.tuples(st.just("take"), _FEW, _FEW),
    st.tuples(st.just("cut"), _FEW, _FEW),
)
SLOW = st.one_of(
    LIFE,
    LIFE,
    st.tuples(st.just("stall"), _FEW, st.integers(0, 2)),
    st.tuples(st.just("drain"), _FEW),
    st.tuples(st.just("catch_up"), _WHICH),
)
TROUBLE = st.one_of(
    LIFE,
    LIFE,
    SLOW,
    SLOW,
    st.tuples(st.just("gap"), _VENUE, st.one_of(st.none(), _SYMBOL)),
    st.tuples(st.just("lost_delta"), _VENUE, _SYMBOL),
    st.tuples(st.just("new_epoch"), _VENUE),
    st.tuples(st.just("start_over"), _WHICH, _VENUE, st.integers(0, RING)),
    st.tuples(st.just("start_with_one"), _WHICH, _VENUE, st.integers(0, RING)),
    st.tuples(st.just("trim"), _VENUE, st.integers(1, 20)),
)
PACES = st.lists(st.sampled_from([0, 250]), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    server = RedisServer(binaries()[0])
    server.start_now()
    yield server.url
    server.remove()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_gateway.resume._BOOKS_WAIT_S", 0)
    monkeypatch.setattr("spark_gateway.resume._VENUE_WAIT_S", 0.01)
    monkeypatch.setattr("spark_gateway.resume._POLL_S", 0.001)
    monkeypatch.setattr("spark_gateway.resume._PAGE", 5)
    monkeypatch.setattr("spark_gateway.joining._PAGE", 5)
    monkeypatch.setattr("spark_gateway.broadcast.FULL_BYTES", 500)  # two or three events
    monkeypatch.setattr("spark_gateway.joining._AGAIN_S", 0.001)


class World:
    """Two replicas on a bus of two venues, and three clients: of everything, of one venue, and of some of both."""

    def __init__(self, buses: list[Bus], paces: list[int]) -> None:
        self.buses = {bus.venue: bus for bus in buses}
        self.replicas = [Replica(buses) for _ in range(2)]
        some = frozenset({"BTC_TRY"})
        wanted = [dict.fromkeys(VENUES), {VENUE: None}, {"bist": None, VENUE: some}]
        self.clients = [Client(buses, pace, symbols) for pace, symbols in zip(paces, wanted, strict=True)]

    async def do(self, what: str, *how: object) -> None:
        match (what, *how):
            case ("read", int(which), str(venue), int(most)):
                await self.replicas[which].read(venue, most)
            case ("flush", int(which)):
                self.replicas[which].flush()
            case ("ping", int(which)):
                self.replicas[which].ping()
            case ("catch_up", int(which)):
                self.replicas[which].catch_up()
            case ("start", int(which), int(recent)):
                await (await self._replaced(which)).start(recent)
            case ("start_with_one", int(which), str(venue), int(recent)):  # the other is read later
                await (await self._replaced(which)).load(venue, recent)
            case ("start_over", int(which), str(venue), int(recent)):  # it stood still for longer than the bus keeps
                await self.replicas[which].load(venue, recent)
            case ("join", int(which)):
                await self.replicas[which].join()
            case ("open", int(client), int(which)):
                if self.client(client).replica is None:
                    await self.client(client).connect(self.replicas[which])
            case ("take", int(client), int(most)):
                self.client(client).take(most)
            case ("cut", int(client), int(most)):
                await self.client(client).cut(most)
            case ("stall", int(client), int(room)):
                self.client(client).stall(room)
            case ("drain", int(client)):
                self.client(client).stall(math.inf)
            case (_, str(venue), *what_of_it):
                await getattr(self.buses[venue], what)(*what_of_it)

    def client(self, number: int) -> Client:
        return self.clients[number % len(self.clients)]

    async def _replaced(self, which: int) -> Replica:
        """Return a new process in the place of another."""
        for client in self.clients:
            if client.replica is self.replicas[which]:
                await client.cut(0)
        self.replicas[which] = Replica(list(self.buses.values()))
        return self.replicas[which]

    async def come_to_rest(self) -> None:
        """Everyone is connected, and everything that is on the bus has arrived."""
        for replica in self.replicas:
            await replica.join()
        for number, client in enumerate(self.clients):
            client.stall(math.inf)
            if client.replica is None:
                await client.connect(self.replicas[number % 2])
        for _ in range(2):
            for venue, bus in self.buses.items():
                await bus.other()  # there always is a next heartbeat
                for replica in self.replicas:
                    await replica.read(venue, 1_000_000)
                    await replica.join()
        for client in self.clients:
            assert client.opened is not None
            async with asyncio.timeout(10):
                await client.opened
        for replica in self.replicas:
            replica.flush()
            replica.catch_up()
            replica.flush()
        for client in self.clients:
            client.take()

    async def end(self) -> None:
        for client in self.clients:
            await client.cut(0)

    def check(self) -> None:
        for client in self.clients:
            assert client.replica is not None
            for venue, view in client.views.items():
                self._check(view, client.replica.hub.feeds[venue].books)

    def _check(self, view: View, books: Books) -> None:
        for symbol in SYMBOLS:
            if view.symbols is not None and symbol not in view.symbols:
                assert symbol not in view.books
                continue
            if books.get(symbol) is not None and symbol not in view.books and not view.bus.torn:
                # One who resumes says nothing of what it lacks.
                assert view.voided[symbol] < view.connections, f"{symbol} is known, and was not told"
            if symbol in view.books:
                assert view.books[symbol][0] == str(view.bus.sequence[symbol])
        if view.symbols is None:
            assert not view.trades or view.trades[-1] == view.bus.trades
            assert max([0, *view.tickers.values()]) == view.bus.tickers


async def live(url: str, seed: int, paces: list[int], life: list[tuple[object, ...]], causes: set[str] | None) -> None:
    """Play a life. ``causes`` are those of the gaps that it may need; None for whatever cause."""
    redis = connect(url)
    try:
        await redis.flushall()
        buses = [Bus(redis, venue, seed) for venue in VENUES]
        for bus in buses:
            await bus.new_epoch()
        world = World(buses, paces)
        for replica in world.replicas:
            await replica.start(0)
        try:
            for what, *how in life:
                await world.do(str(what), *how)
            await world.come_to_rest()
            world.check()
        finally:
            await world.end()
        if causes is not None:
            feeds = [feed for replica in world.replicas for feed in replica.hub.feeds.values()]
            assert not any(feed.books.unknown for feed in feeds)
            views = [view for client in world.clients for view in client.views.values()]
            assert {gap["cause"] for view in views for gap in view.gaps} <= causes
    finally:
        await redis.aclose()


_PROFILE = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@_PROFILE
@given(seed=st.integers(0, 1_000), paces=PACES, life=st.lists(LIFE, min_size=20, max_size=80))
def test_nothing_is_missing_and_no_gap_is_needed_while_the_bus_keeps_all(
    redis_url: str, seed: int, paces: list[int], life: list[tuple[object, ...]]
) -> None:
    """Starts, openings, cuts within a flush, and resumes on another replica."""
    asyncio.run(live(redis_url, seed, paces, life, {"unknown"}))  # a book that is still being joined


@_PROFILE
@given(seed=st.integers(0, 1_000), paces=PACES, life=st.lists(SLOW, min_size=20, max_size=80))
def test_a_slow_reader_lacks_nothing_that_it_is_not_told_of(
    redis_url: str, seed: int, paces: list[int], life: list[tuple[object, ...]]
) -> None:
    """Sockets fill up and drain, a little or wholly, with cuts and resumes in between."""
    asyncio.run(live(redis_url, seed, paces, life, {"unknown", "slow"}))


@_PROFILE
@given(seed=st.integers(0, 1_000), paces=PACES, life=st.lists(TROUBLE, min_size=20, max_size=80))
def test_in_any_trouble_a_book_is_right_or_a_gap_covers_it(
    redis_url: str, seed: int, paces: list[int], life: list[tuple[object, ...]]
) -> None:
    asyncio.run(live(redis_url, seed, paces, life, None))
