"""A source that sends by itself: what its connection brings, to the market data, and how the connection stands."""

from collections.abc import Callable
from typing import Final, Literal

import structlog

from spark_ingest_bist.openhours import OpenHours
from spark_ingest_bist.push import PushSession
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Refused
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.sources import Endpoint, PushProtocol

_CONNECTING_MS: Final = 15_000
"""So long after an opening, of the market's clock, the connection is still coming about."""

logger = structlog.get_logger()


class Listening:
    """Implements both `Session` and the connection's listener."""

    kind: Literal["poll", "websocket"] = "websocket"

    def __init__(
        self, endpoint: Endpoint, protocol: Callable[[], PushProtocol], wiring: Wiring, *, idle_s: float
    ) -> None:
        self._wiring = wiring
        self._asked = frozenset(wiring.symbols)
        self._heard: set[str] = set()
        self._unknown: set[str] = set()
        self._since = wiring.times.wall.now_ms()
        self.trouble: str | None = None
        self._session = PushSession(
            endpoint,
            protocol,
            lambda: wiring.symbols,
            listener=self,
            hours=OpenHours(wiring.schedule.calendar, wiring.times.market, wiring.schedule.delay_ms),
            idle_s=idle_s,
        )

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) it is connected, or need not be since nothing is traded; None when it should be."""
        if self._session.connected_since is not None:
            return self._session.connected_since
        now_ms = self._wiring.times.market.now_ms()
        due = self._wiring.schedule.open_ms(now_ms - _CONNECTING_MS, now_ms) >= _CONNECTING_MS
        return None if due or self.trouble is not None else self._since

    @property
    def sockets(self) -> tuple[int, int]:
        """Whether the connection stands, out of one."""
        return int(self._session.connected_since is not None), 1

    def missing(self) -> list[str]:
        """Return which wanted symbols the source says it does not have."""
        return sorted(self._unknown)

    def never_had(self) -> set[str]:
        """Return those of them that it never had."""
        return self._unknown - self._heard

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._session.run()

    def take(self, answer: Answer, received_at: int) -> None:
        """A frame came."""
        if answer.quotes:
            self.trouble = None
            heard = {quote.symbol for quote in answer.quotes}
            self._heard |= heard & self._asked
            self._unknown -= heard
        if new := set(answer.unknown) - self._unknown:
            self._unknown |= new
            logger.error("the source does not have these; look at SPARK_BIST_SYMBOLS", symbols=sorted(new))
        if answer.quotes or answer.malformed or answer.ignored or answer.delay_ms is not None:
            self._wiring.market.take(answer, self._asked, self._wiring.times.at(received_at))

    def malformed(self, exc: MalformedAnswer) -> None:
        """A frame could not be read: what it would have said is missing."""
        self._wiring.market.malformed([Malformed(exc.error, exc.detail)])
        self._wiring.market.interrupted("malformed")

    def refused(self, exc: Refused) -> None:
        """The source said no."""
        if exc.error == "forbidden":
            logger.error(
                "the source refuses this address, key or contract. Look at SPARK_BIST_SECRET and at what you are "
                "licensed for",
                detail=exc.detail[:200],
            )
        self._wiring.metrics.asked(exc.error, 0.0)

    def lost(self, cause: str) -> None:
        """The connection ended, or was not to be had."""
        self.trouble = cause
        self._wiring.market.interrupted(cause)
