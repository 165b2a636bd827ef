"""A real Prometheus on a running platform: each fault fires exactly its alerts, and one message tells of it.

All the while another one looks on, for the dashboards: in the end every panel has something to show.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import pytest_asyncio

from support.dashboards import Question, filled_in, questions
from support.eventually import eventually
from support.prometheus import Prometheus, watching
from support.rules import metrics, recorded, rules
from support.stack import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

TARGET_S = "5"
"""The staleness target: a sixth of the default, so that a silent venue need not be waited for."""


def targets(stack: Stack) -> dict[str, int]:
    """Return the ports of all that is scraped, by job."""
    return {
        "monitor": stack.monitor_port,
        "ingest-btcturk": stack.ingest_metrics_port,
        "ingest-bist": stack.bist_metrics_port,
        "gateway": stack.gateway_port,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    stack = Stack({"SPARK_VENUE_STALENESS_TARGET": TARGET_S}, venues=("btcturk", "bist"))
    stack.services["monitor"] = stack.service("monitor", {"SPARK_MONITOR_CANARY_URL": stack.gateway_url})
    async with stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def onlooker(stack: Stack) -> AsyncIterator[Prometheus]:
    prometheus = Prometheus(targets(stack))
    try:
        await prometheus.start()
        yield prometheus
    finally:
        await prometheus.end()


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


async def kill_bist_ingest(stack: Stack) -> None:
    stack.ingest_bist.kill()


async def start_bist_ingest(stack: Stack) -> None:
    stack.ingest_bist.start()


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
        pytest.param(
            kill_bist_ingest,
            start_bist_ingest,
            {"VenueDown", "IngestUnreachable"},
            {"VenueDown"},
            id="BIST ingest killed",
        ),
        pytest.param(silence, speak, {"VenueStale"}, {"VenueStale"}, id="venue silent"),
        pytest.param(kill_redis, start_redis, {"BusDown", "VenueUnknown"}, {"BusDown"}, id="Redis killed"),
        pytest.param(kill_monitor, start_monitor, {"MonitorAbsent"}, {"MonitorAbsent"}, id="monitor killed"),
        pytest.param(
            kill_gateway, start_gateway, {"GatewayDown", "GatewayUnreachable"}, {"GatewayDown"}, id="gateway killed"
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
        await eventually(lambda: _equals(watchers.prometheus.firing, set()), 40, "all is well again")
        await eventually(lambda: watchers.told.resolved.get("pager") == told, 20, "and that is told too")

        assert await watchers.prometheus.fired(time.monotonic() - began) == alerts
        assert watchers.told.firing == watchers.told.resolved == {"pager": told}
        for message in watchers.told.said:
            assert message["commonAnnotations"]["runbook"].startswith("docs/runbooks/")


async def _equals(ask: Callable[[], Awaitable[set[str]]], expected: set[str]) -> bool:
    return await ask() == expected


EMPTY = {
    Question("pipeline", "Memory", "max(spark_redis_memory_limit_bytes) > 0"): "this Redis has no limit",
    Question(
        "venue",
        "Connections lost or refused",
        'sum by (cause) (increase(spark_ingest_reconnects_total{venue="$venue"}[$__rate_interval]))',
    ): "none was, or none within the minute",
}
"""What may show nothing here, and why."""


async def test_every_panel_has_data(onlooker: Prometheus) -> None:
    """Every expression of every dashboard, with Grafana's variables filled in as it would."""
    values = {"venue": "btcturk", "instance": ".+", "__rate_interval": "1m"}
    asked = {question: filled_in(question.expression, values) for question in questions()}

    missing = set(asked)

    async def only_what_may_be() -> bool:
        nonlocal missing
        missing = {question for question in missing if not await onlooker.query(asked[question])}
        return missing <= set(EMPTY)

    try:  # ratios over days look at whole minutes, the first of which may be a minute away
        await eventually(only_what_may_be, 75, "every panel has data")
    except AssertionError:
        assert missing <= set(EMPTY)  # which names them


async def test_every_metric_that_is_asked_for_is_there(stack: Stack, onlooker: Prometheus) -> None:
    """A name that nobody exports, after a change of names, is an alert that can never fire."""
    exported: set[str] = set()
    async with httpx.AsyncClient(timeout=5) as client:
        for port in (*targets(stack).values(), onlooker.port):
            exported |= _names((await client.get(f"http://127.0.0.1:{port}/metrics")).text)
    asked = set().union(*(metrics(rule["expr"]) for kind in ("alert", "record") for rule in rules(kind)))
    asked |= set().union(*(metrics(question.expression.replace("$", "")) for question in questions()))
    of_others = {"up", "ALERTS", "venue_staleness_.+_sec", "alertmanager_notifications_failed_total"}

    assert asked - exported - recorded() - of_others == set()


def _names(page: str) -> set[str]:
    """Return the names of all series that a page of metrics has or, of counters without any yet, will have."""
    kinds = [line.split() for line in page.splitlines() if line.startswith("# TYPE ")]
    names = {name for _, _, name, _ in kinds}
    histograms = {name for _, _, name, kind in kinds if kind == "histogram"}
    return names | {f"{name}_{end}" for name in histograms for end in ("bucket", "count", "sum")}
