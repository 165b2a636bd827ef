"""HTTP on one connection: uvicorn's protocol, with bounds on what a client may send and how long it may take.

uvicorn leaves these bounds to a proxy in front of it: neither it nor its parser limits the size of a request or the
time until it is complete. This module and `server` are the only ones that know uvicorn's insides.
"""

import asyncio
import enum
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from spark_gateway.answers import written
from spark_gateway.instant import Answer
from spark_gateway.member import Transport
from spark_gateway.problems import Problem
from spark_gateway.room import Room
from spark_gateway.transports import Gone, Unframed

REQUEST_WITHIN_S: Final = 10.0
"""From a connection's beginning to the first byte, and from the first byte of a request to its last."""
MOST_HEAD_BYTES: Final = 32 * 1024
"""Request line and headers."""
MOST_BODY_BYTES: Final = 64 * 1024
"""No route wants a body; so much is read and ignored, at least."""
MOST_WAITING: Final = 32
"""Requests that a client may send ahead of their answers."""
_READ_ON_WITH: Final = 4
"""So many of them may wait while more is read. Who does not read does not see the client leave either."""
_STUCK_AFTER: Final = 6
"""Looks, ten seconds apart, at which a client had taken nothing of what it is to get. Streams are judged earlier."""
_WITHOUT_CHUNKS: Final = ("1.0", "0.9")
_MORE_THAN_PLAIN: Final = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
"""Header fields of requests with something to come after the head, or that want more than an answer."""
_LINGER_S: Final = 2.0
"""How long what still comes after a refusal is read and thrown away: closing at once would destroy the answer."""
_BLANK_LINE: Final = b"\r\n\r\n"


class _Phase(enum.Enum):
    BETWEEN = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()


AtOnce = Callable[[bytes, Any], Answer | None]
"""Of a GET's target and a scope with its headers and client: the answer, if that needs no waiting; or None."""


class _TooFarAhead(Exception):
    """The client sends requests faster than it is given answers."""


class Protocol(HttpToolsProtocol):
    """One connection. What it may not do is answered with a problem, where an answer can still be told apart."""

    # There are thousands of these: uvicorn's own attributes just fit into what Python shares among instances.
    __slots__ = (
        "_answering", "_body", "_due", "_instant", "_left", "_over", "_phase", "_refused", "_room", "_still", "_unsent",
    )  # fmt: skip

    def __init__(self, *, room: Room, instant: AtOnce | None = None, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._room = room
        self._instant = instant
        self._phase = _Phase.BETWEEN
        self._left = MOST_HEAD_BYTES
        self._over = False  # a request has ended in the bytes that are being read
        self._body = 0  # and so many of them were the body of the last one whose head is whole
        self._refused = False
        self._answering: RequestResponseCycle | None = None  # uvicorn knows only the newest, which may wait behind it
        self._due: asyncio.TimerHandle | None = None
        self._unsent = self._still = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless there are too many connections already."""
        super().connection_made(transport)
        if len(self.connections) > self._room.most:
            # Without a word: to a browser's EventSource an error is final, while after a cut it comes back.
            self._refused = True
            self._room.full()
            transport.abort()
        else:
            self._due = self.loop.call_later(REQUEST_WITHIN_S, self._overdue)

    def on_response_complete(self) -> None:
        """Go on with the next request that waits, if any."""
        waiting = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        self._answering = waiting
        if self._phase is _Phase.HEAD and self._due is not None:  # the next request has begun, and has its own time
            self._unset_keepalive_if_required()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._finish_waiting()
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn forgets it when the connection was cut

    def data_received(self, data: bytes) -> None:
        """Take in what has come, by pieces that are within bounds."""
        self._unset_keepalive_if_required()
        while data and not self._refused:
            most = min(self._left, MOST_HEAD_BYTES)  # so no head that is whole in one piece is too large
            piece, data = data[:most], data[most:]
            self._over, self._body = False, 0
            self._parse(piece)
            if self._phase is not _Phase.BETWEEN:
                self._left -= len(piece) - self._before_head(piece)
                if not self._left and not self._refused:
                    self._refuse_size()
        if self._phase is _Phase.HEAD:  # the request before it may have been answered at once
            self._unset_keepalive_if_required()
        waits = self._phase is not _Phase.BETWEEN or self.cycle is None or self.cycle.response_complete
        if waits and self._due is None and self.timeout_keep_alive_task is None and not self._refused:
            self._due = self.loop.call_later(REQUEST_WITHIN_S, self._overdue)

    def _before_head(self, piece: bytes) -> int:
        """Return how much of a piece belongs to the requests before the one whose head is not whole at its end.

        There is no blank line in that: one before it ends a head, which a body may follow, or chunks.
        """
        if not self._over or self._phase is not _Phase.HEAD:
            return 0
        blank = piece.rfind(_BLANK_LINE)
        before = (0 if blank < 0 else blank + len(_BLANK_LINE)) + self._body
        return len(piece) - len(piece[before:].lstrip(b"\r\n"))  # of a blank line the piece may have but the end

    def _parse(self, piece: bytes) -> None:
        try:
            while piece:
                try:
                    self.parser.feed_data(piece)
                    return
                except httptools.HttpParserUpgrade as exc:  # answered as if it had not asked for another protocol
                    piece = piece[exc.args[0] :]
        except httptools.HttpParserError as exc:
            if isinstance(exc.__context__, _TooFarAhead):
                self._refuse("pipelined", 400, "Too many requests at once", "Wait for answers before you ask for more")
            else:
                self._refuse("malformed", 400, "Malformed request", "This is not HTTP that can be understood")

    def on_message_begin(self) -> None:
        """Start reading a head."""
        if len(self.pipeline) >= MOST_WAITING:
            raise _TooFarAhead
        self._finish_waiting()
        self._phase = _Phase.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer the request, or start it; its body, if any, is ignored."""
        if not self._answer_at_once():
            super().on_headers_complete()
            if not self.pipeline:
                self._answering = self.cycle
            elif len(self.pipeline) <= _READ_ON_WITH:
                self.flow.resume_reading()  # uvicorn stops with the first
            if self.scope["http_version"] in _WITHOUT_CHUNKS:
                self.cycle.transport = Unframed(self.transport)  # type: ignore[assignment]
        self._phase, self._body = _Phase.BODY, 0
        self._left = MOST_BODY_BYTES + MOST_HEAD_BYTES  # what of the head came in the same piece counts as well

    def _answer_at_once(self) -> bool:
        """Answer without the application, and the task that it would take, if that can be; return whether it was."""
        if self._instant is None or not self._is_plain():
            return False
        try:
            answer = self._instant(self.url, self.scope)
        except Exception:  # the parser would take it for the client's fault
            self.logger.exception("could not answer at once")
            return False
        if answer is None:
            return False
        self.transport.write(self._framed(*answer))
        self.on_response_complete()
        return True

    def _is_plain(self) -> bool:
        """Return whether this is a GET and nothing else: no request before it is unanswered, no more of it follows."""
        if self._over or self.flow.write_paused or not (self.cycle is None or self.cycle.response_complete):
            return False
        parser = self.parser
        if parser.get_method() != b"GET" or not parser.should_keep_alive() or parser.get_http_version() != "1.1":
            return False
        for name, _ in self.headers:  # noqa: SIM110, a generator costs more than the loop
            if name in _MORE_THAN_PLAIN:
                return False
        return True

    def on_body(self, body: bytes) -> None:
        """Count it, and let it go."""
        self._body += len(body)

    def on_chunk_complete(self) -> None:
        """After chunks comes a blank line."""
        self._body = 0

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._finish_waiting()
        self._phase, self._left, self._over = _Phase.BETWEEN, MOST_HEAD_BYTES, True
        if self.cycle is not None:  # there is none before the first that was not answered at once
            super().on_message_complete()

    def _finish_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _overdue(self) -> None:
        self._due = None
        if self.flow.read_paused:  # it is us who do not read
            self._due = self.loop.call_later(REQUEST_WITHIN_S, self._overdue)
        elif self._phase is _Phase.BETWEEN:
            # Nothing has come at all. An answer could be taken for that to a request which is on its way right now.
            self._refused = True
            self._room.refused("idle")
            self.transport.close()
        else:
            within = f"It was not complete within {REQUEST_WITHIN_S:g} s"
            self._refuse("timeout", 408, "Request timeout", within)

    def _refuse_size(self) -> None:
        if self._phase is _Phase.HEAD:
            most = f"Request line and headers take up to {MOST_HEAD_BYTES} bytes"
            self._refuse("head", 431, "Request header fields too large", most)
        else:
            self._refuse("body", 413, "Content too large", "No route here takes a body")

    def _refuse(self, reason: str, status: int, title: str, detail: str) -> None:
        """End the connection, with a problem if nothing else is being answered."""
        self._refused = True
        self._room.refused(reason)
        self._finish_waiting()
        if self.transport.is_closing() or not self._is_answerable():
            self.transport.abort()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.transport = Gone()  # type: ignore[assignment]
            self.cycle.message_event.set()
        self.transport.write(self._problem(status, title, detail))
        if self.transport.is_closing():  # it is gone already
            return
        self.flow.resume_reading()
        self.transport.write_eof()
        self._due = self.loop.call_later(_LINGER_S, self.transport.abort)

    def _is_answerable(self) -> bool:
        """Return whether an answer now would be taken for that to the request that is refused."""
        if self.cycle is None:
            return True
        if self.cycle.scope is self.scope:  # its headers were whole: it may have been answered already
            return not self.cycle.response_started and not self.pipeline
        return self.cycle.response_complete

    def look_after(self) -> None:
        """Drop a client that takes nothing of its answer; to be called every ten seconds."""
        unsent = self.transport.get_write_buffer_size()
        self._still = self._still + 1 if unsent and unsent == self._unsent else 0
        self._unsent = unsent
        if self._still >= _STUCK_AFTER:
            self._room.refused("stuck")
            self.transport.abort()

    def _problem(self, status: int, title: str, detail: str) -> bytes:
        answer = Problem(status, title, detail).response()
        headers = written([*answer.raw_headers, (b"connection", b"close")])
        return self._framed(status, b"%b\r\n%b" % (headers, bytes(answer.body)))

    def _framed(self, status: int, rest: bytes) -> bytes:
        return b"%b%b%b" % (STATUS_LINE[status], written(self.server_state.default_headers), rest)


def transport_of(send: Callable[..., object]) -> Transport:
    """Return the socket behind uvicorn's ``send``.

    ASGI's own ``send`` waits while one client's buffer is full, which would hold up all the others; there is no
    public way to ask first.
    """
    transport: Transport = send.__self__.transport  # type: ignore[attr-defined]
    return transport


def descriptor_of(transport: Transport) -> int | None:
    """Return the descriptor behind a transport that sends what it is given as it is; None if it does not."""
    if isinstance(transport, Unframed | Gone):
        return None
    extra: Callable[[str], Any] = transport.get_extra_info  # type: ignore[attr-defined]
    return None if extra("sslcontext") else int(extra("socket").fileno())
