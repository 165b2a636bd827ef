"""A carrier with all its parts, to put messages in at one end and look at Redis at the other."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from spark_bus.carrier import Beat, Carrier
from spark_bus.outbox import Outbox
from spark_bus.publisher import Publisher
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Book
from support.eventually import eventually
from support.examples import NOON, VENUE, Notes, a_feed_state, a_heartbeat, an_instrument, tickers
from support.running import running


def waits() -> Iterator[float]:
    while True:
        yield 0.02


class Line:
    """A carrier with all its parts."""

    def __init__(
        self,
        redis: Redis,
        *,
        lease_ms: int = 3_000,
        most_messages: int = 50_000,
        books: Callable[[], Iterable[Book]] = tuple,
    ) -> None:
        self.redis = redis
        self.publisher = Publisher(redis, VENUE, Mode.MOCK, lease_ms=lease_ms)
        self.outbox = Outbox(VENUE, books=books, most_messages=most_messages)
        self.notes = Notes()
        self.directory: Mapping[str, Instrument] | None = {name: an_instrument(name) for name in ("BTC_TRY", "ETH_TRY")}
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
