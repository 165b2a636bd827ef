"""REST: what the streams say, asked for once. Market data is answered from memory, as the bytes of the bus."""

import msgspec
from fastapi import APIRouter, Request, Response

from spark_bus.cursor import Cursor
from spark_gateway import answers, requests
from spark_gateway.feed import Feed
from spark_gateway.history import History
from spark_gateway.hub import Hub
from spark_gateway.problems import Problem
from spark_gateway.subscription import ALL, CURRENT_CHANNELS


def routes(hub: Hub, past: History) -> APIRouter:
    """Return the market data routes. Their parameters are checked in `requests` and described in `paths`."""
    router = APIRouter(prefix="/api/market/{venue}", tags=["market data"])

    def feed_for(request: Request) -> Feed:
        feed = requests.venue_of(request.path_params["venue"], hub.feeds)
        if not feed.loaded.is_set():
            raise Problem(503, "No data yet", f"Nothing of {feed.venue} has reached the bus yet", retry_after_s=1)
        return feed

    @router.get("/ticker")
    async def ticker(request: Request) -> Response:
        feed = feed_for(request)
        name = requests.one_symbol(requests.once(request.query_params, "symbol"), feed)
        found = feed.tickers.get(name)
        if found is None:
            raise Problem(404, "No ticker yet", f"{name} is known, but no ticker of it has come in")
        return answers.message(request, _position(feed).epoch, found)

    @router.get("/snapshot")
    async def snapshot(request: Request) -> Response:
        feed, query = feed_for(request), request.query_params
        wanted = requests.symbols(_or_all(requests.listed(query, "symbol")), feed)
        of = requests.channels(requests.listed(query, "channel"), CURRENT_CHANNELS)
        found: list[bytes] = []
        if "ticker" in of:
            found += [item.data for name, item in sorted(feed.tickers.items()) if wanted is None or name in wanted]
        if "book" in of:
            books = sorted(feed.books.known(), key=lambda book: book.symbol)
            found += [book.message() for book in books if wanted is None or book.symbol in wanted]
        return await answers.document(request, _messages(feed, found))

    @router.get("/book")
    async def book(request: Request) -> Response:
        feed, query = feed_for(request), request.query_params
        name = requests.one_symbol(requests.once(query, "symbol"), feed)
        levels = requests.count(query, "depth", requests.MOST_LEVELS)
        found = feed.books.get(name)
        if found is None:
            raise Problem(404, "No order book now", f"{name} is known, but its order book is not, or not right now")
        return await answers.document(request, _messages(feed, [found.message(levels)]))

    @router.get("/trades")
    async def trades(request: Request) -> Response:
        feed, query = feed_for(request), request.query_params
        wanted = requests.symbols(_or_all(requests.listed(query, "symbol")), feed)
        most = requests.count(query, "last", requests.MOST_TRADES) or requests.DEFAULT_TRADES
        return await answers.document(request, _messages(feed, feed.trades(wanted, most)))

    @router.get("/history")
    async def history(request: Request) -> Response:
        feed = feed_for(request)
        asked, position = requests.history(feed, request.query_params), _position(feed)
        found = await past.read(feed, asked)
        to_the_end = asked.before is None and (asked.until is None or asked.until >= position.entry.ms)
        before = None if found.before is None else str(position._replace(entry=found.before))
        parts = {
            "venue": feed.venue,
            "cursor": str(position) if to_the_end else None,
            "from": found.whole_from,
            "complete": found.complete,
            "before": before,
            "messages": [msgspec.Raw(message) for message in found.messages()],
        }
        return await answers.document(request, msgspec.json.encode(parts))

    @router.get("/symbols")
    async def symbols(request: Request) -> Response:
        feed = feed_for(request)
        body = b'{"venue":%b,"instruments":[%b]}' % (_text(feed.venue), b",".join(feed.instruments.values()))
        return await answers.document(request, body)

    return router


def _or_all(text: str | None) -> str:
    return ALL if text is None else text


def _position(feed: Feed) -> Cursor:
    assert feed.position is not None  # noqa: S101, it is loaded
    return feed.position


def _messages(feed: Feed, messages: list[bytes]) -> bytes:
    cursor = _text(str(feed.position))
    return b'{"venue":%b,"cursor":%b,"messages":[%b]}' % (_text(feed.venue), cursor, b",".join(messages))


def _text(value: str) -> bytes:
    return msgspec.json.encode(value)
