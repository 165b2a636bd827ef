"""What the monitor costs: processor time of a message, beside a reader that does nothing, and memory.

BtcTurk with 379 pairs and Borsa İstanbul with 600 shares, a thousand messages a second together.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import figures, processes
from bench.monitor_source import PAIRS, SHARES
from support.redis_server import RedisServer, binaries, free_port

_RATE = 1_000
_WARM_UP_S, _SECONDS = 8, 15
_MOST_CORES = 0.1
_OURS, _IDLE = "the monitor", "a reader that does nothing"
_COLUMNS = {"us/message": ".1f", "cores": ".3f", "MB": ".1f", "MB more": "+.2f"}


def run(rounds: int) -> list[str]:
    """Measure, and print."""
    taken: figures.Rounds = {_OURS: [], _IDLE: []}
    core, others = processes.apart()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        always = folder / "days"
        always.write_text("* open 00:00-24:00\n", encoding="utf-8")
        stack.enter_context(processes.on(others))
        redis = RedisServer(binaries()[0])
        stack.callback(redis.remove)
        redis.start_now()
        source = stack.enter_context(processes.running("bench.monitor_source", redis.url, _RATE))
        processes.answer(source, 30)
        for _ in range(rounds):
            for name in taken:
                with _reader(name, redis.url, always, core) as reader:
                    taken[name].append(_measure(reader))
    figures.table(
        f"monitor: {PAIRS} pairs and {SHARES} shares, {_RATE:,} messages/s; medians of {rounds} interleaved rounds of "
        f"{_SECONDS} s",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    cores = figures.medians(taken[_OURS])["cores"]
    figures.aim("the monitor", cores, " cores", cores <= _MOST_CORES, f"below {_MOST_CORES:g} of a core")
    return []


@contextmanager
def _reader(name: str, url: str, always: Path, core: processes.Cores) -> Iterator[processes.Process]:
    if name == _IDLE:
        with processes.running("bench.idle_reader", url, cores=core) as process:
            processes.answer(process, 20)
            yield process
        return
    port = free_port()
    environ = {
        "SPARK_REDIS_URL": url, "SPARK_VENUES": "btcturk,bist", "SPARK_MONITOR_PORT": str(port),
        "SPARK_BIST_CALENDAR": str(always), "SPARK_LOG_LEVEL": "error",
    }  # fmt: skip
    with processes.running("spark_monitor", environ=environ, cores=core) as process:
        processes.listens(process, port)
        yield process


def _measure(process: processes.Process) -> dict[str, float]:
    time.sleep(_WARM_UP_S)
    before, held, began = processes.cpu_s(process.pid), processes.resident_bytes([process.pid]), time.monotonic()
    time.sleep(_SECONDS)
    used, took_s = processes.cpu_s(process.pid) - before, time.monotonic() - began
    more = processes.resident_bytes([process.pid]) - held
    return {
        "us/message": used * 1e6 / (_RATE * took_s),
        "cores": used / took_s,
        "MB": (held + more) / 1e6,
        "MB more": more / 1e6,
    }
