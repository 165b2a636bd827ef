"""A second port that speaks TLS, whose handshakes can be made to wait: the client is connected, and nothing comes."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from spark_service.lifecycle import CannotStart, end
from spark_simulator.faults import Faults

_BACKLOG = 128


def context(certificate: Path) -> ssl.SSLContext:
    """Return what speaks TLS with the certificate and key in one PEM file. Raises CannotStart."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as exc:
        raise CannotStart(
            f"{certificate} is no certificate with its key ({exc}); correct SPARK_SIMULATOR_TLS_CERTIFICATE"
        ) from exc
    return made


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises OSError."""
    listening = socket.create_server((host, port), backlog=_BACKLOG)
    listening.setblocking(False)
    return listening


@contextlib.asynccontextmanager
async def served(
    server: web.Server, made: ssl.SSLContext, listening: socket.socket, faults: Faults
) -> AsyncIterator[None]:
    """Serve who comes to ``listening`` while the context lasts."""
    accepting = asyncio.create_task(_accept(server, made, listening, faults))
    try:
        yield
    finally:
        await end([accepting])
        listening.close()


async def _accept(server: web.Server, made: ssl.SSLContext, listening: socket.socket, faults: Faults) -> None:
    loop = asyncio.get_running_loop()
    greeting: set[asyncio.Task[None]] = set()
    try:
        while True:
            client, _ = await loop.sock_accept(listening)
            task = asyncio.create_task(_greet(server, made, client, faults))
            greeting.add(task)
            task.add_done_callback(greeting.discard)
    finally:
        await end(list(greeting))


async def _greet(server: web.Server, made: ssl.SSLContext, client: socket.socket, faults: Faults) -> None:
    try:
        if (slow := faults.slow_tls.current) is not None:
            await asyncio.sleep(slow.delay)
        await asyncio.get_running_loop().connect_accepted_socket(server, client, ssl=made)
    except (OSError, asyncio.CancelledError):  # it left, or does not trust us; an SSLError is an OSError
        client.close()
