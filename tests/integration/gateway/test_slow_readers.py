"""A reader that stops reading: it is told what it missed, and changes nothing for the others."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from spark_service.lifecycle import end
from support.eventually import eventually
from support.examples import a_ticker, tickers

from .conftest import Bench, Reading
from .test_streams import prices, until

TICKS = 60_000
"""About 24 MB of events: beyond all socket buffers, and more than the gateway's ring of 20,000 holds."""


class StalledReader:
    """A stream on a plain socket that is read only when asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.messages: list[dict[str, Any]] = []

    @classmethod
    async def open(cls, bench: Bench, query: str) -> "StalledReader":
        reader, writer = await asyncio.open_connection("127.0.0.1", bench.port, limit=2**16)
        writer.write(f"GET /api/market/btcturk/stream?{query} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        await writer.drain()
        return cls(reader, writer)

    async def read(self) -> None:
        """Read until cancelled; chunk headers are no lines of data."""
        while line := await self._reader.readline():
            if line.startswith(b"data: "):
                self.messages.append(json.loads(line[6:]))

    async def read_a_byte_a_second(self) -> None:
        """Read until cancelled, and hardly anything."""
        while await self._reader.read(1):  # noqa: ASYNC110, it is to be slow
            await asyncio.sleep(1)

    async def read_until(self, arrived: Callable[[dict[str, Any]], bool], timeout_s: float = 30) -> None:
        """Read until this message has come."""
        async with asyncio.timeout(timeout_s):
            while not self.messages or not arrived(self.messages[-1]):
                line = await self._reader.readline()
                assert line, "the stream ended"
                if line.startswith(b"data: "):
                    self.messages.append(json.loads(line[6:]))

    def close(self) -> None:
        self._writer.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.messages if message["type"] == kind]


async def test_a_stalled_reader_is_told_what_it_missed_and_the_others_lack_nothing(
    bench: Bench, reading: Reading
) -> None:
    other = await reading.open(bench.stream())
    await eventually(lambda: other.of("health"))
    stalled = await StalledReader.open(bench, "symbol=*&throttle=0")

    await bench.publish_many(tickers(*range(10, 10 + TICKS)))
    await eventually(lambda: len(prices(other)) == TICKS, 60, "all ticks at the other reader")
    read = asyncio.create_task(stalled.read())
    await eventually(lambda: stalled.of("lagged") or stalled.of("gap"), 20, "word of what it missed")
    await bench.publish(a_ticker(10 + TICKS))
    await eventually(lambda: any(t["price"] == 10 + TICKS for t in stalled.of("ticker")), 10, "the newest tick")
    read.cancel()
    stalled.close()

    assert prices(other)[:TICKS] == list(range(10, 10 + TICKS))
    seen = [ticker["price"] for ticker in stalled.of("ticker") if ticker["price"] >= 10]
    assert seen == sorted(seen), "a value is never followed by an older one"
    holes = [(at, after) for at, after in pairwise(seen) if after > at + 1]
    assert len(holes) <= len(stalled.of("lagged")) + len(stalled.of("gap"))
    assert sum(lagged["conflated"] for lagged in stalled.of("lagged")) <= TICKS


async def test_readers_that_take_next_to_nothing_are_borne_without_holding_anything_for_them(
    bench: Bench, reading: Reading
) -> None:
    """One takes nothing, one a byte a second: no more is kept for them than a socket's buffer, and they stay open."""
    other = await reading.open(bench.stream())
    await eventually(lambda: other.of("health"))
    for price in range(10, 10 + TICKS, 10_000):  # the ring is full before the memory is looked at
        await bench.publish_many(tickers(*range(price, price + 10_000)))
    await eventually(lambda: len(prices(other)) == TICKS, 60, "all ticks at the other reader")
    held = memory_mb(bench)
    none = await StalledReader.open(bench, "symbol=*&throttle=0")
    few = await StalledReader.open(bench, "symbol=*&throttle=0")
    trickle = asyncio.create_task(few.read_a_byte_a_second())
    await bench.publish_many(tickers(*range(10 + TICKS, 10 + 2 * TICKS)))
    await eventually(lambda: len(prices(other)) == 2 * TICKS, 60, "all ticks at the other reader")
    grown = memory_mb(bench) - held
    opened = await bench.metrics()
    await end([trickle])
    none.close()
    few.close()

    assert prices(other) == list(range(10, 10 + 2 * TICKS))
    assert "spark_gateway_streams 3.0" in opened.splitlines()
    assert grown < 5, f"{grown:.1f} MB for two readers that were sent 24 MB each"


def memory_mb(bench: Bench) -> float:
    """Return what the gateway's process holds in memory."""
    status = Path(f"/proc/{bench.gateway.pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) / 1024


async def test_a_reader_that_lags_within_the_ring_counts_what_was_conflated(bench: Bench, reading: Reading) -> None:
    count = 18_000
    other = await reading.open(bench.stream())
    await eventually(lambda: other.of("health"))
    stalled = await StalledReader.open(bench, "symbol=*&throttle=0")

    await bench.publish_many(tickers(*range(10, 10 + count)))
    await until(other, 9 + count)
    read = asyncio.create_task(stalled.read())
    await eventually(lambda: stalled.of("lagged"), 20, "lagged")
    await eventually(lambda: any(t["price"] == 9 + count for t in stalled.of("ticker")))
    read.cancel()
    stalled.close()

    seen = [ticker["price"] for ticker in stalled.of("ticker") if ticker["symbol"] == "BTC_TRY"]
    conflated = sum(lagged["conflated"] for lagged in stalled.of("lagged"))
    assert not stalled.of("gap")
    assert len([price for price in seen if price >= 10]) + conflated == count
