"""How long messages take, stage by stage: counted at a thousand a second, so by hand, and told when somebody asks."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

Stage = Literal["venue_to_receive", "receive_to_bus", "bus_to_monitor", "bus_to_canary", "end_to_end"]

STAGES: Final[tuple[Stage, ...]] = (
    "venue_to_receive", "receive_to_bus", "bus_to_monitor", "bus_to_canary", "end_to_end",
)  # fmt: skip
_BOUNDS_MS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000)
_LABELS: Final = (*(str(bound / 1000) for bound in _BOUNDS_MS), "+Inf")


class Latency:
    """One venue's messages at one stage."""

    __slots__ = ("_counts", "_sum_ms")

    def __init__(self) -> None:
        self._counts = [0] * len(_LABELS)
        self._sum_ms = 0.0

    def observe(self, ms: float) -> None:
        """A message took ``ms``, which two clocks can make negative: that counts as no time at all."""
        if ms < 0:
            ms = 0.0
        self._counts[bisect_left(_BOUNDS_MS, ms)] += 1
        self._sum_ms += ms

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many took no longer than each bound."""
        total = 0
        told: list[tuple[str, float]] = []
        for label, count in zip(_LABELS, self._counts, strict=True):
            total += count
            told.append((label, total))
        return told

    @property
    def sum_s(self) -> float:
        """What all of them took together, in seconds."""
        return self._sum_ms / 1000


class Latencies(Collector):
    """All venues' and stages', in Prometheus's form."""

    def __init__(self, registry: CollectorRegistry, venues: Iterable[str]) -> None:
        self._of = {(venue, stage): Latency() for venue in venues for stage in STAGES}
        registry.register(self)

    def of(self, venue: str, stage: Stage) -> Latency:
        """Return one of them, to be kept by who counts."""
        return self._of[venue, stage]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Tell."""
        family = HistogramMetricFamily(
            "spark_pipeline_latency_seconds",
            "By stage, between clocks of machines: as right as they agree. venue_to_receive is beyond the quickest.",
            labels=["venue", "stage"],
        )
        for labels, latency in self._of.items():
            family.add_metric(labels, buckets=latency.buckets(), sum_value=latency.sum_s)
        yield family
