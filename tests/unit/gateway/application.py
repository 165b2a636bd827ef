"""The gateway's application without a server: asked in this process, of what a test puts into its feed."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from spark_bus.connection import connect
from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Snapshot
from spark_gateway.access import Access, RateClass
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.app import Front, build
from spark_gateway.audit import AuditLog
from spark_gateway.buckets import Buckets
from spark_gateway.cors import Cors
from spark_gateway.entrance import Entrance
from spark_gateway.guard import Guard
from spark_gateway.history import History
from spark_gateway.hub import Hub
from spark_gateway.identity import Identity
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.places import Places
from spark_gateway.resume import Opening
from spark_gateway.shortcut import Shortcut, Tickers
from spark_gateway.stream import StreamEndpoint
from spark_gateway.violations import Violations
from spark_market import wire
from support.examples import VENUE, a_ticker

HERE = Cursor(VENUE, "e0", EntryId(2_000, 7))


def a_hub(metrics: GatewayMetrics) -> Hub:
    """Return a hub that knows a ticker of BTC_TRY, and of ETH_TRY only that there is such a thing."""
    hub = Hub(connect("redis://127.0.0.1:1/0"), [VENUE], metrics, "nowhere")
    latest = {
        f"ticker:{symbol}": (EntryId(2_000, 5), wire.encode(a_ticker(7, symbol))) for symbol in ("BTC_TRY", "GONE_TRY")
    }
    hub.feeds[VENUE].restart(Snapshot(HERE, latest, {"BTC_TRY": b"{}", "ETH_TRY": b"{}"}))
    return hub


def an_application(*, with_shortcut: bool = True) -> Any:
    """Return it as a server would call it, but for the layers that need a socket, and limit."""
    application, _, _ = a_whole_application()
    if not with_shortcut:
        for layer in layers(application):
            if isinstance(layer, Shortcut):
                layer._tickers = Tickers({})
    return next(layer for layer in layers(application) if not isinstance(layer, Guard | Front))


def a_whole_application(having: Callable[[Entrance], Entrance] = lambda entered: entered) -> tuple[Any, Entrance, Hub]:
    """Return it as a server calls it, what stands before it, and what it serves."""
    registry = CollectorRegistry()
    metrics = GatewayMetrics(registry)
    hub = a_hub(metrics)
    nowhere = connect("redis://127.0.0.1:1/0")
    entered = having(an_entrance(registry))
    stream = StreamEndpoint(hub, Opening(hub, nowhere, metrics), metrics, entered.places, entered.cors, 3600)
    return build(hub, stream, History(nowhere, metrics), metrics, registry, 30.0, entered), entered, hub


def an_entrance(registry: CollectorRegistry) -> Entrance:
    metrics = AccessMetrics(registry)
    log = AuditLog(None, metrics)
    log.close()
    everybody = RateClass(requests_per_second=1, burst=1, streams=1)
    violations = Violations(metrics, log)
    return Entrance(
        Identity(Access(everybody, {}), everybody),
        Buckets(connect("redis://127.0.0.1:1/0"), metrics),
        violations,
        Places(1, violations),
        Cors(["*"]),
        (),
    )


def layers(application: Any) -> Iterator[Any]:
    """Return the application's layers, the outermost first, FastAPI last."""
    layer = application
    while not isinstance(layer, FastAPI):
        yield layer
        layer = layer._app if hasattr(layer, "_app") else layer.app
    yield layer
