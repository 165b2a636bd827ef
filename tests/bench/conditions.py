"""On what, and beside what, the figures were taken."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from support.redis_server import binaries

_PACKAGES = ("uvicorn", "uvloop", "httptools", "redis", "hiredis", "msgspec", "aiohttp", "sse-starlette")


def show() -> None:
    """Print them."""
    servers = binaries()
    print(f"processor  {_processor()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores to be had")
    print(f"kernel     {platform.system()} {platform.release()}")
    print(f"python     {platform.python_version()}; {', '.join(f'{name} {version(name)}' for name in _PACKAGES)}")
    print(f"server     redis-server {servers[0].version} ({servers[0].origin})" if servers else "server     no redis")
    print(f"load       {' '.join(f'{load:.2f}' for load in os.getloadavg())} (1, 5, 15 minutes, before the start)")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
