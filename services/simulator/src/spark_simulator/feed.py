"""The feed's doors: who is connected, and who joined what."""

from spark_simulator.connection import Connection
from spark_simulator.requests import Request

TICKER, TRADE, OBDIFF, ORDERBOOK = "ticker", "trade", "obdiff", "orderbook"
ALL = "all"
_MOST_REMEMBERED = 10_000  # names that a connection left; there are 379 pairs on four channels


class Feed:
    """Joins are kept by name alone, as the venue does: what does not exist can be joined, and stays silent."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}
        self.last_join = self.last_connection = 0

    @property
    def connections(self) -> list[Connection]:
        """Everybody who is connected, longest first."""
        return list(self._connections.values())

    def add(self, connection: Connection) -> None:
        """Take in a connection that has joined nothing."""
        self._connections[connection.number] = connection
        self.last_connection = max(self.last_connection, connection.number)

    def remove(self, connection: Connection) -> None:
        """Forget a connection and all that it joined."""
        del self._connections[connection.number]
        connection.joins.clear()

    def follow(self, connection: Connection, request: Request) -> bool:
        """Do what ``request`` asks; return what its ack says: only a second join of the same thing is refused."""
        name = (request.channel, request.event)
        if not request.join:
            if connection.joins.pop(name, None) is not None and len(connection.joined_before) < _MOST_REMEMBERED:
                connection.joined_before.add(name)
            return True
        if name in connection.joins:
            return False
        self.last_join += 1
        connection.joins[name] = self.last_join
        return True
