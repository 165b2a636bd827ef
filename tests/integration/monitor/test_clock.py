"""The venue's clock against ours, through the real pipeline; and every stage of a message's way is measured there."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from spark_monitor.latency import STAGES
from support.eventually import eventually
from support.redis_server import free_port
from support.stack import Stack

WITHIN_S = 0.020


async def samples(stack: Stack) -> dict[tuple[str, ...], float]:
    """Return the monitor's samples: by name, then label values in the order of their names."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{stack.monitor_port}/metrics")).text
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_an_offset_of_half_a_second_is_found_within_twenty_milliseconds() -> None:
    port = str(free_port())
    busy = {
        "SPARK_SIMULATOR_TRADES_PER_MINUTE": "1200",
        "SPARK_MONITOR_CANARY_URL": f"http://127.0.0.1:{port}",
        "SPARK_GATEWAY_PORT": port,
    }
    stack = Stack(busy)
    stack.gateway_port = int(port)
    async with stack:
        found = []
        for ms in (500, -500):
            await stack.control("POST", "/faults", json={"fault": "shift_clock", "ms": ms})

            async def offset(wanted_s: float = ms / 1000) -> float | None:
                told = (await samples(stack))["spark_venue_clock_offset_seconds", "btcturk"]
                return told if abs(told - wanted_s) <= WITHIN_S else None

            found.append(await eventually(offset, 130, f"an offset of {ms} ms"))
        print("offsets found (s):", found)

        async def measured() -> bool:
            told = await samples(stack)
            return all(told["spark_pipeline_latency_seconds_count", stage, "btcturk"] > 0 for stage in STAGES)

        await eventually(measured, 30, "every stage")
        told = await samples(stack)
        assert told["spark_canary_up", "btcturk"] == 1
        assert sum(value for key, value in told.items() if key[0] == "spark_canary_failures_total") <= 5
        print({stage: told["spark_pipeline_latency_seconds_sum", stage, "btcturk"]
               / told["spark_pipeline_latency_seconds_count", stage, "btcturk"] for stage in STAGES})  # fmt: skip
