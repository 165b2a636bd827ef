"""The BIST ingest: wires a source to the bus."""

import asyncio
import random

import structlog

from spark_bus.connection import connect_alone
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import Enumeration, Source, choose
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.listing import Relisted, Symbols, all_symbols, watch
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.symbollist import ALL
from spark_ingest_bist.times import Times
from spark_market.sessions import bist
from spark_service import process
from spark_service.clock import WallClock
from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import run, run_together
from spark_service.redis_url import address

_SHOW_S = 1.0

logger = structlog.get_logger()


async def main(settings: IngestSettings) -> None:
    """Ask the source and publish while it is ours to write, serve metrics."""
    idle = VENUE not in settings.venues
    source = None if idle else choose(settings)
    registry = process.registry()
    metrics = IngestMetrics(registry)
    pulse = Pulse()
    with serving(
        registry,
        host=settings.metrics_host,
        port=settings.metrics_port,
        setting="SPARK_BIST_METRICS_PORT",
        alive=pulse.alive,
        ready=lambda: idle or metrics.bus_answers,
    ):
        if source is None:
            logger.info("bist is not in SPARK_VENUES: nothing is asked, and nothing published")
            await pulse.run()
        else:
            await run_together([pulse.run(), _ingest(settings, source, metrics)])


async def _ingest(settings: IngestSettings, source: Source, metrics: IngestMetrics) -> None:
    """Serve what is named; of a source that was to tell its symbols, what it has today."""
    if source.enumeration is None or ALL not in settings.symbols:
        await _serve(settings, source, dict.fromkeys(settings.symbols), metrics)
        return
    symbols = await all_symbols(source.enumeration, WallClock())
    while True:
        try:
            await _serve(settings, source, symbols, metrics)
        except Relisted as exc:
            symbols = exc.symbols


async def _serve(settings: IngestSettings, source: Source, symbols: Symbols, metrics: IngestMetrics) -> None:
    """Ask and publish, until cancelled. Raises Relisted."""
    logger.info("source", name=source.name, mode=source.mode, symbols=len(symbols), delay_ms=source.delay_ms)
    times, calendar = Times(settings.clock), bist(settings.calendar)
    feed = Feed(source, symbols, calendar, metrics, times, jitter=random.random())  # noqa: S311
    redis = connect_alone(settings.redis_url.get_secret_value())
    terms = Terms(VENUE, source.mode, feed, metrics, redis, address(settings.redis_url), recalls=True)
    parts = [feed.run(), feed.tend(), terms.run(), _show(terms)]
    if ALL in settings.symbols and isinstance(source.enumeration, Enumeration):
        parts.append(watch(source.enumeration, symbols, calendar, times.market))
    try:
        await run_together(parts)
    finally:
        await redis.aclose()


async def _show(terms: Terms) -> None:
    while True:
        terms.show()
        await asyncio.sleep(_SHOW_S)


if __name__ == "__main__":
    run("ingest-bist", IngestSettings, main)
