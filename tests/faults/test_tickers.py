"""Tickers carry no number: what the venue leaves out nobody can see, and what cannot be read costs only itself."""

from typing import Any

import pytest
from redis.asyncio import Redis

from faults.rig import Rig, rigged
from support.eventually import eventually

BTC = {"pair": "BTCTRY", "channel": "ticker"}
NUMBERS = ["NaN", "Infinity", "1_000", "1e999999999", "-5", "١٢٣"]


async def test_a_ticker_that_is_not_sent(redis: Redis) -> None:
    """No trace is left, as docs/architecture.md says; what was sent is on the bus, and the last one is current."""
    async with rigged(redis) as rig:
        await rig.order("drop", **BTC, count=3)
        await rig.healed({}, 5)
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


async def test_a_ticker_that_comes_twice(redis: Redis) -> None:
    """A repeat is proof of life, and no tick."""
    async with rigged(redis) as rig:
        await rig.order("duplicate", **BTC, count=3)
        await eventually(lambda: rig.samples("spark_ingest_unchanged_total") == {(): 3}, 5, "repeats that are counted")
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


async def test_tickers_out_of_order(redis: Redis) -> None:
    """Nothing tells which is the newer: they are published as they came, and the next one is current again."""
    async with rigged(redis) as rig:
        await rig.order("reorder", **BTC, count=2)
        await eventually(lambda: _reordered(rig, 2), 5, "tickers out of order")
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


async def _reordered(rig: Rig, times: int) -> bool:
    return len([frame for frame in await rig.venue.frames(402) if frame["fault"] == "reorder"]) == times


@pytest.mark.parametrize("wrong", [["half"], NUMBERS], ids=["half", "numbers"])
async def test_a_ticker_that_cannot_be_read(redis: Redis, wrong: list[str]) -> None:
    async with rigged(redis) as rig:
        for what in wrong:
            fault: dict[str, Any] = {"fault": "half"} if what == "half" else {"fault": "bad_number", "number": what}
            await rig.order(**fault, **BTC)
            await eventually(lambda: _well(rig), 5, "a fault that is over")
        await rig.healed({"malformed": len(wrong)}, 5)
        missing = await rig.check(counts={"malformed": len(wrong)}, gaps=[])

    assert missing == ([], [], [])


async def _well(rig: Rig) -> bool:
    return not (await rig.venue.state())["faults"]
