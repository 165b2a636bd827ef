"""The plain question for a ticker, answered before any framework has looked at it: it costs what copying it costs."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from spark_gateway import requests
from spark_gateway.answers import message_parts
from spark_gateway.events import Frame
from spark_gateway.feed import Feed
from spark_gateway.problems import Problem
from spark_gateway.tags import Headers

_ASKS = b"symbol="
OF_ANY_ORIGIN = [(b"vary", b"Origin")]
"""What CORS adds to an answer that no page of another origin asked for."""


class Found(NamedTuple):
    """A ticker, and whose it is."""

    feed: Feed
    epoch: str
    item: Frame

    def is_current(self) -> bool:
        """Return whether it would still be found: what is loaded anew, is learnt to be gone or comes is another."""
        return self.feed.tickers.get(self.item.symbol) is self.item


class Tickers:
    """What ``/api/market/{venue}/ticker?symbol=`` asks for, with one plain symbol that has a ticker."""

    def __init__(self, feeds: Mapping[str, Feed]) -> None:
        self._feeds = {f"/api/market/{venue}/ticker".encode(): feed for venue, feed in feeds.items()}

    def find(self, path: bytes, query: bytes) -> Found | None:
        """Return the ticker; None for any other question. Path and query are as they were sent."""
        feed = self._feeds.get(path)
        if feed is None or feed.position is None or not query.startswith(_ASKS):
            return None
        symbol = query[len(_ASKS) :].decode("latin-1")
        item = feed.tickers.get(symbol)
        if item is None:
            return None
        try:
            requests.one_symbol(symbol, feed)
        except Problem:  # the application says so
            return None
        return Found(feed, feed.position.epoch, item)


class Shortcut:
    """In front of an application, which answers all else, and the same question the same way.

    One that stands ``before_cors``, which would cost as much again, leaves to that what comes from another origin's
    page.
    """

    def __init__(self, app: ASGIApp, tickers: Tickers, *, before_cors: bool = False) -> None:
        self._app = app
        self._tickers = tickers
        self._before_cors = before_cors
        self._headers = OF_ANY_ORIGIN if before_cors else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        found = self._tickers.find(scope.get("raw_path", b""), scope.get("query_string", b""))
        if found and scope["method"] == "GET" and not (self._before_cors and _has_origin(scope["headers"])):
            status, headers, body = message_parts(found.epoch, found.item, scope["headers"])
            await send({"type": "http.response.start", "status": status, "headers": headers + self._headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)


def _has_origin(headers: Headers) -> bool:
    for name, _ in headers:  # noqa: SIM110, a generator costs more than the loop
        if name == b"origin":
            return True
    return False
