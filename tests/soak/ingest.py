"""`make soak-ingest`: all pairs at the venue's rates for ten minutes, and then every trade and delta accounted for.

The simulator writes down each frame that it sends; a reader of the bus writes down each entry. Both are compared, one
for one and digit for digit. Memory and processor time of the ingest are sampled meanwhile.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])

from redis.asyncio import Redis  # noqa: E402

from bench import processes  # noqa: E402
from spark_bus import keys  # noqa: E402
from spark_bus.connection import connect  # noqa: E402
from spark_service.lifecycle import end  # noqa: E402
from support.eventually import eventually  # noqa: E402
from support.stack import Stack  # noqa: E402

PAIRS = 379
SAMPLE_S = 5.0
MOST_PROCESSOR = 0.10
"""Of one core."""
MOST_GROWTH = 0.05
"""Of memory, from the second fifth of the run to the last."""

_FOLDER = Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())  # noqa: S108, a file of its own

Level = tuple[Decimal, Decimal]


class Account:
    """Trades by id, and books by sequence with their levels, for each symbol in order."""

    def __init__(self) -> None:
        self.trades: defaultdict[str, list[tuple[str, Decimal, Decimal]]] = defaultdict(list)
        self.books: defaultdict[str, list[tuple[str, bool, tuple[Level, ...], tuple[Level, ...]]]] = defaultdict(list)

    @property
    def size(self) -> tuple[int, int]:
        """Return how many trades and how many books and deltas there are."""
        return sum(map(len, self.trades.values())), sum(map(len, self.books.values()))


class Recorder:
    """Reads the bus from its very beginning; what is not to be expected is noted."""

    def __init__(self, redis: Redis) -> None:
        self.account = Account()
        self.gaps: list[str] = []
        self._redis = redis

    async def run(self) -> None:
        """Read until cancelled."""
        stream, last = keys.messages("btcturk"), "0-0"
        while True:
            found: Any = await self._redis.xread({stream: last}, count=1000, block=500)
            for entry, fields in found[0][1] if found else ():
                last = entry.decode()
                self._note(fields[b"k"], fields[b"s"].decode(), fields[b"d"])

    def _note(self, kind: bytes, symbol: str, text: bytes) -> None:
        if kind == b"gap":
            self.gaps.append(text.decode())
        if kind not in (b"trade", b"book"):
            return
        data = _decoded(text)["data"]
        if kind == b"trade":
            self.account.trades[symbol].append((data["id"], data["price"], data["size"]))
        else:
            beginning = data["previous"] is None
            self.account.books[symbol].append(
                (data["sequence"], beginning, _levels(data["bids"]), _levels(data["asks"]))
            )


def _decoded(text: bytes | str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _levels(levels: Any) -> tuple[Level, ...]:
    return tuple(sorted((price, size) for price, size in levels))


def sent(ledger: Path, symbols: dict[str, str]) -> Account:
    """Return what the simulator sent, as it is to be on the bus: each trade once, whatever lists repeat it."""
    account = Account()
    known: defaultdict[str, set[str]] = defaultdict(set)
    with ledger.open() as lines:
        for line in lines:
            kind, body = json.loads(json.loads(line)["frame"])
            if kind == 421:
                rows, symbol = body["items"][::-1], symbols[body["symbol"]]
            elif kind == 422:
                rows, symbol = [body], symbols[body["PS"]]
            else:
                _note_book(account, kind, body, symbols[body["PS"]])
                continue
            for row in rows:
                if row["I"] not in known[symbol]:
                    known[symbol].add(row["I"])
                    account.trades[symbol].append((row["I"], Decimal(row["P"]), Decimal(row["A"])))
    return account


def _note_book(account: Account, kind: int, body: Any, symbol: str) -> None:
    def side(name: str) -> tuple[Level, ...]:
        return tuple(
            sorted((Decimal(row["P"]), Decimal(0) if row.get("CP") == 3 else Decimal(row["A"])) for row in body[name])
        )

    account.books[symbol].append((str(body["CS"]), kind == 431, side("BO"), side("AO")))


def differences(ours: Account, theirs: Account) -> Iterator[str]:
    """Yield what is not one for one."""
    for what, mine, venues in (("trades", ours.trades, theirs.trades), ("books", ours.books, theirs.books)):
        for symbol in sorted(mine.keys() | venues.keys()):
            found: list[Any] = list(mine.get(symbol, []))
            expected: list[Any] = list(venues.get(symbol, []))
            if found != expected:
                at = next((n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), "end")
                yield f"{what} of {symbol}: {len(found)} on the bus, {len(expected)} sent; they part at {at}"


async def soak(seconds: float, complain: Callable[[str], None]) -> None:
    """Run for so long, and complain of whatever is not as it should be."""
    ledger = _FOLDER / f"spark-soak-{time.time_ns()}.jsonl"
    settings = {
        "SPARK_SIMULATOR_PAIRS": str(PAIRS), "SPARK_BTCTURK_SYMBOLS": "*", "SPARK_SIMULATOR_LEDGER_FILE": str(ledger),
    }  # fmt: skip
    try:
        async with Stack(settings) as stack:
            redis = connect(stack.redis.url)
            recorder = Recorder(redis)
            recording = asyncio.create_task(recorder.run())
            await eventually(lambda: recorder.account.size[1] >= PAIRS, 60, "a book of every pair")
            await _watch(stack.ingest.pid, seconds, recorder, complain)
            symbols = await _symbols(stack)
            await asyncio.to_thread(stack.simulator.terminate)  # what it sent is in the sockets, and in the ledger
            await asyncio.sleep(3)
            await end([recording])
            await redis.aclose()
            expected = sent(ledger, symbols)
            for gap in recorder.gaps[:5]:
                complain(f"a gap: {gap}")
            for difference in differences(recorder.account, expected):
                complain(difference)
            trades, books = recorder.account.size
            print(f"on the bus: {trades} trades, {books} snapshots and deltas; {len(recorder.gaps)} gaps")
            print(f"sent:       {expected.size[0]} trades, {expected.size[1]} snapshots and deltas")
    finally:
        ledger.unlink(missing_ok=True)


async def _symbols(stack: Stack) -> dict[str, str]:
    answer = await stack.get("/api/market/btcturk/symbols")
    return {row["venueSymbol"]: row["symbol"] for row in answer["instruments"]}


def _memory(pid: int) -> int:
    """Return the bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def _watch(pid: int, seconds: float, recorder: Recorder, complain: Callable[[str], None]) -> None:
    """Sample the ingest's memory and processor time, beginning when what a start brings is over."""
    await asyncio.sleep(min(20.0, seconds / 10))
    began, before = time.monotonic(), processes.cpu_s(pid)
    size = recorder.account.size
    memory: list[int] = []
    for number in count(1):
        await asyncio.sleep(max(0.0, began + number * SAMPLE_S - time.monotonic()))
        memory.append(_memory(pid))
        elapsed = time.monotonic() - began
        if number % 12 == 0:
            print(f"{elapsed:5.0f} s: {memory[-1] / 2**20:.0f} MB, {recorder.account.size}", flush=True)
        if elapsed >= seconds:
            break
    processor = (processes.cpu_s(pid) - before) / elapsed
    deltas = (recorder.account.size[1] - size[1]) / elapsed
    fifth = max(1, len(memory) // 5)
    early, late = statistics.median(memory[fifth : 2 * fifth] or memory), statistics.median(memory[-fifth:])
    growth = late / early - 1
    print(f"{deltas:.0f} deltas/s; ingest: {processor:.1%} of a core, {late / 2**20:.0f} MB, grown by {growth:+.1%}")
    if processor > MOST_PROCESSOR:
        complain(f"the ingest took {processor:.1%} of a core, more than {MOST_PROCESSOR:.0%}")
    if growth > MOST_GROWTH:
        complain(f"the ingest's memory grew by {growth:.1%}")


def main() -> None:
    """Run, and end with status 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long (default 600)")
    given = parser.parse_args()
    complaints: list[str] = []
    asyncio.run(soak(given.seconds, complaints.append))
    for complaint in complaints[:20]:
        print("WRONG:", complaint)
    print("all accounted for" if not complaints else f"{len(complaints)} things are wrong")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
