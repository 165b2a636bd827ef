"""A feed in front of a fake venue, published into a list: everything towards the venue, and nothing of the bus."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from prometheus_client import CollectorRegistry

from spark_bus.publisher import Claim, Outgoing
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.settings import IngestSettings
from spark_market import wire
from spark_market.messages import Book, Gap, Message, Ticker, Trade
from spark_service.settings import load
from support.fake_venue import FakeVenue
from support.frames import ticker_of
from support.running import running

NOBODY = Claim(epoch="e", born=True, last={}, heard={}, marks={})
"""The answer to the first writer of all."""


def btc(price: int) -> str:
    return ticker_of("BTCTRY", str(price), "BTC")


def eth(price: int) -> str:
    return ticker_of("ETHTRY", str(price), "ETH")


class Listener:
    """A feed with what it published, and how long it waited between tries."""

    def __init__(
        self, ws_url: str, rest_url: str, symbols: Sequence[str], channels: Sequence[str], **settings: str
    ) -> None:
        self.published: list[Message] = []
        self.refreshed: list[Book] = []
        self.waited: list[int] = []
        self.registry = CollectorRegistry()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")} | {
            "SPARK_BTCTURK_WS_URL": ws_url,
            "SPARK_BTCTURK_REST_URL": rest_url,
            "SPARK_BTCTURK_SYMBOLS": ",".join(symbols),
            "SPARK_BTCTURK_CHANNELS": ",".join(channels),
            **settings,
        }
        self.feed = Feed(load(IngestSettings, environ), IngestMetrics(self.registry), self._waits)

    def _waits(self) -> Iterator[float]:
        for step in count():
            self.waited.append(step)  # how often in a row without a new beginning
            yield 0.01

    def put(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            decoded = wire.decode(message.data)
            assert decoded is not None
            if message.kind:
                self.published.append(decoded)
            else:
                assert isinstance(decoded, Book)
                self.refreshed.append(decoded)

    def lead(self, claim: Claim = NOBODY, cause: str = "start") -> None:
        self.feed.market.lead(claim, self.put, cause, self.feed.proven())

    @property
    def prices(self) -> list[int]:
        return [int(message.price or 0) for message in self.published if isinstance(message, Ticker)]

    @property
    def trades(self) -> list[str]:
        return [message.id for message in self.published if isinstance(message, Trade)]

    @property
    def books(self) -> list[Book]:
        return [message for message in self.published if isinstance(message, Book)]

    @property
    def gaps(self) -> list[Gap]:
        return [message for message in self.published if isinstance(message, Gap)]

    @property
    def reconnects(self) -> int:
        return int(sum(self._samples("spark_ingest_reconnects_total").values()))

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"spark_ingest_{name}", {"venue": "btcturk", **labels}) or 0

    def _samples(self, name: str) -> dict[str, float]:
        return {
            str(sample.labels): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name
        }


@asynccontextmanager
async def listening(
    venue: FakeVenue,
    symbols: Sequence[str] = ("BTC_TRY",),
    channels: Sequence[str] = ("ticker",),
    *,
    claim: Claim | None = NOBODY,
    **settings: str,
) -> AsyncIterator[Listener]:
    """Run a feed while the context lasts; ``claim`` None is one that stands by."""
    listener = Listener(venue.url, venue.rest_url, symbols, channels, **settings)
    if claim is not None:
        listener.lead(claim)
    async with running(listener.feed.run()):
        yield listener
