"""Metrics that every message bumps. The client library's own take a lock each time and look their labels up.

One thread writes them; the one that answers a scrape reads a copy.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tallies(Collector):
    """A counter; ``counts`` is by the values of its labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self.counts: Counter[tuple[str, ...]] = Counter()
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return what it has counted so far."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in list(self.counts.items()):
            family.add_metric(values, count)
        yield family


class Latencies(Collector):
    """A histogram of seconds."""

    def __init__(
        self, name: str, text: str, labels: dict[str, str], bounds_s: Sequence[float], registry: CollectorRegistry
    ) -> None:
        """``labels`` are the same for all; ``bounds_s`` are the buckets' upper ends."""
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0
        registry.register(self)

    def observe(self, seconds: float, times: int = 1) -> None:
        """It took so long, so many times."""
        self._counts[bisect_left(self._bounds_s, seconds)] += times
        self._sum_s += seconds * times

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return what it has seen so far."""
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound, count in zip([*map(str, map(float, self._bounds_s)), "+Inf"], list(self._counts), strict=True):
            below += count
            buckets.append((bound, below))
        family = HistogramMetricFamily(self._name, self._text, labels=list(self._labels))
        family.add_metric(list(self._labels.values()), buckets, self._sum_s)
        yield family
