"""One of the gateway's servers in this process, for as long as a test needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spark_gateway.server import Server
from support.eventually import eventually
from support.running import running


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[None]:
    """Run a server, and stop it as it stops in a gateway."""
    async with running(server.run_until_stopped()) as task:
        await eventually(lambda: server.started, what="a server")
        try:
            yield
        finally:
            server.stop()
            await asyncio.wait({task})
