"""What the gateway can be told. Read once in ``__main__``, then passed down."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from spark_market.venues import VENUES
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Settings, setting


def _known(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("it names no venue")
    for value in values:
        if value not in VENUES:
            raise ValueError(f"{value!r} is not one of {', '.join(VENUES)}")
    return values


class GatewaySettings(Settings):
    """Where the bus is, which venues to serve, and where to listen."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, AfterValidator(_known)] = setting("SPARK_VENUES", ("btcturk",))
    host: str = setting("SPARK_GATEWAY_HOST", "127.0.0.1")
    port: Annotated[int, Field(ge=0, le=65535)] = setting("SPARK_GATEWAY_PORT", 8080)
    staleness_target_s: Annotated[float, Field(ge=1, le=86400)] = setting("SPARK_VENUE_STALENESS_TARGET", 30.0)
