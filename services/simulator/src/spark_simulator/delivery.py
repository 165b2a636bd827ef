"""The way from the market to the sockets: who is to have a frame, and what the faults make of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.frames import Frame
from spark_simulator.withholding import Name

_NONE: Final[Mapping[str, int]] = {}


class Fate(NamedTuple):
    """What became of one frame: how many sockets took it as it was, and what kept or altered it for how many."""

    sent: int
    faults: Mapping[str, int]


NOBODY: Final = Fate(0, _NONE)


class Delivery:
    """Real-time frames go to those whose subscription has begun to deliver, which is later than its ack."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._members: dict[Name, dict[Connection, None]] = {}

    def add(self, name: Name, connection: Connection) -> None:
        """Let ``connection`` have what follows of ``name``."""
        self._members.setdefault(name, {})[connection] = None

    def remove(self, name: Name, connection: Connection) -> None:
        """Let it have no more."""
        members = self._members.get(name, {})
        members.pop(connection, None)
        if not members:
            self._members.pop(name, None)

    def end(self, name: Name) -> None:
        """Let nobody have any more of ``name``."""
        self._members.pop(name, None)

    def wanted(self, name: Name) -> bool:
        """Return whether anybody is to have frames of ``name``."""
        return name in self._members

    def publish(self, name: Name, frame: Frame) -> Fate:
        """Write ``frame`` to each member; none of them can make another wait."""
        members = tuple(self._members.get(name, ()))
        if self._faults.quiet:
            return Fate(sum(member.send(frame) for member in members), _NONE)
        return self._publish(name, frame, members)

    def seed(self, name: Name, frame: Frame, connection: Connection) -> None:
        """Write a subscription's first frame to who asked for it."""
        if not self._faults.withholds(connection, name):
            connection.send(frame)

    def _publish(self, name: Name, frame: Frame, members: tuple[Connection, ...]) -> Fate:
        faults: Counter[str] = Counter()
        takers = []
        for member in members:
            fault = self._faults.withholds(member, name)
            if fault is None:
                takers.append(member)
            else:
                faults[fault] += 1
        frames = [frame]
        for shot in self._faults.shots(name) if takers else ():
            before, frames = frames, [sent for one in frames for sent in shot.apply(one)]
            if frames != before:
                faults[shot.fault] += len(takers)
        self._faults.spent(name)
        sent = 0
        for one in frames:
            for taker in takers:
                sent += taker.send(one) and one is frame
        return Fate(sent, faults)
