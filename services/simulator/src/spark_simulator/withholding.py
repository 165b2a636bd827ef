"""Data that is withheld: from whom, of which channel and pairs, and until when."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from spark_simulator.connection import Connection

ANY: Final = range(1 << 62)
"""Connections of any number."""
Name = tuple[str, str]
"""A channel and an event of it, as in a join."""


@dataclass(frozen=True, kw_only=True)
class Withholding:
    """One fault that keeps data back. ``last_join`` is the number of the last join that it concerns, None for any."""

    fault: str
    seconds: float
    channel: str | None = None
    pairs: frozenset[str] = frozenset()  # none named: every one
    connections: range = ANY
    last_join: int | None = None
    book: Literal["jump", "hidden", "conflated"] = "jump"
    began: float = field(default_factory=time.monotonic)

    def over(self, now: float) -> bool:
        """Return whether its time has passed; ``now`` is of the monotonic clock."""
        return now >= self.began + self.seconds

    def concerns(self, name: Name) -> bool:
        """Return whether it is about this channel and pair."""
        channel, event = name
        return self.channel in (None, channel) and (not self.pairs or event in self.pairs)

    def keeps(self, connection: Connection, name: Name, now: float) -> bool:
        """Return whether a frame of ``name`` is kept from ``connection``."""
        if not self.concerns(name) or connection.number not in self.connections:
            return False
        return self.last_join is None or connection.joins.get(name, 0) <= self.last_join

    def told(self, now: float) -> dict[str, object]:
        """Return what the control API says of it."""
        return {
            "fault": self.fault,
            "channel": self.channel,
            "pairs": sorted(self.pairs),
            "secondsLeft": self.began + self.seconds - now,
        }


@dataclass(frozen=True, kw_only=True)
class Fading(Withholding):
    """Pairs fall silent one after the other over ``fade_s``, and stay so."""

    order: Sequence[str]
    fade_s: float

    def keeps(self, connection: Connection, name: Name, now: float) -> bool:
        """As for any, and only if it is the pair's turn; what is of no single pair goes first."""
        if not super().keeps(connection, name, now):
            return False
        silent = len(self.order) * (now - self.began) / self.fade_s
        return name[1] not in self.order or self.order.index(name[1]) < silent
