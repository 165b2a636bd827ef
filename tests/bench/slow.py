"""Two readers that take next to nothing among a thousand: what they change for the others, and for the memory.

One takes nothing at all, one a byte a second, while each is sent more than any socket's buffers hold. They come after
the others, and are no part of what is counted.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench import figures, scene, servers

_READERS = 1_000
_SECONDS = 55.0
"""Of a thousand events a second of some 400 bytes: 22 MB to each."""
_LOAD = scene.Load(1_000, _READERS, 50, symbols=1_000, seconds=_SECONDS)
_COLUMNS = {
    "events/s": ",.0f", "MB/reader": ".1f", "us/event": ".3f", "p50 ms": ".0f", "p99 ms": ".0f", "KB/stream": ".1f",
    "missing": ",.0f", "repeated": ",.0f", "hung up": ".0f",
}  # fmt: skip


def run(rounds: int) -> list[str]:
    """Measure once each, however many ``rounds`` the others have, and print; returns what was lost or wrong."""
    taken: figures.Rounds = {"1,000 readers": [], "and two that hardly read": []}
    with scene.stage() as stage:
        for (name, rows), beside in zip(taken.items(), (scene.alone, _two_slow_ones), strict=True):
            row = stage.measure(servers.GATEWAY, _LOAD, beside)
            rows.append(row | {"MB/reader": row["events/s"] * row["B/event"] * _SECONDS / _READERS / 1e6})
            scene.remark(name, rows, _LOAD)
    figures.table(
        "slow: 1,000 events a second to each, at 50 ms; one round",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    without, beside_slow = (rows[0] for rows in taken.values())
    for name, unit in (("p99 ms", " ms"), ("KB/stream", " KB")):
        share = beside_slow[name] / without[name]
        figures.aim(
            f"{name} beside slow readers", beside_slow[name], unit, share < 1.2, f"as without: {without[name]:.1f}"
        )
    return figures.wrong("slow", taken)


@contextmanager
def _two_slow_ones(port: int) -> Iterator[None]:
    with ExitStack() as stack:
        ended = threading.Event()
        _, few = (stack.enter_context(_asking(port)) for _ in range(2))
        reading = threading.Thread(target=_read_a_byte_a_second, args=(few, ended))
        reading.start()
        stack.callback(reading.join)
        stack.callback(ended.set)
        yield


@contextmanager
def _asking(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.settimeout(1)
        asking.sendall(b"GET %b HTTP/1.1\r\nHost: here\r\n\r\n" % _LOAD.path.encode())
        yield asking


def _read_a_byte_a_second(few: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(1):
        few.recv(1)
