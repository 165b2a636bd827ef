"""Many readers of one stream in one process that does as little as it can: plain sockets, epoll, counting.

Arguments: port, symbol, throttle (ms), readers, the server's process id. Says `true` when all are connected; then a
line on its standard input, `WARM-UP SECONDS`, starts the measuring, and it prints the figures.
"""

import re
import select
import socket
import sys
import time

import msgspec

from bench import figures, processes, sse_lines

_CONNECT_S = 60.0
_SAMPLE_EVERY = 50
_MARK = b'"type":"ticker"'
_RECEIVED = re.compile(rb'"receivedAt":([0-9]+)')


class Reader:
    """One socket. ``tickers`` counts over the seams of what it is given."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.tickers = 0
        self._tail = b""

    def take(self, data: bytes) -> None:
        seamless = self._tail + data
        self.tickers += seamless.count(_MARK)
        self._tail = seamless[1 - len(_MARK) :]


class TimingReader(Reader):
    """Also notes how old each ticker is on arrival, by its ``receivedAt``: in steps of 1 ms."""

    def __init__(self, link: socket.socket) -> None:
        super().__init__(link)
        self._lines = sse_lines.Lines()
        self.ages_ms: list[float] = []

    def take(self, data: bytes) -> None:
        now_ms = time.time() * 1000
        super().take(data)
        for line in self._lines.take(data):
            found = _RECEIVED.search(line)
            assert found is not None
            self.ages_ms.append(now_ms - int(found[1]))


class Crowd:
    """All readers. One that is hung up on is counted, and left."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.readers: dict[int, Reader] = {}
        self.lost = 0

    def connect(self, port: int, request: bytes, number: int) -> None:
        """Connect them one after the other, and return when all have been answered 200."""
        for nth in range(number):
            link = socket.create_connection(("127.0.0.1", port), timeout=10)
            link.sendall(request)
            self.readers[link.fileno()] = (TimingReader if nth % _SAMPLE_EVERY == 0 else Reader)(link)
        for fileno, reader in self.readers.items():
            reader.link.settimeout(_CONNECT_S)
            assert reader.link.recv(15).startswith(b"HTTP/1.1 200"), "the server refused a reader"
            reader.link.setblocking(False)
            self._epoll.register(fileno, select.EPOLLIN)

    def read_until(self, deadline: float) -> None:
        """Read all there is, as it comes."""
        readers, poll = self.readers, self._epoll.poll
        while (left_s := deadline - time.monotonic()) > 0:
            for fileno, _ in poll(left_s):
                reader = readers[fileno]
                try:
                    data = reader.link.recv(1 << 16)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if data:
                    reader.take(data)
                else:
                    self._epoll.unregister(fileno)
                    self.lost += 1


def measure(crowd: Crowd, pid: int, warm_up_s: float, seconds: float) -> dict[str, float]:
    """Return what was delivered, what it cost the server, and what it cost us."""
    crowd.read_until(time.monotonic() + warm_up_s)
    timing = [reader for reader in crowd.readers.values() if isinstance(reader, TimingReader)]
    for reader in timing:
        reader.ages_ms.clear()
    had = {fileno: reader.tickers for fileno, reader in crowd.readers.items()}
    began, server_s, own_s = time.monotonic(), processes.cpu_s(pid), time.process_time()
    crowd.read_until(began + seconds)
    took = time.monotonic() - began
    server_s, own_s = processes.cpu_s(pid) - server_s, time.process_time() - own_s
    each = [reader.tickers - had[fileno] for fileno, reader in crowd.readers.items()]
    ages_ms = [age for reader in timing for age in reader.ages_ms]
    return {
        "events/s": sum(each) / took,
        "least": min(each),
        "most": max(each),
        "us/event": server_s * 1e6 / max(1, sum(each)),
        "server cores": server_s / took,
        "client cores": own_s / took,
        "p50 ms": figures.percentile(ages_ms, 0.5),
        "p99 ms": figures.percentile(ages_ms, 0.99),
        "lost": crowd.lost,
    }


def main(port: int, symbol: str, throttle_ms: int, number: int, pid: int) -> None:
    crowd = Crowd()
    crowd.connect(port, sse_lines.request(symbol, throttle_ms), number)
    print("true", flush=True)
    warm_up_s, seconds = map(float, sys.stdin.readline().split())
    print(msgspec.json.encode(measure(crowd, pid, warm_up_s, seconds)).decode(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
