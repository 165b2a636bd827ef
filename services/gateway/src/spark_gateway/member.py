"""One open stream: its socket.

It has no queue. What it cannot take now it catches up with later, from the ring that all share.
"""

import asyncio
import os
from typing import Protocol

FULL_BYTES = 64 * 1024
"""Above so much unsent, a reader is slow: nothing more is written until it has taken what it has."""
PATIENCE_S = 30.0
"""How long a reader may take nothing while its stream is being opened."""
_DRAIN_POLL_S = 0.05
_CLOSING_S = 30.0
_BETWEEN_EVENTS = b"\n\n"
_END = b"0\r\n\r\n"


class Transport(Protocol):
    """The part of a socket's transport that a stream uses."""

    def write(self, data: bytes) -> None:
        """Send, or keep until the socket takes it."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are kept."""

    def is_closing(self) -> bool:
        """Return whether the connection is gone or going."""

    def close(self) -> None:
        """Close the connection when what is kept has been sent."""

    def abort(self) -> None:
        """Drop the connection and what is kept."""


def chunk(data: bytes) -> bytes:
    """Return ``data`` as one chunk of an HTTP/1.1 response."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Member:
    """A reader of a stream. How far it has come is its group's affair."""

    __slots__ = ("_descriptor", "_transport", "_unsent", "_unsent_since")  # 9 % of a write

    def __init__(self, transport: Transport, descriptor: int | None = None) -> None:
        """``descriptor`` is the socket's own, where what is written goes out as it is."""
        self._transport = transport
        self._descriptor = descriptor
        self._unsent = 0
        self._unsent_since = 0.0

    def write(self, chunked: bytes) -> bool:
        """Write a chunk unless the reader is slow; returns whether it was written.

        While the transport keeps nothing, the system call is made here: that is a third of a write's cost less.
        """
        transport = self._transport
        kept = transport.get_write_buffer_size()
        if kept > FULL_BYTES or transport.is_closing():  # a closing one's descriptor may be somebody else's already
            return False
        if kept or self._descriptor is None:
            transport.write(chunked)
            return True
        try:
            sent = os.write(self._descriptor, chunked)
        except BlockingIOError:
            sent = 0
        except OSError:  # the reader is gone, of which the server has not heard yet
            transport.abort()
            return False
        if sent < len(chunked):
            transport.write(chunked[sent:])
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

    def finish(self, text: bytes) -> None:
        """Write the last events and end the response and the connection, also of one that is slow."""
        if not self.gone:
            self._transport.write(chunk(text) + _END)
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSING_S, self._transport.abort)  # it may never take the rest

    async def write_patiently(self, data: bytes, patience_s: float) -> None:
        """Write ``data`` at the pace the reader takes it. Raises TimeoutError, ConnectionResetError."""
        at = 0
        while at < len(data):
            end = _end_of_event(data, at)
            async with asyncio.timeout(patience_s):
                while not self.write(chunk(data[at:end])):
                    if self.gone:
                        raise ConnectionResetError
                    await asyncio.sleep(_DRAIN_POLL_S)
            at = end


def _end_of_event(data: bytes, at: int) -> int:
    """Return where a piece ends that begins at ``at``: no goodbye may come amid an event."""
    if len(data) - at <= FULL_BYTES:
        return len(data)
    end = data.rfind(_BETWEEN_EVENTS, at, at + FULL_BYTES)
    if end < 0:  # one event is larger
        end = data.find(_BETWEEN_EVENTS, at)
    return len(data) if end < 0 else end + len(_BETWEEN_EVENTS)
