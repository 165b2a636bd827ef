"""The totals: per connection and per type and event, how much was sent, with a checksum of what it was."""

import zlib

import msgspec

from spark_simulator.frames import Frame

_MOST_CONNECTIONS = 64


class Tally(msgspec.Struct, rename="camel"):
    """The frames of one type and event that one connection was given.

    ``last`` is the last one's mark, a trade's id or a change set; ``checksum`` the CRC-32 of all marks in order, each
    as its decimal text and a line feed.
    """

    frames: int = 0
    bytes: int = 0
    last: str | None = None
    checksum: int = 0


class ConnectionTotals(msgspec.Struct):
    """One connection's tallies, by ``type`` or ``type:event``."""

    connection: int
    tallies: dict[str, Tally]


class Totals:
    """Counts of the newest connections; those before are forgotten."""

    def __init__(self) -> None:
        self._of: dict[int, dict[tuple[int | str, str | None], Tally]] = {}
        self.forgotten = 0

    def count(self, connection: int, frame: Frame) -> None:
        """Count one frame in."""
        tallies = self._of.get(connection)
        if tallies is None:
            tallies = self._of[connection] = {}
            if len(self._of) > _MOST_CONNECTIONS:
                del self._of[next(iter(self._of))]
                self.forgotten += 1
        key = (frame.type, frame.event)
        tally = tallies.get(key)
        if tally is None:
            tally = tallies[key] = Tally()
        tally.frames += 1
        tally.bytes += len(frame.text)
        mark = frame.mark
        if mark is not None:
            tally.last = mark
            tally.checksum = zlib.crc32(f"{mark}\n".encode(), tally.checksum)

    def told(self) -> list[ConnectionTotals]:
        """Return the connections, oldest first."""
        return [
            ConnectionTotals(
                connection, {f"{kind}:{event}" if event else str(kind): tally for (kind, event), tally in of.items()}
            )
            for connection, of in self._of.items()
        ]
