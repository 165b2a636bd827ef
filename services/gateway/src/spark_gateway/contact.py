"""Whether this gateway itself still gets a venue's messages: a verdict tells only how they come onto the bus."""

import time
from typing import Final

import structlog

from spark_gateway.metrics import GatewayMetrics

logger = structlog.get_logger()

BELIEVED_S: Final = 10.0
"""How long what was read last holds while Redis does not answer. On the bus a verdict expires after as long."""


class Contact:
    """Watches the reading of one venue: to the metrics always, to the log once for each change."""

    def __init__(self, venue: str, metrics: GatewayMetrics, redis_address: str) -> None:
        self._venue = venue
        self._metrics = metrics
        self._address = redis_address
        self._trouble = False
        self._reached_at = time.monotonic()  # who has just begun is given as long

    @property
    def is_lost(self) -> bool:
        """Whether nothing could be read for so long that what is missing has to be told."""
        return time.monotonic() - self._reached_at > BELIEVED_S

    def bus_reached(self) -> None:
        """Redis answered."""
        self._reached_at = time.monotonic()
        if self._trouble:
            logger.info("redis is back", venue=self._venue, address=self._address)
        self._trouble = False
        self._metrics.bus_reached()

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        """A call failed; the next try is in ``wait_s``."""
        if not self._trouble:
            logger.error(
                "cannot use redis; streams go on without news. Start it, or correct SPARK_REDIS_URL",
                venue=self._venue,
                address=self._address,
                error=str(error),
            )
        self._trouble = True
        self._metrics.bus_lost()
