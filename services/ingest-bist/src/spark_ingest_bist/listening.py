"""A source that sends by itself, as a session of the ingest: what comes goes to the market's data."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import structlog

from spark_ingest_bist.push import PushSession, Waits
from spark_ingest_bist.pushhours import PushHours
from spark_ingest_bist.quotes import Answer, Malformed, MalformedAnswer, Refused
from spark_ingest_bist.schedule import Window
from spark_ingest_bist.session import Wiring
from spark_ingest_bist.sources import Endpoint, PushProtocol

_CONNECTING_MS: Final = 15_000
"""So long after an opening, of the market's clock, the connection is still coming about."""

logger = structlog.get_logger()


class Listening:
    """Implements both `Session` and the connection's listener."""

    kind: Literal["poll", "websocket"] = "websocket"

    def __init__(
        self,
        endpoint: Endpoint,
        protocol: Callable[[], PushProtocol],
        wiring: Wiring,
        *,
        idle_s: float,
        symbols: Sequence[str] | None = None,
        waits: Waits | None = None,
    ) -> None:
        """``symbols`` are what to ask for, all that is wanted without it."""
        asked = tuple(wiring.symbols if symbols is None else symbols)
        self._market = wiring.market
        self._metrics = wiring.metrics
        self._times = wiring.times
        self._schedule = wiring.schedule
        self._hours = PushHours(wiring.schedule, wiring.times, lambda: self.trouble is None)
        self._push = PushSession(
            endpoint,
            protocol,
            lambda: asked,
            listener=self,
            hours=self._hours,
            idle_s=idle_s,
            waits=waits,
        )
        self._since = wiring.times.wall.now_ms()
        self.trouble: str | None = None
        self.asked_instead = False
        """Whether the source is being asked, so that a connection that ends, or is not to be had, leaves no hole."""

    @property
    def connected_since(self) -> int | None:
        """Since when (ms UTC, wall) it is connected, or need not be since nothing is traded; None when it should be."""
        if self._push.connected_since is not None:
            return self._push.connected_since
        now_ms = self._times.market.now_ms()
        due = self._schedule.open_ms(now_ms - _CONNECTING_MS, now_ms) >= _CONNECTING_MS
        return None if due or self.trouble is not None else self._since

    @property
    def heard_at(self) -> float | None:
        """When data last came, on the monotonic clock."""
        return self._push.heard_at

    def expected(self) -> bool:
        """Return whether data has to come now."""
        return self._hours.expected()

    @property
    def sockets(self) -> tuple[int, int]:
        """How many connections stand, and how many are wanted."""
        wanted = self._schedule.window(self._times.market.now_ms()) is not Window.SHUT
        return int(self._push.connected_since is not None), int(wanted)

    def missing(self) -> list[str]:
        """Return nothing: who sends by himself does not say what he lacks."""
        return []

    def never_had(self) -> set[str]:
        """Return nothing, for the same reason."""
        return set()

    async def run(self) -> None:
        """Listen until cancelled."""
        self._market.interval_ms = 0.0
        self._schedule.start_over()
        await self._push.run()

    # What the connection tells

    def take(self, answer: Answer, received_at: int) -> None:
        """A frame came."""
        if not answer.quotes:  # of no symbol: it ends no hole
            self._metrics.row("ignored", answer.ignored)
            self._market.malformed(answer.malformed)
            return
        self._market.take(answer, tuple(quote.symbol for quote in answer.quotes), self._times.now())

    def malformed(self, exc: MalformedAnswer) -> None:
        """A frame is lost."""
        self._market.malformed([Malformed(exc.error, exc.detail)])

    def refused(self, exc: Refused) -> None:
        """The source said no."""
        if exc.error == "forbidden":
            logger.error(
                "the source refuses this address, key or contract; look at SPARK_BIST_SECRET and at your licence",
                detail=exc.detail[:200],
            )
        else:
            logger.warning("the source refuses", error=exc.error, detail=exc.detail[:200])
        self._metrics.asked(exc.error, 0.0)

    def connected(self) -> None:
        """There is a connection."""
        self._since, self.trouble = self._times.wall.now_ms(), None
        self._metrics.asked("ok", 0.0)

    def lost(self, cause: str) -> None:
        """There is none any more."""
        self.trouble = cause
        if not self.asked_instead:
            self._market.interrupted(cause)
