"""The gateway's own metrics: callers say what happened, this module knows the names."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class GatewayMetrics:
    """Also knows what readiness asks: was the bus ever reached, is the process stopping."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"spark_gateway_{name}", text, labels, registry=registry)

        self._streams = Gauge("spark_gateway_streams", "Streams open now.", registry=registry)
        self._opened = counter("streams_opened_total", "Streams opened.")
        self._resumes = counter("resumes_total", "Streams that came with a cursor, by how they went on.", "outcome")
        self._delivered = counter("events_delivered_total", "Events of the bus written to readers in step.")
        self._conflated = counter("values_conflated_total", "Values overtaken by newer ones within a window, by group.")
        self._gaps = counter("gaps_total", "Gaps that the gateway had to disclose itself, by cause.", "cause")
        self._lagged = counter("readers_lagged_total", "Times that a reader's socket was full.")
        self._dropped = counter("readers_dropped_total", "Readers closed because they took nothing.")
        self._broken = counter("books_broken_total", "Order books that an entry of the bus did not fit.")
        self._books = Gauge(
            "spark_gateway_books",
            "Order books, by whether they are known here.",
            ["venue", "verdict"],
            registry=registry,
        )
        self._histories = counter("histories_total", "Questions about the past, by how they were answered.", "outcome")
        self._bus_errors = counter("bus_errors_total", "Calls on Redis that failed.")
        self._bus_up = Gauge("spark_bus_up", "1 while Redis answers.", registry=registry)
        for outcome in ("memory", "redis", "gap"):
            self._resumes.labels(outcome)
        for outcome in ("memory", "redis", "partial", "refused"):
            self._histories.labels(outcome)
        for cause in ("epoch", "retention", "cursor", "slow", "broken", "unknown"):
            self._gaps.labels(cause)
        self.bus_reached_once = False
        self.draining = False

    def opened(self) -> None:
        """A stream began."""
        self._streams.inc()
        self._opened.inc()

    def closed(self) -> None:
        """A stream ended."""
        self._streams.dec()

    def resumed(self, outcome: str) -> None:
        """A stream went on from ``memory`` or ``redis``, or with a ``gap``."""
        self._resumes.labels(outcome).inc()

    def delivered(self, events: int) -> None:
        """So many events were written."""
        self._delivered.inc(events)

    def conflated(self, values: int) -> None:
        """So many values were overtaken before they were sent."""
        self._conflated.inc(values)

    def gap(self, cause: str) -> None:
        """A hole was disclosed."""
        self._gaps.labels(cause).inc()

    def history(self, outcome: str) -> None:
        """A question about the past was answered from ``memory`` or ``redis``, in part only, or refused."""
        self._histories.labels(outcome).inc()

    def book_broken(self) -> None:
        """An entry did not fit the book it is of."""
        self._broken.inc()

    def books(self, venue: str, known: int, unknown: int) -> None:
        """So many books of a venue can be served, and so many cannot."""
        self._books.labels(venue, "known").set(known)
        self._books.labels(venue, "unknown").set(unknown)

    def lagged(self) -> None:
        """A reader's socket was full."""
        self._lagged.inc()

    def dropped_slow(self) -> None:
        """A reader was closed for taking nothing."""
        self._dropped.inc()

    def bus_reached(self) -> None:
        """Redis answered."""
        self._bus_up.set(1)
        self.bus_reached_once = True

    def bus_lost(self) -> None:
        """A call on Redis failed."""
        self._bus_up.set(0)
        self._bus_errors.inc()
