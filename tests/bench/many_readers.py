"""Many readers of one stream in one process: plain sockets, epoll, and a look at each event's number.

This is for machines without a C compiler: `native/client.c` does the same at a tenth of the cost. Arguments: port,
path, readers, whether each is due every event (1) or may get the newest alone (0), the server's process ids by comma.
Says `true` when all have been answered and it is quiet. Then a line on its standard input starts the measuring:
`WARM-UP SECONDS FIRST LAST EVERY FILE`, which is answered by `true`. Events are numbered, from FIRST to LAST, by their
ticker's price. When all have LAST, or have waited long, the figures are printed, and FILE has the number and the time
(ns, monotonic) of each event that every EVERYth reader got within the SECONDS.
"""

import re
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable

import msgspec

from bench import processes

_CONNECT_S = 90.0
_DRAIN_S = 10.0
_QUIET_S = 0.3
_PIECE = 1 << 18
_CONNECTS = 64
_EVENT = re.compile(rb"(?<![^\n])(id: [^\n]*\n)?data: [^\n]*?\"price\":([0-9]+)[^\n]*\n(id: [^\n]*\n)?\r?\n")
"""A ticker with its id, which may stand on either side."""


class Reader:
    """One socket. ``last`` is the number of its newest event."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.answered = False
        self.last = -1
        self.count = 0
        self._rest = b""

    def take(self, data: bytes) -> list[int]:
        """Return the numbers of the events that ``data`` completes."""
        text = self._rest + data
        end = max(text.rfind(b"\n\n"), text.rfind(b"\n\r\n"))
        if end < 0:
            self._rest = text
            return []
        end = text.index(b"\n", end + 1) + 1
        self._rest = text[end:]
        found = _EVENT.findall(text[:end].replace(b"\r\n", b"\n"))
        return [int(price) for before, price, after in found if before or after]


class Crowd:
    """All readers. One that is hung up on is counted, and left."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Reader] = {}
        self._numbers = range(0)
        self._every = 0
        self._done = 0
        self.sampling = False
        self.samples = array("q")
        self.hung_up = self.events = self.repeated = self.bytes = 0

    def connect(self, port: int, path: str, number: int) -> None:
        """Connect them one after the other, and return when all have been answered 200 and nothing comes."""
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
        for nth in range(number):
            link = socket.create_connection(("127.0.0.1", port), timeout=10)
            link.sendall(request)
            link.setblocking(False)
            self._readers[link.fileno()] = Reader(link)
            self._epoll.register(link.fileno(), select.EPOLLIN)
            if nth % _CONNECTS == 0:
                self.read_until(time.monotonic() + 0.001)
        self.read_until(time.monotonic() + _CONNECT_S, lambda idle: idle and self._all_answered())
        assert self._all_answered(), "not all readers were answered"

    def _all_answered(self) -> bool:
        return all(reader.answered for reader in self._readers.values())

    def expect(self, first: int, last: int, every: int) -> None:
        """From now on count the events from ``first`` to ``last``, and note the times of every so manyth reader's."""
        self._numbers, self._every = range(first, last + 1), every

    def read_until_it_is_told(self) -> None:
        """Read until there is something on the standard input."""
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        self.read_until(time.monotonic() + 600)
        self._epoll.unregister(sys.stdin.fileno())

    def read_until(self, deadline: float, enough: Callable[[bool], bool] | None = None) -> None:
        """Read all there is, as it comes, until ``enough``, which is told whether nothing came for a while."""
        while (left_s := deadline - time.monotonic()) > 0:
            ready = self._epoll.poll(min(left_s, _QUIET_S) if enough else left_s)
            for fileno, _ in ready:
                if fileno == sys.stdin.fileno():
                    return
                self._take(fileno, self._readers[fileno])
            if enough and enough(not ready):
                return

    def _take(self, fileno: int, reader: Reader) -> None:
        try:
            data = reader.link.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        at = time.monotonic_ns()
        if not data:
            self._epoll.unregister(fileno)
            self.hung_up += 1
            return
        assert reader.answered or data.startswith(b"HTTP/1.1 200"), f"the server refused a reader: {data[:300]!r}"
        reader.answered = True
        self.bytes += len(data)
        for number in reader.take(data):
            if number in self._numbers:
                self._count(reader, number, at, fileno)

    def _count(self, reader: Reader, number: int, at: int, fileno: int) -> None:
        if number <= reader.last:
            self.repeated += 1
            return
        reader.last = number
        reader.count += 1
        self.events += 1
        self._done += number == self._numbers[-1]
        if self.sampling and fileno % self._every == 0:
            self.samples.extend((number, at))

    def all_have_the_last(self, _: bool) -> bool:
        """Return whether nothing more is due."""
        return self._done >= len(self._readers) - self.hung_up

    def missing(self, *, exact: bool) -> int:
        """Return how many events were due and did not come."""
        due, last = len(self._numbers), self._numbers[-1]
        return sum(due - reader.count if exact else reader.last != last for reader in self._readers.values())


def main(port: int, path: str, number: int, exact: bool, pids: list[int]) -> None:
    crowd = Crowd()
    crowd.connect(port, path, number)
    print("true", flush=True)
    crowd.read_until_it_is_told()
    warm_up_s, seconds, first, last, every, file = sys.stdin.readline().split()
    crowd.expect(int(first), int(last), int(every))
    print("true", flush=True)
    crowd.read_until(time.monotonic() + float(warm_up_s))
    began, server_s, own_s = time.monotonic(), sum(map(processes.cpu_s, pids)), time.process_time()
    events, of_bytes, crowd.sampling = crowd.events, crowd.bytes, True
    crowd.read_until(began + float(seconds))
    crowd.sampling = False
    row = {
        "took_s": time.monotonic() - began,
        "server_s": sum(map(processes.cpu_s, pids)) - server_s,
        "own_s": time.process_time() - own_s,
        "events": crowd.events - events,
        "bytes": crowd.bytes - of_bytes,
    }
    crowd.read_until(time.monotonic() + _DRAIN_S, crowd.all_have_the_last)
    with open(file, "wb") as out:
        crowd.samples.tofile(out)
    row |= {"missing": crowd.missing(exact=exact), "repeated": crowd.repeated, "hung_up": crowd.hung_up}
    print(msgspec.json.encode(row).decode(), flush=True)


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        sys.argv[4] == "1",
        [int(pid) for pid in sys.argv[5].split(",")],
    )
