"""A real WebSocket server on a free port that plays one script per connection, once the client has spoken."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Step = str | bytes | Callable[[ServerConnection], Awaitable[None]]
"""A frame to send, or something else to do with the connection."""


@dataclass(frozen=True)
class Refusal:
    """An HTTP status instead of what was asked for, and for how long that is said to be so."""

    status: int
    retry_after_s: int | None = None

    def answer(self, ws: ServerConnection) -> Response:
        response = ws.respond(HTTPStatus(self.status), "no\n")
        if self.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.retry_after_s)
        return response


Script = Sequence[Step] | Refusal
"""What happens on one connection, if it is accepted."""

Ear = Callable[[str], bool]
"""Takes each frame of one connection's client; returns whether its script may begin, if it has not."""


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
    return Refusal(status, retry_after_s)


class ScriptedServer:
    """Plays ``scripts`` in turn, the last one again and again; ends each by holding still."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._server: Server | None = None
        self._accepted: dict[ServerConnection, Sequence[Step]] = {}
        self.attempts = 0
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._play, "127.0.0.1", 0, process_request=self.answer, ping_interval=None, compression=None
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

    @property
    def open(self) -> int:
        """How many connections there are."""
        assert self._server is not None
        return len(self._server.connections)

    def play(self, *scripts: Script) -> None:
        """Replace the scripts, for those that wait for what this server is asked."""
        self._scripts = scripts

    def answer(self, ws: ServerConnection, request: Request) -> Response | None:
        """Refuse a connection, or accept it by None, as the next script wants it."""
        script = self._scripts[min(self.attempts, len(self._scripts) - 1)]
        self.attempts += 1
        if isinstance(script, Refusal):
            return script.answer(ws)
        self._accepted[ws] = script
        return None

    def ear(self) -> Ear:
        """Return what listens to a new connection."""
        raise NotImplementedError

    async def _play(self, ws: ServerConnection) -> None:
        spoken = asyncio.Event()
        listening = asyncio.create_task(self._listen(ws, self.ear(), spoken))
        try:
            await spoken.wait()  # the client speaks first
            for step in self._accepted.pop(ws):
                if isinstance(step, str | bytes):
                    await ws.send(step)
                else:
                    await step(ws)
            await ws.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            listening.cancel()

    async def _listen(self, ws: ServerConnection, ear: Ear, spoken: asyncio.Event) -> None:
        try:
            while True:
                if ear(str(await ws.recv())):
                    spoken.set()
        except ConnectionClosed:
            spoken.set()  # a script does not wait for a word that will not come
