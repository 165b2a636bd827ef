"""A source on a free port that sends by itself: a real WebSocket server that plays one script per connection."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Step = str | bytes | Callable[[ServerConnection], Awaitable[None]]
Script = Sequence[Step] | int
"""What is sent once something was asked for; a number is the HTTP status that a connection is refused with."""


async def close(ws: ServerConnection) -> None:
    await ws.close()


async def abort(ws: ServerConnection) -> None:
    ws.transport.abort()


class FakeStream:
    """Plays ``scripts`` in turn, the last one again and again; ends each by holding still."""

    def __init__(self, *scripts: Script, retry_after_s: int | None = None) -> None:
        self.scripts = scripts
        self.retry_after_s = retry_after_s
        self.attempts = 0
        self.asked: list[list[str]] = []
        """What was sent by each connection."""
        self.open = 0
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self._server: Server | None = None
        self._accepted: dict[ServerConnection, Sequence[Step]] = {}

    async def __aenter__(self) -> "FakeStream":
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

    def _answer(self, ws: ServerConnection, request: Request) -> Response | None:
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        script = self.scripts[min(self.attempts, len(self.scripts) - 1)]
        self.attempts += 1
        if isinstance(script, int):
            response = ws.respond(HTTPStatus(script), "no\n")
            if self.retry_after_s is not None:
                response.headers["Retry-After"] = str(self.retry_after_s)
            return response
        self._accepted[ws] = script
        return None

    async def _play(self, ws: ServerConnection) -> None:
        asked: list[str] = []
        self.asked.append(asked)
        self.open += 1
        try:
            asked.append(str(await ws.recv()))
            for step in self._accepted.pop(ws):
                if isinstance(step, str | bytes):
                    await ws.send(step)
                else:
                    await step(ws)
            while True:
                asked.append(str(await ws.recv()))
        except ConnectionClosed:
            pass
        finally:
            self.open -= 1
