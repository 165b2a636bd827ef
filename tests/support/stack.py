"""The whole platform as real processes on free ports, each of which a test may kill, stop and start again."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from support.eventually import eventually
from support.redis_server import Binary, RedisServer, binaries, free_port

UNLIMITED = {
    "SPARK_GATEWAY_RATE": "1000000",
    "SPARK_GATEWAY_BURST": "1000000",
    "SPARK_GATEWAY_STREAMS_PER_CLIENT": "1000000",
    "SPARK_GATEWAY_STREAMS": "1000000",
}
"""Settings of a gateway that one address asks more of than any client would."""
SERVICES = ("simulator", "ingest_btcturk", "ingest_bist", "monitor", "gateway")
FAMILIAR = {"btcturk": "BTC_TRY", "bist": "THYAO"}
"""A symbol of each venue that is carried by default."""


def house_environment() -> dict[str, str]:
    """Return this process's environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}


class Service:
    """One service's process. It keeps its settings, and so its ports, over restarts."""

    def __init__(self, name: str, environ: Mapping[str, str], log: Path, *, prefix: Sequence[str] = ()) -> None:
        self.name = name
        self.log = log
        self._environ = environ
        self._command = [*prefix, sys.executable, "-m", f"spark_{name}"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def start(self) -> None:
        assert self._process is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=dict(self._environ), stdout=log, stderr=log)

    def kill(self) -> None:
        """End it at once, as a crash would; one that is paused does not get to do anything more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self, timeout_s: float = 10) -> int:
        """End it in order; returns its exit status."""
        assert self._process is not None, f"{self.name} is not running"
        self._process.terminate()
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 10) -> int:
        """Wait until it has ended by itself; returns its exit status."""
        assert self._process is not None, f"{self.name} is not running"
        status = self._process.wait(timeout_s)
        self._process = None
        return status

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        self.kill()
        self.start()


class Stack:
    """Redis, simulator, ingests, monitor and gateway. ``extra`` settings go to all of them.

    Of the ingests there are those of ``venues``. BIST's market is open day and night, that tests may run at any time.
    """

    def __init__(
        self,
        extra: Mapping[str, str] | None = None,
        *,
        venues: Sequence[str] = ("btcturk",),
        redis_binary: Binary | None = None,
    ) -> None:
        self.venues = tuple(venues)
        self.redis = RedisServer(redis_binary or binaries()[0])
        self.simulator_port, self.gateway_port = free_port(), free_port()
        self.ingest_metrics_port, self.monitor_port = free_port(), free_port()
        self.bist_metrics_port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="spark-stack-"))
        calendar = self.folder / "calendar"
        calendar.write_text("* open 00:00-24:00\n")
        self.environ = {
            **house_environment(),
            "SPARK_REDIS_URL": self.redis.url,
            "SPARK_VENUES": ",".join(venues),
            "SPARK_BTCTURK_WS_URL": f"ws://127.0.0.1:{self.simulator_port}/btcturk/ws",
            "SPARK_BTCTURK_REST_URL": f"http://127.0.0.1:{self.simulator_port}/btcturk",
            "SPARK_SIMULATOR_PORT": str(self.simulator_port),
            "SPARK_GATEWAY_PORT": str(self.gateway_port),
            "SPARK_BTCTURK_METRICS_PORT": str(self.ingest_metrics_port),
            "SPARK_BIST_URL": f"http://127.0.0.1:{self.simulator_port}/bist/yahoo",
            "SPARK_BIST_METRICS_PORT": str(self.bist_metrics_port),
            "SPARK_BIST_CALENDAR": str(calendar),
            "SPARK_MONITOR_PORT": str(self.monitor_port),
            **(extra or {}),
        }
        unwanted = {f"ingest_{venue}" for venue in FAMILIAR if venue not in venues}
        self.services = {name: self.service(name) for name in SERVICES if name not in unwanted}

    def service(self, name: str, environ: Mapping[str, str] | None = None, label: str = "") -> Service:
        """Return another process of a service, not started, with settings of its own."""
        return Service(name, {**self.environ, **(environ or {})}, self.folder / f"{name}{label}.log")

    @property
    def simulator(self) -> Service:
        return self.services["simulator"]

    @property
    def ingest(self) -> Service:
        return self.services["ingest_btcturk"]

    @property
    def ingest_bist(self) -> Service:
        return self.services["ingest_bist"]

    @property
    def monitor(self) -> Service:
        return self.services["monitor"]

    @property
    def gateway(self) -> Service:
        return self.services["gateway"]

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}/control"

    def stream_url(self, symbol: str = "*", throttle: int = 0) -> str:
        return f"{self.gateway_url}/api/market/btcturk/stream?symbol={symbol}&throttle={throttle}"

    async def __aenter__(self) -> "Stack":
        try:
            await self.redis.start()
            for service in self.services.values():
                service.start()
            await self.ready()
        except BaseException as exc:
            await self.__aexit__(type(exc), exc, exc.__traceback__)
            raise
        return self

    async def ready(self, *symbols: str) -> None:
        """Return once the gateway has a ticker of each of BtcTurk's ``symbols``; unless told, of one of each venue."""
        wanted = [("btcturk", symbol) for symbol in symbols] or [(venue, FAMILIAR[venue]) for venue in self.venues]
        for venue, symbol in wanted:
            path = f"/api/market/{venue}/ticker?symbol={symbol}"
            await eventually(partial(self.get, path), 30, f"a ticker of {symbol}")

    async def get(self, path: str) -> Any:
        """Return the gateway's JSON answer, or None for anything but a 200."""
        async with httpx.AsyncClient(timeout=5) as client:
            try:
                answer = await client.get(self.gateway_url + path)
            except httpx.HTTPError:
                return None
            return answer.json() if answer.status_code == 200 else None

    async def status(self, venue: str = "btcturk") -> str | None:
        """Return the venue's status as the gateway tells it."""
        health = await self.get("/api/healthz")
        return None if health is None else health["venues"][venue]["status"]

    async def control(self, method: str, path: str, **more: Any) -> Any:
        """Call the simulator's control."""
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.request(method, self.control_url + path, **more)
            answer.raise_for_status()
            return answer.json() if answer.content else None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._show_logs()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        for service in reversed(self.services.values()):
            service.kill()
        self.redis.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _show_logs(self) -> None:
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}")
