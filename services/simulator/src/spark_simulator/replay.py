"""The replay: each connection hears the whole recording once, then its last tickers over and over."""

import asyncio

from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import ALL, TICKER, Feed
from spark_simulator.frames import Frame
from spark_simulator.recording import Recording

_MOST_AHEAD = 1024 * 1024  # bytes; a recording can wait for its reader, so no frame of it is lost to slowness
_WAIT_S = 0.01


class Replay:
    """Plays a recording to everyone, and keeps the feed alive when it has ended."""

    def __init__(self, recording: Recording, feed: Feed, faults: Faults, interval_ms: int, speed: float) -> None:
        self._recording = recording
        self._feed = feed
        self._faults = faults
        self._interval_s = interval_ms / 1000
        self._speed = speed
        self._players: dict[Connection, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Repeat the last tickers to those who have heard the recording, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            if not self._faults.silent:
                for connection in self._feed.connections:
                    if connection in self._players and self._players[connection].done():
                        self._repeat(connection)

    def joined(self, connection: Connection, channel: str, event: str) -> None:
        """Start the recording at the first join; later ones change only what is repeated afterwards."""
        if connection not in self._players:
            self._players[connection] = asyncio.create_task(self._play(connection))

    def left(self, connection: Connection, channel: str, event: str) -> None:
        """Do nothing: what is repeated is looked up each time."""

    def gone(self, connection: Connection) -> None:
        """Stop playing to a connection that has gone."""
        player = self._players.pop(connection, None)
        if player is not None:
            player.cancel()

    async def _play(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for moment in self._recording.moments:
            await asyncio.sleep(max(0.0, started + moment.offset_s / self._speed - loop.time()))
            while self._faults.silent or connection.buffered > _MOST_AHEAD:
                await asyncio.sleep(_WAIT_S)
                started += _WAIT_S  # what follows keeps its spacing
            connection.send(moment.frame)

    def _repeat(self, connection: Connection) -> None:
        for channel, event in list(connection.joins):
            if channel == TICKER and (frame := self._last(event)):
                connection.send(frame)

    def _last(self, event: str) -> Frame | None:
        return self._recording.last_all if event == ALL else self._recording.last_ticker(event)
