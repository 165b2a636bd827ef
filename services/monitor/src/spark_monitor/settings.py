"""What the monitor can be told. Read once in ``__main__``, then passed down."""

from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr

from spark_market.sessions import NONE, Overrides, read_overrides
from spark_market.venues import VENUES
from spark_service.clock import WallClock
from spark_service.fields import SimulatedTime, from_file
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Port, Settings, each_of, setting


def _without_password(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.query or url.fragment:  # what is logged whole must not hold a secret
        raise ValueError(
            "it has a user, a password or something after ? or #; a key goes into SPARK_MONITOR_CANARY_KEY"
        )
    return url


class MonitorSettings(Settings):
    """Which venues are judged, after how many seconds of silence one is stale, and when a market is open."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, each_of(VENUES)] = setting("SPARK_VENUES", VENUES)
    real_data: bool = setting("SPARK_REAL_DATA", False)
    bist_calendar: Annotated[Overrides, from_file(read_overrides)] = setting("SPARK_BIST_CALENDAR", NONE)
    bist_clock: SimulatedTime = setting("SPARK_BIST_CLOCK", WallClock())
    staleness_target_s: Annotated[float, Field(ge=1, le=86_400, allow_inf_nan=False)] = setting(
        "SPARK_VENUE_STALENESS_TARGET", 30.0
    )
    metrics_host: str = setting("SPARK_METRICS_HOST", "127.0.0.1")
    port: Port = setting("SPARK_MONITOR_PORT", 9100)
    canary_url: Annotated[HttpUrl, AfterValidator(_without_password)] | None = setting("SPARK_MONITOR_CANARY_URL", None)
    canary_key: SecretStr | None = setting("SPARK_MONITOR_CANARY_KEY", None)
