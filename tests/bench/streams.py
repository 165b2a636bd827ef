"""Ten thousand open streams: the memory of one, and how long it takes until everyone has an event."""

from statistics import median

from bench import figures, nginx, processes, scene, servers

_READERS = 10_000
_SPARE_DESCRIPTORS = 500
_MOST_ROUNDS = 2
_AIM_KB = 12.0
_LOAD = scene.Load(1, _READERS, seconds=5)
_COLUMNS = {
    "KB/stream": ".1f", "us/event": ".1f", "p50 ms": ".0f", "p99 ms": ".0f", "missing": ",.0f", "repeated": ",.0f",
    "hung up": ".0f",
}  # fmt: skip


def run(rounds: int) -> list[str]:
    """Measure, and print; returns what was lost or wrong."""
    if processes.raise_descriptor_limit() < _READERS + _SPARE_DESCRIPTORS:
        print(f"\nstreams: not measured, the descriptor limit is below {_READERS + _SPARE_DESCRIPTORS:,} (ulimit -Hn)")
        return []
    peers = [servers.c_loop(), servers.GATEWAY, servers.NCHAN if nginx.has_nchan() else None, servers.SSE_STARLETTE]
    taken: figures.Rounds = {server.name: [] for server in peers if server is not None}
    rounds = min(rounds, _MOST_ROUNDS)
    with scene.stage() as stage:
        for _ in range(rounds):
            for server in peers:
                if server is not None:
                    taken[server.name].append(stage.measure(server, _LOAD))
    figures.table(
        f"streams: {_READERS:,} readers, one tick a second, throttle 0; medians of {rounds} interleaved rounds",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    print("KB: of the server's processes (proportional set size), more than before the readers came; the sockets' own")
    print("memory is the kernel's, and the same for all; ms: from the publisher's queue to each of the readers")
    for name, rows in taken.items():
        scene.remark(name, rows, _LOAD)
    memory = median(row["KB/stream"] for row in taken[servers.GATEWAY.name])
    figures.aim("memory of a stream", memory, " KB", memory < _AIM_KB, f"below {_AIM_KB:g} KB")
    return figures.wrong("streams", taken, servers.GATEWAY.name)
