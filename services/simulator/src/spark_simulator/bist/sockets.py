"""The WebSockets of the sources, and what can happen to them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from itertools import count, cycle, islice
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from spark_service.clock import Clock
from spark_service.lifecycle import end
from spark_simulator.bist.account import BistAccount
from spark_simulator.bist.answers import Answers
from spark_simulator.bist.commands import Silence
from spark_simulator.bist.conversations import AlgoLab, Conversation, HungUp, Laplace, Streamer
from spark_simulator.bist.faults import BistFaults
from spark_simulator.bist.sources import KEY, Source
from spark_simulator.bist.view import View

_LONGEST_TEXT: Final = 256 * 1024
_SEND_S: Final = 10.0  # a client that takes nothing for so long is cut
_GOODBYE_S: Final = 0.5
_CLOSE_WITHOUT_STATUS: Final = b"\x88\x00"
_UNUSABLE: Final = (
    "this is not JSON", '{"type":"pricing","message":"!!!"}', '{"type":"pricing","message":"CghU"}', "[]", "null",
    '{"t":"pr","d":{"s":7,"p":"dear","d":-1}}', '{"Type":"T","Content":null}', '{"type":"pricing"', "",
)  # fmt: skip


class Socket:
    """One connection."""

    def __init__(self, number: int, conversation: Conversation, ws: web.WebSocketResponse, path: str) -> None:
        self.number = number
        self.conversation = conversation
        self.path = path
        self.since_ms = time.time_ns() // 1_000_000
        self.sent = 0
        self._ws = ws
        self._transport: asyncio.Transport | None = None

    def attach(self, request: web.Request) -> None:
        """Take the transport, once upgraded."""
        self._transport = request.transport

    async def send(self, text: str) -> None:
        """Send a text; who does not take it in time is cut."""
        try:
            async with asyncio.timeout(_SEND_S):
                await self._ws.send_str(text)
        except TimeoutError:
            self.cut()
            raise ConnectionResetError("it takes nothing") from None
        self.sent += 1

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int | None) -> None:
        """Close with a status, or a close frame that has none."""
        if code is not None:
            await self._ws.close(code=code)
        elif self._transport is not None:
            self._transport.write(_CLOSE_WITHOUT_STATUS)
            self._transport.close()


class Sockets:
    """Handlers of the sources' WebSocket paths."""

    def __init__(self, view: View, faults: BistFaults, account: BistAccount, answers: Answers, clock: Clock) -> None:
        self.open: set[Socket] = set()
        self._view = view
        self._faults = faults
        self._account = account
        self._answers = answers
        self._clock = clock
        self._numbers = count(1)
        self._closing: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and their handlers."""
        return [
            web.get("/bist/yahoo/streamer", self.streamer),
            web.get("/bist/laplace/{path:.*}", self.laplace),
            web.get("/bist/algolab/{path:.*}", self.algolab),
        ]

    async def streamer(self, request: web.Request) -> web.StreamResponse:
        """Yahoo's, which asks for nothing."""
        return await self._handle(request, Streamer)

    async def laplace(self, request: web.Request) -> web.StreamResponse:
        """Laplace's, for who has a key."""
        return await self._handle(request, Laplace) if has_key(request) else self._unauthorized(request, "laplace")

    async def algolab(self, request: web.Request) -> web.StreamResponse:
        """AlgoLab's, for who has a key."""
        return await self._handle(request, AlgoLab) if has_key(request) else self._unauthorized(request, "algolab")

    def malformed(self, number: int, source: Source | None) -> None:
        """Send that many texts that nobody can read to everybody."""
        for socket in self._of(source):
            for text in islice(cycle(_UNUSABLE), number):
                self._do(socket.send(text))

    def cut(self, source: Source | None) -> None:
        """Drop connections."""
        for socket in self._of(source):
            socket.cut()

    def close(self, code: int, source: Source | None) -> None:
        """Close connections."""
        for socket in self._of(source):
            self._do(socket.close(code))

    async def end(self) -> None:
        """Close what is open, as a server that leaves."""
        self.close(WSCloseCode.GOING_AWAY, None)
        if self._closing:
            await asyncio.wait(self._closing, timeout=_GOODBYE_S)
        await end(self._closing)

    def _of(self, source: Source | None) -> list[Socket]:
        return [socket for socket in self.open if source in (None, socket.conversation.source)]

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ConnectionError):
                await work

        task = asyncio.create_task(quietly())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _unauthorized(self, request: web.Request, source: Source) -> web.Response:
        self._note(request, source, 0, 401, "key")
        return web.Response(status=401, text="Unauthorized\r\n")

    async def _handle(self, request: web.Request, make: Callable[[View], Conversation]) -> web.StreamResponse:
        conversation = make(self._view)
        refusal = self._answers.refused(conversation.source)
        if refusal is not None:
            self._note(request, conversation.source, 0, refusal.status, "limit" if refusal.status == 429 else "refuse")
            return web.Response(status=refusal.status, body=refusal.body, headers=refusal.headers)
        ws = web.WebSocketResponse(timeout=_GOODBYE_S, max_msg_size=_LONGEST_TEXT)
        if not ws.can_prepare(request):
            return web.Response(status=426, text="this takes a WebSocket\n")
        await ws.prepare(request)
        socket = Socket(next(self._numbers), conversation, ws, request.path)
        socket.attach(request)
        self.open.add(socket)
        telling = asyncio.create_task(self._tell(socket))
        try:
            with contextlib.suppress(ConnectionError):
                await self._listen(request, socket, ws)
        finally:
            self.open.discard(socket)
            await end([telling])
        return ws

    async def _listen(self, request: web.Request, socket: Socket, ws: web.WebSocketResponse) -> None:
        conversation = socket.conversation
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                said = conversation.receive(message.data, self._clock.now_ms(), time.monotonic())
            except HungUp as exc:
                await socket.close(exc.code)
                return
            self._note(request, conversation.source, conversation.symbols, 101, None)
            if self._faults.of(Silence, conversation.source) is None:
                for text in said:
                    await socket.send(text)

    async def _tell(self, socket: Socket) -> None:
        conversation = socket.conversation
        with contextlib.suppress(ConnectionError):
            while True:
                try:
                    said = conversation.upkeep(time.monotonic())
                except HungUp as exc:
                    await socket.close(exc.code)
                    return
                if self._faults.of(Silence, conversation.source) is None:
                    said += conversation.changes(self._clock.now_ms())
                for text in said:
                    await socket.send(text)
                await asyncio.sleep(conversation.pace_s)

    def _note(self, request: web.Request, source: Source, symbols: int, status: int, fault: str | None) -> None:
        now_ms = self._clock.now_ms()
        path = request.path.removeprefix(f"/bist/{source}/")
        phase = self._view.market.calendar.at(now_ms).value
        self._account.request(now_ms, phase, source, path, symbols, status, fault)


def has_key(request: web.Request) -> bool:
    """Return whether a header or the query says the key, alone or behind a word such as ``Bearer``."""
    said = [*request.query.values(), *request.headers.values()]
    return any(value.split()[-1:] == [KEY] for value in said)
