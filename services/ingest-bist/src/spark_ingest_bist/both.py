"""A source that is asked and sends by itself, too: one shows what the other has missed."""

from typing import Literal

from spark_ingest_bist.session import Session
from spark_service.lifecycle import run_together


class Both:
    """Implements `Session`; what is said of the connection is the socket's, unless only asking works."""

    def __init__(self, socket: Session, asking: Session) -> None:
        self._socket = socket
        self._asking = asking

    @property
    def kind(self) -> Literal["poll", "websocket"]:
        """How prices come now."""
        return "poll" if self._socket.connected_since is None else "websocket"

    @property
    def connected_since(self) -> int | None:
        """Since when either way works."""
        since = self._socket.connected_since
        return self._asking.connected_since if since is None else since

    @property
    def trouble(self) -> str | None:
        """What either failed with."""
        return self._socket.trouble or self._asking.trouble

    @property
    def sockets(self) -> tuple[int, int]:
        """The socket's."""
        return self._socket.sockets

    def missing(self) -> list[str]:
        """Return what it does not have when asked."""
        return self._asking.missing()

    def never_had(self) -> set[str]:
        """Return those of them that it never had."""
        return self._asking.never_had()

    async def run(self) -> None:
        """Ask and listen until cancelled."""
        await run_together([self._socket.run(), self._asking.run()])
