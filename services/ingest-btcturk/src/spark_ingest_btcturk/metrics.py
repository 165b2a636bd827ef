"""The ingest's metrics: callers say what happened, this module knows the names."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from spark_bus.cursor import EntryId
from spark_bus.publisher import Outgoing
from spark_ingest_btcturk.protocol import VENUE

_LATENCIES_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)


class IngestMetrics:
    """Also the ingest's memory of whether the bus answers and whether the venue is ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"spark_ingest_{name}", text, ["venue", *labels], registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"spark_ingest_{name}", text, ["venue", *labels], registry=registry)

        self._frames = counter("frames_total", "Frames received, by the venue's type.", "type")
        self._malformed = counter("malformed_total", "Frames, or rows of frames, that the protocol does not allow.")
        self._unchanged = counter("unchanged_total", "Tickers that repeat the one before: proof of life, not ticks.")
        self._published = counter("published_total", "Messages that Redis has acknowledged, by type.", "type")
        self._gaps = counter("gaps_total", "Gaps disclosed to readers, by cause.", "cause")
        self._reconnects = counter("reconnects_total", "Connections to the venue lost or refused, by cause.", "cause")
        self._bus_errors = counter("bus_errors_total", "Calls on Redis that failed.")
        self._epochs = counter("epochs_total", "Epochs that had to be started.")
        self._directory_errors = counter("directory_errors_total", "Failed attempts to read the venue's instruments.")
        self._dropped = gauge("dropped_messages", "Messages given up since the start because Redis was away too long.")
        self._queued = gauge("queued_messages", "Messages that wait for Redis.")
        self._connected = gauge("connected", "1 while connected to the venue.")
        self._lease = gauge("lease_held", "1 while this process is the venue's writer.")
        self._unproven = gauge("unproven_subscriptions", "Joined events that have brought no data since they were.")
        self._window = gauge("retention_window_seconds", "How far back the stream reaches.")
        self._last_message = gauge("last_message_timestamp_seconds", "When the venue last spoke.", "channel")
        self._to_bus = Histogram(
            "spark_ingest_receive_to_bus_seconds",
            "From a frame's arrival to Redis's acknowledgement.",
            ["venue"],
            buckets=_LATENCIES_S,
            registry=registry,
        ).labels(VENUE)
        for metric in (
            self._malformed, self._unchanged, self._bus_errors, self._epochs, self._directory_errors,
            self._dropped, self._queued, self._connected, self._lease, self._unproven, self._window,
        ):  # fmt: skip
            metric.labels(VENUE)  # there from the start, so that a rate over them is never absent
        self.bus_answers = False

    def received(self, kind: str, unchanged: int, malformed: int) -> None:
        """A frame of ``kind`` came, with so many repeated and so many broken tickers in it."""
        self._frames.labels(VENUE, kind).inc()
        self._unchanged.labels(VENUE).inc(unchanged)
        self._malformed.labels(VENUE).inc(malformed)

    def heard(self, received_at: int) -> None:
        """The venue spoke on the ticker channel."""
        self._last_message.labels(VENUE, "ticker").set(received_at / 1000)

    def connected(self) -> None:
        """The venue accepted our connection."""
        self._connected.labels(VENUE).set(1)

    def disconnected(self, cause: str) -> None:
        """A connection ended or was refused."""
        self._connected.labels(VENUE).set(0)
        self._reconnects.labels(VENUE, cause).inc()

    def gap(self, cause: str) -> None:
        """A hole is being disclosed."""
        self._gaps.labels(VENUE, cause).inc()

    def directory_failed(self) -> None:
        """The venue's list of instruments could not be read."""
        self._directory_errors.labels(VENUE).inc()

    def state(self, *, queued: int, dropped: int, unproven: int) -> None:
        """How things stand, once a second."""
        self._queued.labels(VENUE).set(queued)
        self._dropped.labels(VENUE).set(dropped)
        self._unproven.labels(VENUE).set(unproven)

    def lease(self, held: bool) -> None:
        """This process is, or is no longer, the venue's writer."""
        self._lease.labels(VENUE).set(held)

    def bus_reached(self) -> None:
        """Redis answered."""
        self.bus_answers = True

    def bus_lost(self) -> None:
        """A call on Redis failed."""
        self.bus_answers = False
        self._bus_errors.labels(VENUE).inc()

    def published(self, batch: list[Outgoing]) -> None:
        """Redis acknowledged ``batch``."""
        now_ms = time.time() * 1000
        for message in batch:
            self._published.labels(VENUE, message.kind).inc()
            if message.channel:
                self._to_bus.observe(max(0.0, now_ms - message.received_at) / 1000)

    def epoch_born(self) -> None:
        """An epoch was started."""
        self._epochs.labels(VENUE).inc()

    def beaten(self, first: EntryId) -> None:
        """The stream reaches back to ``first``."""
        self._window.labels(VENUE).set(max(0.0, time.time() - first.ms / 1000))
