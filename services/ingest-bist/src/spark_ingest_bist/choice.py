"""Which source it is, and how it is reached: the one place that knows all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec
import structlog

from spark_ingest.fetching import TooLarge, exchange
from spark_ingest_bist.beside import Beside
from spark_ingest_bist.both import Both
from spark_ingest_bist.listening import Listening
from spark_ingest_bist.overheard import NothingHeard, Overheard
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.quotes import MalformedAnswer, Refused
from spark_ingest_bist.secretvalues import MissingSecret, secrets
from spark_ingest_bist.session import Session, Wiring
from spark_ingest_bist.settings import IngestSettings
from spark_ingest_bist.sources import Endpoint, Request
from spark_ingest_bist.spelling import Spelling
from spark_ingest_bist.streamer import StreamerProtocol
from spark_ingest_bist.symbollist import ALL, PULSE
from spark_ingest_bist.symbols import symbol_of, to_yahoo
from spark_ingest_bist.vendor import VendorListing, VendorPollProtocol
from spark_ingest_bist.vendorfile import BadVendorFile, read_vendor
from spark_ingest_bist.vendorpush import VendorPushProtocol
from spark_ingest_bist.yahoo import USER_AGENT, YahooProtocol
from spark_market.instruments import Mode
from spark_service.lifecycle import CannotStart

YAHOO_EVERY_S: Final = 15.0
YAHOO_MOST_PER_HOUR: Final = 1000
YAHOO_DELAY_MS: Final = 15 * 60_000

logger = structlog.get_logger()


@dataclass(frozen=True)
class Enumeration:
    """How all symbols of a source are had, with their names as far as it tells them: the request, and who reads it.

    ``read`` raises MalformedAnswer and Refused.
    """

    request: Request
    read: Callable[[int, bytes], Mapping[str, str | None]]


@dataclass(frozen=True)
class Source:
    """One source. ``delay_ms`` is what it declares before any answer does; ``spell`` gives its spelling of a symbol."""

    name: str
    mode: Mode
    delay_ms: int
    spell: Callable[[str], str]
    session: Callable[[Wiring], Session]
    enumeration: Enumeration | Overheard | None = None


def choose(settings: IngestSettings) -> Source:
    """Return the source that the settings name. Raises CannotStart."""
    if settings.source == "simulator" and settings.real_data:
        raise CannotStart(
            "SPARK_BIST_SOURCE=simulator is no real data: set SPARK_REAL_DATA=0, or yahoo or vendor as the source"
        )
    if settings.source == "yahoo" and settings.real_data and settings.vendor is not None:
        raise CannotStart(
            "SPARK_BIST_VENDOR names a vendor's file, which SPARK_BIST_SOURCE=yahoo does not read: "
            "set SPARK_BIST_SOURCE=vendor, or unset SPARK_BIST_VENDOR"
        )
    simulated = settings.source == "yahoo" and not settings.real_data
    source = SOURCES["simulator" if simulated else settings.source](settings)
    if ALL in settings.symbols and source.enumeration is None:
        raise CannotStart(
            f"SPARK_BIST_SYMBOLS=* cannot be used: the source {source.name} does not tell which symbols it has; "
            "name them, or name a file as @FILE"
        )
    return source


def _yahoo(settings: IngestSettings) -> Source:
    return _like_yahoo(settings, "yahoo", Mode.DELAYED, None)


def _simulator(settings: IngestSettings) -> Source:
    symbols = Request(f"{settings.url.rpartition('/')[0]}/symbols", "simulator symbols")
    return _like_yahoo(settings, "simulator", Mode.MOCK, Enumeration(symbols, _read_symbols))


def _like_yahoo(settings: IngestSettings, name: str, mode: Mode, enumeration: Enumeration | None) -> Source:
    def session(wiring: Wiring) -> Session:
        poller = Poller(
            YahooProtocol(settings.url),
            wiring,
            every_s=YAHOO_EVERY_S,
            most_per_hour=YAHOO_MOST_PER_HOUR,
            pulse=PULSE,
        )
        if not settings.yahoo_stream:
            return poller
        stream = Endpoint(settings.stream_url, f"{name} stream", {"User-Agent": USER_AGENT})
        return Beside(poller, stream, StreamerProtocol, wiring)

    return Source(name, mode, YAHOO_DELAY_MS, to_yahoo, session, enumeration)


def _read_symbols(status: int, body: bytes) -> dict[str, str | None]:
    if status != 200:
        raise Refused("unavailable", f"HTTP {status}")
    try:
        rows = msgspec.json.decode(body, type=list[dict[str, str]])
        return {symbol_of(row["symbol"]): row.get("name") for row in rows}
    except (msgspec.MsgspecError, KeyError, ValueError) as exc:
        raise MalformedAnswer("shape", str(exc)) from exc


def _vendor(settings: IngestSettings) -> Source:
    if settings.vendor is None:
        raise CannotStart("SPARK_BIST_VENDOR is not set; SPARK_BIST_SOURCE=vendor needs the file that describes one")
    if not settings.real_data and settings.given_url is None:  # its own address would be real data that is marked mock
        raise CannotStart(
            "SPARK_BIST_SOURCE=vendor with SPARK_REAL_DATA=0 asks a simulator of the vendor: say where it is in "
            "SPARK_BIST_URL, such as http://127.0.0.1:9200/bist/ideal, or set SPARK_REAL_DATA=1"
        )
    try:
        vendor = read_vendor(settings.vendor)
        keys = secrets(settings.secret, vendor.secret_names, vendor.header_secret_names)
    except BadVendorFile as exc:
        raise CannotStart(f"SPARK_BIST_VENDOR cannot be used:\n{exc}") from exc
    except MissingSecret as exc:
        raise CannotStart(f"SPARK_BIST_SECRET cannot be used: {exc}") from exc
    base = None if settings.given_url is None else str(settings.given_url)
    logger.info("vendor", name=vendor.vendor, licence=vendor.licence, quality=vendor.quality, delay_min=vendor.delay)

    def pushing() -> VendorPushProtocol:
        return VendorPushProtocol(vendor, keys, base)

    def session(wiring: Wiring) -> Session:
        asking = listening = None
        if vendor.poll is not None:
            polled = VendorPollProtocol(vendor, keys, base)
            asking = Poller(
                polled, wiring, every_s=vendor.poll.interval, most_per_hour=None, within_s=vendor.poll.timeout_s
            )
        if vendor.ws is not None:
            listening = Listening(pushing().endpoint(), pushing, wiring, idle_s=vendor.ws.idle)
        if asking is not None and listening is not None:
            return Both(listening, asking, wiring)
        found = asking or listening
        assert found is not None, "a vendor's file has poll or ws"  # noqa: S101, the file was checked
        return found

    mode = (Mode.DELAYED if vendor.delay_ms else Mode.REAL) if settings.real_data else Mode.MOCK
    enumeration: Enumeration | Overheard | None = None
    if vendor.list is not None:
        listing = VendorListing(vendor, keys, base)
        enumeration = Enumeration(listing.request(), listing.read)
    elif vendor.poll is not None and not vendor.poll.names_symbols:
        polled = VendorPollProtocol(vendor, keys, base)
        enumeration = Enumeration(
            polled.request(()),
            lambda status, body: {quote.symbol: quote.name for quote in polled.read(status, body, (), 0).quotes},
        )
    elif vendor.lists:
        enumeration = Overheard(pushing().endpoint(), pushing)
    return Source("vendor", mode, vendor.delay_ms, Spelling(vendor.symbols).theirs, session, enumeration)


SOURCES: Final[Mapping[str, Callable[[IngestSettings], Source]]] = {
    "simulator": _simulator,
    "yahoo": _yahoo,
    "vendor": _vendor,
}


class CannotList(Exception):
    """The source did not tell its symbols; the text says why, without a secret."""


async def enumerate_once(
    enumeration: Enumeration | Overheard, transport: httpx.AsyncBaseTransport | None = None
) -> Mapping[str, str | None]:
    """Return all symbols that the source has, and their names. Raises CannotList."""
    if isinstance(enumeration, Overheard):
        try:
            return await enumeration.listen()
        except NothingHeard as exc:
            raise CannotList(str(exc)) from exc
    asked = enumeration.request
    try:
        async with httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(10.0)) as client:
            request = client.build_request(asked.method, asked.url, headers=dict(asked.headers), content=asked.body)
            response, body = await exchange(client, request)
        found = enumeration.read(response.status_code, body)
    except (Refused, MalformedAnswer) as exc:
        raise CannotList(str(exc)) from exc
    except (httpx.HTTPError, httpx.InvalidURL, TooLarge) as exc:
        raise CannotList(type(exc).__name__) from exc
    if not found:
        raise CannotList("it names none")
    return found
