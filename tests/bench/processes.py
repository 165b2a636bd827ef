"""The processes of a benchmark: Python modules that are started, asked by lines of text, and always ended."""

import os
import resource
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

_TESTS = Path(__file__).parents[1]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Process = subprocess.Popen[bytes]


@contextmanager
def running(
    module: str, *arguments: object, environ: Mapping[str, str] | None = None, python: str | None = None
) -> Iterator[Process]:
    """Run a module as a process of its own for the context; what it complains of is shown if that fails."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [python or sys.executable, "-m", module, *map(str, arguments)],
            env={**_house_environment(), "PYTHONPATH": str(_TESTS), **(environ or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, bufsize=0,
        )  # fmt: skip
        try:
            yield process
        except Exception:
            complaints.seek(0)
            print(f"--- {module}\n{complaints.read().decode()[-3000:]}", file=sys.stderr)
            raise
        finally:
            process.kill()
            process.wait()


def _house_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}


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
    """Return the processor time, user and system, that a process has used; in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def raise_descriptor_limit() -> int:
    """Let this process and those it starts open as many sockets as the machine allows; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
