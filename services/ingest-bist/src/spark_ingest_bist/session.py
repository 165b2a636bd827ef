"""What every session with a source has, whether it asks or listens; which one it is, is said in `source`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import httpx

from spark_ingest_bist.marketdata import MarketData
from spark_ingest_bist.metrics import IngestMetrics
from spark_ingest_bist.schedule import Schedule
from spark_ingest_bist.times import Times


@dataclass(frozen=True)
class Wiring:
    """What a session works with.

    ``symbols`` are what is wanted, as is all that `MarketData.take` publishes. ``transport`` is None for the network.
    """

    symbols: Sequence[str]
    market: MarketData
    schedule: Schedule
    metrics: IngestMetrics
    times: Times
    transport: httpx.AsyncBaseTransport | None = None


class Session(Protocol):
    """One way to a source."""

    @property
    def kind(self) -> Literal["poll", "websocket"]:
        """As the feed state has it."""

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) the source is heard as it should be; None while it is not."""

    @property
    def trouble(self) -> str | None:
        """What the last try failed with, one word; None when it did not."""

    @property
    def sockets(self) -> tuple[int, int]:
        """How many connections stand, and how many are wanted; both 0 for a source that is asked."""

    def missing(self) -> list[str]:
        """Return which wanted symbols the source does not seem to have."""

    def never_had(self) -> set[str]:
        """Return those of them that it never had: they are not offered to readers."""

    async def run(self) -> None:
        """Ask or listen until cancelled; run again it goes on as after a start."""
