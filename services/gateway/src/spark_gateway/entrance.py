"""All that stands between the server and the routes, put together out of the settings and taken apart at the end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from spark_bus.connection import connect
from spark_gateway.access import Access, RateClass, read
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.audit import AuditLog
from spark_gateway.buckets import CALL_TIMEOUT_S, CONNECTIONS, Buckets
from spark_gateway.cors import Cors
from spark_gateway.feed import Feed
from spark_gateway.guard import Guard
from spark_gateway.identity import Identity
from spark_gateway.instant import Instant
from spark_gateway.places import Places
from spark_gateway.settings import GatewaySettings
from spark_gateway.shortcut import Tickers
from spark_gateway.violations import Violations

logger = structlog.get_logger()


@dataclass(frozen=True)
class Entrance:
    """Limits and access of one gateway process."""

    identity: Identity
    buckets: Buckets
    violations: Violations
    places: Places
    cors: Cors
    proxies: tuple[str, ...]
    """Networks whose word on where a request comes from is believed."""

    def before(self, app: ASGIApp) -> ASGIApp:
        """Return the application as it is behind all of this, and behind the trusted proxies, if there are any."""
        guarded = Guard(app, self.identity, self.buckets, self.violations, self.cors)
        if not self.proxies:
            return guarded
        return ProxyHeadersMiddleware(guarded, list(self.proxies))  # type: ignore[arg-type, return-value]  # uvicorn's own ASGI types

    def instant(self, feeds: Mapping[str, Feed]) -> Instant | None:
        """Return what answers at once; None behind trusted proxies, whose word on the client is to be read first."""
        return None if self.proxies else Instant(Tickers(feeds), self.identity, self.buckets)


@asynccontextmanager
async def entrance(settings: GatewaySettings, registry: CollectorRegistry) -> AsyncIterator[Entrance]:
    """Yield it for as long as the gateway serves. Raises SettingsError when the access file cannot be used."""
    identity = _identity(settings)
    metrics = AccessMetrics(registry)
    audit = AuditLog(settings.audit_log, metrics)
    redis = connect(settings.redis_url.get_secret_value(), CONNECTIONS, CALL_TIMEOUT_S)
    buckets = Buckets(redis, metrics)
    violations = Violations(metrics, audit)
    try:
        yield Entrance(
            identity,
            buckets,
            violations,
            Places(settings.streams, violations),
            Cors(settings.cors_origins),
            settings.trusted_proxies,
        )
    finally:
        await buckets.close()
        await redis.aclose()
        audit.close()


def _identity(settings: GatewaySettings) -> Identity:
    everybody = RateClass(requests_per_second=settings.rate, burst=settings.burst, streams=settings.streams_per_client)
    if settings.access is None:
        return Identity(Access(everybody, {}), everybody)
    access = read(settings.access)
    logger.info("access file", path=str(settings.access), keys=len(access.keys), anonymous=access.anonymous is not None)
    return Identity(access, everybody)
