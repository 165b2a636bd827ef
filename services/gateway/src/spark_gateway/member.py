"""One open stream: its socket, and how far into the bus it has been written.

It has no queue. What it cannot take now it catches up with later, from the ring that all share.
"""

import asyncio
from typing import Protocol

from spark_bus.cursor import Cursor

FULL_BYTES = 64 * 1024
"""Above so much unsent, a reader is slow: nothing more is written until it has taken what it has."""
_DRAIN_POLL_S = 0.05


class Transport(Protocol):
    """The part of a socket's transport that a stream uses."""

    def write(self, data: bytes) -> None:
        """Send, or keep until the socket takes it."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are kept."""

    def is_closing(self) -> bool:
        """Return whether the connection is gone or going."""

    def abort(self) -> None:
        """Drop the connection and what is kept."""


def chunk(data: bytes) -> bytes:
    """Return ``data`` as one chunk of an HTTP/1.1 response."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Member:
    """A reader of a stream.

    ``position`` is what has been written to it when it joined or fell behind; a member in step is where its group is.
    ``behind_since`` is, while it lags, a lower bound (ms UTC) of when the oldest tick it lacks was received.
    """

    __slots__ = ("_transport", "_unsent", "_unsent_since", "behind_since", "ended", "position")  # 9 % of a write

    def __init__(self, transport: Transport, position: Cursor | None = None) -> None:
        self._transport = transport
        self.position = position
        self.behind_since: int | None = None
        self.ended = asyncio.Event()
        self._unsent = 0
        self._unsent_since = 0.0

    def write(self, chunked: bytes) -> bool:
        """Write a chunk unless the reader is slow; returns whether it was written."""
        if self._transport.get_write_buffer_size() > FULL_BYTES or self._transport.is_closing():
            return False
        self._transport.write(chunked)
        return True

    @property
    def gone(self) -> bool:
        """Whether the connection has ended."""
        return self._transport.is_closing()

    def drained(self) -> bool:
        """Return whether it can be written to again."""
        return self._transport.get_write_buffer_size() <= FULL_BYTES and not self.gone

    def stuck(self, now: float, most_s: float) -> bool:
        """Return whether it has taken nothing for ``most_s``; ``now`` is monotonic."""
        unsent = self._transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
            return False
        return now - self._unsent_since > most_s

    def drop(self) -> None:
        """End it without ceremony."""
        self._transport.abort()
        self.ended.set()

    async def write_patiently(self, data: bytes, patience_s: float) -> None:
        """Write ``data`` at the pace the reader takes it. Raises TimeoutError, ConnectionResetError."""
        for at in range(0, len(data), FULL_BYTES):
            async with asyncio.timeout(patience_s):
                while not self.write(chunk(data[at : at + FULL_BYTES])):
                    if self.gone:
                        raise ConnectionResetError
                    await asyncio.sleep(_DRAIN_POLL_S)
