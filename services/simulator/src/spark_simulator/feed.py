"""The feed: who is connected, who joined what, and one frame to all whom it concerns."""

from collections import defaultdict
from collections.abc import Collection

from spark_simulator.connection import Connection
from spark_simulator.frames import Frame
from spark_simulator.requests import Request

TICKER = "ticker"
ALL = "all"


class Feed:
    """Joins are kept by name alone, as the venue does: what does not exist can be joined, and stays silent."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}
        self._members: defaultdict[tuple[str, str], dict[Connection, None]] = defaultdict(dict)

    @property
    def connections(self) -> list[Connection]:
        """Everybody who is connected, longest first."""
        return list(self._connections.values())

    def add(self, connection: Connection) -> None:
        """Take in a connection that has joined nothing."""
        self._connections[connection.number] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection and all that it joined."""
        del self._connections[connection.number]
        for name in list(connection.joins):
            self._leave(connection, name)

    def follow(self, connection: Connection, request: Request) -> bool:
        """Do what ``request`` asks; return what its ack says: only a second join of the same thing is refused."""
        name = (request.channel, request.event)
        if not request.join:
            self._leave(connection, name)
            return True
        if name in connection.joins:
            return False
        connection.joins[name] = None
        self._members[name][connection] = None
        return True

    def _leave(self, connection: Connection, name: tuple[str, str]) -> None:
        if name not in connection.joins:
            return
        del connection.joins[name]
        del self._members[name][connection]
        if not self._members[name]:
            del self._members[name]

    def members(self, channel: str, event: str) -> Collection[Connection]:
        """Return who joined ``event`` of ``channel``."""
        return list(self._members.get((channel, event), ()))


def publish(frame: Frame, members: Collection[Connection]) -> None:
    """Write ``frame`` to each member; none of them can make another wait."""
    for member in members:
        member.send(frame)
