"""The servers that are measured: the gateway, and what it is measured against. Each is a new process, on its own core.

The Python ones read Redis themselves; the others are posted what a small process reads for them.
"""

import http.client
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bench import native, nginx, processes
from support.redis_server import free_port
from support.stack import UNLIMITED

TICKER_PATH: Final = "/api/market/btcturk/ticker"
_READY_S = 20.0
_NODE = Path(__file__).parent / "node_peer.js"


@dataclass(frozen=True)
class Running:
    """A server that takes requests; ``pids`` are all its processes."""

    port: int
    pids: list[int]


Start = Callable[[str, processes.Cores], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Server:
    """How a server is called in the tables, and started with the Redis's address on given cores."""

    name: str
    start: Start


@contextmanager
def _gateway(redis_url: str, cores: processes.Cores) -> Iterator[Running]:
    port = free_port()
    environ = {"SPARK_REDIS_URL": redis_url, "SPARK_GATEWAY_PORT": str(port), "SPARK_VENUES": "btcturk", **UNLIMITED}
    with processes.running("spark_gateway", environ=environ, cores=cores) as process:
        processes.listens(process, port)
        _wait_for_a_ticker(port)
        yield Running(port, [process.pid])


def _wait_for_a_ticker(port: int) -> None:
    """Return once the venue is loaded: what comes before is part of the snapshot."""
    deadline = time.monotonic() + _READY_S
    while fetch(port, f"{TICKER_PATH}?symbol=BTC_TRY")[0] != 200:
        assert time.monotonic() < deadline, "the gateway has no ticker"
        time.sleep(0.05)


def fetch(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _python_peer(module: str) -> Start:
    @contextmanager
    def start(redis_url: str, cores: processes.Cores) -> Iterator[Running]:
        port = free_port()
        with processes.running(module, redis_url, port, cores=cores) as process:
            processes.listens(process, port)
            yield Running(port, [process.pid])

    return start


def _posted(command: list[str]) -> Start:
    @contextmanager
    def start(redis_url: str, cores: processes.Cores) -> Iterator[Running]:
        port = free_port()
        with processes.program([*command, str(port)], cores=cores) as process:
            processes.listens(process, port)
            with _posting(redis_url, port):
                yield Running(port, [process.pid])

    return start


def _nchan(*, on_redis: bool) -> Start:
    @contextmanager
    def start(redis_url: str, cores: processes.Cores) -> Iterator[Running]:
        port = free_port()
        with nginx.nchan(port, redis_url if on_redis else None, cores) as pids, _posting(redis_url, port):
            yield Running(port, pids)

    return start


@contextmanager
def _posting(redis_url: str, port: int) -> Iterator[None]:
    with processes.running("bench.post_source", redis_url, port) as source:
        processes.answer(source, _READY_S)
        yield


GATEWAY = Server("gateway", _gateway)
SSE_STARLETTE = Server("sse-starlette", _python_peer("bench.sse_starlette_peer"))
FASTAPI = Server("FastAPI", _python_peer("bench.fastapi_peer"))
NCHAN = Server("nchan", _nchan(on_redis=False))
NCHAN_ON_REDIS = Server("nchan on Redis", _nchan(on_redis=True))


@cache
def c_loop() -> Server | None:
    """Return the bare loop in C, where there is a compiler."""
    built = native.program("server")
    return Server("C loop", _posted([built])) if built else None


@cache
def node() -> Server | None:
    """Return Node's http server, where Node is installed."""
    found = shutil.which("node")
    if found is None:
        print("node is not installed: measured without it")
    return Server("Node http", _posted([found, str(_NODE)])) if found else None
