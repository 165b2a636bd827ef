"""The metrics of access and limits: callers say what happened, this module knows the names."""

from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

Kind = Literal["requests", "streams", "full", "key", "venue"]
"""What a violation is of: the request rate, a client's cap on streams, the gateway's, the key, the venues."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class AccessMetrics:
    """Counts what was refused, and how the means of counting are themselves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._violations = Counter(
            "rate_limit_violations_total", "Requests refused, by the limit they broke.", ["kind"], registry=registry
        )
        self._shared = Gauge(
            "spark_gateway_limits_shared",
            "1 while replicas share the limits through Redis, 0 while this one limits by itself.",
            registry=registry,
        )
        self._lost_redis = Counter(
            "spark_gateway_limit_errors_total", "Calls on Redis for the limits that failed.", registry=registry
        )
        self._alone = Counter(
            "spark_gateway_limits_alone_total",
            "Requests judged by this process alone, because Redis was away or slow.",
            registry=registry,
        )
        self._written = Counter(
            "spark_gateway_audit_lines_total",
            "Lines for the audit log, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        for kind in KINDS:
            self._violations.labels(kind)
        for outcome in ("file", "log", "lost"):
            self._written.labels(outcome)
        self._shared.set(1)

    def violation(self, kind: Kind) -> None:
        """A request was refused."""
        self._violations.labels(kind).inc()

    def shared(self) -> None:
        """Redis answers: the limits are those of all replicas."""
        self._shared.set(1)

    def alone(self) -> None:
        """A call on Redis failed: this process limits by itself."""
        self._shared.set(0)
        self._lost_redis.inc()

    def judged_alone(self) -> None:
        """A request was judged without Redis."""
        self._alone.inc()

    def audited(self, outcome: Literal["file", "log", "lost"], lines: int = 1) -> None:
        """So many lines were written to the file, to the ordinary log instead, or not at all."""
        self._written.labels(outcome).inc(lines)
