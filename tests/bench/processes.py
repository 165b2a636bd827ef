"""The processes of a benchmark: started, on the cores they are to have, asked by lines of text, and always ended."""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from support.stack import house_environment

_TESTS = Path(__file__).parents[1]
_SCHEDULED = 2
"""In the number of a process's clock, for Linux: the time that it ran. The table of processes counts in 10 ms."""

Process = subprocess.Popen[bytes]
Cores = frozenset[int]


@contextmanager
def running(
    module: str,
    *arguments: object,
    environ: Mapping[str, str] | None = None,
    python: str | None = None,
    cores: Cores | None = None,
) -> Iterator[Process]:
    """Run a Python module as a process of its own for the context; what it complains of is shown if that fails."""
    command = [python or sys.executable, "-m", module, *map(str, arguments)]
    with program(command, environ={"PYTHONPATH": str(_TESTS), **(environ or {})}, cores=cores) as process:
        yield process


@contextmanager
def program(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, cores: Cores | None = None
) -> Iterator[Process]:
    """Run any program so; without ``cores`` it has those of this process."""
    with tempfile.TemporaryFile() as complaints:
        with on(cores):
            process = subprocess.Popen(
                command, env={**house_environment(), **(environ or {})},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, bufsize=0,
            )  # fmt: skip
        try:
            yield process
        except Exception:
            complaints.seek(0)
            print(f"--- {' '.join(command)}\n{complaints.read().decode()[-3000:]}", file=sys.stderr)
            raise
        finally:
            _end(process)


def _end(process: Process) -> None:
    """End it and what it has started, which a killed parent would leave behind."""
    for pid in [process.pid, *children(process.pid)]:  # the parent first: it would start another
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@contextmanager
def on(cores: Cores | None) -> Iterator[None]:
    """Start processes on these cores alone, within the context; None changes nothing."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores or before)
        yield
    finally:
        os.sched_setaffinity(0, before)


def apart() -> tuple[Cores, Cores]:
    """Return the core for what is measured, and those for all else; the same when there is one only."""
    *others, last = sorted(os.sched_getaffinity(0))
    return frozenset({last}), frozenset(others or {last})


def tell(process: Process, line: str) -> None:
    """Write a line to its standard input."""
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")


def answer(process: Process, timeout_s: float) -> Any:
    """Return the next line of its standard output, which is JSON."""
    assert process.stdout is not None
    line = b""
    deadline = time.monotonic() + timeout_s
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"no answer within {timeout_s:g} s"
        piece = os.read(process.stdout.fileno(), 1 << 20)
        assert piece, "it ended without an answer"
        line += piece
    return msgspec.json.decode(line)


def listens(process: Process, port: int, timeout_s: float = 20) -> None:
    """Return once it takes connections."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, f"it ended with status {process.returncode}"
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.02)


def cpu_s(pid: int) -> float:
    """Return the processor time, user and system, that a process has used."""
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


def ended_cpu_s() -> float:
    """Return the processor time of all processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def resident_bytes(pids: Sequence[int]) -> int:
    """Return how much memory processes hold; what they share is counted once."""
    return sum(_pss_bytes(pid) for pid in pids)


def _pss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def raise_descriptor_limit() -> int:
    """Let this process and those it starts open as many sockets as the machine allows; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
