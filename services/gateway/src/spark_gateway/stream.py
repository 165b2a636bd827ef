"""The stream's endpoint: one HTTP request that stays open."""

import asyncio
import random
from contextlib import suppress

import structlog
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from spark_gateway import requests
from spark_gateway.events import event
from spark_gateway.feed import Feed
from spark_gateway.hub import Hub
from spark_gateway.member import Member, Transport, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.problems import Problem
from spark_gateway.resume import PATIENCE_S, PING_S, Opening
from spark_gateway.subscription import Subscription
from spark_market.messages import Goodbye
from spark_service.lifecycle import end

TRANSPORT = "spark.transport"
"""Where the server leaves the socket in the request's scope."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx passes on at once what it would gather
    (b"access-control-allow-origin", b"*"),  # public data, and no cookie is ever looked at
]

logger = structlog.get_logger()


class StreamEndpoint:
    """Serves ``GET /api/market/{venue}/stream``. Everything after the opening is written by the groups."""

    def __init__(self, hub: Hub, opening: Opening, metrics: GatewayMetrics) -> None:
        self._hub = hub
        self._opening = opening
        self._metrics = metrics
        self._open: dict[Member, Subscription] = {}
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        query = QueryParams(scope["query_string"])
        feed = requests.venue_of(scope["path_params"]["venue"], self._hub.feeds)
        subscription = requests.subscription(feed, query)
        # The browser's own header is newer than what it repeats in the address for ever.
        last_event_id = Headers(scope=scope).get("last-event-id") or query.get("lastEventId")
        if scope["method"] == "HEAD":
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await send({"type": "http.response.body"})
            return
        if self._closing:
            raise Problem(503, "Shutting down", "This gateway is stopping; ask another", retry_after_s=1)
        await self._stream(scope, receive, send, feed, subscription, last_event_id)

    async def _stream(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        feed: Feed,
        subscription: Subscription,
        last_event_id: str | None,
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        transport: Transport = scope[TRANSPORT]
        member = Member(transport)
        member.write(chunk(b"retry: %d\n\n" % retry_ms()))
        self._open[member] = subscription
        self._metrics.opened()
        gone = asyncio.ensure_future(_disconnected(receive))
        opened = asyncio.ensure_future(self._bring_in(member, feed, subscription, last_event_id))
        ended = asyncio.ensure_future(member.ended.wait())
        try:
            await asyncio.wait({gone, opened, ended}, return_when=asyncio.FIRST_COMPLETED)
            if opened.done():
                opened.result()
                await asyncio.wait({gone, ended}, return_when=asyncio.FIRST_COMPLETED)
        except (TimeoutError, ConnectionResetError):
            member.drop()  # it does not even take what it asked for
        finally:
            if member.gone:  # until the server has noticed, it would take our return for an unfinished answer
                await asyncio.wait({gone}, timeout=1)
            await end((gone, opened, ended))  # before it leaves: an opening that went on would join it again
            self._hub.leave(subscription, member)
            del self._open[member]
            self._metrics.closed()
        if not member.gone:
            await send({"type": "http.response.body"})

    async def _bring_in(
        self, member: Member, feed: Feed, subscription: Subscription, last_event_id: str | None
    ) -> None:
        while not feed.loaded.is_set():  # a browser gives up on any answer but 200, so it waits here, and is told
            await member.write_patiently(self._hub.waiting_events(subscription), PATIENCE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await feed.loaded.wait()
        await self._opening.open(member, subscription, last_event_id)

    def end_all(self, reason: str) -> None:
        """Say goodbye on every stream and end it; no new ones are taken."""
        self._closing = True
        for member, subscription in self._open.items():
            self._hub.leave(subscription, member)  # first: nothing comes after a goodbye
            member.write(
                chunk(event(Goodbye(reason=reason, retry=(wait_ms := retry_ms()))) + b"retry: %d\n\n" % wait_ms)
            )
            member.ended.set()


def retry_ms() -> int:
    """Return how long a browser should wait before it comes back: never all of them at once."""
    return random.randint(500, 2500)  # noqa: S311


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
