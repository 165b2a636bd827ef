"""A TCP proxy with switches, between a client and a real server: lost replies, cuts, stalls."""

import asyncio
from contextlib import suppress
from types import TracebackType


class TcpProxy:
    """Listens on a free port and passes bytes on, unless told otherwise."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()
        self._flows: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._drop_next_reply = False
        self._left: int | None = None
        self._wanted: bytes | None = None
        self._kept = b""
        self.port = 0
        self.replies_dropped = 0

    async def __aenter__(self) -> "TcpProxy":
        self._server = await asyncio.start_server(self._link, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for flow in list(self._flows):
            flow.cancel()
        if self._flows:
            await asyncio.wait(self._flows)

    def lead_to(self, port: int) -> None:
        """Lead new connections to another server; those that are open stay where they are."""
        self._target = (self._target[0], port)

    def drop_next_reply(self) -> None:
        """Let the next request through; cut its connection instead of answering."""
        self._drop_next_reply = True

    def cut_after(self, count: int) -> None:
        """Let so many more bytes of replies through, and cut the connection that brings the next: amid a message."""
        self._left = count

    def keep_request(self, part: bytes) -> None:
        """Keep the next request that contains ``part``, and cut its connection: the network is slow to deliver it."""
        self._wanted = part

    async def deliver_kept(self) -> bytes:
        """Deliver it after all; returns the answer, which nobody waits for."""
        source, sink = await asyncio.open_connection(*self._target)
        sink.write(self._kept)
        answer = await source.read(65536)
        sink.close()
        return answer

    def cut(self) -> bool:
        """Cut every connection there is, without a goodbye; return whether there was one."""
        links = list(self._links)
        for writer in links:
            writer.transport.abort()
        return bool(links)

    def pause(self) -> None:
        """Hold all bytes in both directions; connections stay open."""
        self._open.clear()

    def resume(self) -> None:
        """Let them flow again."""
        self._open.set()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        self._links.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            source, upstream = await asyncio.open_connection(*self._target)
            self._links.add(upstream)
            flows = [
                asyncio.create_task(self._flow(reader, upstream, replies=False)),
                asyncio.create_task(self._flow(source, writer, replies=True)),
            ]
            try:
                await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for flow in flows:
                    flow.cancel()
                await asyncio.wait(flows)
        except (OSError, asyncio.CancelledError):
            pass  # the client sees its connection end
        finally:
            for end in (writer, upstream):
                if end is not None:
                    end.transport.abort()
                    self._links.discard(end)
            self._flows.discard(task)

    async def _flow(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, replies: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._open.wait()
                if not replies and self._wanted is not None and self._wanted in data:
                    self._kept, self._wanted = data, None
                    return
                if replies and self._drop_next_reply:
                    self._drop_next_reply = False
                    self.replies_dropped += 1
                    return
                if replies and self._left is not None:
                    if len(data) > self._left:
                        data, self._left = data[: self._left], None
                        sink.write(data)
                        await sink.drain()
                        return
                    self._left -= len(data)
                sink.write(data)
                await sink.drain()
