"""A million events a second from one process: a thousand symbols tick once a second, a thousand readers want them all.

Nothing is conflated away: each event, with its id, is counted and its number checked at each reader. Beside it one
symbol that ticks far faster than its readers want.
"""

from bench import figures, scene, servers

_READERS = 1_000
_RATE_AIM, _COST_AIM_US = 990_000, 0.3
_ALL = {
    f"{throttle_ms} ms, 1,000 symbols": scene.Load(1_000, _READERS, throttle_ms, symbols=1_000)
    for throttle_ms in (50, 250)
}
_CONFLATED = {
    f"{throttle_ms} ms, 1 symbol, conflated": scene.Load(1_000, _READERS, throttle_ms) for throttle_ms in (50, 250)
}
_COLUMNS = {
    "ticks/s": ",.0f", "events/s": ",.0f", "B/event": ".0f", "us/event": ".3f", "us/tick/reader": ".3f",
    "server cores": ".2f", "client cores": ".2f",
    "p50 ms": ".0f", "p99 ms": ".0f", "missing": ",.0f", "repeated": ",.0f", "hung up": ".0f",
}  # fmt: skip


def run(rounds: int) -> list[str]:
    """Measure, and print; returns what was lost or wrong."""
    taken: figures.Rounds = {name: [] for name in [*_ALL, *_CONFLATED]}
    with scene.stage() as stage:
        for _ in range(rounds):
            for name, load in {**_ALL, **_CONFLATED}.items():
                row = stage.measure(servers.GATEWAY, load)
                taken[name].append(row | {"us/tick/reader": row["server cores"] * 1e6 / load.ticks_per_s / _READERS})
    figures.table(
        f"million: {_READERS:,} readers, 1,000 ticks/s; medians of {rounds} interleaved rounds",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    print("ms: from the publisher's queue; us/tick/reader: what a tick costs for each reader, delivered or overtaken")
    for name, load in {**_ALL, **_CONFLATED}.items():
        scene.remark(name, taken[name], load)
    for name in _ALL:
        middle = figures.medians(taken[name])
        cost, rate = middle["us/event"], middle["events/s"]
        figures.aim(f"an event at {name}", cost, " us", cost <= _COST_AIM_US, f"at most {_COST_AIM_US:g} us")
        figures.aim(f"events/s at {name}", rate, "", rate >= _RATE_AIM, "a million, counted at the readers")
    return figures.wrong("million", taken)
