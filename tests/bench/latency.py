"""How long a tick takes from the venue's socket to a browser's: simulator, ingest, Redis, gateway, client.

From just before the simulator writes the frame (its ledger's time) until a client has the bytes of the event, both by
this machine's clock, matched by symbol and figures. The whole platform runs, one reader reads.
"""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec

from bench import figures, processes
from support.stack import Stack

_TICKS_PER_S = 200
_SECONDS = 10
_WARM_UP_S = 1.0
_AFTER_S = 0.5
_AIM_MS = 10.0
_SETTINGS = {
    "SPARK_SIMULATOR_PAIRS": "4",
    "SPARK_SIMULATOR_INTERVAL_MS": "20",
    "SPARK_SIMULATOR_CHANGE_PROBABILITY": "1",
}
_FIGURES = {
    "price": "LA", "bid": "B", "ask": "A", "bidSize": "BA", "askSize": "AA", "open": "O", "high": "H", "low": "L",
    "volume": "V",
}  # fmt: skip
_COLUMNS = {
    "ticks/s": ".0f", "p50 ms": ".2f", "p99 ms": ".2f", "max ms": ".2f", "lost": ".0f", "ingest us/tick": ".0f",
    "gateway us/tick": ".0f",
}  # fmt: skip

Key = tuple[str, ...]


def run(rounds: int) -> list[str]:
    """Measure, and print; returns what was lost."""
    taken = asyncio.run(_measure(rounds))
    rows = {f"round {number}": row for number, row in enumerate(taken, 1)}
    middle = figures.medians(taken)
    figures.table(
        f"latency: frame at the ingest's socket to bytes at a client, {_TICKS_PER_S} ticks/s, throttle 0,"
        f" rounds of {_SECONDS} s",
        _COLUMNS,
        {**rows, "median": middle},
    )
    lost = sum(row["lost"] for row in taken)
    met = middle["p99 ms"] < _AIM_MS and not lost
    figures.aim("p99", middle["p99 ms"], " ms", met, f"below {_AIM_MS:g} ms on loopback, and none lost")
    return [f"latency: {lost:g} ticks did not arrive"] if lost else []


async def _measure(rounds: int) -> list[dict[str, float]]:
    async with Stack(_SETTINGS) as stack:
        return [await _round(stack) for _ in range(rounds)]


async def _round(stack: Stack) -> dict[str, float]:
    before = await _last(stack)
    seconds = _WARM_UP_S + _SECONDS + _AFTER_S
    pids = {"ingest": stack.ingest.pid, "gateway": stack.gateway.pid}
    used = {name: processes.cpu_s(pid) for name, pid in pids.items()}
    with processes.running("bench.one_reader", stack.gateway_port, seconds) as reader:
        noted: list[tuple[float, str]] = await asyncio.to_thread(processes.answer, reader, seconds + 15)
    used = {name: processes.cpu_s(pid) - used[name] for name, pid in pids.items()}
    sent = await _ledger(stack, before)
    arrived = {_of_event(text): at for at, text in noted}
    begin = noted[0][0] + _WARM_UP_S * 1000
    counted = {key: at for key, at in sent.items() if begin <= at < begin + _SECONDS * 1000}
    took = [arrived[key] - at for key, at in counted.items() if key in arrived]
    return {
        "ticks/s": len(counted) / _SECONDS,
        "p50 ms": figures.percentile(took, 0.5),
        "p99 ms": figures.percentile(took, 0.99),
        "max ms": max(took, default=float("nan")),
        "lost": len(counted) - len(took),
        **{f"{name} us/tick": s * 1e6 / len(sent) for name, s in used.items()},
    }


async def _last(stack: Stack) -> int:
    page: Any = await stack.control("GET", "/ledger?limit=1")
    return int(page["last"])


async def _ledger(stack: Stack, after: int) -> dict[Key, float]:
    """Return when each ticker after entry ``after`` was sent, up to now."""
    sent: dict[Key, float] = {}
    until = await _last(stack)  # it is written to all the time
    while after < until:
        page: Any = await stack.control("GET", f"/ledger?after={after}&limit=10000")
        for entry in page["entries"]:
            if entry["type"] == 402:
                sent[_of_frame(entry["frame"])] = entry["at"]
            after = entry["seq"]
    return sent


def _of_frame(text: str) -> Key:
    _, row = msgspec.json.decode(text)
    return (f"{row['NS']}_{row['DS']}", *(_digits(row[name]) for name in _FIGURES.values()))


def _of_event(text: str) -> Key:
    data = msgspec.json.decode(text, type=dict[str, Any])["data"]
    exact = msgspec.json.decode(text, type=_Event).data
    return (data["symbol"], *(_digits(bytes(exact[name]).decode()) for name in _FIGURES))


class _Event(msgspec.Struct):
    data: dict[str, msgspec.Raw]


def _digits(text: str) -> str:
    """Return a number without the zeros that say nothing: ``1.50`` and ``1.5`` are one figure."""
    return format(Decimal(text).normalize(), "f")
