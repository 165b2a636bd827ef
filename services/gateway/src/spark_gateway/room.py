"""How many connections there may be: each takes a descriptor, and without one left nothing else works either."""

import resource
import time
from typing import Final

import structlog

from spark_gateway.serving_metrics import ServingMetrics

_RESERVE: Final = 256
"""Descriptors kept for Redis, logs, the admin port and connections that are just being refused."""
_TELL_EVERY_S: Final = 60.0

logger = structlog.get_logger()


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as it may allow itself; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as exc:  # a sandbox may forbid it
            logger.warning("cannot raise the limit of open files", limit=soft, error=str(exc))
            return soft
    return hard


def connections_within(descriptors: int) -> int:
    """Return how many connections leave enough of so many descriptors for everything else."""
    return descriptors - min(_RESERVE, descriptors // 2)


class Room:
    """The connections of one server; whoever ends one for a reason says so here. Each is counted, few are logged."""

    def __init__(self, most: int, metrics: ServingMetrics) -> None:
        self.most = most
        self._metrics = metrics
        self._told: dict[str, float] = {}

    def full(self) -> None:
        """A connection was ended at once because there are ``most`` already."""
        self._metrics.connection_refused()
        if self._is_news("full"):
            logger.error("too many connections; raise the limit of open files, or add a replica", most=self.most)

    def refused(self, reason: str) -> None:
        """A connection was ended because of what its client did, or did not do."""
        self._metrics.request_refused(reason)
        if reason != "idle" and self._is_news(reason):  # a browser connects ahead of what it may never ask for
            logger.info("ended a connection; others are only counted for a while", reason=reason)

    def _is_news(self, reason: str) -> bool:
        now = time.monotonic()
        if now - self._told.get(reason, -_TELL_EVERY_S) < _TELL_EVERY_S:
            return False
        self._told[reason] = now
        return True
