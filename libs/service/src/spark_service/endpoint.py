"""The small HTTP endpoint of a service that has no other: /metrics, /livez and /readyz."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from spark_service.lifecycle import CannotStart


class Pulse:
    """Shows that the event loop still turns: the loop beats, another thread looks."""

    def __init__(self, most_silent_s: float = 10.0) -> None:
        self._most_silent_s = most_silent_s
        self._last = time.monotonic()

    async def run(self) -> None:
        """Beat once a second for as long as the loop turns."""
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(1)

    def alive(self) -> bool:
        """Return whether it beat lately."""
        return time.monotonic() - self._last < self._most_silent_s


class _QuietHandler(WSGIRequestHandler):
    timeout = 10  # a client that sends half a request does not hold its thread for ever

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not news."""


@contextmanager
def serving(
    registry: CollectorRegistry,
    *,
    host: str,
    port: int,
    setting: str,
    alive: Callable[[], bool],
    ready: Callable[[], bool],
) -> Iterator[int]:
    """Serve in a thread while the context lasts; yields the port.

    Raises CannotStart, naming ``setting``, when the port is taken.
    """
    app = _app(make_wsgi_app(registry), alive, ready)
    try:
        server = make_server(host, port, app, server_class=ThreadingWSGIServer, handler_class=_QuietHandler)
    except OSError as exc:
        raise CannotStart(
            f"cannot listen on {host}:{port} ({exc.strerror}); stop what uses it or set {setting}"
        ) from exc
    thread = threading.Thread(target=server.serve_forever, name="endpoint", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _app(metrics: WSGIApplication, alive: Callable[[], bool], ready: Callable[[], bool]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/livez":
                return _plain(start_response, alive(), "alive", "the event loop stands still")
            case "/readyz":
                return _plain(start_response, ready(), "ready", "not ready")
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"try /metrics, /livez or /readyz\n"]

    return app


def _plain(start_response: StartResponse, good: bool, yes: str, no: str) -> list[bytes]:
    start_response("200 OK" if good else "503 Service Unavailable", [("Content-Type", "text/plain")])
    return [f"{yes if good else no}\n".encode()]
