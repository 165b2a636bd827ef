"""The BIST ingest: wires a source to the bus."""

import asyncio
import random
from collections.abc import Mapping

import structlog

from spark_bus.connection import connect_alone
from spark_ingest.terms import Terms
from spark_ingest_bist.choice import CannotList, Source, choose, enumerate_once
from spark_ingest_bist.feed import Feed
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.quotes import VENUE
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.symbollist import ALL
from spark_ingest_bist.times import Times
from spark_market.sessions import bist
from spark_service import process
from spark_service.backoff import backoff
from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import run, run_together
from spark_service.redis_url import address

_SHOW_S = 1.0

logger = structlog.get_logger()


async def main(settings: IngestSettings) -> None:
    """Ask the source and publish while it is ours to write, serve metrics."""
    source = choose(settings)
    registry = process.registry()
    metrics = IngestMetrics(registry)
    pulse = Pulse()
    idle = VENUE not in settings.venues
    with serving(
        registry,
        host=settings.metrics_host,
        port=settings.metrics_port,
        setting="SPARK_BIST_METRICS_PORT",
        alive=pulse.alive,
        ready=lambda: idle or metrics.bus_answers,
    ):
        if idle:
            logger.info("bist is not in SPARK_VENUES: nothing is asked, and nothing published")
            await pulse.run()
        else:
            await run_together([pulse.run(), _ingest(settings, source, metrics)])


async def _ingest(settings: IngestSettings, source: Source, metrics: IngestMetrics) -> None:
    times = Times(settings.clock)
    symbols = dict.fromkeys(settings.symbols) if ALL not in settings.symbols else await _all_symbols(source)
    logger.info("source", name=source.name, mode=source.mode, symbols=len(symbols), delay_ms=source.delay_ms)
    feed = Feed(source, symbols, bist(settings.calendar), metrics, times, jitter=random.random())  # noqa: S311
    redis = connect_alone(settings.redis_url.get_secret_value())
    terms = Terms(VENUE, source.mode, feed, metrics, redis, address(settings.redis_url))
    try:
        await run_together([feed.run(), feed.tend(), terms.run(), _show(terms)])
    finally:
        await redis.aclose()


async def _all_symbols(source: Source) -> Mapping[str, str | None]:
    """Return all that the source has, as soon as it tells."""
    assert source.enumeration is not None, "it was chosen with this in mind"  # noqa: S101
    for wait_s in backoff(first_s=2.0, most_s=300.0):
        try:
            return await enumerate_once(source.enumeration)
        except CannotList as exc:
            logger.warning("cannot read the source's symbols", error=str(exc), retry_in_s=round(wait_s, 1))
            await asyncio.sleep(wait_s)
    raise AssertionError("back-off never ends")


async def _show(terms: Terms) -> None:
    while True:
        terms.show()
        await asyncio.sleep(_SHOW_S)


if __name__ == "__main__":
    run("ingest-bist", IngestSettings, main)
