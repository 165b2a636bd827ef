"""The canary: what a user sees through a real gateway, and what it does when there is none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from integration.monitor.stage import VENUE, ingesting, monitoring, now_ms, verdict_becomes
from spark_bus.publisher import outgoing
from spark_market import wire
from spark_market.messages import Goodbye, Status
from spark_monitor.canary import Canary
from spark_monitor.canarymetrics import CanaryMetrics
from spark_monitor.latency import Latencies
from spark_service.lifecycle import end
from support.eventually import eventually
from support.examples import a_ticker
from support.redis_server import RedisServer, free_port
from support.stack import Service, house_environment

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def test_it_measures_what_a_user_sees_and_says_when_it_cannot(bus: RedisServer, client: Redis, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The gateway comes, goes and comes back; the venue's verdict is none of its business."""
    port = free_port()
    environ = {**house_environment(), "SPARK_REDIS_URL": bus.url, "SPARK_GATEWAY_PORT": str(port)}
    gateway = Service("gateway", environ, tmp_path / "gateway.log")
    url = f"http://127.0.0.1:{port}"
    async with monitoring(bus.url, SPARK_MONITOR_CANARY_URL=url) as monitor, ingesting(client) as ingest:
        await verdict_becomes(client, Status.MOCK)
        await monitor.has(0, "spark_canary_up", VENUE)
        try:
            gateway.start()
            await monitor.has(1, "spark_canary_up", VENUE)

            async def measured() -> bool:
                await ingest.publish(outgoing(a_ticker(now_ms() % 1000 + 1, received_at=now_ms() - 40)))
                samples = await monitor.metrics()
                return samples["spark_pipeline_latency_seconds_count", "end_to_end", VENUE] > 3

            await eventually(measured, 30, "latencies of the canary")
            samples = await monitor.metrics()
            count = samples["spark_pipeline_latency_seconds_count", "bus_to_canary", VENUE]
            assert count == samples["spark_pipeline_latency_seconds_count", "end_to_end", VENUE]
            to_canary = samples["spark_pipeline_latency_seconds_sum", "bus_to_canary", VENUE]
            assert samples["spark_pipeline_latency_seconds_sum", "end_to_end", VENUE] >= to_canary + 0.03 * count
            assert samples["spark_canary_last_event_timestamp_seconds", VENUE] * 1000 > now_ms() - 60_000

            gateway.kill()
            await monitor.has(0, "spark_canary_up", VENUE)
            await monitor.has(1, "spark_venue_status", "MOCK", VENUE)
            lost = await monitor.metrics()
            assert sum(value for key, value in lost.items() if key[0] == "spark_canary_failures_total") >= 1
        finally:
            gateway.kill()


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/api/market/btcturk/stream", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


async def fails(handler: Handler | None, cause: str, url: str = "http://127.0.0.1:1") -> None:
    registry = CollectorRegistry()
    metrics = CanaryMetrics(registry, [VENUE])

    def count() -> float:
        return registry.get_sample_value("spark_canary_failures_total", {"venue": VENUE, "cause": cause}) or 0

    async def listen(address: str) -> None:
        canary = Canary(
            address, VENUE, key="secret", busiest=lambda most: ["BTC_TRY"][:most], metrics=metrics,
            latencies=Latencies(CollectorRegistry(), [VENUE]), waits=lambda: iter([0.01] * 10_000),
        )  # fmt: skip
        task = asyncio.create_task(canary.run())
        try:
            await eventually(lambda: count() >= 2, 10, cause)
        finally:
            await end([task])

    if handler is None:
        await listen(url)
    else:
        async with served(handler) as address:
            await listen(address)


async def stream(request: web.Request, *lines: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for line in lines:
        await response.write(line)
    return response


async def test_each_way_of_having_no_stream_is_told_apart() -> None:
    asked: list[web.Request] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.Response(status=401)

    async def end_early(request: web.Request) -> web.StreamResponse:
        return await stream(request, b"retry: 5\n\n", b'data: {"type":"health","data":{}}\n\n')

    async def nonsense(request: web.Request) -> web.StreamResponse:
        return await stream(request, b'id: nonsense\ndata: {"type":"ticker","data":{}}\n\n')

    async def endless(request: web.Request) -> web.StreamResponse:
        return await stream(request, b"data: " + b"x" * 3_000_000)

    await fails(None, "connect")
    await fails(refuse, "refused")
    await fails(end_early, "closed")
    await fails(nonsense, "malformed")
    await fails(endless, "malformed")
    assert asked[0].query["symbol"] == "BTC_TRY"
    assert asked[0].headers["Authorization"] == "Bearer secret"


async def test_a_goodbye_is_no_failure_and_it_comes_back() -> None:
    registry, opened = CollectorRegistry(), []

    async def goodbye(request: web.Request) -> web.StreamResponse:
        opened.append(request)
        return await stream(request, b"data: " + wire.encode(Goodbye(reason="life", retry=5)) + b"\n\n")

    async with served(goodbye) as address:
        canary = Canary(
            address, VENUE, key=None, busiest=lambda _: ["ETH_TRY"], metrics=CanaryMetrics(registry, [VENUE]),
            latencies=Latencies(CollectorRegistry(), [VENUE]), waits=lambda: iter([0.01] * 10_000),
        )  # fmt: skip
        task = asyncio.create_task(canary.run())
        try:
            await eventually(lambda: len(opened) >= 3, 10, "three streams")
        finally:
            await end([task])

    assert opened[0].query["symbol"] == "ETH_TRY"
    for cause in ("connect", "refused", "timeout", "closed", "malformed"):
        assert registry.get_sample_value("spark_canary_failures_total", {"venue": VENUE, "cause": cause}) == 0
    assert registry.get_sample_value("spark_canary_up", {"venue": VENUE}) == 1
