"""What the gateway can be told. Read once in ``__main__``, then passed down."""

from typing import Annotated

from pydantic import Field, SecretStr

from spark_market.venues import VENUES
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Port, Settings, each_of, setting


class GatewaySettings(Settings):
    """Where the bus is, which venues to serve, and where to listen."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, each_of(VENUES)] = setting("SPARK_VENUES", ("btcturk",))
    host: str = setting("SPARK_GATEWAY_HOST", "127.0.0.1")
    port: Port = setting("SPARK_GATEWAY_PORT", 8080)
    admin_host: str = setting("SPARK_METRICS_HOST", "127.0.0.1")
    admin_port: Port | None = setting("SPARK_GATEWAY_ADMIN_PORT", None)
    staleness_target_s: Annotated[float, Field(ge=1, le=86400)] = setting("SPARK_VENUE_STALENESS_TARGET", 30.0)
