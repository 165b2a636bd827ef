"""The control API: order faults, and see what was sent and what goes on. It is ours; no venue has one."""

from aiohttp import web

from spark_simulator import malformed
from spark_simulator.answers import answer
from spark_simulator.commands import BadCommand, Close, Command, Cut, Malformed, Refuse, Silence, read
from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import Feed
from spark_simulator.ledger import Ledger
from spark_simulator.row import Board
from spark_simulator.traffic import Traffic

_PAGE = 1000
_LARGEST_PAGE = 10_000


class Control:
    """Handlers for the paths under ``/control``."""

    def __init__(self, board: Board, feed: Feed, faults: Faults, ledger: Ledger, traffic: Traffic) -> None:
        self._board = board
        self._feed = feed
        self._faults = faults
        self._ledger = ledger
        self._traffic = traffic

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.post("/control/faults", self.order),
            web.delete("/control/faults", self.clear),
            web.get("/control/ledger", self.ledger),
            web.get("/control/state", self.state),
        ]

    async def order(self, request: web.Request) -> web.Response:
        """Let something go wrong, at once."""
        try:
            command = read(await request.read())
        except BadCommand as exc:
            return answer(request, {"error": str(exc)}, status=422)
        connections = self._feed.connections
        self._obey(command, connections)
        return answer(request, {"connections": len(connections), "faults": self._faults.active()})

    def _obey(self, command: Command, connections: list[Connection]) -> None:
        match command:
            case Cut():
                for connection in connections:
                    connection.cut()
            case Close():
                for connection in connections:
                    connection.close(command.code, command.reason)
            case Refuse():
                self._faults.refuse(command)
            case Silence():
                self._faults.silence(command)
            case Malformed():
                pair = self._board.pairs[0]
                frames = malformed.some(command.count, pair.symbol, self._board.row(pair.symbol))
                for connection in connections:
                    for frame in frames:
                        connection.send(frame)

    async def clear(self, request: web.Request) -> web.Response:
        """End the faults that go on."""
        self._faults.clear()
        return answer(request, {"connections": len(self._feed.connections), "faults": self._faults.active()})

    async def ledger(self, request: web.Request) -> web.Response:
        """What was sent, after a given number."""
        try:
            after = _whole(request, "after", 0, 0, 10**15)
            limit = _whole(request, "limit", _PAGE, 1, _LARGEST_PAGE)
        except BadCommand as exc:
            return answer(request, {"error": str(exc)}, status=422)
        return answer(request, self._ledger.page(after, limit))

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


def _whole(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise BadCommand(f"{name} is not a whole number from {least} to {most}")
