"""Metrics of the sockets: callers say what happened, this module knows the names."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class ServingMetrics:
    """Connections and requests that never became an answer of the application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge("spark_gateway_connections", "Connections open now.", registry=registry)
        self._most = Gauge("spark_gateway_connections_most", "Connections that may be open.", registry=registry)
        self._refused = Counter(
            "spark_gateway_requests_refused_total",
            "Connections ended because of what the client sent, did not send or did not take, by reason.",
            ["reason"],
            registry=registry,
        )
        self._full = Counter(
            "spark_gateway_connections_refused_total",
            "Connections ended at once because there were too many.",
            registry=registry,
        )
        for reason in ("timeout", "idle", "head", "body", "malformed", "pipelined", "stuck"):
            self._refused.labels(reason)

    def connections(self, most: int, count: Callable[[], int]) -> None:
        """So many may be open; ``count`` tells how many are."""
        self._most.set(most)
        self._connections.set_function(count)

    def request_refused(self, reason: str) -> None:
        """A client did not send a request that is within bounds, or did not take its answer."""
        self._refused.labels(reason).inc()

    def connection_refused(self) -> None:
        """There were too many."""
        self._full.inc()
