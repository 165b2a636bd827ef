"""Yahoo's stream beside the polls, at the simulator: sooner when it speaks, of no account when it does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from redis.asyncio import Redis

from integration.bist.ingesting import gaps, state, tickers
from spark_bus.connection import connect_alone
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import choose
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.times import Times
from spark_market.sessions import bist
from spark_service.clock import MarketClock, now_ms
from spark_service.lifecycle import run_together
from spark_service.redis_url import address
from spark_service.settings import load
from spark_simulator.bist.assembly import Bist
from support.bist_days import at
from support.eventually import eventually
from support.running import running

MONDAY = date(2026, 4, 27)
SYMBOLS = ("THYAO", "GARAN", "ASELS", "XU100")


class Rig:
    """An exchange in the middle of its day, and the ingest."""

    def __init__(self, redis_url: str) -> None:
        self.clock = MarketClock(at(MONDAY, 12), now_ms())
        self.exchange = Bist(1, self.clock)
        self.registry = CollectorRegistry()
        self._redis_url = redis_url

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        app = web.Application()
        app.add_routes(self.exchange.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        redis = connect_alone(self._redis_url)
        settings = load(
            IngestSettings,
            {
                "SPARK_REDIS_URL": self._redis_url, "SPARK_VENUES": "bist", "SPARK_BIST_SYMBOLS": ",".join(SYMBOLS),
                "SPARK_BIST_URL": f"http://127.0.0.1:{runner.addresses[0][1]}/bist/yahoo",
                "SPARK_BIST_YAHOO_STREAM": "1",
            },
        )  # fmt: skip
        source, metrics = choose(settings), IngestMetrics(self.registry)
        feed = Feed(source, dict.fromkeys(settings.symbols), bist(), metrics, Times(self.clock))
        terms = Terms("bist", source.mode, feed, metrics, redis, address(SecretStr(self._redis_url)))
        try:
            async with running(run_together([feed.run(), feed.tend(), terms.run()])):
                yield
        finally:
            await redis.aclose()
            await runner.cleanup()

    def events(self, event: str) -> float:
        labels = {"venue": "bist", "event": event}
        return self.registry.get_sample_value("spark_ingest_stream_events_total", labels) or 0.0


async def test_ticks_come_sooner_and_a_cut_leaves_no_gap(redis: Redis, redis_url: str) -> None:
    """Every second instead of every fifteen; a lost stream is no hole, as the source is asked all the while."""
    rig = Rig(redis_url)
    async with rig.living():

        async def of_xu100() -> int:
            return sum(ticker.symbol == "XU100" for ticker in await tickers(redis))

        async def several() -> bool:
            return await of_xu100() >= 4

        await eventually(several, 14, "several ticks between two polls")
        rig.exchange.sockets.cut("yahoo")
        await eventually(lambda: rig.events("connected") >= 2, 20, "another connection")
        before = await of_xu100()

        async def more() -> bool:
            return await of_xu100() > before

        await eventually(more, 10, "more ticks")
        told = await state(redis)

    assert told is not None
    assert (told.source, told.connected, told.delay_ms, told.sockets_wanted) == ("poll", True, 900_000, 0)
    assert await gaps(redis) == []
    assert {ticker.symbol for ticker in await tickers(redis)} == set(SYMBOLS)
    times = [ticker.venue_time for ticker in await tickers(redis) if ticker.symbol == "XU100"]
    assert times == sorted(times)
    assert len(rig.exchange.account.requests.page(0, 100, lambda entry: "spark" in entry.path).entries) <= 4


async def test_a_stream_that_says_nothing_changes_nothing(redis: Redis, redis_url: str) -> None:
    """Frames that cannot be read, and silence: the polls go on, and the source counts as connected."""
    rig = Rig(redis_url)
    async with rig.living():
        await eventually(lambda: rig.events("connected"), 10, "a connection")
        rig.exchange.sockets.malformed(5, "yahoo")
        await eventually(
            lambda: any(
                sample.value
                for family in rig.registry.collect()
                for sample in family.samples
                if sample.name == "spark_ingest_malformed_total"
            ),
            10,
            "malformed frames, counted",
        )

        async def connected() -> bool:
            told = await state(redis)
            return told is not None and told.connected

        await eventually(connected, 10, "the polls")
    assert await gaps(redis) == []
