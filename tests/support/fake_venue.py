"""A venue on a free port: a real server that plays one script per WebSocket, and answers REST with what it is given."""

import asyncio
import json
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from support.scripted import Ear, Refusal, Script, ScriptedServer, Step

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


class FakeVenue(ScriptedServer):
    """A script begins with the first join or leave."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(*scripts)
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

    def asked_for(self, request: str, times: int = 1) -> Step:
        """Wait until a join or leave, such as ``+trade:BTCTRY``, has come so often."""

        async def step(ws: ServerConnection) -> None:
            while self.requests.count(request) < times:  # noqa: ASYNC110, requests is a plain list
                await asyncio.sleep(0.01)

        return step

    @property
    def rest_url(self) -> str:
        return self.url.replace("ws://", "http://").rstrip("/")

    def answer(self, ws: ServerConnection, request: Request) -> Response | None:
        """Answer REST; leave WebSockets to the scripts."""
        if "Upgrade" in request.headers:
            return super().answer(ws, request)
        self.asked.append(request.path)
        found = self.answers.get(request.path, 404)
        if isinstance(found, int):
            return Refusal(found, self.retry_after_s).answer(ws)
        return ws.respond(HTTPStatus.OK, found.decode())

    def ear(self) -> Ear:
        """Return what notes the joins and leaves of a new connection."""
        joins: list[str] = []
        leaves: list[str] = []
        self.joins.append(joins)
        self.leaves.append(leaves)

        def hear(frame: str) -> bool:
            kind, body = json.loads(frame)
            if kind != 151:
                return False
            (joins if body["join"] else leaves).append(body["event"])
            self.requests.append(f"{'+' if body['join'] else '-'}{body['channel']}:{body['event']}")
            return True

        return hear
