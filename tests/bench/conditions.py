"""On what, and beside what, the figures were taken."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench import processes
from support.redis_server import binaries

_PACKAGES = (
    "uvicorn", "uvloop", "httptools", "redis", "hiredis", "msgspec", "aiohttp", "fastapi", "sse-starlette"
)  # fmt: skip
_PROGRAMS = {
    "gcc": ("gcc", "-dumpfullversion"),
    "node": ("node", "--version"),
    "nginx": ("nginx", "-v"),
    "wrk": ("wrk", "-v"),
}


def show() -> None:
    """Print them."""
    servers = binaries()
    print(f"processor  {_processor()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores to be had")
    print(f"kernel     {platform.system()} {platform.release()}")
    print(f"python     {platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}")
    print(f"server     redis-server {servers[0].version} ({servers[0].origin})" if servers else "server     no redis")
    print(f"programs   {', '.join(f'{name} {_version(command)}' for name, command in _PROGRAMS.items())}")
    measured, others = processes.apart()
    print(
        f"cores      gateway's parts: the server on {_cores(measured)}; publisher, Redis, readers on {_cores(others)}"
    )
    print(f"load       {' '.join(f'{load:.2f}' for load in os.getloadavg())} (1, 5, 15 minutes, before the start)")


def _version(command: tuple[str, ...]) -> str:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"},
        )  # fmt: skip
    except FileNotFoundError:
        return "none"
    found = re.search(r"[0-9]+(\.[0-9]+)+", answer.stdout + answer.stderr)
    return found[0] if found else "?"


def _cores(cores: processes.Cores) -> str:
    return ", ".join(map(str, sorted(cores)))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
