"""A real Prometheus and a real Alertmanager on the committed configuration, and someone who gets the alerts.

What is committed is taken as it is but for three things: addresses; the receivers' addresses, which are files there;
and time. Waits and intervals are a tenth of what is committed, so that a test need not take minutes; the expressions,
with the ranges in them, are not touched.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from aiohttp import web

from support.eventually import eventually
from support.programs import found
from support.redis_server import free_port
from support.rules import DEPLOY, RULES

FASTER = 10
_SLOW_TO_END = {"RetentionShort", "PipelineSlow"}
"""May be about to fire at any time here: a stream is young, or a quantile still knows of an earlier fault."""
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def shortened(duration: str) -> str:
    """Return a tenth of a duration such as ``30s``."""
    number, unit = re.fullmatch(r"(\d+)([a-z]+)", duration).groups()  # type: ignore[union-attr]
    return f"{int(number) * _UNITS_MS[unit] // FASTER}ms"


def _sooner(rules: dict[str, Any]) -> dict[str, Any]:
    for group in rules["groups"]:
        if "interval" in group:
            group["interval"] = shortened(group["interval"])
        for rule in group["rules"]:
            for wait in {"for", "keep_firing_for"} & rule.keys():
                rule[wait] = shortened(rule[wait])
    return rules


class _Process:
    """One of the two, in a folder of its own."""

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"spark-{name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _launch(self, *command: str | Path) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    async def _start(self, *command: str | Path) -> None:
        await asyncio.to_thread(self._launch, *command)
        await eventually(self._ready, 20, f"{command[0]} is ready")

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                return (await client.get(f"{self.url}/-/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def end(self) -> None:
        """End it and leave nothing behind."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        shutil.rmtree(self.folder, ignore_errors=True)


class Prometheus(_Process):
    """Scrapes ``targets``, ports by job; a job that is not in there is left out."""

    def __init__(self, targets: Mapping[str, int], alertmanager: int | None = None) -> None:
        super().__init__("prometheus")
        self._targets = {**targets, "prometheus": self.port}
        if alertmanager is not None:
            self._targets["alertmanager"] = alertmanager
        self._alertmanager = alertmanager

    async def start(self) -> None:
        """Start, and return once it is ready."""
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(self._configuration()))
        (self.folder / "rules").mkdir()
        for file in RULES.glob("*.yml"):
            (self.folder / "rules" / file.name).write_text(yaml.safe_dump(_sooner(yaml.safe_load(file.read_text()))))
        await self._start(
            found("prometheus"), "--config.file", "prometheus.yml", "--storage.tsdb.path", "data",
            "--web.listen-address", f"127.0.0.1:{self.port}", "--log.level", "warn",
        )  # fmt: skip

    def _configuration(self) -> dict[str, Any]:
        made: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        for name in ("scrape_interval", "scrape_timeout", "evaluation_interval"):
            made["global"][name] = shortened(made["global"][name])
        made["scrape_configs"] = [job for job in made["scrape_configs"] if job["job_name"] in self._targets]
        assert {job["job_name"] for job in made["scrape_configs"]} == set(self._targets)
        for job in made["scrape_configs"]:
            job["static_configs"] = [{"targets": [f"127.0.0.1:{self._targets[job['job_name']]}"]}]
        if self._alertmanager is None:
            del made["alerting"]
        else:
            [manager] = made["alerting"]["alertmanagers"]
            manager["static_configs"] = [{"targets": [f"127.0.0.1:{self._alertmanager}"]}]
        return made

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an instant query finds. Raises AssertionError for one that cannot be understood."""
        async with httpx.AsyncClient(timeout=10) as client:
            answer = (await client.post(f"{self.url}/api/v1/query", data={"query": expression})).json()
        assert answer["status"] == "success", (expression, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def all_up(self) -> bool:
        """Return whether it reaches all of its targets, and has evaluated its rules since."""
        reached = len(await self.query("up == 1")) == len(self._targets)
        return reached and bool(await self.query('ALERTS{alertname="Watchdog"}'))

    async def firing(self) -> set[str]:
        """Return the alerts that fire now; Watchdog, which always does, is not news."""
        return {one["metric"]["alertname"] for one in await self.query('ALERTS{alertstate="firing"}')} - {"Watchdog"}

    async def fired(self, within_s: float) -> set[str]:
        """Return the alerts that have fired at any time in the last ``within_s`` seconds."""
        ever = await self.query(f'count_over_time(ALERTS{{alertstate="firing"}}[{int(within_s * 1000)}ms])')
        return {one["metric"]["alertname"] for one in ever} - {"Watchdog"}


class Alertmanager(_Process):
    """Tells ``receiver``, an address, at a path for each receiver of the committed configuration."""

    def __init__(self, receiver: str) -> None:
        super().__init__("alertmanager")
        self._receiver = receiver

    async def start(self) -> None:
        """Start, and return once it is ready."""
        made = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
        for route in (made["route"], *made["route"]["routes"]):
            for name in ("group_wait", "group_interval"):
                if name in route:
                    route[name] = shortened(route[name])
        for receiver in made["receivers"]:
            for webhook in receiver.get("webhook_configs", ()):
                del webhook["url_file"]
                webhook["url"] = f"{self._receiver}/{receiver['name']}"
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(made))
        await self._start(
            found("prometheus-alertmanager", "alertmanager"), "--config.file", "alertmanager.yml",
            "--storage.path", "data", "--web.listen-address", f"127.0.0.1:{self.port}", "--cluster.listen-address=",
        )  # fmt: skip


class Inbox:
    """What each receiver was told since it was ``open``: the names of alerts, firing and then resolved."""

    def __init__(self) -> None:
        self.open = False
        self.firing: dict[str, set[str]] = {}
        self.resolved: dict[str, set[str]] = {}
        self.said: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        receiver, told = request.match_info["receiver"], await request.json()
        for alert in told["alerts"]:
            name = alert["labels"]["alertname"]
            if alert["status"] == "firing" and self.open:
                self.firing.setdefault(receiver, set()).add(name)
                self.said.append(told)
            elif name in self.firing.get(receiver, ()):
                self.resolved.setdefault(receiver, set()).add(name)
        return web.Response()


@asynccontextmanager
async def inbox() -> AsyncIterator[tuple[Inbox, str]]:
    """Yield a receiver of webhooks and its address."""
    box = Inbox()
    app = web.Application()
    app.router.add_post("/{receiver}", box.take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield box, f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


class Watchers:
    """The three together, and whether they are at peace."""

    def __init__(self, prometheus: Prometheus, told: Inbox) -> None:
        self.prometheus = prometheus
        self.told = told

    async def at_peace(self) -> bool:
        """Return whether all is scraped and nothing fires or is about to."""
        if not await self.prometheus.all_up() or await self.prometheus.firing():
            return False
        pending = {one["metric"]["alertname"] for one in await self.prometheus.query('ALERTS{alertstate="pending"}')}
        return pending <= _SLOW_TO_END


@asynccontextmanager
async def watching(targets: Mapping[str, int]) -> AsyncIterator[Watchers]:
    """Yield a Prometheus over ``targets`` (ports by job) with an Alertmanager and its receiver, at peace."""
    async with inbox() as (told, address):
        alertmanager = Alertmanager(address)
        prometheus = Prometheus(targets, alertmanager.port)
        try:
            await alertmanager.start()
            await prometheus.start()
            watchers = Watchers(prometheus, told)
            # Before the first scrapes something may look absent; that it does not for longer is the beginning.
            await eventually(watchers.at_peace, 30, "Prometheus scrapes all and nothing fires or is about to")
            told.open = True
            yield watchers
        finally:
            await prometheus.end()
            await alertmanager.end()
