"""Whether a connection still lives, and what it was lost with: the same for every session over a WebSocket."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from spark_ingest.websocket import Closed, Refused, WebSocket

STEADY_AFTER_S: Final = 15.0
"""Data must have flowed this long before the next loss is retried at once: greeting and hanging up is not health."""
STALLED_AFTER_S: Final = 2.0
"""When this process stood still for longer, what waits in the socket is old: it can not be told how old."""
TEND_S: Final = 0.25
"""How often a session looks after its connection, and moves its pulse."""
FRAMES_A_TURN: Final = 64
"""While frames are waiting, `receive` never gives way: after so many, what they told has its turn to go out."""


class Silent(Exception):
    """Connected, but nothing comes that counts."""


class Stalled(Exception):
    """This process, not the venue, stood still."""


class Pulse:
    """Of this process, for one connection: it shows when the process was stopped or starved.

    A pause is never forgiven: whoever sees it first ends the connection, for what is read next may be old.
    """

    def __init__(self) -> None:
        self._at = time.monotonic()

    def check(self, now: float) -> None:
        """Raise Stalled after a pause; ``now`` is the monotonic clock."""
        if now - self._at > STALLED_AFTER_S:
            raise Stalled(f"this process stood still for over {STALLED_AFTER_S:g} s")

    def move(self, now: float) -> None:
        """Show that there was no pause until now. Raises Stalled."""
        self.check(now)
        self._at = now


async def read(ws: WebSocket, pulse: Pulse, take: Callable[[bytes, float], None]) -> None:
    """Give ``take`` each frame and the monotonic time that it was read at, for ever. Raises Closed and Stalled."""
    while True:
        for _ in range(FRAMES_A_TURN):
            frame = await ws.receive()
            now = time.monotonic()
            pulse.check(now)
            take(frame, now)
        await asyncio.sleep(0)


def cause(exc: Exception) -> str:
    """Return what a connection was lost with, as a bounded label for a metric."""
    match exc:
        case Silent():
            return "silent"
        case Stalled():
            return "stalled"
        case Refused():
            return f"refused_{exc.status}"
        case TimeoutError():
            return "timeout"
        case Closed():
            return "closed"
        case _:
            return "network"
