"""A source on a free port that sends by itself."""

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from support.scripted import Ear, Script, ScriptedServer


class FakeStream(ScriptedServer):
    """A script begins once something was asked for."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(*scripts)
        self.asked: list[list[str]] = []
        """What was sent by each connection."""
        self.headers: list[dict[str, str]] = []

    def answer(self, ws: ServerConnection, request: Request) -> Response | None:
        self.headers.append({name.lower(): value for name, value in request.headers.raw_items()})
        return super().answer(ws, request)

    def ear(self) -> Ear:
        asked: list[str] = []
        self.asked.append(asked)

        def hear(frame: str) -> bool:
            asked.append(frame)
            return True

        return hear
