"""A client of the streams that does what a browser's EventSource does: reconnect, with the last id it was given."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx


@dataclass
class Event:
    """One event. ``id`` is what it carried itself, empty when nothing."""

    id: str
    type: str
    data: dict[str, Any]
    raw: bytes
    at: float = field(default_factory=time.monotonic)


class EventSource:
    """Reads a stream for as long as it runs; ``events`` is everything it was given, over all connections."""

    def __init__(self, url: str, last_event_id: str = "", retry_s: float = 0.2) -> None:
        self.url = url
        self.last_event_id = last_event_id
        self.events: list[Event] = []
        self.connections = 0
        self.statuses: list[int] = []
        self._retry_s = retry_s

    async def run(self) -> None:
        """Read, reconnect, until cancelled."""
        timeout = httpx.Timeout(5, read=30)
        async with httpx.AsyncClient(timeout=timeout) as client:
            while True:
                with suppress(httpx.HTTPError):
                    await self._read(client)
                await asyncio.sleep(self._retry_s)

    async def _read(self, client: httpx.AsyncClient) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id:
            headers["Last-Event-ID"] = self.last_event_id
        async with client.stream("GET", self.url, headers=headers) as response:
            self.statuses.append(response.status_code)
            if response.status_code != 200:
                return
            self.connections += 1
            rest = b""
            async for piece in response.aiter_bytes():
                *blocks, rest = (rest + piece).split(b"\n\n")
                for block in blocks:
                    self._take(block)

    def _take(self, block: bytes) -> None:
        event_id, data = "", b""
        for line in block.split(b"\n"):
            name, _, value = line.partition(b": ")
            if name == b"id":
                event_id = value.decode()
            elif name == b"data":
                data = value
        if not data:
            return
        if event_id:
            self.last_event_id = event_id
        # Numbers are read from the received bytes as decimals: a float would hide a wrong digit.
        body = json.loads(data, parse_float=Decimal, parse_int=Decimal)
        self.events.append(Event(event_id, body["type"], body["data"], data))

    def of(self, kind: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event.type == kind]
