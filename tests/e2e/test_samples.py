"""Every public sample of the venue's feed, replayed through real sockets: what comes out is exactly what was in it.

What is expected is read from the samples here, by the standard library alone.
"""

import json
import os
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.eventually import eventually
from support.running import running
from support.sse import EventSource
from support.stack import Stack

_BESIDE = Path(__file__).parents[3] / "shared" / "protocols" / "btcturk-samples.jsonl"
SAMPLES = Path(os.environ.get("SPARK_TEST_SAMPLES") or _BESIDE)
TICKER_PAIR, TICKER_ALL = 402, 401
FIGURES = {
    "price": "LA", "bid": "B", "ask": "A", "bidSize": "BA", "askSize": "AA", "open": "O", "high": "H", "low": "L",
    "volume": "V", "vwap": "AV",
}  # fmt: skip
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="the venue's public samples are not here")


class StackWithoutIngest(Stack):
    """All but the ingest: the recording begins when that connects."""

    def __init__(self, extra: dict[str, str]) -> None:
        super().__init__(extra)
        self.last = self.services.pop("ingest_btcturk")

    async def __aenter__(self) -> "StackWithoutIngest":
        await super().__aenter__()
        return self

    async def ready(self, *symbols: str) -> None:
        await eventually(lambda: self.get("/api/healthz"), 15, "a gateway that answers")

    def start_ingest(self) -> None:
        self.services["ingest_btcturk"] = self.last
        self.last.start()

    async def frames(self) -> Counter[str]:
        """Return what the ingest's metrics say that it received, by type."""
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"http://127.0.0.1:{self.ingest_metrics_port}/metrics")
        found = re.findall(r'^spark_ingest_frames_total\{type="(\w+)",venue="btcturk"\} (\S+)$', answer.text, re.M)
        return Counter({kind: int(float(value)) for kind, value in found})


def recorded() -> list[Any]:
    """Return the frames from the venue, oldest first: ``[type, body]``."""
    lines = [
        json.loads(line, parse_float=Decimal, parse_int=Decimal)
        for line in SAMPLES.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    return [line["payload"] for line in lines if (line["kind"], line["direction"]) == ("ws", "in")]


def figure(value: str | Decimal | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def expected_tickers(frames: list[Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what the recording holds of each pair, row by row; a row that repeats the last figures is no tick.

    The pairs are joined one by one, so the rows of a 401 do not count: but afterwards the simulator repeats each pair's
    last row, whatever frame it was in, as the pair's own.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    last: dict[str, dict[str, Any]] = {}
    for kind, body in frames:
        rows = {TICKER_PAIR: [body], TICKER_ALL: body.get("items")}.get(int(kind), [])
        for row in rows:
            ticker: dict[str, Any] = {"symbol": f"{row['NS']}_{row['DS']}"}
            ticker |= {ours: figure(row.get(theirs)) for ours, theirs in FIGURES.items()}
            last[ticker["symbol"]] = ticker
            had = found.setdefault(ticker["symbol"], [])
            if kind == TICKER_PAIR and had[-1:] != [ticker]:
                had.append(ticker)
    for symbol, ticker in last.items():
        if found[symbol][-1:] != [ticker]:
            found[symbol].append(ticker)
    return found


async def test_every_sample_arrives_exactly_and_nothing_else() -> None:
    """A client who was there first has each row of each ticker frame; all other frames are counted by their type."""
    frames = recorded()
    expected = expected_tickers(frames)
    number = sum(map(len, expected.values()))
    assert number > 5
    settings = {
        "SPARK_SIMULATOR_REPLAY": str(SAMPLES),
        "SPARK_SIMULATOR_REPLAY_SPEED": "1000000000",
        "SPARK_SIMULATOR_INTERVAL_MS": "100",
        "SPARK_BTCTURK_SYMBOLS": "*",
        "SPARK_BTCTURK_CHANNELS": "ticker",
    }
    async with StackWithoutIngest(settings) as stack:
        client = EventSource(stack.stream_url("*", throttle=0))
        async with running(client.run()):
            await eventually(lambda: client.of("status"), 10, "an answer before the venue is known")
            stack.start_ingest()
            await eventually(lambda: len(client.of("ticker")) >= number, 15, "all samples")
            # The simulator repeats the last rows for ever: a few rounds of that must bring nothing.
            rounds = (await stack.frames())[str(TICKER_PAIR)] + 5 * len(expected)
            await eventually(lambda: _heard(stack, str(TICKER_PAIR), rounds), 15, "the repeats")
            counted = await stack.frames()
            had = [event.data for event in client.of("ticker")]

    arrived: dict[str, list[dict[str, Any]]] = {}
    for data in had:
        arrived.setdefault(data["symbol"], []).append({name: data[name] for name in ("symbol", *FIGURES)})
    assert arrived == expected
    assert {data["mode"] for data in had} == {"mock"}
    assert {data["venueTime"] for data in had} == {None}
    assert client.statuses == [200]
    assert client.of("gap") == []
    of_type = Counter(str(kind) for kind, _ in frames) + Counter({"991": 1, "100": len(expected), "malformed": 1})
    of_type["422"] -= 1  # one is of another pair than its event
    del of_type[str(TICKER_PAIR)], counted[str(TICKER_PAIR)]
    assert counted == of_type


async def _heard(stack: StackWithoutIngest, kind: str, times: int) -> bool:
    return (await stack.frames())[kind] >= times
