"""REST: what the streams say, asked for once. Market data is answered from memory, as the bytes of the bus."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from spark_gateway import requests
from spark_gateway.feed import Feed
from spark_gateway.hub import Hub
from spark_gateway.problems import Problem
from spark_gateway.schemas import described
from spark_gateway.subscription import CURRENT_CHANNELS

MOST_LEVELS = 1_000
DEFAULT_TRADES = 50
MOST_TRADES = 1_000
_JSON = "application/json"
_FRESH = {"Cache-Control": "no-store"}  # a price out of somebody's cache is a stale price that nobody was told of

Symbol = Annotated[str | None, Query(description="A symbol such as BTC_TRY.")]
Symbols = Annotated[str, Query(description="Symbols by comma, or * for all.")]
Channels = Annotated[str | None, Query(description=f"Channels by comma, of {', '.join(CURRENT_CHANNELS)}.")]
Depth = Annotated[str | None, Query(description=f"Levels a side, 1 to {MOST_LEVELS}; all by default.")]
Last = Annotated[str | None, Query(description=f"How many at most, 1 to {MOST_TRADES}; {DEFAULT_TRADES} by default.")]


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
    async def snapshot(venue: str, symbol: Symbols = "*", channel: Channels = None) -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        wanted, of = requests.symbols(symbol, feed), requests.channels(channel, CURRENT_CHANNELS)
        found: list[bytes] = []
        if "ticker" in of:
            found += [item.data for name, item in sorted(feed.tickers.items()) if wanted is None or name in wanted]
        if "book" in of:
            books = sorted(feed.books.known(), key=lambda book: book.symbol)
            found += [book.message() for book in books if wanted is None or book.symbol in wanted]
        return _messages(feed, found)

    @router.get("/book", **described("book", "The order book of one symbol at a position of the stream."))
    async def book(venue: str, symbol: Symbol = None, depth: Depth = None) -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        name = requests.one_symbol(symbol, feed)
        levels = None if depth is None else requests.number("depth", depth, MOST_LEVELS)
        found = feed.books.get(name)
        if found is None:
            raise Problem(404, "No order book now", f"{name} is known, but its order book is not, or not right now")
        return _messages(feed, [found.message(levels)])

    @router.get("/trades", **described("trades", "The last trades that this gateway has in memory, oldest first."))
    async def trades(venue: str, symbol: Symbols = "*", last: Last = None) -> Response:
        feed = _loaded(requests.venue_of(venue, hub.feeds))
        wanted = requests.symbols(symbol, feed)
        most = DEFAULT_TRADES if last is None else requests.number("last", last, MOST_TRADES)
        return _messages(feed, feed.trades(wanted, most))

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


def _messages(feed: Feed, messages: list[bytes]) -> Response:
    cursor = _text(str(feed.position))
    body = b'{"venue":%b,"cursor":%b,"messages":[%b]}' % (_text(feed.venue), cursor, b",".join(messages))
    return Response(body, headers=_FRESH, media_type=_JSON)


def _text(value: str) -> bytes:
    return msgspec.json.encode(value)
