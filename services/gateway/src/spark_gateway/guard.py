"""What stands before the API's routes: whose request it is, whether it may see the venue, and how much it may ask."""

from collections.abc import Awaitable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from spark_gateway import refusals
from spark_gateway.access import Client
from spark_gateway.buckets import Buckets
from spark_gateway.cors import Cors
from spark_gateway.identity import CLIENT, Identity, NoClient
from spark_gateway.problems import Problem
from spark_gateway.violations import Violations, venue_in

VIOLATIONS: Final = "spark.violations"
"""And where a client that may not have every venue finds whom to tell."""
_API: Final = "/api/"
_OPEN: Final = frozenset({"/api/healthz", "/api/tools/metrics", "/api/version"})
"""For operators and their tools, which are to see most when there is most to do. All outside of /api/ is open too."""


class Guard:
    """Leaves the `Client` in ``scope[CLIENT]``. In most cases it costs a look into a dict, and waits for nothing.

    It is no coroutine itself: a stream would keep its frame for as long as it is open.
    `Instant` decides the same for what is answered without it: a rule that is added here is to be added there.
    """

    def __init__(self, app: ASGIApp, identity: Identity, buckets: Buckets, violations: Violations, cors: Cors) -> None:
        self._app = app
        self._identity = identity
        self._buckets = buckets
        self._violations = violations
        self._cors = cors

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or not (path := scope["path"]).startswith(_API) or path in _OPEN:
            return self._app(scope, receive, send)
        why: NoClient | None = None
        if scope["method"] == "OPTIONS":  # a browser asks beforehand, without the key, whether it may send it
            client = self._identity.beforehand(scope)
        elif isinstance(found := self._identity.of(scope), Client):
            client = found
        else:
            client, why = self._identity.stranger(scope), found
        wait_s = self._buckets.spend(client)
        if wait_s is None:
            return self._ask(client, why, scope, receive, send)
        return self._admit(client, why, wait_s, scope, receive, send)

    async def _ask(self, client: Client, why: NoClient | None, scope: Scope, receive: Receive, send: Send) -> None:
        await self._admit(client, why, await self._buckets.ask(client), scope, receive, send)

    def _admit(
        self, client: Client, why: NoClient | None, wait_s: float, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        """Pass the request on, or refuse it: ``why`` it is nobody's counts when there was a token left to say so."""
        if wait_s:
            return self._refuse(self._too_many(client, scope, wait_s), scope, receive, send)
        if why is not None:
            return self._refuse(self._unauthorized(client, why, scope), scope, receive, send)
        scope[CLIENT] = client
        if client.venues is not None:
            scope[VIOLATIONS] = self._violations
            try:
                permit(scope, venue_in(scope["path"]))
            except Problem as problem:
                return self._refuse(problem.response(), scope, receive, send)
        return self._app(scope, receive, send)

    def _refuse(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._cors.on(answer, scope)(scope, receive, send)

    def _unauthorized(self, client: Client, why: NoClient, scope: Scope) -> Response:
        self._violations.note("key", client.id, scope, why.value)
        return refusals.unauthorized(unknown=why is NoClient.UNKNOWN_KEY)

    def _too_many(self, client: Client, scope: Scope, wait_s: float) -> Response:
        rate = client.rate
        limit = f"{rate.requests_per_second:g}/s, {rate.burst} at once"
        self._violations.note("requests", client.id, scope, limit, round(wait_s, 3))
        if refusals.wants_events(scope):
            return refusals.goodbye("rate", refusals.RATE_WAIT_S)
        return refusals.too_many_requests(rate, wait_s)


def permit(scope: Scope, venue: str | None) -> None:
    """Let the request's client have ``venue``, or raise the Problem that says it may not.

    The guard does so for each path that names a venue; what names venues elsewhere does it for each of them.
    """
    client: Client = scope[CLIENT]
    if venue is not None and not client.may_see(venue):
        violations: Violations = scope[VIOLATIONS]
        violations.note("venue", client.id, scope, ",".join(sorted(client.venues or ())), venue=venue)
        raise refusals.forbidden(venue)
