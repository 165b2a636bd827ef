"""The BtcTurk ingest: wires the feed to the bus."""

import structlog

from spark_bus.connection import connect_alone
from spark_ingest_btcturk.feed import Feed
from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.metrics import IngestMetrics
from spark_ingest_btcturk.settings import IngestSettings
from spark_ingest_btcturk.writer import Writer
from spark_service import process
from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import run, run_together

logger = structlog.get_logger()


async def main(settings: IngestSettings) -> None:
    """Listen to the venue, publish while it is ours to write, serve metrics; or idle where the venue is not wanted."""
    registry = process.registry()
    metrics = IngestMetrics(registry)
    pulse = Pulse()
    idle = VENUE not in settings.venues
    with serving(
        registry,
        host=settings.metrics_host,
        port=settings.metrics_port,
        setting="SPARK_BTCTURK_METRICS_PORT",
        alive=pulse.alive,
        ready=lambda: idle or metrics.bus_answers,
    ):
        if idle:
            logger.info("btcturk is not in SPARK_VENUES: nothing is asked, and nothing published")
            await pulse.run()
        else:
            await run_together([pulse.run(), _ingest(settings, metrics)])


async def _ingest(settings: IngestSettings, metrics: IngestMetrics) -> None:
    redis = connect_alone(settings.redis_url.get_secret_value())
    feed = Feed(settings, metrics)
    writer = Writer(settings, feed, metrics, redis)
    try:
        await run_together([feed.run(), writer.run(), writer.show()])
    finally:
        await redis.aclose()


if __name__ == "__main__":
    run("ingest-btcturk", IngestSettings, main)
