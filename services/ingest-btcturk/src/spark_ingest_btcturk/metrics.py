"""The ingest's metrics: callers say what happened, this module knows the names."""

import time
from collections import Counter as Tally
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge

from spark_bus.cursor import EntryId
from spark_bus.publisher import Outgoing
from spark_ingest_btcturk.channels import CHANNELS
from spark_ingest_btcturk.frames import VENUE
from spark_ingest_btcturk.tallies import Latencies, Tallies

_LATENCIES_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
_VENUE = (VENUE,)


class IngestMetrics:
    """Also the ingest's memory of whether the bus answers, and of how often it has reconnected."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"spark_ingest_{name}", text, ["venue", *labels], registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"spark_ingest_{name}", text, ["venue", *labels], registry=registry)

        def tallies(name: str, text: str, *labels: str) -> Tallies:
            return Tallies(f"spark_ingest_{name}", text, ["venue", *labels], registry)

        def latencies(name: str, text: str) -> Latencies:
            return Latencies(f"spark_ingest_{name}", text, {"venue": VENUE}, _LATENCIES_S, registry)

        self._frames = tallies("frames_total", "Frames received, by the venue's type.", "type")
        self._malformed = counter(
            "malformed_total", "Frames, or rows of one or of a list, that the protocol does not allow."
        )
        self._unchanged = tallies("unchanged_total", "Tickers that repeat the one before: proof of life, not ticks.")
        self._published = tallies("published_total", "Messages that Redis has acknowledged, by type.", "type")
        self._gaps = counter("gaps_total", "Gaps disclosed to readers.", "channel", "cause")
        self._reconnects = counter("reconnects_total", "Connections to the venue lost or refused, by cause.", "cause")
        self._resyncs = counter("resyncs_total", "Subscriptions joined again on their connection.", "channel", "cause")
        self._anomalies = counter("anomalies_total", "What the venue should not send; borne.", "channel", "kind")
        self._backfilled = counter("backfilled_trades_total", "Trades taken from the list that a join brings.")
        self._sides = counter("trade_side_total", "Trades, by whether the book bears out their side.", "verdict")
        self._bus_errors = counter("bus_errors_total", "Calls on Redis that failed.")
        self._epochs = counter("epochs_total", "Epochs that had to be started.")
        self._directory_errors = counter("directory_errors_total", "Failed attempts to read the venue's instruments.")
        self._poll_errors = counter("poll_errors_total", "Failed attempts to read tickers over REST.")
        self._dropped = gauge("dropped_messages", "Messages given up since the start because Redis was away too long.")
        self._queued = gauge("queued_messages", "Messages that wait for Redis.")
        self._sockets = gauge("sockets", "Connections to the venue that stand.")
        self._sockets_wanted = gauge("sockets_wanted", "Connections to the venue that its pairs need.")
        self._polling = gauge("polling", "1 while tickers come over REST because no socket can be had.")
        self._lease = gauge("lease_held", "1 while this process is the venue's writer.")
        self._unproven = gauge(
            "unproven_subscriptions", "Joined events that have brought no data since they were.", "channel"
        )
        self._window = gauge("retention_window_seconds", "How far back the stream reaches.")
        self._last_message = gauge("last_message_timestamp_seconds", "When the venue last spoke.", "channel")
        self._from_venue = latencies(
            "venue_to_receive_seconds", "From the venue's time of a live trade to its arrival, by two clocks."
        )
        self._to_bus = latencies("receive_to_bus_seconds", "From a frame's arrival to Redis's acknowledgement.")
        for metric in (
            self._malformed, self._backfilled, self._bus_errors, self._epochs, self._directory_errors,
            self._poll_errors, self._dropped, self._queued, self._sockets, self._sockets_wanted, self._polling,
            self._lease, self._window,
        ):  # fmt: skip
            metric.labels(VENUE)  # there from the start, so that a rate over them is never absent
        self._unchanged.counts[_VENUE] = 0
        for channel in CHANNELS:
            self._unproven.labels(VENUE, channel)
        for verdict in ("agrees", "contradicts", "undecided"):
            self._sides.labels(VENUE, verdict)
        self.bus_answers = False
        self.reconnects = 0

    def received(self, kind: str, unchanged: int, malformed: int) -> None:
        """A frame of ``kind`` came, with so many repeated tickers and so many broken rows in it."""
        self._frames.counts[VENUE, kind] += 1
        if unchanged:
            self._unchanged.counts[_VENUE] += unchanged
        if malformed:
            self._malformed.labels(VENUE).inc(malformed)

    def disconnected(self, cause: str) -> None:
        """A connection ended or was refused."""
        self._reconnects.labels(VENUE, cause).inc()
        self.reconnects += 1

    def gap(self, channel: str, cause: str) -> None:
        """A hole is being disclosed."""
        self._gaps.labels(VENUE, channel, cause).inc()

    def resync(self, channel: str, cause: str) -> None:
        """A subscription is joined again."""
        self._resyncs.labels(VENUE, channel, cause).inc()

    def anomalies(self, channel: str, kinds: Mapping[str, int]) -> None:
        """The venue sent what it should not; so often of each kind."""
        for kind, count in kinds.items():
            self._anomalies.labels(VENUE, channel, kind).inc(count)

    def traded(self, age_ms: int) -> None:
        """A live trade came, so long after the venue dated it; a clock that runs ahead counts as no time at all."""
        self._from_venue.observe(max(0, age_ms) / 1000)

    def backfilled(self, trades: int) -> None:
        """Trades were taken from a list."""
        self._backfilled.labels(VENUE).inc(trades)

    def sides(self, verdicts: Mapping[str, int]) -> None:
        """Trades were compared with the book; so many came to each verdict."""
        for verdict, count in verdicts.items():
            self._sides.labels(VENUE, verdict).inc(count)

    def directory_failed(self) -> None:
        """The venue's list of instruments could not be read."""
        self._directory_errors.labels(VENUE).inc()

    def directory_rows_malformed(self, count: int) -> None:
        """So many rows of the venue's list of instruments could not be read."""
        self._malformed.labels(VENUE).inc(count)

    def polling(self, now: bool) -> None:
        """Tickers come over REST, or do not any more."""
        self._polling.labels(VENUE).set(now)

    def poll_failed(self) -> None:
        """Tickers could not be read over REST."""
        self._poll_errors.labels(VENUE).inc()

    def state(
        self,
        *,
        queued: int,
        dropped: int,
        sockets: int,
        wanted: int,
        unproven: Sequence[str],
        heard: Mapping[str, int],
    ) -> None:
        """How things stand, once a second.

        ``unproven`` are the channels of what waits for proof; ``heard`` is, by channel, when the venue last spoke (ms).
        """
        self._queued.labels(VENUE).set(queued)
        self._dropped.labels(VENUE).set(dropped)
        self._sockets.labels(VENUE).set(sockets)
        self._sockets_wanted.labels(VENUE).set(wanted)
        for channel in CHANNELS:
            self._unproven.labels(VENUE, channel).set(unproven.count(channel))
        for channel, at in heard.items():
            self._last_message.labels(VENUE, channel).set(at / 1000)

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

    def published(self, batch: Sequence[Outgoing]) -> None:
        """Redis acknowledged ``batch``."""
        now_ms = time.time() * 1000
        for kind, count in Tally([message.kind for message in batch]).items():
            self._published.counts[VENUE, kind] += count
        # What came together has the same time: few times for many messages.
        for received_at, count in Tally([message.received_at for message in batch if message.channel]).items():
            self._to_bus.observe(max(0.0, now_ms - received_at) / 1000, count)

    def epoch_born(self) -> None:
        """An epoch was started."""
        self._epochs.labels(VENUE).inc()

    def beaten(self, first: EntryId) -> None:
        """The stream reaches back to ``first``."""
        self._window.labels(VENUE).set(max(0.0, time.time() - first.ms / 1000))
