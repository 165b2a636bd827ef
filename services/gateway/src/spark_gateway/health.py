"""How the venues, the platform and this process are."""

import math
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from spark_gateway import answers, requests
from spark_gateway.access import Client
from spark_gateway.guard import permit
from spark_gateway.hub import Hub
from spark_gateway.identity import CLIENT
from spark_gateway.metrics import GatewayMetrics
from spark_market.messages import Status, VenueStatus
from spark_market.venues import VENUES
from spark_service import version


def routes(hub: Hub, target_s: float) -> APIRouter:
    """Return what anybody may know."""
    router = APIRouter(tags=["operations"])

    @router.get("/api/healthz")
    async def healthz() -> JSONResponse:
        venues = {venue: _standing(hub.verdicts.of(venue)) for venue in hub.feeds}
        thresholds = {"venueStalenessTarget": _number(target_s)}
        return JSONResponse({"venues": venues, "thresholds": thresholds}, headers={"Cache-Control": "no-store"})

    @router.get("/api/alarms")
    async def alarms(request: Request) -> Response:
        query = request.query_params
        asked = requests.once(query, "venue")
        named = hub.feeds if asked is None else (requests.venue_of(asked, hub.feeds).venue,)
        if asked is not None:
            permit(request.scope, asked)
        client: Client = request.scope[CLIENT]
        venues = [venue for venue in named if client.may_see(venue)]
        most = requests.count(query, "last", requests.MOST_ALARMS) or requests.DEFAULT_ALARMS
        recent = [{"toldAt": told.id.ms, "message": msgspec.Raw(told.data)} for told in hub.alarms.recent(venues, most)]
        opened = [msgspec.Raw(message) for message in hub.alarms.open(venues)]
        return await answers.document(request, msgspec.json.encode({"open": opened, "recent": recent}))

    @router.get("/api/version")
    async def build() -> dict[str, str]:
        return {"name": "spark-gateway", "version": version()}

    return router


def probes(metrics: GatewayMetrics) -> APIRouter:
    """Return the routes for whoever starts and stops this process."""
    router = APIRouter(tags=["operations"])

    @router.get("/livez", response_class=PlainTextResponse)
    async def livez() -> str:
        return "alive\n"

    @router.get("/readyz", response_class=PlainTextResponse)
    async def readyz() -> PlainTextResponse:
        ready = metrics.bus_reached_once and not metrics.draining
        return PlainTextResponse("ready\n" if ready else "not ready\n", 200 if ready else 503)

    return router


def admin_routes(hub: Hub, registry: CollectorRegistry) -> APIRouter:
    """Return the routes for operators and their tools."""
    router = APIRouter(tags=["operations"])

    @router.get("/api/tools/metrics")
    async def tools_metrics(
        format: Annotated[Literal["prometheus", "json"], Query(description="Text for Prometheus, or JSON.")] = (
            "prometheus"
        ),
    ) -> Response:
        verdicts = [hub.verdicts.of(venue) for venue in hub.feeds]
        if format == "json":
            return JSONResponse(_as_json(verdicts))
        return Response(generate_latest(_as_registry(verdicts)), media_type=CONTENT_TYPE_LATEST)

    @router.get("/metrics")
    async def own_metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _standing(verdict: VenueStatus) -> dict[str, Any]:
    return {
        "status": verdict.status.value,
        "stalenessSec": None if verdict.staleness_sec is None else _number(verdict.staleness_sec),
        "mode": None if verdict.mode is None else verdict.mode.value,
        "reason": verdict.reason,
        "since": verdict.since,
        "delayMs": verdict.delay_ms,
    }


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _as_json(verdicts: list[VenueStatus]) -> dict[str, Any]:
    """Return the same as for Prometheus; what never was is null."""
    by_venue = {verdict.venue: verdict for verdict in verdicts}
    staleness: dict[str, Any] = {
        f"venue_staleness_{venue}_sec": by_venue[venue].staleness_sec if venue in by_venue else None for venue in VENUES
    }
    return {**staleness, "spark_venue_status": {venue: item.status.value for venue, item in by_venue.items()}}


def _as_registry(verdicts: list[VenueStatus]) -> CollectorRegistry:
    registry = CollectorRegistry()
    by_venue = {verdict.venue: verdict for verdict in verdicts}
    for venue in VENUES:
        found = by_venue.get(venue)
        staleness = math.inf if found is None or found.staleness_sec is None else found.staleness_sec
        Gauge(
            f"venue_staleness_{venue}_sec",
            "Seconds of its market's open time since the venue last spoke; +Inf: never.",
            registry=registry,
        ).set(staleness)
    status = Gauge("spark_venue_status", "1 for the venue's present status.", ["venue", "status"], registry=registry)
    for verdict in verdicts:
        for each in Status:
            status.labels(verdict.venue, each.value).set(each is verdict.status)
    return registry
