"""The simulator with faults on order, the ingest in front of it, and a Redis behind: one event loop, real sockets."""

import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from faults.witnesses import LIVELY, SYMBOLS, Bus, Missing, Told, Venue, Witnesses, print_healed
from integration.simulator.helpers import simulated
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.writer import Writer
from spark_market.messages import Book, Message, Ticker
from spark_service.settings import load
from spark_simulator.server import Simulator
from support.eventually import eventually
from support.running import running

WAIT_S = 0.3
"""Between tries, unless a test is about that: in earnest it is 1 s after the first loss, and up to 16."""

_COUNTED = ("reconnects", "resyncs", "anomalies", "malformed", "directory_errors", "poll_errors", "bus_errors")


class Rig(Witnesses):
    """All of it, the ingest within this process. ``healed`` and ``check`` are what tests are made of."""

    def __init__(
        self,
        simulator: Simulator,
        http: httpx.AsyncClient,
        redis: Redis,
        settings: IngestSettings,
        waits: Callable[[], Iterator[float]],
    ) -> None:
        super().__init__(Venue(http), Bus(redis))
        self.simulator = simulator
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        self.feed = Feed(settings, metrics, waits)
        self.writer = Writer(settings, self.feed, metrics, redis)
        self._ordered_at = time.monotonic()

    @property
    def pairs(self) -> Mapping[str, str]:
        """The venue's spelling of every symbol that is carried."""
        return {symbol: item.venue_symbol for symbol, item in self.feed.directory.instruments.items()}

    async def order(self, fault: str, **fields: Any) -> None:
        """Let something go wrong, and begin to count the time until it is healed."""
        await self.venue.order(fault, **fields)
        self._ordered_at = time.monotonic()

    def counted(self) -> dict[str, int]:
        """Return every counter of something wrong that is above 0, such as ``resyncs book jump``."""
        found = {}
        for name in _COUNTED:
            for labels, value in self.samples(f"spark_ingest_{name}_total").items():
                if value:
                    found[" ".join([name, *labels])] = int(value)
        return found

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Return a metric's values by those of its labels, the venue left out."""
        return {
            tuple(value for label, value in sample.labels.items() if label != "venue"): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name
        }

    async def flowing(self, since_ms: float = 0, timeout_s: float = 20) -> None:
        """Return once everything that is joined is proven, and each ticker and book is of after ``since_ms``."""

        async def fresh() -> bool:
            if not self.pairs or self.feed.unproven() or len(self.feed.market.books()) < len(self.pairs):
                return False
            found: set[tuple[type[Message], str]] = set()
            for message in reversed(await self.bus.read()):
                if isinstance(message, Ticker | Book):
                    if message.received_at <= since_ms:
                        break
                    found.add((type(message), message.symbol))
            return all((kind, symbol) in found for symbol in self.pairs for kind in (Ticker, Book))

        await eventually(fresh, timeout_s, "fresh tickers and books of every symbol")

    async def healed(self, counts: Mapping[str, int], within_s: float) -> float:
        """Return the seconds from the last order until it was noticed, as ``counts`` say, and all flows afresh."""

        def noticed() -> bool:
            return {name: count for name, count in self.counted().items() if name in counts} == counts

        await eventually(noticed, within_s, f"{counts}")
        await self.flowing(time.time() * 1000, within_s)
        took_s = time.monotonic() - self._ordered_at
        print_healed(took_s)
        assert took_s < within_s, f"it took {took_s:.1f} s"
        return took_s

    async def settle(self) -> None:
        """As for any, and until all is counted, too."""
        await super().settle()
        await eventually(lambda: not any(self.feed.market._anomalies.values()), 5, "anomalies that are counted")

    async def check(self, *, counts: Mapping[str, int], gaps: Sequence[Told], any_order: bool = False) -> Missing:
        """Do what `compared` does; ``counts`` are all the counters of something wrong."""
        missing = await self.compared(gaps, any_order=any_order)
        assert self.counted() == counts
        assert self.samples("spark_ingest_gaps_total") == Counter((channel, cause) for channel, _, cause in gaps)
        assert self.samples("spark_ingest_epochs_total") == {(): 1}
        if not any(name.startswith("reconnects") for name in counts):
            assert sum(self.samples("spark_ingest_frames_total").values()) == len(await self.venue.frames())
        return missing


@asynccontextmanager
async def rigged(
    redis: Redis,
    symbols: Sequence[str] = SYMBOLS,
    *,
    ingest: Mapping[str, str] | None = None,
    waits: Callable[[], Iterator[float]] = lambda: repeat(WAIT_S),
    **market: object,
) -> AsyncIterator[Rig]:
    """Run all of it, from when everything flows for as long as the context lasts.

    ``ingest`` are settings by their environment variables; ``waits`` are those between tries; ``market`` are the
    simulator's settings, by their short names.
    """
    async with simulated(**{**LIVELY, **market}) as simulator:  # type: ignore[arg-type]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")} | {
            "SPARK_BTCTURK_WS_URL": simulator.ws_url,
            "SPARK_BTCTURK_REST_URL": f"{simulator.http_url}/btcturk",
            "SPARK_BTCTURK_SYMBOLS": ",".join(symbols),
            **(ingest or {}),
        }
        async with httpx.AsyncClient(base_url=simulator.http_url, timeout=20) as http:
            rig = Rig(simulator, http, redis, load(IngestSettings, environ), waits)
            async with running(rig.writer.run()), running(rig.writer.show()):
                # The lease first: of what a feed has before that, a start publishes what is current.
                await eventually(lambda: rig.samples("spark_ingest_lease_held") == {(): 1}, 10, "the lease")
                async with running(rig.feed.run()):
                    await rig.flowing()
                    yield rig
