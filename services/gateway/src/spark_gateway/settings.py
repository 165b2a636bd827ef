"""What the gateway can be told. Read once in ``__main__``, then passed down."""

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from spark_gateway.cors import ANY, Origins
from spark_market.venues import VENUES
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Port, Settings, each_of, setting


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            raise ValueError(
                f"{value!r} is neither an address nor a network; of a network the host bits are 0"
            ) from None
    return values


Networks = Annotated[CommaList, AfterValidator(_networks)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class GatewaySettings(Settings):
    """Where the bus is, which venues to serve, where to listen, and who may ask how much."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, each_of(VENUES)] = setting("SPARK_VENUES", VENUES)
    host: str = setting("SPARK_GATEWAY_HOST", "127.0.0.1")
    port: Port = setting("SPARK_GATEWAY_PORT", 8080)
    admin_host: str = setting("SPARK_METRICS_HOST", "127.0.0.1")
    admin_port: Port | None = setting("SPARK_GATEWAY_ADMIN_PORT", None)
    staleness_target_s: Annotated[float, Field(ge=1, le=86400)] = setting("SPARK_VENUE_STALENESS_TARGET", 30.0)
    stream_life_s: Annotated[float, Field(ge=1, le=86400)] = setting("SPARK_GATEWAY_STREAM_LIFE", 3600.0)
    access: Path | None = setting("SPARK_GATEWAY_ACCESS", None)
    rate: Annotated[float, Field(ge=0.001, le=1_000_000, allow_inf_nan=False)] = setting("SPARK_GATEWAY_RATE", 100.0)
    burst: Count = setting("SPARK_GATEWAY_BURST", 200)
    streams_per_client: Count = setting("SPARK_GATEWAY_STREAMS_PER_CLIENT", 200)
    streams: Count = setting("SPARK_GATEWAY_STREAMS", 10_000)
    audit_log: Path | None = setting("SPARK_GATEWAY_AUDIT_LOG", None)
    cors_origins: Origins = setting("SPARK_GATEWAY_CORS_ORIGINS", (ANY,))
    trusted_proxies: Networks = setting("SPARK_GATEWAY_TRUSTED_PROXIES", ())
