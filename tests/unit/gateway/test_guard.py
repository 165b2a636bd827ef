"""What routes ask the guard's work for: whether a client may have a venue."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from spark_gateway.access import RateClass, client_of
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.audit import AuditLog
from spark_gateway.guard import VIOLATIONS, permit
from spark_gateway.identity import CLIENT
from spark_gateway.problems import Problem
from spark_gateway.violations import Violations

RATE = RateClass(requests_per_second=1, burst=1, streams=1)


def a_scope(registry: CollectorRegistry, *venues: str) -> dict[str, Any]:
    metrics = AccessMetrics(registry)
    log = AuditLog(None, metrics)
    log.close()
    client = client_of("key:acme", RATE, venues or None)
    return {"path": "/api/market/stream", CLIENT: client, VIOLATIONS: Violations(metrics, log)}


def test_a_venue_that_is_not_open_is_a_403_and_a_violation() -> None:
    registry = CollectorRegistry()
    scope = a_scope(registry, "btcturk")

    permit(scope, "btcturk")
    with pytest.raises(Problem) as caught:
        permit(scope, "bist")

    assert caught.value.response().status_code == 403
    assert registry.get_sample_value("rate_limit_violations_total", {"kind": "venue"}) == 1


def test_all_venues_are_open_unless_some_are_listed() -> None:
    scope = a_scope(CollectorRegistry())

    permit(scope, "btcturk")
    permit(scope, "bist")
