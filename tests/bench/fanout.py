"""One symbol to a thousand readers: what gets through, and what each delivered event costs the server.

The project's gateway and a plain sse-starlette server take turns on the same Redis, the same publisher and the same
load client, each time as a new process. The load client also measures the server, over exactly its own window.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from bench import figures, processes
from support.redis_server import RedisServer, binaries, free_port
from support.stack import UNLIMITED

_READERS = 1000
_SYMBOL = "BTC_TRY"
_WARM_UP_S = 2
_SECONDS = 8
_BUSY = 0.9
_AIM = 4.0
_COLUMNS = {
    "events/s": ",.0f", "of due": ".0%", "least": ".0f", "most": ".0f", "us/event": ".1f", "server cores": ".2f",
    "p50 ms": ".0f", "p99 ms": ".0f", "client cores": ".2f", "lost": ".0f",
}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A server at a load, and how it is asked; ``per_reader`` is how many events each reader should have a second."""

    module: str
    ticks_per_s: int
    throttle_ms: int = 0
    count: int = 1
    """How many entries the peer reads at once at most: 1 sends each on its way, more lets a backlog gather."""

    @property
    def name(self) -> str:
        server = "gateway" if self.module == _GATEWAY else "sse-starlette"
        more = f", throttle {self.throttle_ms}" if self.throttle_ms else ""
        more += f", COUNT {self.count}" if self.module == _PEER else ""
        return f"{self.ticks_per_s} ticks/s: {server}{more}"

    @property
    def per_reader(self) -> float:
        return 1000 / self.throttle_ms if self.throttle_ms else self.ticks_per_s


_GATEWAY, _PEER = "spark_gateway", "bench.sse_starlette_peer"
_LOADS = (50, 10)
"""Ticks a second: what is aimed at, and what sse-starlette too can deliver without a backlog."""
_COUNTS = (1, 1000)
_VARIANTS = (
    *(Variant(_GATEWAY, load) for load in _LOADS),
    *(Variant(_PEER, load, count=count) for load in _LOADS for count in _COUNTS),
    Variant(_GATEWAY, 50, 250),
)

Rounds = dict[Variant, list[dict[str, float]]]


def run(rounds: int) -> None:
    """Measure, and print."""
    taken: Rounds = {variant: [] for variant in _VARIANTS}
    with _bus() as (redis, source):
        for _ in range(rounds):
            for variant in _VARIANTS:
                taken[variant].append(_measure(variant, redis.url, source))
    figures.table(
        f"fanout: {_READERS:,} readers of one symbol; medians of {rounds} interleaved rounds of {_SECONDS} s",
        _COLUMNS,
        {variant.name: figures.medians(rows) for variant, rows in taken.items()},
    )
    print("least and most: events that one reader had; lost: readers that were hung up on; p50, p99: since receivedAt")
    for variant, rows in taken.items():
        _remark(variant, rows)
    for load in _LOADS:
        for count in _COUNTS:
            peer = Variant(_PEER, load, count=count)
            _compare(peer, taken[Variant(_GATEWAY, load)], taken[peer])


def _remark(variant: Variant, rows: list[dict[str, float]]) -> None:
    print(f"{variant.name}: us/event by round {figures.spread(rows, 'us/event')}")
    if any(row["client cores"] > _BUSY for row in rows):
        print(f"  the load client used over {_BUSY:.0%} of a core: events/s may be its limit, not the server's")
    if median(row["p50 ms"] for row in rows) > 1000 / variant.per_reader:
        print("  more than one event behind: these are figures of a backlog, in which an event costs less and is late")


def _compare(peer: Variant, ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    ratios = [other["us/event"] / own["us/event"] for own, other in zip(ours, theirs, strict=True)]
    ratio = median(row["us/event"] for row in theirs) / median(row["us/event"] for row in ours)
    print(f"{peer.name} to gateway, us/event, by round {', '.join(f'{each:.2f}' for each in ratios)}")
    what = f"per delivered event, the gateway beside {peer.name}"
    figures.aim(what, ratio, " times", ratio >= _AIM, f"at least {_AIM:g} times cheaper")


@contextmanager
def _bus() -> Iterator[tuple[RedisServer, processes.Process]]:
    """Run a Redis and the publisher; the venue is on it."""
    redis = RedisServer(binaries()[0])
    try:
        redis.start_now()
        with processes.running("bench.ticker_source", redis.url, _SYMBOL) as source:
            processes.answer(source, 20)
            yield redis, source
    finally:
        redis.remove()


def _measure(variant: Variant, redis_url: str, source: processes.Process) -> dict[str, float]:
    port = free_port()
    environ = {"SPARK_REDIS_URL": redis_url, "SPARK_GATEWAY_PORT": str(port), **UNLIMITED}
    arguments = () if variant.module == _GATEWAY else (redis_url, port, _SYMBOL, variant.count)
    with ExitStack() as stack:
        server = stack.enter_context(processes.running(variant.module, *arguments, environ=environ))
        processes.listens(server, port)
        crowd = stack.enter_context(
            processes.running("bench.many_readers", port, _SYMBOL, variant.throttle_ms, _READERS, server.pid)
        )
        processes.answer(crowd, 90)
        processes.tell(source, f"{variant.ticks_per_s} {_WARM_UP_S + _SECONDS + 1}")
        processes.tell(crowd, f"{_WARM_UP_S} {_SECONDS}")
        row: dict[str, float] = processes.answer(crowd, _WARM_UP_S + _SECONDS + 30)
    row["of due"] = row["events/s"] / (_READERS * variant.per_reader)
    return row
