"""What the sources have in common: a protocol says what to send and what the answer means, and does no I/O.

A protocol knows one source's shapes, spellings and units; it has no clock, no socket and no retries. Who polls, or
holds the connection, knows nothing of what is inside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from spark_ingest_bist.quotes import Answer


@dataclass(frozen=True)
class Request:
    """One HTTP request. ``headers`` and ``url`` may hold a secret: only ``label`` may reach a log."""

    url: str = field(repr=False)
    label: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Endpoint:
    """Where a WebSocket is. ``headers`` and ``url`` may hold a secret: only ``label`` may reach a log.

    ``scrubbed`` takes what is secret out of a text, such as an error that repeats the address.
    """

    url: str = field(repr=False)
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    scrubbed: Callable[[str], str] = field(default=str, repr=False)


class PollProtocol(Protocol):
    """A source that is asked."""

    @property
    def most_symbols(self) -> int:
        """How many symbols one request may name."""

    def request(self, symbols: Sequence[str]) -> Request:
        """Return the request for up to ``most_symbols`` of our symbols."""

    def read(self, status: int, body: bytes, asked: Sequence[str], received_at: int) -> Answer:
        """Return what the answer to a request for ``asked`` says; ``received_at`` is ms UTC.

        Raises MalformedAnswer and Refused.
        """


class PushProtocol(Protocol):
    """A source that sends by itself, over a WebSocket. Make a new one for every connection."""

    def opening(self, symbols: Sequence[str]) -> list[str]:
        """Return the frames that ask for our symbols."""

    def keepalive(self) -> tuple[float, str] | None:
        """Return the frame that keeps the connection alive and how often it is due (s); None when none is."""

    def receive(self, frame: bytes, received_at: int) -> Answer:
        """Return what a frame says. Raises MalformedAnswer and Refused."""
