"""One client's conversation with the venue: a welcome, then acks for joins and leaves, until somebody leaves."""

import asyncio
from itertools import count
from typing import Protocol

from aiohttp import web

from spark_simulator import frames, requests
from spark_simulator.connection import Connection
from spark_simulator.faults import Faults
from spark_simulator.feed import Feed
from spark_simulator.ledger import Ledger
from spark_simulator.traffic import Traffic


class Source(Protocol):
    """Where the data comes from: the live market, or a recording."""

    async def run(self) -> None:
        """Send data until cancelled."""

    def joined(self, connection: Connection, channel: str, event: str) -> None:
        """Hear of a join that was accepted."""

    def left(self, connection: Connection, channel: str, event: str) -> None:
        """Hear of a leave, or that a connection which had joined this has gone."""

    def gone(self, connection: Connection) -> None:
        """Hear that a connection has gone."""


class Conversations:
    """The handler of the WebSocket's path."""

    def __init__(
        self, feed: Feed, source: Source, faults: Faults, ledger: Ledger, traffic: Traffic, ping_period_s: float
    ) -> None:
        self._feed = feed
        self._source = source
        self._faults = faults
        self._ledger = ledger
        self._traffic = traffic
        self._ping_period_s = ping_period_s
        self._numbers = count(1)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Upgrade and talk, or refuse."""
        refusal = self._faults.refusal.current
        if refusal is not None:
            self._traffic.refused += 1
            headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            return web.Response(status=refusal.status, headers=headers)
        if (slow := self._faults.slow_upgrade.current) is not None:
            await asyncio.sleep(slow.delay)
        connection = Connection(next(self._numbers), self._ledger, self._ping_period_s)
        async with connection.opened(request) as response:
            self._traffic.accepted += 1
            self._feed.add(connection)
            try:
                await self._talk(connection)
            finally:
                for channel, event in connection.joins:
                    self._source.left(connection, channel, event)
                self._feed.remove(connection)
                self._source.gone(connection)
        return response

    async def _talk(self, connection: Connection) -> None:
        connection.send(frames.WELCOME)
        async for text in connection.texts():
            request = requests.read(text)
            if request is None:
                continue
            if not request.join:
                self._source.left(connection, request.channel, request.event)
            ok = self._feed.follow(connection, request)
            connection.send(frames.ack(request, ok=ok))
            if request.join and ok:
                self._source.joined(connection, request.channel, request.event)
