"""The monitor: wires a watch for each venue to the bus, and serves what it finds as metrics."""

from spark_bus.connection import connect
from spark_market.sessions import always_open, bist
from spark_monitor.bus import Bus
from spark_monitor.canary import Canary
from spark_monitor.canarymetrics import CanaryMetrics
from spark_monitor.hours import Hours
from spark_monitor.metrics import MonitorMetrics
from spark_monitor.resources import Resources
from spark_monitor.settings import MonitorSettings
from spark_monitor.watch import Watch
from spark_service import process
from spark_service.backoff import backoff
from spark_service.clock import WallClock
from spark_service.endpoint import Pulse, serving
from spark_service.lifecycle import run, run_together
from spark_service.redis_url import address


async def main(settings: MonitorSettings) -> None:
    """Watch every venue side by side, until cancelled."""
    registry = process.registry()
    metrics = MonitorMetrics(registry, settings.venues)
    bus = Bus(address(settings.redis_url), told=metrics.bus)
    redis = connect(settings.redis_url.get_secret_value())
    watches = [
        Watch(
            redis,
            venue,
            settings.staleness_target_s,
            hours=hours(venue, settings),
            waits=lambda: backoff(first_s=0.1, most_s=2.0),
            bus=bus,
            metrics=metrics,
        )
        for venue in settings.venues
    ]
    canaries = [
        Canary(
            str(settings.canary_url),
            watch.venue,
            key=settings.canary_key.get_secret_value() if settings.canary_key else None,
            busiest=watch.busiest,
            metrics=canary_metrics,
            latencies=metrics.latencies,
        )
        for canary_metrics in ([CanaryMetrics(registry, settings.venues)] if settings.canary_url else [])
        for watch in watches
    ]
    resources = Resources(redis, metrics)
    pulse = Pulse()
    with serving(
        registry,
        host=settings.metrics_host,
        port=settings.port,
        setting="SPARK_MONITOR_PORT",
        alive=pulse.alive,
        ready=lambda: bus.up,
    ):
        try:
            watching = [each.run() for each in watches] + [each.run() for each in canaries]
            await run_together([pulse.run(), resources.run(), *watching])
        finally:
            await redis.aclose()


def hours(venue: str, settings: MonitorSettings) -> Hours:
    """Return when a venue's market trades: Borsa İstanbul by its calendar, others always."""
    if venue == "bist":
        return Hours(bist(settings.bist_calendar), settings.bist_clock)
    return Hours(always_open(), WallClock())


if __name__ == "__main__":
    run("monitor", MonitorSettings, main)
