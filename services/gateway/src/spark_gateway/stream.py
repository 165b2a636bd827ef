"""The streams' endpoint: an HTTP request that stays open."""

import asyncio
import random
import time
from typing import NamedTuple

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from spark_gateway import requests
from spark_gateway.cors import Cors
from spark_gateway.events import event
from spark_gateway.guard import permit
from spark_gateway.hub import Hub
from spark_gateway.identity import CLIENT
from spark_gateway.member import Member, chunk
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.places import Full, Places
from spark_gateway.problems import Problem
from spark_gateway.protocol import descriptor_of
from spark_gateway.refusals import goodbye, wants_events
from spark_gateway.resume import Opening
from spark_gateway.subscription import Subscription
from spark_market.messages import Goodbye
from spark_service.lifecycle import end

TRANSPORT = "spark.transport"
"""Where the server leaves the socket in the request's scope."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),  # nginx passes on at once what it would gather
]
_LOOK_S = 1.0
_ELSEWHERE_S = (0.5, 2.5)
"""When one who comes while this gateway stops is to ask again: least, most."""


class _Open(NamedTuple):
    """An open stream; ``until`` (monotonic) is when it has lived long enough."""

    subscription: Subscription
    until: float


class StreamEndpoint:
    """Serves the streams of one venue and those over venues. After its opening a stream is written by its group."""

    def __init__(
        self, hub: Hub, opening: Opening, metrics: GatewayMetrics, places: Places, cors: Cors, life_s: float
    ) -> None:
        """``life_s`` is how long a stream lives, give or take a tenth: so that readers spread over the replicas."""
        self._hub = hub
        self._opening = opening
        self._metrics = metrics
        self._places = places
        self._cors = cors
        self._life_s = life_s
        self._open: dict[Member, _Open] = {}
        self._closing = False

    async def __call__(self, scope: Scope, venue: str | None, receive: Receive, send: Send) -> None:
        """Answer one request for a stream of ``venue``, or over venues."""
        try:
            subscription, last_event_id = self._asked(scope, venue)
            place = self._places.take(scope[CLIENT])
        except Problem as problem:
            await self._refuse(problem.response(), scope, receive, send)
            return
        except Full as full:
            await self._refuse(self._places.refusal(full, scope), scope, receive, send)
            return
        try:
            if self._closing:
                await self._refuse(_going_away(scope), scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS + self._cors.of(scope)})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body"})
                return
            scope["headers"].clear()  # the server holds them as long as the stream: a browser's are some kilobytes
            transport = scope[TRANSPORT]
            await self._serve(Member(transport, descriptor_of(transport)), subscription, last_event_id, receive)
        finally:
            place.release()

    async def _refuse(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        await self._cors.on(answer, scope)(scope, receive, send)

    def _asked(self, scope: Scope, venue: str | None) -> tuple[Subscription, str | None]:
        """Return what is asked for, and the cursor it comes with. Raises Problem."""
        query = QueryParams(scope["query_string"])
        if venue is None:
            subscription = requests.subscription_over_venues(self._hub.feeds, query)
            for each in subscription.venues:
                permit(scope, each)
        else:
            subscription = requests.subscription(requests.venue_of(venue, self._hub.feeds), query)
        # The browser's own header is newer than what it repeats in the address for ever.
        header = Headers(scope=scope).get("last-event-id")
        return subscription, header or requests.once(query, "lastEventId") or None

    async def _serve(
        self, member: Member, subscription: Subscription, last_event_id: str | None, receive: Receive
    ) -> None:
        member.write(chunk(b"retry: %d\n\n" % retry_ms()))
        life_s = self._life_s * random.uniform(0.9, 1.1)  # noqa: S311
        self._open[member] = _Open(subscription, time.monotonic() + life_s)
        self._metrics.opened()
        try:
            if self._closing:  # since it was asked
                self._end(member, "shutdown")
            await self._bring_in(member, subscription, last_event_id, receive)
            await _disconnected(receive)  # one who is in its group needs no task but the server's own
        finally:
            self._hub.leave(subscription, member)
            del self._open[member]
            self._metrics.closed()

    async def _bring_in(
        self, member: Member, subscription: Subscription, last_event_id: str | None, receive: Receive
    ) -> None:
        opening = asyncio.ensure_future(self._opening.open(member, subscription, last_event_id))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({gone, opening}, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
        except (TimeoutError, ConnectionResetError):
            member.drop()  # it does not even take what it asked for
        finally:
            await end((gone, opening))  # before it leaves: an opening that went on would join it again

    async def run(self) -> None:
        """End streams that have lived long enough, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now = time.monotonic()
            for member in [member for member, stream in self._open.items() if stream.until < now]:
                self._end(member, "life")

    def end_all(self, reason: str) -> None:
        """Say goodbye on every stream and end it; no new ones are taken."""
        self._closing = True
        for member in list(self._open):
            self._end(member, reason)

    def _end(self, member: Member, reason: str) -> None:
        self._hub.leave(self._open[member].subscription, member)  # first: nothing comes after a goodbye
        wait_ms = retry_ms()
        member.finish(event(Goodbye(reason=reason, retry=wait_ms)) + b"retry: %d\n\n" % wait_ms)


def _going_away(scope: Scope) -> Response:
    if wants_events(scope):
        return goodbye("shutdown", _ELSEWHERE_S)
    return Problem(503, "Shutting down", "This gateway is stopping; ask another", retry_after_s=1).response()


def retry_ms() -> int:
    """Return how long a browser should wait before it comes back: never all of them at once."""
    return random.randint(500, 2500)  # noqa: S311


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
