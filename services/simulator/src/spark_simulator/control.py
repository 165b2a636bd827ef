"""The control API: order faults, and see what was sent and what goes on. It is ours; no venue has one."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from spark_simulator import scenario
from spark_simulator.answers import answer
from spark_simulator.commands import BadCommand, read
from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import Feed
from spark_simulator.ledger import Entry, Ledger
from spark_simulator.market import Market, PairMarket
from spark_simulator.orders import Orders, known
from spark_simulator.pages import Page
from spark_simulator.row import SIZE_SCALE, Board, decimals
from spark_simulator.scenario import Scenarios
from spark_simulator.traffic import Traffic
from spark_simulator.truth import Truth

_PAGE = 1000
_LARGEST_PAGE = 10_000


class Control:
    """Handlers for the paths under ``/control``."""

    def __init__(
        self,
        board: Board,
        feed: Feed,
        faults: Faults,
        orders: Orders,
        ledger: Ledger,
        truth: Truth,
        traffic: Traffic,
        scenarios: Scenarios,
    ) -> None:
        self._board = board
        self._feed = feed
        self._faults = faults
        self._orders = orders
        self._ledger = ledger
        self._truth = truth
        self._traffic = traffic
        self._scenarios = scenarios

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.post("/control/faults", self.order),
            web.delete("/control/faults", self.clear),
            web.post("/control/scenario", self.scenario),
            web.get("/control/ledger", self.ledger),
            web.get("/control/totals", self.totals),
            web.get("/control/trades", self.trades),
            web.get("/control/changesets", self.change_sets),
            web.get("/control/book", self.book),
            web.get("/control/state", self.state),
        ]

    async def order(self, request: web.Request) -> web.Response:
        """Let something go wrong, at once."""
        connections = self._feed.connections
        try:
            self._orders.obey(read(await request.read()))
        except BadCommand as exc:
            return refused(request, exc)
        return answer(request, {"connections": len(connections), "faults": self._faults.active()})

    async def scenario(self, request: web.Request) -> web.Response:
        """Let faults come at their time after now, besides those that are still to come."""
        try:
            steps = scenario.read(await request.read())
        except BadCommand as exc:
            return refused(request, exc)
        self._scenarios.play(steps)
        return answer(request, {"steps": len(steps)})

    async def clear(self, request: web.Request) -> web.Response:
        """End the faults that go on."""
        self._faults.clear()
        for connection in self._feed.connections:
            connection.thaw()
        return answer(request, {"connections": len(self._feed.connections), "faults": self._faults.active()})

    async def ledger(self, request: web.Request) -> web.Response:
        """What was sent, after a given number; of some ``types`` only, and of one ``event``, if so asked."""
        types = frozenset(request.query.get("types", "").replace(" ", "").split(",")) - {""}
        event = request.query.get("event")

        def wanted(entry: Entry) -> bool:
            return (not types or str(entry.type) in types) and event in (None, entry.event)

        return paged(request, lambda after, limit: self._ledger.page(after, limit, wanted))

    async def totals(self, request: web.Request) -> web.Response:
        """How much was sent, by connection, type and event; afterwards the ledger's file has all of that, too."""
        file = self._ledger.file
        if file is not None:
            file.flush()
        return answer(
            request,
            {
                "connections": self._ledger.totals.told(),
                "forgotten": self._ledger.totals.forgotten,
                "trades": self._truth.trades.next - 1,
                "changeSets": self._truth.change_sets.next - 1,
                "file": file and {"path": str(file.path), "lines": file.lines, "failure": file.failure},
            },
        )

    async def trades(self, request: web.Request) -> web.Response:
        """Every trade that happened, sent or not."""
        return paged(request, self._truth.trades.page)

    async def change_sets(self, request: web.Request) -> web.Response:
        """Every change of a book, sent or not."""
        return paged(request, self._truth.change_sets.page)

    async def book(self, request: web.Request) -> web.Response:
        """One pair's window as a client has it that was sent everything."""
        symbol = request.query.get("pair", "")
        try:
            if not isinstance(self._board, Market):
                raise BadCommand("a recording is played: there is no book")
            known(self._board, symbol)
        except BadCommand as exc:
            return refused(request, exc)
        return answer(request, _window(self._board[symbol]))

    async def state(self, request: web.Request) -> web.Response:
        """Who is connected, what was asked, what is wrong and what is traded."""
        return answer(
            request,
            {
                "connections": [_told(connection) for connection in self._feed.connections],
                "requests": self._traffic.requests,
                "accepted": self._traffic.accepted,
                "refused": self._traffic.refused,
                "faults": self._faults.active(),
                "pairs": [pair.symbol for pair in self._board.pairs],
            },
        )


def _told(connection: Connection) -> dict[str, object]:
    return {
        "connection": connection.number,
        "since": connection.since * 1000,
        "joins": [f"{channel}:{event}" for channel, event in connection.joins],
        "sent": connection.sent,
        "buffered": connection.buffered,
    }


def _window(market: PairMarket) -> dict[str, object]:
    def levels(side: list[tuple[int, int]]) -> list[list[str]]:
        return [[decimals(price, market.pair.price_scale), decimals(size, SIZE_SCALE)] for price, size in side]

    return {
        "changeSet": market.change_set,
        "orderbookChangeSet": market.change_set + market.orderbook_offset,
        "bids": levels(market.book.bids.published()),
        "asks": levels(market.book.asks.published()),
    }


def paged(request: web.Request, page: Callable[[int, int], Page[Any]]) -> web.Response:
    """Answer the page that the query asks for."""
    try:
        after = _whole(request, "after", 0, 0, 10**15)
        limit = _whole(request, "limit", _PAGE, 1, _LARGEST_PAGE)
    except BadCommand as exc:
        return refused(request, exc)
    return answer(request, page(after, limit))


def refused(request: web.Request, exc: BadCommand) -> web.Response:
    """Answer what cannot be followed."""
    return answer(request, {"error": str(exc)}, status=422)


def _whole(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise BadCommand(f"{name} is not a whole number from {least} to {most}")
