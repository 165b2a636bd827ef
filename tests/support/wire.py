"""HTTP by hand: what a client library would never send, and what it would hide of the answer."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

PROMPT = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"


class Answer(NamedTuple):
    """An answer as it was on the wire; ``rest`` is everything after its head."""

    status: int
    headers: dict[str, str]
    rest: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """Return the problem that it is."""
        assert self.headers["content-type"] == "application/problem+json"
        assert int(self.headers["content-length"]) == len(self.rest), "more than one answer"
        found: dict[str, Any] = json.loads(self.rest)
        return found


def answer_of(received: bytes) -> Answer:
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, rest)


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send, as far as the other end lets us."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def until(self, mark: bytes, timeout_s: float = 10) -> bytes:
        """Return what comes up to ``mark``."""
        async with asyncio.timeout(timeout_s):
            return await self._reader.readuntil(mark)

    async def answer(self, timeout_s: float = 10) -> Answer:
        """Return an answer that says how long it is; the connection stays."""
        head = await self.until(b"\r\n\r\n", timeout_s)
        async with asyncio.timeout(timeout_s):
            return answer_of(head + await self._reader.readexactly(int(answer_of(head).headers["content-length"])))

    async def take(self, count: int, timeout_s: float = 10) -> bytes:
        """Return so many bytes."""
        async with asyncio.timeout(timeout_s):
            return await self._reader.readexactly(count)

    async def all(self, timeout_s: float = 15) -> bytes:
        """Return everything until the other end closes; a reset is an end, too."""
        received = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(timeout_s):
                while piece := await self._reader.read(65536):
                    received += piece
        return received


@asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    """Connect for as long as the context lasts."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_bytes(pid: int) -> int:
    """Return how much memory a process has resident."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
