"""The ingest's metrics of its source: callers say what happened, this module knows the names."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry

from spark_ingest.metrics import BusMetrics
from spark_ingest_bist.quotes import VENUE, Malformed
from spark_ingest_bist.rows import Verdict
from spark_market.sessions import Phase

OUTCOMES: Final = (
    "ok", "limited", "forbidden", "unknown", "unavailable", "rejected", "malformed", "empty", "network", "timeout",
    "too_large",
)  # fmt: skip
ROWS: Final = (*(verdict.value for verdict in Verdict), "unasked", "absent", "ignored", "volume_fell", "far")


class IngestMetrics(BusMetrics):
    """Also the ingest's memory of how often it failed, and of how much it could not read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(VENUE, registry)
        counter, gauge = self._names.counter, self._names.gauge
        self._requests = counter("requests_total", "Requests to the source, by how they ended.", "outcome")
        self._request_seconds = self._names.latencies("request_seconds", "How long the source takes to answer.")
        self._rows = counter("rows_total", "What the source told of symbols, by what became of it.", "reason")
        self._malformed = counter("malformed_total", "Rows and answers that could not be read, by error.", "error")
        self._reconnects = counter("reconnects_total", "Outages of the source, by what they began with.", "cause")
        self._stream = counter(
            "stream_events_total", "Streams beside the polls that connected, or were lost, by cause.", "event"
        )
        self._used = gauge("request_budget_used_ratio", "Part of the hour's requests that is spent.")
        self._backoff = gauge("backoff_active", "1 while the source is asked less because it failed.")
        self._forbidden = gauge("forbidden", "1 while the source says that this address, key or contract may not.")
        self._interval = gauge("poll_interval_seconds", "How often each symbol is asked for.")
        self._delay = gauge("delay_seconds", "The source's declared delay.")
        self._wanted = gauge("symbols", "Symbols that are carried.")
        self._unknown = gauge("symbols_unknown", "Symbols wanted that the source does not have.")
        self._connected = gauge("connected", "1 while the source answers as it should.")
        self._phase = gauge("session_phase", "1 for what the market does now.", "phase")
        for outcome in OUTCOMES:
            self._requests.labels(VENUE, outcome)
        for reason in ROWS:
            self._rows.labels(VENUE, reason)
        for phase in Phase:
            self._phase.labels(VENUE, phase.value)
        self.malformed_count = 0
        self.outages = 0

    def asked(self, outcome: str, seconds: float) -> None:
        """A request ended; ``outcome`` is one of `OUTCOMES`."""
        self._requests.labels(VENUE, outcome).inc()
        self._request_seconds.observe(seconds)
        self._forbidden.labels(VENUE).set(outcome == "forbidden")

    def row(self, reason: str, count: int = 1) -> None:
        """So many rows were that; ``reason`` is one of `ROWS`."""
        if count:
            self._rows.labels(VENUE, reason).inc(count)

    def malformed(self, found: Iterable[Malformed]) -> None:
        """These could not be read."""
        for one in found:
            self._malformed.labels(VENUE, one.error).inc()
            self.malformed_count += 1

    def outage(self, cause: str) -> None:
        """The source, or the connection to it, is lost."""
        self._reconnects.labels(VENUE, cause).inc()
        self.outages += 1

    def stream(self, event: str) -> None:
        """A stream beside the polls is ``connected``, or was lost: then the cause."""
        self._stream.labels(VENUE, event).inc()

    def pace(self, *, used: float, backoff: bool, interval_s: float) -> None:
        """How the source is asked."""
        self._used.labels(VENUE).set(used)
        self._backoff.labels(VENUE).set(backoff)
        self._interval.labels(VENUE).set(interval_s)

    def state(self, *, connected: bool, delay_s: float, wanted: int, unknown: int, phase: Phase) -> None:
        """How things stand, once a second."""
        self._connected.labels(VENUE).set(connected)
        self._delay.labels(VENUE).set(delay_s)
        self._wanted.labels(VENUE).set(wanted)
        self._unknown.labels(VENUE).set(unknown)
        for each in Phase:
            self._phase.labels(VENUE, each.value).set(each is phase)
