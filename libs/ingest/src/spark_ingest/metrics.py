"""The metrics of an ingest's way to the bus, the same at every venue: callers say what happened."""

import time
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from spark_bus.cursor import EntryId
from spark_bus.publisher import Outgoing
from spark_ingest.tallies import Latencies, Tallies

LATENCIES_S: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)


class Names:
    """Makes a venue's metrics; all are there from the start, so that a rate over them is never absent."""

    def __init__(self, venue: str, registry: CollectorRegistry) -> None:
        self.venue = venue
        self._registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Return ``spark_ingest_NAME``, by ``labels`` after the venue."""
        made = Counter(f"spark_ingest_{name}", text, ["venue", *labels], registry=self._registry)
        if not labels:
            made.labels(self.venue)
        return made

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Return ``spark_ingest_NAME``, by ``labels`` after the venue."""
        made = Gauge(f"spark_ingest_{name}", text, ["venue", *labels], registry=self._registry)
        if not labels:
            made.labels(self.venue)
        return made

    def tallies(self, name: str, text: str, *labels: str) -> Tallies:
        """Return a counter that every message may bump."""
        return Tallies(f"spark_ingest_{name}", text, ["venue", *labels], self._registry)

    def latencies(self, name: str, text: str) -> Latencies:
        """Return a histogram of seconds that every message may bump."""
        return Latencies(f"spark_ingest_{name}", text, {"venue": self.venue}, LATENCIES_S, self._registry)


class BusMetrics:
    """Also the ingest's memory of whether the bus answers."""

    def __init__(self, venue: str, registry: CollectorRegistry) -> None:
        self._venue = venue
        self._names = names = Names(venue, registry)
        self._published = names.tallies("published_total", "Messages that Redis has acknowledged, by type.", "type")
        self._gaps = names.counter("gaps_total", "Gaps disclosed to readers.", "channel", "cause")
        self._bus_errors = names.counter("bus_errors_total", "Calls on Redis that failed.")
        self._epochs = names.counter("epochs_total", "Epochs that had to be started.")
        self._dropped = names.gauge(
            "dropped_messages", "Messages given up since the start because Redis was away too long."
        )
        self._queued = names.gauge("queued_messages", "Messages that wait for Redis.")
        self._lease = names.gauge("lease_held", "1 while this process is the venue's writer.")
        self._window = names.gauge("retention_window_seconds", "How far back the stream reaches.")
        self._last_message = names.gauge("last_message_timestamp_seconds", "When the venue last spoke.", "channel")
        self._to_bus = names.latencies(
            "receive_to_bus_seconds", "From a frame's arrival to Redis's acknowledgement."
        )  # fmt: skip
        self.bus_answers = False

    def gap(self, channel: str, cause: str) -> None:
        """A hole is being disclosed."""
        self._gaps.labels(self._venue, channel, cause).inc()

    def waiting(self, queued: int, dropped: int) -> None:
        """So many messages wait for Redis, and so many were given up."""
        self._queued.labels(self._venue).set(queued)
        self._dropped.labels(self._venue).set(dropped)

    def spoken(self, at: Mapping[str, int]) -> None:
        """By channel, when the venue last spoke (ms)."""
        for channel, at_ms in at.items():
            self._last_message.labels(self._venue, channel).set(at_ms / 1000)

    def lease(self, held: bool) -> None:
        """This process is, or is no longer, the venue's writer."""
        self._lease.labels(self._venue).set(held)

    def bus_reached(self) -> None:
        """Redis answered."""
        self.bus_answers = True

    def bus_lost(self) -> None:
        """A call on Redis failed."""
        self.bus_answers = False
        self._bus_errors.labels(self._venue).inc()

    def published(self, batch: Sequence[Outgoing]) -> None:
        """Redis acknowledged ``batch``."""
        now_ms = time.time() * 1000
        for kind, count in Tally([message.kind for message in batch]).items():
            self._published.counts[self._venue, kind] += count
        # What came together has the same time: few times for many messages.
        for received_at, count in Tally([message.received_at for message in batch if message.channel]).items():
            self._to_bus.observe(max(0.0, now_ms - received_at) / 1000, count)

    def epoch_born(self) -> None:
        """An epoch was started."""
        self._epochs.labels(self._venue).inc()

    def beaten(self, first: EntryId) -> None:
        """The stream reaches back to ``first``."""
        self._window.labels(self._venue).set(max(0.0, time.time() - first.ms / 1000))
