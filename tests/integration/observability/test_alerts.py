"""A real Prometheus on a running platform: each fault fires exactly its alerts, and one message tells of it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from support.eventually import eventually
from support.prometheus import Prometheus, watching
from support.stack import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

TARGET_S = "5"
"""The staleness target: a sixth of the default, so that a silent venue need not be waited for."""


def targets(stack: Stack) -> dict[str, int]:
    """Return the ports of all that is scraped, by job."""
    return {
        "monitor": stack.monitor_port,
        "ingest-btcturk": stack.ingest_metrics_port,
        "gateway": stack.gateway_port,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack({"SPARK_VENUES": "btcturk", "SPARK_VENUE_STALENESS_TARGET": TARGET_S}) as stack:
        yield stack


async def silence(stack: Stack) -> None:
    await stack.control("POST", "/faults", json={"fault": "silence", "seconds": 300})


async def speak(stack: Stack) -> None:
    await stack.control("DELETE", "/faults")


async def kill_redis(stack: Stack) -> None:
    stack.redis.kill()


async def start_redis(stack: Stack) -> None:
    await stack.redis.start()


async def kill_ingest(stack: Stack) -> None:
    stack.ingest.kill()


async def start_ingest(stack: Stack) -> None:
    stack.ingest.start()


async def kill_monitor(stack: Stack) -> None:
    stack.monitor.kill()


async def start_monitor(stack: Stack) -> None:
    stack.monitor.start()


async def kill_gateway(stack: Stack) -> None:
    stack.gateway.kill()


async def start_gateway(stack: Stack) -> None:
    stack.gateway.start()


@pytest.mark.parametrize(
    ("harm", "heal", "alerts", "told"),
    [
        pytest.param(kill_ingest, start_ingest, {"VenueDown", "IngestUnreachable"}, {"VenueDown"}, id="ingest killed"),
        pytest.param(silence, speak, {"VenueStale"}, {"VenueStale"}, id="venue silent"),
        pytest.param(kill_redis, start_redis, {"BusDown", "VenueUnknown"}, {"BusDown"}, id="Redis killed"),
        pytest.param(kill_monitor, start_monitor, {"MonitorAbsent"}, {"MonitorAbsent"}, id="monitor killed"),
        pytest.param(
            kill_gateway,
            start_gateway,
            {"GatewayDown", "GatewayUnreachable"},
            {"GatewayDown"},
            id="gateway killed",
        ),
    ],
)
async def test_a_fault_fires_its_alerts_and_no_others(
    harm: Callable[[Stack], Awaitable[None]],
    heal: Callable[[Stack], Awaitable[None]],
    alerts: set[str],
    told: set[str],
    stack: Stack,
) -> None:
    """What follows from the cause fires too, but is not told; and all of it ends when the cause does."""
    async with watching(targets(stack)) as watchers:
        began = time.monotonic()
        await harm(stack)
        try:
            await eventually(lambda: _equals(watchers.prometheus.firing, alerts), 40, f"{alerts} fire")
            await eventually(lambda: watchers.told.firing.get("pager") == told, 20, f"{told} are told")
        finally:
            await heal(stack)
        await eventually(watchers.at_peace, 40, "all is well again")
        await eventually(lambda: watchers.told.resolved.get("pager") == told, 20, "and that is told too")

        assert await watchers.prometheus.fired(time.monotonic() - began) == alerts
        assert watchers.told.firing == watchers.told.resolved == {"pager": told}
        for message in watchers.told.said:
            assert message["commonAnnotations"]["runbook"].startswith("docs/runbooks/")


async def _equals(ask: Callable[[], Awaitable[set[str]]], expected: set[str]) -> bool:
    return await ask() == expected
