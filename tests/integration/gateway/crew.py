"""Several gateway processes on one bus, each with settings of its own, and clients at addresses of their own."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import httpx

from support.eventually import eventually
from support.examples import a_ticker
from support.redis_server import RedisServer, binaries, free_port
from support.stack import Service

from .conftest import Bench

SYMBOLS = "/api/market/btcturk/symbols"


class Gateway:
    """One process."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = Service(
            "gateway", {**environ, "SPARK_GATEWAY_PORT": str(self.port)}, folder / f"gateway-{self.port}.log"
        )

    async def get(self, path: str = SYMBOLS, *, at: str = "127.0.0.1", **headers: str) -> httpx.Response:
        """Ask from the address ``at``, one of this machine's own."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=at), timeout=10) as client:
            return await client.get(self.url + path, headers=named)

    async def allowed(self, tries: int, path: str = SYMBOLS, *, at: str, **headers: str) -> int:
        """Ask so many times over one connection; returns how many were not refused."""
        statuses, named = [], {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=at), timeout=10) as client:
            for _ in range(tries):
                statuses.append((await client.get(self.url + path, headers=named)).status_code)  # noqa: PERF401
        assert set(statuses) <= {200, 429}
        return statuses.count(200)

    async def metric(self, line: str) -> float:
        """Return the value of a series."""
        text = (await self.get("/metrics")).text
        return next(float(each.rpartition(" ")[2]) for each in text.splitlines() if each.startswith(line + " "))

    async def ready(self) -> None:
        await eventually(self._is_ready, 15, "the gateway")

    async def _is_ready(self) -> bool:
        try:
            answer = await self.get("/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def printed(self) -> str:
        return self.service.log.read_text(encoding="utf-8")


class Crew:
    """A bus with one venue, and the gateways on it."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.folder = folder
        self._gateways: list[Gateway] = []

    @property
    def redis_server(self) -> RedisServer:
        return self.bench.redis_server

    async def start(self, **settings: str) -> Gateway:
        """Start a gateway with settings, given without their ``SPARK_GATEWAY_``."""
        named = {f"SPARK_GATEWAY_{name.upper()}": value for name, value in settings.items()}
        gateway = Gateway({**self.bench.environ, **named}, self.folder)
        self._gateways.append(gateway)
        gateway.service.start()
        await gateway.ready()
        return gateway

    def end(self) -> None:
        for gateway in self._gateways:
            gateway.service.kill()


@asynccontextmanager
async def a_crew() -> AsyncIterator[Crew]:
    folder = Path(tempfile.mkdtemp(prefix="spark-crew-"))
    async with RedisServer(binaries()[0]) as server:
        bench = Bench(server, folder)
        crew = Crew(bench, folder)
        try:
            await bench.claim()
            await bench.publish(a_ticker(1))
            yield crew
        finally:
            crew.end()
            await bench.redis.aclose()
            await asyncio.to_thread(shutil.rmtree, folder)


async def loaded(gateway: Gateway, **headers: str) -> None:
    """Return once it serves the venue; each time asked from another address, so that no limit is in the way."""
    addresses = (f"127.1.{each // 250}.{each % 250 + 1}" for each in count())

    async def serves() -> bool:
        return (await gateway.get(at=next(addresses), **headers)).status_code == 200

    await eventually(serves, 15, "the venue")
