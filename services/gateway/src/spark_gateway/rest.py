"""REST: what the streams say, asked for once. Market data is answered from memory, as the bytes of the bus."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from spark_bus.cursor import Cursor
from spark_gateway import requests
from spark_gateway.feed import Feed
from spark_gateway.hub import Hub
from spark_gateway.problems import Problem
from spark_gateway.schemas import described

_JSON = "application/json"
_FRESH = {"Cache-Control": "no-store"}  # a price out of somebody's cache is a stale price that nobody was told of

Symbol = Annotated[str | None, Query(description="A symbol such as BTC_TRY.")]
Symbols = Annotated[str, Query(description="Symbols by comma, or * for all.")]


def routes(hub: Hub) -> APIRouter:
    """Return the market data routes."""
    router = APIRouter(prefix="/api/market/{venue}", tags=["market data"])

    @router.get("/ticker", **described("ticker", "The current ticker of one symbol."))
    async def ticker(venue: str, symbol: Symbol = None) -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        name = requests.one_symbol(symbol, feed)
        found = feed.tickers.get(name)
        if found is None:
            raise Problem(404, "No ticker yet", f"{name} is known, but no ticker of it has come in")
        return Response(found.data, headers=_FRESH, media_type=_JSON)

    @router.get("/snapshot", **described("snapshot", "All current values at one position of the stream."))
    async def snapshot(venue: str, symbol: Symbols = "*") -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        wanted = requests.symbols(symbol, feed)
        messages = [item.data for name, item in sorted(feed.tickers.items()) if wanted is None or name in wanted]
        return _messages(feed.venue, feed.position, messages)

    @router.get("/symbols", **described("symbols", "The instruments that the venue's ingest carries."))
    async def symbols(venue: str) -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        body = b'{"venue":%b,"instruments":[%b]}' % (_text(feed.venue), b",".join(feed.instruments.values()))
        return Response(body, headers=_FRESH, media_type=_JSON)

    return router


def _loaded(feed: Feed) -> Feed:
    if not feed.loaded.is_set():
        raise Problem(503, "No data yet", f"Nothing of {feed.venue} has reached the bus yet", retry_after_s=1)
    return feed


def _messages(venue: str, position: Cursor | None, messages: list[bytes]) -> Response:
    body = b'{"venue":%b,"cursor":%b,"messages":[%b]}' % (_text(venue), _text(str(position)), b",".join(messages))
    return Response(body, headers=_FRESH, media_type=_JSON)


def _text(value: str) -> bytes:
    return msgspec.json.encode(value)
