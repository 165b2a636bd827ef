"""The plain question for a ticker, answered before any framework has looked at it: it costs what copying it costs."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from spark_gateway import requests
from spark_gateway.answers import message_parts
from spark_gateway.events import Frame
from spark_gateway.feed import Feed
from spark_gateway.problems import Problem
from spark_gateway.tags import Headers

_ASKS = b"symbol="
_OF_ANY_ORIGIN = [(b"vary", b"Origin")]


class Shortcut:
    """In front of an application, which answers all else, and the same question the same way.

    Only ``GET /api/market/{venue}/ticker?symbol=`` with one plain symbol that has a ticker is answered here. One that
    stands ``before_cors``, which would cost as much again, leaves to that what comes from another origin's page.
    """

    def __init__(self, app: ASGIApp, feeds: Mapping[str, Feed], *, before_cors: bool = False) -> None:
        self._app = app
        self._feeds = {f"/api/market/{venue}/ticker".encode(): feed for venue, feed in feeds.items()}
        self._before_cors = before_cors
        self._headers = _OF_ANY_ORIGIN if before_cors else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        feed = self._feeds.get(scope.get("raw_path", b""))
        if feed is not None and scope["method"] == "GET" and not (self._before_cors and _has_origin(scope["headers"])):
            item = _ticker(feed, scope["query_string"])
            if item is not None and feed.position is not None:
                status, headers, body = message_parts(feed.position.epoch, item, scope["headers"])
                await send({"type": "http.response.start", "status": status, "headers": headers + self._headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self._app(scope, receive, send)


def _has_origin(headers: Headers) -> bool:
    for name, _ in headers:  # noqa: SIM110, a generator costs more than the loop
        if name == b"origin":
            return True
    return False


def _ticker(feed: Feed, query: bytes) -> Frame | None:
    if not query.startswith(_ASKS):
        return None
    try:
        symbol = requests.one_symbol(query[len(_ASKS) :].decode("latin-1"), feed)
    except Problem:  # the application says so
        return None
    return feed.tickers.get(symbol)
