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
from support.redis_server import RedisServer, binaries

from .replicas import RING, SYMBOLS, Bus, Client, Replica

_SYMBOL = st.sampled_from(SYMBOLS)
_WHICH = st.integers(0, 1)
_FEW = st.integers(0, 9)

LIFE = st.one_of(
    st.tuples(st.just("delta"), _SYMBOL),
    st.tuples(st.just("delta"), _SYMBOL),
    st.tuples(st.just("delta"), _SYMBOL),
    st.tuples(st.just("trade"), _SYMBOL),
    st.tuples(st.just("ticker"), _SYMBOL),
    st.tuples(st.just("snapshot"), _SYMBOL),
    st.tuples(st.just("refresh"), _SYMBOL),
    st.tuples(st.just("other")),
    st.tuples(st.just("read"), _WHICH, st.integers(1, 9)),
    st.tuples(st.just("read"), _WHICH, st.integers(1, 9)),
    st.tuples(st.just("flush"), _WHICH),
    st.tuples(st.just("flush"), _WHICH),
    st.tuples(st.just("start"), _WHICH, st.integers(0, RING)),
    st.tuples(st.just("join"), _WHICH),
    st.tuples(st.just("open"), _FEW, _WHICH),
    st.tuples(st.just("open"), _FEW, _WHICH),
    st.tuples(st.just("take"), _FEW, _FEW),
    st.tuples(st.just("cut"), _FEW, _FEW),
)
TROUBLE = st.one_of(
    LIFE,
    LIFE,
    LIFE,
    st.tuples(st.just("gap"), st.one_of(st.none(), _SYMBOL)),
    st.tuples(st.just("lost_delta"), _SYMBOL),
    st.tuples(st.just("new_epoch")),
    st.tuples(st.just("start_over"), _WHICH, st.integers(0, RING)),
    st.tuples(st.just("trim"), st.integers(1, 20)),
    st.tuples(st.just("stall"), _FEW, st.integers(0, 2)),
    st.tuples(st.just("drain"), _FEW),
    st.tuples(st.just("look_after"), _WHICH),
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
    monkeypatch.setattr("spark_gateway.resume._EPOCH_POLL_S", 0.001)
    monkeypatch.setattr("spark_gateway.resume._PAGE", 5)
    monkeypatch.setattr("spark_gateway.joining._PAGE", 5)
    monkeypatch.setattr("spark_gateway.broadcast.FULL_BYTES", 500)  # two or three events
    monkeypatch.setattr("spark_gateway.joining._AGAIN_S", 0.001)


class World:
    """Two replicas on one bus, and three clients: two of everything, one of one symbol."""

    def __init__(self, bus: Bus, paces: list[int]) -> None:
        self.bus = bus
        self.replicas = [Replica(bus) for _ in range(2)]
        wanted = [None, None, frozenset({"BTC_TRY"})]
        self.clients = [Client(bus, pace, symbols) for pace, symbols in zip(paces, wanted, strict=True)]

    async def do(self, what: str, *how: object) -> None:
        match (what, *how):
            case ("read", int(which), int(most)):
                await self.replicas[which].read(most)
            case ("flush", int(which)):
                self.replicas[which].flush()
            case ("look_after", int(which)):
                self.replicas[which].look_after()
            case ("start", int(which), int(recent)):
                await self._end(self.replicas[which])
                self.replicas[which] = Replica(self.bus)
                await self.replicas[which].start(recent)
            case ("start_over", int(which), int(recent)):  # it stood still for longer than the bus keeps
                await self.replicas[which].start(recent)
            case ("join", int(which)):
                await self._join(self.replicas[which])
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
            case _:
                await getattr(self.bus, what)(*how)

    def client(self, number: int) -> Client:
        return self.clients[number % len(self.clients)]

    async def _join(self, replica: Replica) -> None:
        if replica.feed.books.bases:
            await replica.joining.join()

    async def _end(self, replica: Replica) -> None:
        for client in self.clients:
            if client.replica is replica:
                await client.cut(0)

    async def come_to_rest(self) -> None:
        """Everyone is connected, and everything that is on the bus has arrived."""
        for replica in self.replicas:
            await self._join(replica)
        for number, client in enumerate(self.clients):
            client.stall(math.inf)
            if client.replica is None:
                await client.connect(self.replicas[number % 2])
        await self.bus.other()  # there always is a next heartbeat
        for replica in self.replicas:
            await replica.read(1_000_000)
            await self._join(replica)
        await self.bus.other()
        for replica in self.replicas:
            await replica.read(1_000_000)
        for client in self.clients:
            assert client.opened is not None
            async with asyncio.timeout(10):
                await client.opened
        for replica in self.replicas:
            replica.flush()
            replica.look_after()
            replica.flush()
        for client in self.clients:
            client.take()

    async def end(self) -> None:
        for client in self.clients:
            await client.cut(0)

    def check(self) -> None:
        for client in self.clients:
            assert client.replica is not None
            for symbol in SYMBOLS:
                if client.symbols is not None and symbol not in client.symbols:
                    assert symbol not in client.books
                    continue
                book = client.replica.feed.books.get(symbol)
                if book is not None and symbol not in client.books and not self.bus.torn:
                    # One who resumes says nothing of what it lacks.
                    assert client.voided[symbol] < client.connections, f"{symbol} is known, and was not told"
                if symbol in client.books:
                    assert client.books[symbol][0] == str(self.bus.sequence[symbol])
            if client.symbols is None and client.trades:
                assert client.trades[-1] == self.bus.trades
            if client.symbols is None:
                assert max([0, *client.tickers.values()]) == self.bus.tickers


async def live(url: str, seed: int, paces: list[int], life: list[tuple[object, ...]], *, needs_gaps: bool) -> None:
    redis = connect(url)
    try:
        bus = Bus(redis, seed)
        await bus.begin()
        world = World(bus, paces)
        for replica in world.replicas:
            await replica.start(0)
        try:
            for what, *how in life:
                await world.do(str(what), *how)
            await world.come_to_rest()
            world.check()
        finally:
            await world.end()
        if not needs_gaps:
            assert not any(replica.feed.books.unknown for replica in world.replicas)
            assert all(gap["cause"] == "unknown" for client in world.clients for gap in client.gaps)
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
    asyncio.run(live(redis_url, seed, paces, life, needs_gaps=False))


@_PROFILE
@given(seed=st.integers(0, 1_000), paces=PACES, life=st.lists(TROUBLE, min_size=20, max_size=80))
def test_in_any_trouble_a_book_is_right_or_a_gap_covers_it(
    redis_url: str, seed: int, paces: list[int], life: list[tuple[object, ...]]
) -> None:
    asyncio.run(live(redis_url, seed, paces, life, needs_gaps=True))
