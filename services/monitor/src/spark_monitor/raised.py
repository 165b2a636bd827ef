"""How many alarms were raised, beside how many are open: two names that the client library takes for one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from spark_monitor.alarms import SEVERITIES
from spark_monitor.causes import KINDS


class Raised(Collector):
    """``spark_alarms_total``, by venue, kind and severity."""

    def __init__(self, registry: CollectorRegistry, venues: Sequence[str]) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter(dict.fromkeys(product(venues, KINDS, SEVERITIES), 0))
        registry.register(self)

    def count(self, venue: str, kind: str, severity: str) -> None:
        """An alarm was raised."""
        self._counts[venue, kind, severity] += 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Tell."""
        family = CounterMetricFamily("spark_alarms_total", "Alarms raised.", labels=["venue", "kind", "severity"])
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family
