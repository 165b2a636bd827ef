"""The venue's limit on connections: never exceeded over all sockets, and its own requests to wait heeded."""

import asyncio
import time

import pytest

from spark_ingest_btcturk import limiter
from spark_ingest_btcturk.limiter import ConnectLimiter


async def test_no_window_of_any_place_holds_more_tries_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "WINDOW_S", 0.2)
    limited = ConnectLimiter(3)
    tried: list[float] = []

    async def socket() -> None:
        for _ in range(4):
            await limited.wait()
            tried.append(time.monotonic())

    await asyncio.wait_for(asyncio.gather(socket(), socket(), socket()), 10)

    assert len(tried) == 12
    assert all(later - earlier >= 0.19 for earlier, later in zip(tried, tried[3:], strict=False))


async def test_a_request_to_wait_holds_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = ConnectLimiter(15)
    started = time.monotonic()
    limited.hold(0.3)
    limited.hold(0.1)

    await asyncio.wait_for(asyncio.gather(limited.wait(), limited.wait()), 10)

    assert time.monotonic() - started >= 0.3
