"""Frames that no client can use, or that are not for it: counted, and passed over."""

import pytest
from redis.asyncio import Redis

from faults.rig import rigged
from faults.witnesses import SYMBOLS
from support.eventually import eventually


async def test_malformed_frames(redis: Redis) -> None:
    """One of each kind that the simulator knows. Two of them are a ticker without a last price, once and again."""
    async with rigged(redis) as rig:
        await rig.order("malformed", count=21)
        await rig.healed({"malformed": 19}, 5)
        missing = await rig.check(counts={"malformed": 19}, gaps=[])
        tickers = await rig.bus.tickers("BTC_TRY")

    assert missing == ([], [], [])
    assert sum(ticker.price is None for ticker in tickers) == 1


async def test_an_oversized_frame(redis: Redis) -> None:
    """Beyond what is ever read into memory: it costs the connection."""
    async with rigged(redis) as rig:
        await rig.order("oversized")
        await rig.healed({"reconnects closed": 1}, 5)
        missing = await rig.check(
            counts={"reconnects closed": 1},
            gaps=[(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS],
        )

    assert missing.trades == []


async def test_a_frame_that_is_merely_large(redis: Redis) -> None:
    async with rigged(redis) as rig:
        await rig.order("oversized", bytes=2 * 2**20)
        await rig.healed({}, 5)
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


@pytest.mark.parametrize(("kind", "label"), [(451, "451"), (423, "423"), (428, "428"), (999, "other")])
async def test_a_frame_that_is_not_for_us(redis: Redis, kind: int, label: str) -> None:
    """An all-zero private order, one without its type, a chart, and a type that nobody knows."""
    async with rigged(redis) as rig:
        await rig.order("spurious", types=[kind])
        await eventually(lambda: rig.samples("spark_ingest_frames_total").get((label,), 0) >= 1, 5, "it is counted")
        missing = await rig.check(counts={}, gaps=[])
        counted = rig.samples("spark_ingest_frames_total")

    assert counted[(label,)] == 1
    assert missing == ([], [], [])
