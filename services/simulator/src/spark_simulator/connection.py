"""One client's socket: what it joined, what is written to it, and whether it still answers pings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from spark_simulator import frames
from spark_simulator.frames import Frame
from spark_simulator.ledger import Ledger

# A client that stops reading would have us keep the whole feed for it. This is a minute of all pairs, beyond what
# the kernel holds; after that the socket is cut. Nobody else has waited in the meantime.
MOST_BUFFERED = 8 * 1024 * 1024
_UNANSWERED = 2  # pings; the client is given up when the next one is due
_LONGEST_REQUEST = 64 * 1024
_GOODBYE_S = 0.5

logger = structlog.get_logger()


class Connection:
    """Writes never wait and never fail: a socket that is full or gone takes no more."""

    def __init__(self, number: int, ledger: Ledger, ping_period_s: float) -> None:
        self.number = number
        self.since = time.time()
        self.joins: dict[tuple[str, str], int] = {}  # channel and event, with the number of the join
        self.joined_before: set[tuple[str, str]] = set()  # and left since
        self.sent = 0
        self._ledger = ledger
        self._ping_period_s = ping_period_s
        self._unanswered = 0
        self._goodbye: asyncio.Task[None] | None = None
        # What is sent in one go leaves in one write: at 20,000 frames a second system calls cost more than the frames.
        self._queue: list[bytes] = []
        self._queued = 0
        self._frozen = False
        self._ws = web.WebSocketResponse(
            compress=False, autoping=False, timeout=_GOODBYE_S, max_msg_size=_LONGEST_REQUEST
        )
        self._transport: asyncio.Transport

    @contextlib.asynccontextmanager
    async def opened(self, request: web.Request) -> AsyncIterator[web.WebSocketResponse]:
        """Upgrade, keep the connection alive for the context, and see its close through."""
        await self._ws.prepare(request)
        if request.transport is None:
            raise ConnectionResetError("the client left during the upgrade")
        self._transport = request.transport
        keepalive = asyncio.create_task(self._keep_alive())
        try:
            yield self._ws
        finally:
            keepalive.cancel()
            if self._goodbye is not None:
                await self._goodbye

    async def texts(self) -> AsyncIterator[str]:
        """Yield what the client says, answering its pings, until it or we close."""
        async for message in self._ws:
            match message.type:
                case WSMsgType.TEXT:
                    yield message.data
                case WSMsgType.PING:
                    self._write(frames.on_the_wire(message.data, frames.PONG))
                case WSMsgType.PONG:
                    self._unanswered = 0
                case _:  # the venue sends no answer to bytes
                    pass

    def send(self, frame: Frame) -> bool:
        """Hand ``frame`` to the socket and to the ledger; return whether there was still somebody to have it."""
        if not self._takes_more():
            return False
        self._ledger.write(self.number, frame)
        self.sent += 1
        self._write(frame.data)
        return True

    def freeze(self, seconds: float) -> None:
        """Hold back all that is written, for a while."""
        if not self._frozen:
            self._frozen = True
            asyncio.get_running_loop().call_later(seconds, self.thaw)

    def thaw(self) -> None:
        """Let go what was held back."""
        self._frozen = False
        self._flush()

    @property
    def buffered(self) -> int:
        """Bytes that the client has been slow to read."""
        return self._transport.get_write_buffer_size() + self._queued

    def cut(self) -> None:
        """Drop the TCP connection without a word."""
        self._transport.abort()

    def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Begin the closing handshake; the client has half a second to answer."""
        if self._goodbye is None:
            self._flush()
            self._goodbye = asyncio.create_task(self._say_goodbye(code, reason))

    async def _say_goodbye(self, code: int, reason: str) -> None:
        await self._ws.close(code=code, message=reason.encode(), drain=False)
        if self.buffered:  # it does not even read: waiting for the rest to be flushed would be for ever
            self.cut()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._ping_period_s)
            if self._unanswered == _UNANSWERED:
                self.close()
                return
            self._unanswered += 1
            self._write(frames.on_the_wire(b"", frames.PING))

    def _takes_more(self) -> bool:
        if self._ws.closed or self._transport.is_closing():
            return False
        if self.buffered > MOST_BUFFERED:
            logger.warning("a client reads too slowly and is cut", connection=self.number, buffered=self.buffered)
            self.cut()
            return False
        return True

    def _write(self, data: bytes) -> None:
        # Past aiohttp's own writer, which would make each sender wait for the slowest reader.
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._flush)
        self._queue.append(data)
        self._queued += len(data)

    def _flush(self) -> None:
        if self._frozen or not self._queue:
            return
        data, self._queue, self._queued = b"".join(self._queue), [], 0
        if not self._ws.closed and not self._transport.is_closing():
            self._transport.write(data)
