"""A thousand readers who want every event: what one costs the server, and how late it is.

The gateway and what it is measured against take turns on the same Redis, the same publisher and the same readers. The
readers check every number: the gateway may neither lose nor repeat one.
"""

from dataclasses import dataclass
from statistics import median

from bench import figures, nginx, scene, servers
from bench.servers import Server

_READERS = 1_000
_COST_AIM, _CHEAPER_AIM, _DELAY_AIM_MS = 1.4, 4.0, 30.0
_SLOW, _USUAL, _BUSY = 3, 10, 50
"""Ticks a second: what FastAPI's own response can deliver, what is usual, and what only the cheap ones keep up with."""
_COLUMNS = {
    "events/s": ",.0f", "B/event": ".0f", "us/event": ".2f", "server cores": ".2f", "client cores": ".2f",
    "p50 ms": ".1f", "p99 ms": ".1f", "missing": ",.0f", "repeated": ",.0f", "hung up": ".0f",
}  # fmt: skip


@dataclass(frozen=True)
class Variant:
    """A server, and how many ticks a second it is to deliver to everyone."""

    server: Server
    ticks_per_s: int

    @property
    def name(self) -> str:
        return f"{self.server.name}, {self.ticks_per_s}/s"

    @property
    def load(self) -> scene.Load:
        return scene.Load(self.ticks_per_s, _READERS)


def _variants() -> list[Variant]:
    cheap = [servers.c_loop(), servers.GATEWAY, servers.NCHAN if nginx.has_nchan() else None, servers.node()]
    at_all = [server for server in cheap if server is not None]
    more = [servers.NCHAN_ON_REDIS] if nginx.has_nchan() else []
    return [
        *(Variant(server, _USUAL) for server in [*at_all, *more, servers.SSE_STARLETTE]),
        Variant(servers.FASTAPI, _SLOW),
        *(Variant(server, _BUSY) for server in [*at_all, servers.SSE_STARLETTE]),
    ]


def run(rounds: int) -> list[str]:
    """Measure, and print; returns what was lost or wrong."""
    variants = _variants()
    taken: figures.Rounds = {variant.name: [] for variant in variants}
    with scene.stage() as stage:
        for _ in range(rounds):
            for variant in variants:
                taken[variant.name].append(stage.measure(variant.server, variant.load))
    seconds = variants[0].load.seconds
    figures.table(
        f"events: {_READERS:,} readers, throttle 0; medians of {rounds} interleaved rounds of {seconds:g} s",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    print("ms: from the publisher's queue, through Redis, to the readers; us: processor time, user and system")
    print("C loop, nchan and Node do not read Redis: a small process, which is not counted, posts each tick to them")
    for name, rows in taken.items():
        print(f"{name}: us/event by round {figures.spread(rows, 'us/event')}; p99 {figures.spread(rows, 'p99 ms')}")
    for variant in variants:
        scene.remark(variant.name, taken[variant.name], variant.load)
    _aims(taken)
    return figures.wrong("events", taken, servers.GATEWAY.name)


def _aims(taken: figures.Rounds) -> None:
    for ticks_per_s in (_USUAL, _BUSY):
        floor, ours = f"C loop, {ticks_per_s}/s", f"{servers.GATEWAY.name}, {ticks_per_s}/s"
        if floor not in taken:
            continue
        if any(scene.is_behind(taken[name], scene.Load(ticks_per_s, _READERS)) for name in (floor, ours)):
            print(f"aim: an event at {ticks_per_s}/s beside the C loop's: not judged, there was a backlog")
        else:
            ratio = figures.ratio(taken[ours], taken[floor], "us/event")
            figures.aim(
                f"an event at {ticks_per_s}/s", ratio, " times", ratio <= _COST_AIM,
                f"at most {_COST_AIM:g} times the C loop's processor time",
            )  # fmt: skip
    for ticks_per_s in (_USUAL, _BUSY):
        # Behind or not: a backlog makes an event of sse-starlette's cheaper, so it speaks against us alone.
        usual, ours = f"{servers.SSE_STARLETTE.name}, {ticks_per_s}/s", f"{servers.GATEWAY.name}, {ticks_per_s}/s"
        cheaper = figures.ratio(taken[usual], taken[ours], "us/event")
        figures.aim(
            f"an event at {ticks_per_s}/s", cheaper, " times", cheaper >= _CHEAPER_AIM,
            f"at least {_CHEAPER_AIM:g} times cheaper than sse-starlette's",
        )  # fmt: skip
    p99 = median(row["p99 ms"] for row in taken[f"{servers.GATEWAY.name}, {_USUAL}/s"])
    figures.aim(
        f"publish to receipt, p99 at {_USUAL}/s", p99, " ms", p99 < _DELAY_AIM_MS, f"below {_DELAY_AIM_MS:g} ms"
    )
