"""Whether the bus answers, and since when without a break: the log hears of each change once."""

import time
from collections.abc import Callable

import structlog

_ANSWER_WITHIN_S = 2.0
"""A read waits half a second for news: one that has not come back after this says that Redis, or we, stand still."""

logger = structlog.get_logger()


class Bus:
    """What all of the monitor's calls on Redis add up to."""

    def __init__(self, redis_address: str, told: Callable[[bool], None]) -> None:
        """``told`` learns of each answer and of each failure."""
        self._address = redis_address
        self._told = told
        self._troubled: set[str] = set()
        self.up = False

    def reached(self, caller: str) -> None:
        """A call of ``caller`` was answered."""
        if caller in self._troubled:
            self._troubled.discard(caller)
            if not self._troubled:
                logger.info("redis is back", address=self._address)
        self._tell(not self._troubled)

    def lost(self, caller: str, error: Exception) -> None:
        """A call of ``caller`` failed."""
        if not self._troubled:
            logger.error(
                "cannot use redis; no verdict is given until it is back. Start it, or correct SPARK_REDIS_URL",
                address=self._address,
                caller=caller,
                error=str(error),
            )
        self._troubled.add(caller)
        self._tell(False)

    def _tell(self, up: bool) -> None:
        self.up = up
        self._told(up)


class Readings:
    """Watches one venue's reader: for how long it has been answered without a break."""

    def __init__(self, bus: Bus, caller: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._bus = bus
        self._caller = caller
        self._clock = clock
        self._since: float | None = None
        self._answered = 0.0

    def bus_reached(self) -> None:
        """Redis answered."""
        now = self._clock()
        if self._since is None or now - self._answered > _ANSWER_WITHIN_S:
            self._since = now
        self._answered = now
        self._bus.reached(self._caller)

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        """A call failed; the next try is in ``wait_s``."""
        self._since = None
        self._bus.lost(self._caller, error)

    def watched_s(self, now: float) -> float | None:
        """Return for how long answers have come; None while they do not."""
        if self._since is None or now - self._answered > _ANSWER_WITHIN_S:
            return None
        return now - self._since
