"""A venue on a free port: a real WebSocket server that plays one script per connection."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Step = str | bytes | Callable[[ServerConnection], Awaitable[None]]
"""A frame to send, or something else to do with the connection."""

Script = Sequence[Step | int]
"""What happens on one connection; numbers are the HTTP status with which it is refused, and for how many seconds."""


async def hold(ws: ServerConnection) -> None:
    """Say nothing more, but stay."""
    await ws.wait_closed()


async def abort(ws: ServerConnection) -> None:
    """Cut the connection without a goodbye."""
    ws.transport.abort()


async def close(ws: ServerConnection) -> None:
    """Close in good order."""
    await ws.close()


def pause(seconds: float) -> Step:
    """Wait between two frames."""

    async def step(ws: ServerConnection) -> None:
        await asyncio.sleep(seconds)

    return step


def refuse(status: int, retry_after_s: int | None = None) -> Script:
    """A connection that is not accepted."""
    return [status] if retry_after_s is None else [status, retry_after_s]


class FakeVenue:
    """Plays ``scripts`` in turn, the last one again and again; ends each by holding still."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._server: Server | None = None
        self._accepted: dict[ServerConnection, Script] = {}
        self.attempts = 0
        self.joins: list[list[str]] = []
        """The events joined, per accepted connection."""
        self.url = ""

    async def __aenter__(self) -> "FakeVenue":
        self._server = await serve(
            self._play, "127.0.0.1", 0, process_request=self._answer, ping_interval=None, compression=None
        )
        self.url = f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        for ws in list(self._server.connections):
            ws.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def _script(self, attempt: int) -> Script:
        return self._scripts[min(attempt, len(self._scripts) - 1)]

    def _answer(self, ws: ServerConnection, request: Request) -> Response | None:
        script = self._script(self.attempts)
        self.attempts += 1
        match script:
            case [int(status), *more]:
                response = ws.respond(HTTPStatus(status), "no\n")
                for retry_after_s in more:
                    response.headers["Retry-After"] = str(retry_after_s)
                return response
        self._accepted[ws] = script
        return None

    async def _play(self, ws: ServerConnection) -> None:
        joins: list[str] = []
        self.joins.append(joins)
        spoken = asyncio.Event()
        listening = asyncio.create_task(self._listen(ws, joins, spoken))
        try:
            await spoken.wait()  # the session speaks first
            for step in self._accepted.pop(ws):
                if isinstance(step, str | bytes):
                    await ws.send(step)
                elif not isinstance(step, int):
                    await step(ws)
            await ws.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            listening.cancel()

    async def _listen(self, ws: ServerConnection, joins: list[str], spoken: asyncio.Event) -> None:
        try:
            while True:
                kind, body = json.loads(await ws.recv())
                if kind == 151 and body["join"]:
                    joins.append(body["event"])
                    spoken.set()
        except ConnectionClosed:
            spoken.set()  # a script does not wait for a join that will not come
