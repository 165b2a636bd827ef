"""What the BtcTurk ingest can be told. Read once in ``__main__``, then passed down."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic.networks import UrlConstraints
from pydantic_core import Url

from spark_ingest_btcturk.channels import CHANNELS
from spark_market.instruments import Mode
from spark_market.messages import Side
from spark_market.venues import VENUES
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Port, Settings, each_of, setting

_SYMBOL = re.compile(r"(?:\*|[A-Z0-9]{1,16})_[A-Z0-9]{1,16}")
_VENUE_WS = "wss://ws-feed-pro.btcturk.com/"
_VENUE_REST = "https://api.btcturk.com"
_SIMULATOR_WS = "ws://127.0.0.1:9200/btcturk/ws"
_SIMULATOR_REST = "http://127.0.0.1:9200/btcturk"


def _plain(url: Url) -> Url:
    if url.username or url.password or url.query or url.fragment:  # what is logged whole must not hold a secret
        raise ValueError("it has a user, a password or something after ? or #; the feed is public and needs none")
    return url


WsUrl = Annotated[Url, UrlConstraints(allowed_schemes=["ws", "wss"], host_required=True), AfterValidator(_plain)]
HttpUrl = Annotated[Url, UrlConstraints(allowed_schemes=["http", "https"], host_required=True), AfterValidator(_plain)]


def _symbols(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("it names no symbol")
    if "*" in values:
        if len(values) > 1:
            raise ValueError("* stands alone")
        return values
    for value in values:
        if not _SYMBOL.fullmatch(value):
            raise ValueError(f"{value!r} is not spelled like BTC_TRY or *_TRY")
    return tuple(dict.fromkeys(values))


def _channels(values: tuple[str, ...]) -> tuple[str, ...]:
    unknown = set(values) - set(CHANNELS)
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is none of {', '.join(CHANNELS)}")
    if "ticker" not in values:
        raise ValueError("it lacks ticker, which shows whether a connection is alive")
    return tuple(channel for channel in CHANNELS if channel in values)


class IngestSettings(Settings):
    """The addresses default to the simulator's, or with real data to the venue's own."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, each_of(VENUES)] = setting("SPARK_VENUES", VENUES)
    real_data: bool = setting("SPARK_REAL_DATA", False)
    given_ws_url: WsUrl | None = setting("SPARK_BTCTURK_WS_URL", None)
    given_rest_url: HttpUrl | None = setting("SPARK_BTCTURK_REST_URL", None)
    symbols: Annotated[CommaList, AfterValidator(_symbols)] = setting(
        "SPARK_BTCTURK_SYMBOLS", ("BTC_TRY", "ETH_TRY", "XRP_TRY", "USDT_TRY")
    )
    channels: Annotated[CommaList, AfterValidator(_channels)] = setting("SPARK_BTCTURK_CHANNELS", CHANNELS)
    pairs_per_socket: int = setting("SPARK_BTCTURK_PAIRS_PER_SOCKET", 50, ge=1, le=1000)
    connects_per_minute: int = setting("SPARK_BTCTURK_CONNECTS_PER_MINUTE", 15, ge=1, le=15)
    refresh_s: float = setting("SPARK_BTCTURK_REFRESH", 60.0, ge=1, le=86_400)
    side_of_zero: Side = setting("SPARK_BTCTURK_SIDE_OF_ZERO", Side.BUY)
    metrics_host: str = setting("SPARK_METRICS_HOST", "127.0.0.1")
    metrics_port: Port = setting("SPARK_BTCTURK_METRICS_PORT", 9101)

    @property
    def ws_url(self) -> str:
        """Where the feed is."""
        return str(self.given_ws_url or (_VENUE_WS if self.real_data else _SIMULATOR_WS))

    @property
    def rest_url(self) -> str:
        """Where REST is, without a slash at the end."""
        return str(self.given_rest_url or (_VENUE_REST if self.real_data else _SIMULATOR_REST)).rstrip("/")

    @property
    def mode(self) -> Mode:
        """What every tick is marked with."""
        return Mode.REAL if self.real_data else Mode.MOCK
