"""The gateway: wires the bus to the HTTP application, and both to one life."""

import asyncio
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from spark_bus.connection import connect
from spark_gateway.app import build, build_admin
from spark_gateway.entrance import Entrance, entrance
from spark_gateway.history import MOST_READS, History
from spark_gateway.hub import Hub
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.resume import Opening
from spark_gateway.room import Room, connections_within, raise_descriptor_limit
from spark_gateway.server import Server, address_of, listen
from spark_gateway.serving_metrics import ServingMetrics
from spark_gateway.settings import GatewaySettings
from spark_gateway.stream import StreamEndpoint
from spark_service import process
from spark_service.lifecycle import end, run, run_together
from spark_service.redis_url import address

_MOST_ADMINS: Final = 64

logger = structlog.get_logger()


async def main(settings: GatewaySettings) -> None:
    """Serve until cancelled."""
    registry = process.registry()
    async with entrance(settings, registry) as entered:
        await _serve(settings, registry, entered)


async def _serve(settings: GatewaySettings, registry: CollectorRegistry, entered: Entrance) -> None:
    metrics = GatewayMetrics(registry)
    url = settings.redis_url.get_secret_value()
    redis, redis_for_replays = connect(url), connect(url, most_connections=4)
    redis_for_histories = connect(url, most_connections=MOST_READS)
    hub = Hub(redis, settings.venues, metrics, address(settings.redis_url))
    opening = Opening(hub, redis_for_replays, metrics)
    stream = StreamEndpoint(hub, opening, metrics, entered.places, entered.cors, settings.stream_life_s)
    served = _servers(settings, hub, stream, History(redis_for_histories, metrics), metrics, registry, entered)
    parts = [asyncio.create_task(server.run_until_stopped()) for server in served]
    following = asyncio.create_task(run_together([hub.run(), stream.run()]))
    try:
        await asyncio.wait({*parts, following}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for server in served:
            server.stop()
        await asyncio.wait(parts)
        await end([following])
        await redis.aclose()
        await redis_for_replays.aclose()
        await redis_for_histories.aclose()
    for task in (*parts, following):
        if not task.cancelled():
            task.result()


def _servers(
    settings: GatewaySettings,
    hub: Hub,
    stream: StreamEndpoint,
    past: History,
    metrics: GatewayMetrics,
    registry: CollectorRegistry,
    entered: Entrance,
) -> list[Server]:
    def ending() -> None:
        metrics.draining = True
        stream.end_all("shutdown")

    serving = ServingMetrics(registry)
    descriptors = raise_descriptor_limit()
    most = connections_within(descriptors)
    has_admin = settings.admin_port is not None
    app = build(hub, stream, past, metrics, registry, settings.staleness_target_s, entered, with_admin=not has_admin)
    listening = listen(settings.host, settings.port, "SPARK_GATEWAY_PORT")
    public = Server(app, Room(most, serving), listening, ending=ending, instant=entered.instant(hub.feeds))
    serving.connections(most, lambda: public.open_connections)
    logger.info("listening", address=address_of(listening), descriptors=descriptors, most_connections=most)
    if settings.admin_port is None:
        return [public]
    listening = listen(settings.admin_host, settings.admin_port, "SPARK_GATEWAY_ADMIN_PORT")
    logger.info("admin routes have a port of their own", address=address_of(listening))
    return [public, Server(build_admin(hub, metrics, registry), Room(_MOST_ADMINS, serving), listening)]


if __name__ == "__main__":
    run("gateway", GatewaySettings, main)
