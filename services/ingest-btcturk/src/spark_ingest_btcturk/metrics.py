"""The ingest's metrics of the venue: callers say what happened, this module knows the names."""

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from spark_ingest.metrics import BusMetrics
from spark_ingest_btcturk.channels import CHANNELS
from spark_ingest_btcturk.frames import VENUE

_VENUE = (VENUE,)


class IngestMetrics(BusMetrics):
    """Also the ingest's memory of how often it has reconnected."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(VENUE, registry)
        counter, gauge, tallies = self._names.counter, self._names.gauge, self._names.tallies
        self._frames = tallies("frames_total", "Frames received, by the venue's type.", "type")
        self._malformed = counter(
            "malformed_total", "Frames, or rows of one or of a list, that the protocol does not allow."
        )
        self._unchanged = tallies("unchanged_total", "Tickers that repeat the one before: proof of life, not ticks.")
        self._reconnects = counter("reconnects_total", "Connections to the venue lost or refused, by cause.", "cause")
        self._resyncs = counter("resyncs_total", "Subscriptions joined again on their connection.", "channel", "cause")
        self._anomalies = counter("anomalies_total", "What the venue should not send; borne.", "channel", "kind")
        self._backfilled = counter("backfilled_trades_total", "Trades taken from the list that a join brings.")
        self._sides = counter("trade_side_total", "Trades, by whether the book bears out their side.", "verdict")
        self._directory_errors = counter("directory_errors_total", "Failed attempts to read the venue's instruments.")
        self._poll_errors = counter(
            "poll_errors_total", "Attempts to read tickers over REST that brought nothing newer."
        )
        self._sockets = gauge("sockets", "Connections to the venue that stand.")
        self._sockets_wanted = gauge("sockets_wanted", "Connections to the venue that its pairs need.")
        self._polling = gauge("polling", "1 while tickers come over REST because no socket can be had.")
        self._unproven = gauge(
            "unproven_subscriptions", "Joined events that have brought no data since they were.", "channel"
        )
        self._from_venue = self._names.latencies(
            "venue_to_receive_seconds", "From the venue's time of a live trade to its arrival, by two clocks."
        )
        self._unchanged.counts[_VENUE] = 0
        for channel in CHANNELS:
            self._unproven.labels(VENUE, channel)
        for verdict in ("agrees", "contradicts", "undecided"):
            self._sides.labels(VENUE, verdict)
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

    def state(self, *, sockets: int, wanted: int, unproven: Sequence[str]) -> None:
        """How things stand, once a second; ``unproven`` are the channels of what waits for proof."""
        self._sockets.labels(VENUE).set(sockets)
        self._sockets_wanted.labels(VENUE).set(wanted)
        for channel in CHANNELS:
            self._unproven.labels(VENUE, channel).set(unproven.count(channel))
