"""The HTTP servers of the gateway: uvicorn's, run inside a loop that is not theirs, and ended within seconds."""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from spark_gateway.protocol import AtOnce, Protocol
from spark_gateway.room import Room
from spark_service.lifecycle import CannotStart

BACKLOG: Final = 4096
_GRACE_S: Final = 3
"""How long requests and streams have to end."""
_PATIENCE_S: Final = 2.0
"""After so much of it those are cut off that do not take what they are given."""
_LOOK_AFTER_TICKS: Final = 100  # uvicorn ticks ten times a second

logger = structlog.get_logger()


class Server(uvicorn.Server):
    """One listening port. ``ending`` is called first when it stops: uvicorn would wait for streams, for ever.

    ``instant`` answers before the application is asked.
    """

    def __init__(
        self,
        app: ASGIApp,
        room: Room,
        listening: socket.socket,
        *,
        ending: Callable[[], None] = lambda: None,
        instant: AtOnce | None = None,
    ) -> None:
        protocol = functools.partial(Protocol, room=room, instant=instant)
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",  # it cannot tell by itself: the application is no coroutine function
                http=protocol,  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # by default it would believe whoever asks from this machine
                backlog=BACKLOG,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._listening = listening
        self._ending = ending
        self._to_look_after: list[Protocol] = []
        self._share = 0

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self.server_state.connections)

    async def run_until_stopped(self) -> None:
        """Serve until `stop` was called and all connections have ended."""
        await self.serve([self._listening])

    def stop(self) -> None:
        """Take no more requests, and end what there is."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Do uvicorn's housekeeping and ours; returns whether to stop."""
        if counter % _LOOK_AFTER_TICKS == 0:
            self._to_look_after = list(self._connections())
            self._share = len(self._to_look_after) // _LOOK_AFTER_TICKS + 1
        for connection in self._to_look_after[: self._share]:  # all at once would hold up the streams
            connection.look_after()
        del self._to_look_after[: self._share]
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking requests, say goodbye, let the rest finish, and cut off who does not."""
        self._ending()
        cut = asyncio.get_running_loop().call_later(_PATIENCE_S, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()
            self._cut()

    def _cut(self) -> None:
        left = list(self._connections())
        for connection in left:
            connection.transport.abort()
        if left:
            logger.warning("cut off clients that did not let go", connections=len(left))

    def _connections(self) -> Iterator[Protocol]:
        for connection in self.server_state.connections:
            assert isinstance(connection, Protocol)  # noqa: S101, it makes no others
            yield connection

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Signals are the lifecycle's."""
        yield


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket. Raises CannotStart, naming ``setting``, when the address is not to be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as exc:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({exc.strerror}); stop what uses it or set {setting}"
        ) from exc
    listening.setblocking(False)
    return listening


def address_of(listening: socket.socket) -> str:
    """Return where it listens, for the log."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
