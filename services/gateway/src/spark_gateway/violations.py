"""What was refused: counted, and written to the audit log."""

from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

from spark_gateway.accessmetrics import AccessMetrics, Kind
from spark_gateway.audit import AuditLog


class Violations:
    """Called once for each refusal."""

    def __init__(self, metrics: AccessMetrics, audit: AuditLog) -> None:
        self._metrics = metrics
        self._audit = audit

    def note(
        self,
        kind: Kind,
        who: str,
        scope: Scope,
        limit: str,
        retry_after_s: float | None = None,
        *,
        venue: str | None = None,
    ) -> None:
        """Note a refusal: whose request, against which limit, when it may come again in s (None for never).

        ``venue`` is that of the path, unless told.

        The path has no query: a key may be in it.
        """
        self._metrics.violation(kind)
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": kind,
            "client": who,
            "path": scope["path"][:200],
            "limit": limit,
            "retryAfter": retry_after_s,
        }
        if (of := venue or venue_in(scope["path"])) is not None:
            line["venue"] = of[:40]
        self._audit.write(line)


def venue_in(path: str) -> str | None:
    """Return the venue that a path of the API names, if it does: ``/api/market/VENUE/…``."""
    parts = path.split("/", 5)
    return parts[3] if len(parts) > 4 and parts[1:3] == ["api", "market"] else None
