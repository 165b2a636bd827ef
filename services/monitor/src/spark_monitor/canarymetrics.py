"""What the canary's failing and faring is known by."""

from collections.abc import Sequence
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Cause = Literal["connect", "refused", "timeout", "closed", "malformed"]

_CAUSES: Final[tuple[Cause, ...]] = ("connect", "refused", "timeout", "closed", "malformed")


class CanaryMetrics:
    """Every series of a watched venue is there from the start, where there is a canary at all."""

    def __init__(self, registry: CollectorRegistry, venues: Sequence[str]) -> None:
        self._up = Gauge("spark_canary_up", "1 while the canary's stream speaks.", ["venue"], registry=registry)
        self._last_event = Gauge(
            "spark_canary_last_event_timestamp_seconds", "When the canary's stream last spoke, 0 before.", ["venue"],
            registry=registry,
        )  # fmt: skip
        self._failures = Counter(
            "spark_canary_failures_total", "Times that the canary lost its stream, or got none.", ["venue", "cause"],
            registry=registry,
        )  # fmt: skip
        for venue in venues:
            self._up.labels(venue)
            self._last_event.labels(venue)
            for cause in _CAUSES:
                self._failures.labels(venue, cause)

    def spoke(self, venue: str, now_s: float) -> None:
        """An event came, at ``now_s`` of the wall clock."""
        self._up.labels(venue).set(1)
        self._last_event.labels(venue).set(now_s)

    def failed(self, venue: str, cause: Cause) -> None:
        """The stream is lost, or could not be had."""
        self._up.labels(venue).set(0)
        self._failures.labels(venue, cause).inc()
