"""What the gateway is measured against: the usual way to fan a Redis stream out, with sse-starlette.

An ``EventSourceResponse`` drains each client's queue. Arguments: Redis URL, port.
"""

import sys
from collections.abc import AsyncIterator

import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from bench.peer_feed import Queues
from bench.sse_lines import PATH


def main(url: str, port: int) -> None:
    queues = Queues(url)

    async def events() -> AsyncIterator[dict[str, str]]:
        async for event in queues.events():
            yield {"id": event.id, "data": event.data}

    async def stream(_: Request) -> EventSourceResponse:
        return EventSourceResponse(events())

    app = Starlette(routes=[Route(PATH, stream)], lifespan=queues.lifespan)
    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning",
        backlog=4096,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
