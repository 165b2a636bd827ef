"""What the gateway is measured against: FastAPI as its documentation shows it. Arguments: Redis URL, port.

The stream is FastAPI's own `EventSourceResponse`, which drains each client's queue; the current ticker a route with a
pydantic response model, which is filled from the message as it comes in.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from bench.peer_feed import Queues
from bench.sse_lines import PATH
from bench.ticker_source import example


class TickerData(BaseModel):
    """The figures of a ticker."""

    venue: str
    symbol: str
    mode: str
    price: float
    bid: float
    ask: float
    bidSize: float  # noqa: N815, the wire's names
    askSize: float  # noqa: N815
    open: float
    previousClose: float | None  # noqa: N815
    high: float
    low: float
    volume: float
    vwap: float
    change: float
    changePct: float  # noqa: N815
    venueTime: int | None  # noqa: N815
    receivedAt: int  # noqa: N815


class TickerMessage(BaseModel):
    """A ticker as the gateway answers it."""

    type: str
    data: TickerData


def main(url: str, port: int) -> None:
    queues = Queues(url)
    current: dict[str, Any] = {"BTC_TRY": msgspec.json.decode(example())}
    app = FastAPI(lifespan=queues.lifespan)

    @app.get(PATH, response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        async for event in queues.events():
            yield ServerSentEvent(id=event.id, raw_data=event.data)

    @app.get("/api/market/{venue}/ticker")
    async def ticker(venue: str, symbol: str) -> TickerMessage:
        return TickerMessage.model_validate(current[symbol])

    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning",
        backlog=4096,
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
