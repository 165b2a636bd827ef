"""One round of a fan-out: a new server, its readers, and the ticks that all of them are due.

Redis and the publisher stay for all rounds. The server has a core to itself, everything else shares the others.
"""

import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import figures, native, processes, sse_lines, ticker_source
from bench.figures import Row
from bench.servers import Server
from support.redis_server import RedisServer, binaries

_CONNECT_S = 180
_AFTER_S = 0.2
_PATIENCE_S = 60
_MOST_SAMPLES = 200_000
_BUSY, _PUNCTUAL = 0.9, 0.95


@dataclass(frozen=True)
class Load:
    """What is published, and who reads it at which pace. A reader at throttle 0 is due every tick."""

    ticks_per_s: float
    readers: int
    throttle_ms: int = 0
    symbols: int = 1
    warm_up_s: float = 1.0
    seconds: float = 4.0

    @property
    def loses_nothing(self) -> bool:
        """Whether no symbol ticks twice within a window, even of a machine that stands still for a while."""
        return self.throttle_ms == 0 or self.symbols / self.ticks_per_s >= 4 * self.throttle_ms / 1000

    @property
    def path(self) -> str:
        return sse_lines.path("*" if self.symbols > 1 else sse_lines.symbols(1)[0], self.throttle_ms)


Beside = Callable[[int], AbstractContextManager[None]]


@contextmanager
def alone(_: int) -> Iterator[None]:
    """Nobody else."""
    yield


class Scene:
    """A Redis with the venue on it, and its publisher."""

    def __init__(self, redis: RedisServer, source: processes.Process, folder: Path) -> None:
        self._redis = redis
        self._source = source
        self._folder = folder
        self._next = ticker_source.FIRST

    @property
    def redis_url(self) -> str:
        return self._redis.url

    def measure(self, server: Server, load: Load, beside: Beside = alone) -> dict[str, float]:
        """Return what was delivered to the readers, what it cost the server, and what was lost.

        ``beside`` is who else is there meanwhile, given the server's port.
        """
        measured, others = processes.apart()
        with ExitStack() as stack:
            stack.enter_context(processes.on(others))
            running = stack.enter_context(server.start(self._redis.url, measured))
            if load.symbols > 1:
                self._publish(load.symbols, 10_000, load.symbols)  # they are in the snapshot
            empty = processes.resident_bytes(running.pids)
            crowd = stack.enter_context(_crowd(running.port, load, running.pids))
            processes.answer(crowd, _CONNECT_S)
            stack.enter_context(beside(running.port))
            row = self._run(crowd, load)
            row["KB/stream"] = (processes.resident_bytes(running.pids) - empty) / load.readers / 1024
        return row

    def _run(self, crowd: processes.Process, load: Load) -> dict[str, float]:
        count = round(load.ticks_per_s * (load.warm_up_s + load.seconds + _AFTER_S))
        first, last = self._next, self._next + count - 1
        every = max(1, round(load.readers * load.ticks_per_s * load.seconds / _MOST_SAMPLES))
        arrived = self._folder / "arrived"
        processes.tell(crowd, f"{load.warm_up_s} {load.seconds} {first} {last} {every} {arrived}")
        processes.answer(crowd, _PATIENCE_S)  # a tick before it knows the numbers would be none of them
        published = self._publish(count, load.ticks_per_s, load.symbols)
        row: dict[str, float] = processes.answer(crowd, _PATIENCE_S)
        took_s = (published[-1] - published[0]) / 1e9
        return {"ticks/s": (count - 1) / took_s, **figures_of(row, _ages_ms(_read(arrived), published, first))}

    def _publish(self, count: int, ticks_per_s: float, symbols: int) -> "array[int]":
        """Publish so many; returns when each was handed to the publisher's queue."""
        file = self._folder / "published"
        processes.tell(self._source, f"{self._next} {count} {ticks_per_s} {symbols} {file}")
        processes.answer(self._source, count / ticks_per_s + _PATIENCE_S)
        self._next += count
        return _read(file)


def figures_of(row: Mapping[str, float], ages_ms: list[float]) -> dict[str, float]:
    """Return what is shown of a round."""
    return {
        "events/s": row["events"] / row["took_s"],
        "B/event": row["bytes"] / max(1, row["events"]),
        "us/event": row["server_s"] * 1e6 / max(1, row["events"]),
        "server cores": row["server_s"] / row["took_s"],
        "client cores": row["own_s"] / row["took_s"],
        "p50 ms": figures.percentile(ages_ms, 0.5),
        "p99 ms": figures.percentile(ages_ms, 0.99),
        "missing": row["missing"],
        "repeated": row["repeated"],
        "hung up": row["hung_up"],
    }


def remark(name: str, rows: Sequence[Row], load: Load) -> None:
    """Print what makes the figures of a server others than they seem."""
    if any(row["client cores"] > _BUSY for row in rows):
        print(f"{name}: the readers used over {_BUSY:.0%} of a core: events/s may be their limit, not the server's")
    if any(row["ticks/s"] < _PUNCTUAL * load.ticks_per_s for row in rows):
        print(f"{name}: the publisher could not keep up with {load.ticks_per_s:,g} ticks/s")
    if is_behind(rows, load):
        print(f"{name}: more than one event behind: a backlog's figures, in which an event costs less and is late")


def is_behind(rows: Sequence[Row], load: Load) -> bool:
    """Return whether the next event mostly comes before everyone has the last: then one write may carry several."""
    every_ms = max(1000 / load.ticks_per_s, load.throttle_ms)
    return load.symbols == 1 and median(row["p50 ms"] for row in rows) > every_ms


def _ages_ms(arrived: "array[int]", published: "array[int]", first: int) -> list[float]:
    """Return how long after it was published each event arrived; ``arrived`` has numbers and times in turn."""
    pairs = zip(arrived[::2], arrived[1::2], strict=True)
    return [(at - published[number - first]) / 1e6 for number, at in pairs]


def _read(file: Path) -> "array[int]":
    found = array("q")
    found.frombytes(file.read_bytes())
    return found


@contextmanager
def _crowd(port: int, load: Load, pids: list[int]) -> Iterator[processes.Process]:
    arguments = [port, load.path, load.readers, int(load.loses_nothing), ",".join(map(str, pids))]
    built = native.program("client")
    if built:
        with processes.program([built, *map(str, arguments)]) as crowd:
            yield crowd
    else:
        with processes.running("bench.many_readers", *arguments) as crowd:
            yield crowd


@contextmanager
def stage() -> Iterator[Scene]:
    """Run a Redis and the publisher."""
    _, others = processes.apart()
    with ExitStack() as stack:
        stack.enter_context(processes.on(others))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis = RedisServer(binaries()[0])
        stack.callback(redis.remove)
        redis.start_now()
        source = stack.enter_context(processes.running("bench.ticker_source", redis.url))
        processes.answer(source, 20)
        yield Scene(redis, source, Path(folder))
