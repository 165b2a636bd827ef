"""What the BIST ingest can be told. Read once in ``__main__``, then passed down."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic.networks import UrlConstraints
from pydantic_core import Url

from spark_ingest_bist.symbollist import DEFAULT, read_symbols
from spark_market.sessions import NONE, Overrides, read_overrides
from spark_market.venues import VENUES
from spark_service.clock import WallClock
from spark_service.fields import SimulatedTime, from_file
from spark_service.redis_url import RedisUrl
from spark_service.settings import CommaList, Port, Settings, each_of, setting

_YAHOO = "https://query1.finance.yahoo.com"
_YAHOO_STREAM = "wss://streamer.finance.yahoo.com/?version=2"
_SIMULATOR = "http://127.0.0.1:9200/bist/yahoo"


def _plain(url: Url) -> Url:
    if url.username or url.password or url.query or url.fragment:  # what is logged whole must not hold a secret
        raise ValueError("it has a user, a password or something after ? or #; a key goes to SPARK_BIST_SECRET")
    return url


def _symbols(value: object) -> object:
    return read_symbols(value) if isinstance(value, str) else value


HttpUrl = Annotated[Url, UrlConstraints(allowed_schemes=["http", "https"], host_required=True), AfterValidator(_plain)]


class IngestSettings(Settings):
    """The address defaults to the simulator's, or with real data to Yahoo's; a vendor's is in its file."""

    redis_url: RedisUrl = setting("SPARK_REDIS_URL", SecretStr("redis://127.0.0.1:6379/0"))
    venues: Annotated[CommaList, each_of(VENUES)] = setting("SPARK_VENUES", VENUES)
    real_data: bool = setting("SPARK_REAL_DATA", False)
    source: Literal["yahoo", "vendor"] = setting("SPARK_BIST_SOURCE", "yahoo")
    given_url: HttpUrl | None = setting("SPARK_BIST_URL", None)
    yahoo_stream: bool = setting("SPARK_BIST_YAHOO_STREAM", False)
    symbols: Annotated[tuple[str, ...], BeforeValidator(_symbols)] = setting("SPARK_BIST_SYMBOLS", DEFAULT)
    calendar: Annotated[Overrides, from_file(read_overrides)] = setting("SPARK_BIST_CALENDAR", NONE)
    clock: SimulatedTime = setting("SPARK_BIST_CLOCK", WallClock())
    vendor: Path | None = setting("SPARK_BIST_VENDOR", None)
    secret: SecretStr | None = setting("SPARK_BIST_SECRET", None)
    metrics_host: str = setting("SPARK_METRICS_HOST", "127.0.0.1")
    metrics_port: Port = setting("SPARK_BIST_METRICS_PORT", 9102)

    @property
    def url(self) -> str:
        """Where Yahoo's paths begin, there or at the simulator."""
        return str(self.given_url or (_YAHOO if self.real_data else _SIMULATOR)).rstrip("/")

    @property
    def stream_url(self) -> str:
        """Where Yahoo's WebSocket is, there or below an address that was given."""
        if self.real_data and self.given_url is None:
            return _YAHOO_STREAM
        return "ws" + self.url.removeprefix("http") + "/streamer"
