"""The current ticker over REST: requests a second on one core, with 32 kept connections.

Beside it a plain FastAPI route with a response model, and nginx with the same bytes in a file. wrk asks.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import msgspec

from bench import figures, nginx, processes, scene, servers, ticker_source
from support.redis_server import free_port

_SECONDS, _WARM_UP_S = 3, 1
_CONNECTIONS = 32
_IDLE = 0.9
_FASTAPI_AIM, _NGINX_AIM = 5.0, 0.5
_QUERY = f"{servers.TICKER_PATH}?symbol=BTC_TRY"
_COLUMNS = {"requests/s": ",.0f", "us/request": ".1f", "server cores": ".2f", "wrk cores": ".2f", "wrong": ".0f"}

Serve = Callable[[str], AbstractContextManager[servers.Running]]


def run(rounds: int) -> list[str]:
    """Measure, and print; returns what was wrong."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print("\nrest: not measured, wrk is not installed")
        return []
    core, _ = processes.apart()
    peers: dict[str, Serve] = {
        server.name: partial(_started, server, core) for server in (servers.GATEWAY, servers.FASTAPI)
    }
    if nginx.binary():
        peers["nginx, a file"] = partial(_file, core)
    taken: figures.Rounds = {name: [] for name in peers}
    with scene.stage() as stage:
        for _ in range(rounds):
            for name, serve in peers.items():
                with serve(stage.redis_url) as running:
                    taken[name].append(_ask(wrk, running))
    figures.table(
        f"rest: the current ticker, {_CONNECTIONS} connections; medians of {rounds} interleaved rounds of {_SECONDS} s",
        _COLUMNS,
        {name: figures.medians(rows) for name, rows in taken.items()},
    )
    print("wrong: requests that were not answered 200")
    for name, rows in taken.items():
        if any(row["server cores"] < _IDLE for row in rows):
            print(f"{name}: it used less than {_IDLE:.0%} of its core: wrk or other work was the limit")
    ratio = figures.ratio(taken[servers.GATEWAY.name], taken[servers.FASTAPI.name], "requests/s")
    figures.aim("requests/s", ratio, " times", ratio >= _FASTAPI_AIM, f"at least {_FASTAPI_AIM:g} times FastAPI's")
    if "nginx, a file" in taken:
        ratio = figures.ratio(taken[servers.GATEWAY.name], taken["nginx, a file"], "requests/s")
        figures.aim("requests/s", ratio, " times", ratio >= _NGINX_AIM, f"at least {_NGINX_AIM:g} times nginx's")
    if any(row["wrong"] for row in taken[servers.GATEWAY.name]):
        return ["rest: the gateway answered requests with another status than 200"]
    return []


@contextmanager
def _started(server: servers.Server, core: processes.Cores, redis_url: str) -> Iterator[servers.Running]:
    _, others = processes.apart()
    with processes.on(others), server.start(redis_url, core) as running:
        yield running


@contextmanager
def _file(core: processes.Cores, _: str) -> Iterator[servers.Running]:
    port = free_port()
    with nginx.a_file(port, servers.TICKER_PATH, ticker_source.example(), core) as pids:
        yield servers.Running(port, pids)


def _ask(wrk: str, running: servers.Running) -> dict[str, float]:
    status, body = servers.fetch(running.port, _QUERY)
    message = msgspec.json.decode(body)
    assert status == 200 and message["type"] == "ticker" and message["data"]["symbol"] == "BTC_TRY", body
    _wrk(wrk, running.port, _WARM_UP_S)
    before = sum(map(processes.cpu_s, running.pids))
    said, wrk_s = _wrk(wrk, running.port, _SECONDS)
    server_s = sum(map(processes.cpu_s, running.pids)) - before
    found = re.search(r"(\d+) requests in ([0-9.]+)(m?)s", said)
    assert found is not None, said
    requests, took_s = int(found[1]), float(found[2]) / (1000 if found[3] else 1)
    return {
        "requests/s": requests / took_s,
        "us/request": server_s * 1e6 / requests,
        "server cores": server_s / took_s,
        "wrk cores": wrk_s / took_s,
        "wrong": sum(
            int(number)
            for number in re.findall(r"(?:Non-2xx or 3xx responses: |connect |read |write |timeout )(\d+)", said)
        ),
    }


def _wrk(wrk: str, port: int, seconds: float) -> tuple[str, float]:
    """Return what it says, and the processor time that it used."""
    _, others = processes.apart()
    command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{seconds:g}s", f"http://127.0.0.1:{port}{_QUERY}"]
    before = processes.ended_cpu_s()
    with processes.on(others):
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 20)
    return answer.stdout, processes.ended_cpu_s() - before
