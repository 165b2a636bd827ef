"""A venue on a free port: a real server that plays one script per WebSocket, and answers REST with what it is given."""

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


EXCHANGEINFO = "/api/v2/server/exchangeinfo"


def exchangeinfo(*symbols: str) -> bytes:
    """Return the venue's answer that lists these."""
    rows = [
        {
            "id": number, "name": base + quote, "nameNormalized": f"{base}_{quote}", "status": "TRADING",
            "numerator": base, "denominator": quote, "numeratorScale": 8, "denominatorScale": 0,
        }
        for number, symbol in enumerate(symbols, start=1) for base, quote in [symbol.split("_")]
    ]  # fmt: skip
    return json.dumps({"data": {"symbols": rows}, "success": True, "message": None, "code": 0}).encode()


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
        self.answers: dict[str, bytes | int] = {EXCHANGEINFO: exchangeinfo("BTC_TRY", "ETH_TRY", "XRP_TRY")}
        """By path, the JSON to answer with, or the status to refuse with."""
        self.retry_after_s: int | None = None
        """What a refusal of REST says."""
        self.asked: list[str] = []
        self.joins: list[list[str]] = []
        """The events joined, per accepted connection."""
        self.leaves: list[list[str]] = []
        """The events left, per accepted connection."""
        self.requests: list[str] = []
        """All joins and leaves of all connections, ``+trade:BTCTRY`` and ``-trade:BTCTRY``."""
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

    def play(self, *scripts: Script) -> None:
        """Replace the scripts, for those that wait for what this venue is asked."""
        self._scripts = scripts

    def asked_for(self, request: str, times: int = 1) -> Step:
        """Wait until a join or leave, such as ``+trade:BTCTRY``, has come so often."""

        async def step(ws: ServerConnection) -> None:
            while self.requests.count(request) < times:  # noqa: ASYNC110, requests is a plain list
                await asyncio.sleep(0.01)

        return step

    @property
    def rest_url(self) -> str:
        return self.url.replace("ws://", "http://").rstrip("/")

    def _answer(self, ws: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" not in request.headers:
            self.asked.append(request.path)
            found = self.answers.get(request.path, 404)
            if isinstance(found, int):
                refusal = ws.respond(HTTPStatus(found), "no\n")
                if self.retry_after_s is not None:
                    refusal.headers["Retry-After"] = str(self.retry_after_s)
                return refusal
            return ws.respond(HTTPStatus.OK, found.decode())
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
        leaves: list[str] = []
        self.leaves.append(leaves)
        spoken = asyncio.Event()
        listening = asyncio.create_task(self._listen(ws, joins, leaves, spoken))
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

    async def _listen(self, ws: ServerConnection, joins: list[str], leaves: list[str], spoken: asyncio.Event) -> None:
        try:
            while True:
                kind, body = json.loads(await ws.recv())
                if kind == 151:
                    (joins if body["join"] else leaves).append(body["event"])
                    self.requests.append(f"{'+' if body['join'] else '-'}{body['channel']}:{body['event']}")
                    spoken.set()
        except ConnectionClosed:
            spoken.set()  # a script does not wait for a join that will not come
