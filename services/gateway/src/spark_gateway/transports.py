"""Transports that an answer is written to in place of the socket."""

import asyncio

_FRAMED = b"\r\ntransfer-encoding: chunked\r\n"


class Unframed:
    """Takes the framing off a chunked response, which is written as whole chunks.

    HTTP/1.0 has no chunks: what is written to such a client ends with the connection.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._chunked: bool | None = None  # until the head has come

    def write(self, data: bytes) -> None:
        """Send the head, and then the content of the chunks."""
        if self._chunked is None:
            self._chunked = _FRAMED in data
            data = data.replace(_FRAMED, b"\r\n", 1)
        elif self._chunked:
            data = _content(data)
        if data:
            self._transport.write(data)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are kept."""
        return self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Return whether the connection is gone or going."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close the connection when it has taken what is kept."""
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection and what is kept."""
        self._transport.abort()


class Gone:
    """Where the answer to a request goes that has been refused already."""

    def write(self, data: bytes) -> None:
        """Do nothing."""

    def get_write_buffer_size(self) -> int:
        """Return that nothing is kept."""
        return 0

    def is_closing(self) -> bool:
        """Return that the connection is gone."""
        return True

    def close(self) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""


def _content(chunks: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while at < len(chunks):
        start = chunks.index(b"\r\n", at) + 2
        end = start + int(chunks[at : start - 2], 16)
        parts.append(chunks[start:end])
        at = end + 2
    return b"".join(parts)
