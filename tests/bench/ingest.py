"""What a frame of the venue costs from the frame to Redis's reply, and how many a second one process bears.

The ingest and cryptofeed, which is the usual way to do this, take turns, each time as a new process on a new Redis:
the frames in hand, in bursts, and a socket's, one by one and as many as go. A socket that nobody listens to shows what
it alone costs.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Literal

from bench import figures, measured, peers, processes
from support.redis_server import RedisServer, binaries

_RATE = 5000
_WARM_UP = 2000
_FRAMES = {"memory": 30_000, "paced": 4 * _RATE, "flood": 60_000}
_AIM_US, _AIM_TIMES = 12.0, 2.0
_WAIT_S = 90

Way = Literal["memory", "paced", "flood"]


@dataclass(frozen=True)
class Variant:
    """Who handles which frames, and how they come; ``deaf`` is a reader of the socket that drops them."""

    name: str
    module: str
    kind: str
    way: Way
    deaf: bool = False

    @property
    def is_ours(self) -> bool:
        return self.module == _OURS


_OURS, _THEIRS = "bench.ingest_path", "bench.cryptofeed_peer"
_TICKERS, _DELTAS = "tickers", "10-level deltas"
_KINDS = {_TICKERS: "btcturk-tickers", _DELTAS: "btcturk-deltas"}
_MORE_KINDS = {"tickers, each after a trade": "btcturk-tickers-after-a-trade", "repeated tickers": "btcturk-repeats"}
_THEIR_KINDS = {_TICKERS: "binance-tickers", _DELTAS: "binance-deltas"}
_SOCKET = "the socket alone"


def _variants(way: Way) -> list[Variant]:
    """Return ours and theirs in turn."""
    found = []
    for what, kind in _KINDS.items():
        found.append(Variant(f"ours: {what}", _OURS, kind, way))
        found.append(Variant(f"cryptofeed: {what}", _THEIRS, _THEIR_KINDS[what], way))
    if way == "memory":
        found += [Variant(f"ours: {what}", _OURS, kind, way) for what, kind in _MORE_KINDS.items()]
    else:
        found.append(Variant(f"ours: {_SOCKET}", _OURS, _KINDS[_TICKERS], way, deaf=True))
        found.append(Variant(f"cryptofeed: {_SOCKET}", _THEIRS, _THEIR_KINDS[_TICKERS], way, deaf=True))
    return found


Rounds = dict[str, list[dict[str, float]]]


def run(rounds: int) -> list[str]:
    """Measure, and print; what is dropped is shown, and nothing else can be lost here."""
    python = peers.python()
    print(f"\ningest: beside cryptofeed {peers.cryptofeed()}" if python else "\ningest")
    taken: dict[Way, Rounds] = {"memory": {}, "paced": {}, "flood": {}}
    for _ in range(rounds):
        for way, rows in taken.items():
            for variant in _variants(way):
                if python or variant.is_ours:
                    rows.setdefault(variant.name, []).append(_measure(variant, python))
    _show(taken, rounds)
    return []


def _show(taken: dict[Way, Rounds], rounds: int) -> None:
    titles = {
        "memory": f"frames in hand, in bursts of {measured.BURST}, each awaited until Redis has replied",
        "paced": f"{_RATE:,} single frames a second from a socket",
        "flood": "from a socket, as fast as they are taken; frames/s until Redis's last reply",
    }
    columns = {"us/frame": ".1f", "frames/s": ",.0f", "cores": ".2f"}
    more = {**columns, "source cores": ".2f", "queued": ",.0f", "dropped": ".0f"}
    for way, rows in taken.items():
        figures.table(
            f"ingest: {titles[way]}; medians of {rounds} interleaved rounds",
            columns if way == "memory" else more,
            {name: figures.medians(each) for name, each in rows.items()},
        )
    print(
        "us/frame: processor time, user and system; queued, dropped: the most that waited for Redis, and was given up"
    )
    print(
        "each ticker has other best prices than its pair's last, a quarter of them another last price, volume and mean"
    )
    for way, rows in taken.items():
        for name in (f"{whose}: {what}" for what in _KINDS for whose in ("ours", "cryptofeed")):
            if name in rows:
                print(f"{way}, {name}: us/frame by round {figures.spread(rows[name], 'us/frame')}")
    _without_the_socket(taken["paced"])
    _aims(taken)


def _without_the_socket(rows: Rounds) -> None:
    """Take the socket's cost off, round by round."""
    for whose, what in (("ours", _TICKERS), ("ours", _DELTAS), ("cryptofeed", _TICKERS), ("cryptofeed", _DELTAS)):
        if f"{whose}: {what}" in rows:
            pairs = zip(rows[f"{whose}: {what}"], rows[f"{whose}: {_SOCKET}"], strict=True)
            in_hand = median(row["us/frame"] - socket["us/frame"] for row, socket in pairs)
            print(f"{whose}, {what} at {_RATE:,}/s without the socket's cost: {in_hand:.1f} us/frame")


def _aims(taken: dict[Way, Rounds]) -> None:
    ours, theirs = f"ours: {_TICKERS}", f"cryptofeed: {_TICKERS}"
    burst = _median(taken["memory"][ours], "us/frame")
    figures.aim(f"a ticker in bursts of {measured.BURST}", burst, " us", burst <= _AIM_US, f"at most {_AIM_US:g} us")
    if theirs not in taken["memory"]:
        return
    single = _median(taken["paced"][ours], "us/frame") / _median(taken["paced"][theirs], "us/frame")
    figures.aim(f"a ticker at {_RATE:,}/s", single, " times", single <= 1, "no dearer than cryptofeed's")
    top = _median(taken["flood"][ours], "frames/s") / _median(taken["flood"][theirs], "frames/s")
    figures.aim("the most tickers/s", top, " times", top >= _AIM_TIMES, f"at least {_AIM_TIMES:g} times cryptofeed's")


def _median(rows: Sequence[dict[str, float]], name: str) -> float:
    return median(row[name] for row in rows)


def _measure(variant: Variant, python: str | None) -> dict[str, float]:
    count = _FRAMES[variant.way]
    with ExitStack() as stack:
        redis = stack.enter_context(_redis())
        source, port = None, "memory"
        if variant.way != "memory":
            source = stack.enter_context(processes.running("bench.frame_source", variant.kind, _WARM_UP + count))
            port = str(processes.answer(source, _WAIT_S))
        arguments = (redis.url, variant.kind, _WARM_UP + count, port, *(["deaf"] if variant.deaf else []))
        its_python = None if variant.is_ours else python
        path = stack.enter_context(processes.running(variant.module, *arguments, python=its_python))
        processes.answer(path, _WAIT_S)
        _handle(path, source, "flood", _WARM_UP)
        return _handle(path, source, variant.way, count)


@contextmanager
def _redis() -> Iterator[RedisServer]:
    redis = RedisServer(binaries()[0])
    try:
        redis.start_now()
        yield redis
    finally:
        redis.remove()


def _handle(path: processes.Process, source: processes.Process | None, way: Way, count: int) -> dict[str, float]:
    """Have so many frames handled; returns what that cost."""
    processes.tell(path, str(count))
    processes.answer(path, _WAIT_S)
    sent: dict[str, float] = {}
    if source is not None:
        processes.tell(source, f"paced {count} {_RATE}" if way == "paced" else f"flood {count}")
        sent = processes.answer(source, _WAIT_S)
    row: dict[str, float] = processes.answer(path, _WAIT_S)
    took_s = row["ended"] - sent.get("began", row["began"])
    return {
        "queued": float("nan"), "dropped": float("nan"), **row, "frames/s": count / took_s,
        "cores": row["cpu_s"] / took_s, "source cores": sent.get("cores", 0.0),
    }  # fmt: skip
