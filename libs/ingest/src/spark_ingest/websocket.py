"""One WebSocket connection: aiohttp's, less what it would do of its own accord. No retry, no redirect, no keepalive."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    ServerDisconnectedError,
    WSMsgType,
)

_OPEN_S = 10.0
_CLOSE_S = 1.0
_SEND_S = 10.0  # requests are a few kB; a venue that does not take them in so long is not there
LARGEST_FRAME = 4 * 2**20
"""In bytes; one frame with all of BtcTurk's pairs is about 0.1 MB."""


class Refused(Exception):
    """The venue, or what stands before it, answered with something else than a WebSocket."""

    def __init__(self, status: int, retry_after: Sequence[str]) -> None:
        """``retry_after`` are the headers of that name: a proxy may have added one of its own."""
        super().__init__(f"refused with status {status}")
        self.status = status
        self.retry_after = retry_after


def retry_after_s(exc: Exception, most_s: float) -> float:
    """Return how long who refused us asks to be left alone, 0 without a word; a date is not known here."""
    asked = exc.retry_after if isinstance(exc, Refused) else []
    seconds = [float(text) for text in asked if re.fullmatch(r"[0-9]{1,9}", text)]
    return min(max(seconds, default=0.0), most_s)


class Closed(Exception):
    """There was a connection, and it ended: in good order, in the middle of something, or before it was a WebSocket."""


class WebSocket:
    """Frames as they come. Server pings are answered while frames are read."""

    def __init__(self, ws: ClientWebSocketResponse[Literal[False]], transport: asyncio.Transport) -> None:
        self._ws = ws
        self._transport = transport

    async def receive(self) -> bytes:
        """Return the next frame, text or binary; raises `Closed` at every end. Does not give way while some wait."""
        try:
            kind, data, reason = await self._ws.receive()
        except ClientError as exc:  # of an answer to a ping
            raise Closed(str(exc)) from exc
        if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            frame: bytes = data
            return frame
        match kind:
            case WSMsgType.CLOSE:
                raise Closed(f"the venue closed with {data} {reason}".rstrip())
            case WSMsgType.ERROR:
                raise Closed(str(data))
        raise Closed("cut off without a goodbye")

    async def send(self, *texts: str) -> None:
        """Send text frames; waits when much is on its way. Raises Closed, and TimeoutError after 10 s for all."""
        try:
            async with asyncio.timeout(_SEND_S):
                for text in texts:
                    await self._ws.send_str(text)
        except ClientError as exc:
            raise Closed(str(exc)) from exc

    def abort(self) -> None:
        """End it now, without a goodbye, and without what is left to read or to send."""
        self._transport.abort()


class _Opening:
    """The request for a WebSocket, made once: each more would be a connection that no limiter knows of."""

    def __init__(self) -> None:
        self.links: list[tuple[asyncio.Transport, asyncio.Future[None]]] = []
        """What the WebSocket runs over, and when that is gone."""

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Stand between aiohttp and the connection, as its middleware."""
        try:
            response = await handler(request)
        except ClientConnectorError:
            raise
        except (ClientOSError, ServerDisconnectedError) as exc:  # these it would try again at once
            raise Closed(f"during the handshake: {exc}") from exc
        if response.status != 101:  # a redirect it would follow, up to ten times
            response.close()
            raise Refused(response.status, response.headers.getall("Retry-After", []))
        protocol = response.connection and response.connection.protocol
        if protocol is None or protocol.transport is None or protocol.closed is None:
            response.close()
            raise Closed("just after the handshake")
        self.links.append((protocol.transport, protocol.closed))
        return response


@asynccontextmanager
async def connected(
    url: str, headers: Mapping[str, str] | None = None, largest_frame: int = LARGEST_FRAME
) -> AsyncIterator[WebSocket]:
    """Connect for the context, at the end of which the connection is gone, not only told to go.

    ``largest_frame`` is in bytes. Raises `Refused`, `Closed`, and OSError, of which TimeoutError is one.
    """
    opening = _Opening()
    async with ClientSession(timeout=ClientTimeout(), middlewares=(opening,)) as session:
        try:
            async with asyncio.timeout(_OPEN_S):
                ws = await session.ws_connect(
                    url,
                    headers=headers,
                    proxy=_proxy(url),
                    compress=0,  # no venue is known that grants it
                    heartbeat=None,  # the venue pings; whether it is well is for its data to show
                    timeout=ClientWSTimeout(ws_close=_CLOSE_S),
                    max_msg_size=largest_frame,
                    decode_text=False,
                )
        except OSError:
            raise
        except ClientError as exc:
            raise Closed(f"during the handshake: {exc}") from exc
        [(transport, gone)] = opening.links
        try:
            yield WebSocket(ws, transport)
        finally:
            try:
                with suppress(OSError, ClientError):
                    async with asyncio.timeout(_CLOSE_S):
                        await ws.close()
                        await gone
            finally:
                transport.abort()


def _proxy(url: str) -> str | None:
    """Return the environment's proxy for it. Only what is encrypted can go through one as it is."""
    parts = urlsplit(url)
    if parts.scheme != "wss" or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    return proxies.get("wss") or proxies.get("https")
