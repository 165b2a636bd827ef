"""Looking at processes from outside: who descends from whom, and who is still there. Linux's /proc only."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from support.redis_server import free_port


def alive(pid: int) -> bool:
    """Return whether the process runs; a zombie, which only waits to be counted, does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of all processes below ``pid``, by their ids."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    waiting = list(children.get(pid, []))
    while waiting:
        child = waiting.pop()
        found[child] = command_line(child)
        waiting.extend(children.get(child, []))
    return found


def command_line(pid: int) -> str:
    """Return how the process was started, or nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def eventually(holds: Callable[[], bool], what: str, within_s: float = 10.0) -> None:
    """Wait until ``holds``, or fail saying ``what`` did not come true."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def clean_environment() -> dict[str, str]:
    """Return this environment without settings of ours, without a leash, and as if no make had started the tests."""
    theirs = {"LEASH_PARENT", "MAKELEVEL", "MAKEFLAGS", "MFLAGS", "ARGS"}
    return {k: v for k, v in os.environ.items() if not k.startswith("SPARK_") and k not in theirs}
