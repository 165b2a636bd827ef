"""A licensed vendor as a source of the ingest: its file and its secrets read once, its session made from them."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx
import structlog
from pydantic import SecretStr

from spark_ingest import websocket
from spark_ingest.fetching import TooLarge, exchange
from spark_ingest.websocket import Closed, connected
from spark_ingest_bist.fallback import Fallback
from spark_ingest_bist.poller import Poller
from spark_ingest_bist.pushed import Pushed
from spark_ingest_bist.quotes import MalformedAnswer, Refused
from spark_ingest_bist.secretvalues import MissingSecret, Secrets, secrets
from spark_ingest_bist.session import Session, Wiring
from spark_ingest_bist.sources import Request
from spark_ingest_bist.vendor import VendorListing, VendorPollProtocol
from spark_ingest_bist.vendorfile import BadVendorFile, read_vendor
from spark_ingest_bist.vendormodel import Vendor
from spark_ingest_bist.vendorpush import VendorPushProtocol
from spark_service.settings import SettingsError

_LIST_S: Final = 30.0
_LISTEN_S: Final = 60.0
_NO_MORE_AFTER_S: Final = 10.0

logger = structlog.get_logger()


class NoSymbols(Exception):
    """The vendor did not say what it has; the text says why. Trying again later may help."""


class VendorSource:
    """One vendor's."""

    def __init__(self, vendor: Vendor, keys: Secrets, base: str | None = None) -> None:
        """``base`` replaces scheme and host of all the file's addresses."""
        self.vendor = vendor
        self._keys = keys
        self._base = base

    @property
    def delay_ms(self) -> int:
        """How far the data is behind the market; 0 for real-time."""
        return self.vendor.delay_ms

    def session(self, wiring: Wiring) -> Session:
        """Return what listens, asks, or does the one and falls back on the other."""
        pushed = None if self.vendor.ws is None else self._pushed(wiring)
        if self.vendor.poll is None:
            assert pushed is not None  # noqa: S101, there is one of the two
            return pushed
        protocol = VendorPollProtocol(self.vendor, self._keys, self._base)
        poller = Poller(
            protocol,
            wiring,
            every_s=self.vendor.poll.interval,
            most_per_hour=None,
            within_s=self.vendor.poll.timeout_s,
        )
        return poller if pushed is None else Fallback(pushed, poller, wiring)

    def _pushed(self, wiring: Wiring) -> Pushed:
        assert self.vendor.ws is not None  # noqa: S101, it was looked at
        return Pushed(self._push().endpoint(), self._push, wiring, idle_s=self.vendor.ws.idle)

    def _push(self) -> VendorPushProtocol:
        return VendorPushProtocol(self.vendor, self._keys, self._base)

    async def symbols(self, transport: httpx.AsyncBaseTransport | None = None) -> Mapping[str, str | None]:
        """Return all symbols of ours that it has, and their names where it tells them. Raises NoSymbols."""
        try:
            if self.vendor.list is not None:
                listing = VendorListing(self.vendor, self._keys, self._base)
                return listing.read(*await self._ask(listing.request(), transport))
            if self.vendor.poll is not None and not self.vendor.poll.names_symbols:
                protocol = VendorPollProtocol(self.vendor, self._keys, self._base)
                answer = protocol.read(*await self._ask(protocol.request(()), transport), (), 0)
                return {quote.symbol: quote.name for quote in answer.quotes}
            return await self._overheard()
        except (Refused, MalformedAnswer) as exc:
            raise NoSymbols(str(exc)) from None
        except (httpx.HTTPError, httpx.InvalidURL, TooLarge, OSError, Closed, websocket.Refused) as exc:
            raise NoSymbols(self._keys.scrubbed(f"{type(exc).__name__} {exc}")) from None

    async def _ask(self, request: Request, transport: httpx.AsyncBaseTransport | None) -> tuple[int, bytes]:
        async with httpx.AsyncClient(transport=transport, timeout=_LIST_S) as client:
            built = client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            response, body = await exchange(client, built, within_s=_LIST_S)
        return response.status_code, body

    async def _overheard(self) -> Mapping[str, str | None]:
        """Return what a connection tells of when it is asked for everything, until nothing new comes."""
        protocol = self._push()
        endpoint = protocol.endpoint()
        found: dict[str, str | None] = {}
        try:
            async with connected(endpoint.url, endpoint.headers) as ws, asyncio.timeout(_LISTEN_S):
                for text in protocol.opening(()):
                    await ws.send(text)
                async with asyncio.timeout(_NO_MORE_AFTER_S) as quiet:
                    while True:
                        known = len(found)
                        frame = await ws.receive()
                        with suppress(MalformedAnswer):  # the next one may be well
                            found.update((quote.symbol, quote.name) for quote in protocol.receive(frame, 0).quotes)
                        if len(found) > known:
                            quiet.reschedule(asyncio.get_running_loop().time() + _NO_MORE_AFTER_S)
        except TimeoutError:
            if not found:
                raise NoSymbols("nothing was told of any symbol; outside of session hours list them instead") from None
        return found


def vendor_source(file: Path | None, secret: SecretStr | None, base: str | None, *, everything: bool) -> VendorSource:
    """Return the source that ``file`` describes; ``everything``: all its symbols are wanted. Raises SettingsError."""
    if file is None:
        raise SettingsError("SPARK_BIST_VENDOR is not set; SPARK_BIST_SOURCE=vendor needs the YAML file of the vendor")
    try:
        vendor = read_vendor(file)
    except BadVendorFile as exc:
        raise SettingsError(f"SPARK_BIST_VENDOR cannot be used:\n{exc}") from None
    try:
        keys = secrets(secret, vendor.secret_names)
    except MissingSecret as exc:
        raise SettingsError(f"{file}: {exc}") from None
    if everything and not vendor.lists:
        raise SettingsError(
            f"SPARK_BIST_SYMBOLS='*' cannot be used: {file} tells no way to list all symbols; give it list, or name them"
        )
    logger.info(
        "vendor", vendor=vendor.vendor, licence=vendor.licence, quality=vendor.quality, delay_minutes=vendor.delay
    )
    return VendorSource(vendor, keys, base)
