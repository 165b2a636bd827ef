"""Puts tickers onto the bus at a steady rate, as an ingest would: outbox, carrier, publisher.

Argument: Redis URL. Says `true` when the venue is on the bus. Then a line on its standard input, `FIRST COUNT
TICKS-A-SECOND SYMBOLS FILE`, has it publish so many, the symbols in turn, each with the next number from FIRST on as
its price. It says `true` when Redis has acknowledged them, and FILE has the times (ns, monotonic) when they were handed
to the outbox, in order: of Redis's answer it would learn late when all else is busy.
"""

import asyncio
import sys
import time
from array import array
from decimal import Decimal
from functools import partial

import msgspec
import uvloop

from bench.sse_lines import symbols
from spark_bus.carrier import Beat, Carrier
from spark_bus.connection import connect
from spark_bus.outbox import Outbox
from spark_bus.publisher import Outgoing, Publisher, outgoing
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from spark_service.backoff import backoff
from spark_service.lifecycle import end
from support.eventually import eventually
from support.examples import VENUE, Notes, a_feed_state, a_heartbeat, an_instrument

FIRST = 1_000_000
"""The first number: all have as many digits."""
_LATE_S = 30.0
_MOST_SYMBOLS = 1_000
_EXAMPLE = Ticker(
    venue=VENUE, symbol="BTC_TRY", mode=Mode.MOCK, price=Decimal("3512500"), bid=Decimal("3512001"),
    ask=Decimal("3512987"), bid_size=Decimal("0.01824519"), ask_size=Decimal("0.11423847"), open=Decimal("3475060"),
    high=Decimal("3540000"), low=Decimal("3466112"), volume=Decimal("28.13590871"), vwap=Decimal("3503918.72153346"),
    change=Decimal("37440"), change_pct=Decimal("1.08"), venue_time=None, received_at=0,
)  # fmt: skip


class Acknowledged(Notes):
    """Counts the tickers that Redis has."""

    def __init__(self) -> None:
        super().__init__()
        self.tickers = 0

    def has(self, count: int) -> bool:
        """Return whether there are so many."""
        return self.tickers >= count

    def published(self, batch: list[Outgoing]) -> None:
        self.tickers += sum(message.channel == "ticker" for message in batch)


async def main(url: str) -> None:
    redis = connect(url)
    outbox, acknowledged = Outbox(VENUE), Acknowledged()
    directory = {symbol: an_instrument(symbol) for symbol in symbols(_MOST_SYMBOLS)}
    carrier = Carrier(
        Publisher(redis, VENUE, Mode.MOCK), outbox,
        beat=lambda: Beat(a_heartbeat(), {}, a_feed_state()), instruments=lambda: directory, waits=backoff,
        watcher=acknowledged,
    )  # fmt: skip
    await carrier.claim()
    _publish(outbox, symbols(1)[0], 0)
    carrying = asyncio.create_task(carrier.run())
    await eventually(lambda: acknowledged.tickers, what="the first ticker on the bus")
    print("true", flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            first, count, rate, number_of_symbols, file = line.split()
            acknowledged.tickers = 0
            at_ns = await _publish_all(outbox, int(first), int(count), float(rate), symbols(int(number_of_symbols)))
            await eventually(partial(acknowledged.has, int(count)), _LATE_S, "all tickers on the bus")
            with open(file, "wb") as out:  # noqa: ASYNC230, nothing waits for us now
                at_ns.tofile(out)
            print("true", flush=True)
    finally:
        await end([carrying])
        await redis.aclose()


async def _publish_all(outbox: Outbox, first: int, count: int, ticks_per_s: float, names: list[str]) -> "array[int]":
    """Return when each was published."""
    at_ns = array("q")
    loop = asyncio.get_running_loop()
    began = loop.time()
    for nth in range(count):
        if (early_s := began + nth / ticks_per_s - loop.time()) > 0:
            await asyncio.sleep(early_s)
        at_ns.append(time.monotonic_ns())
        _publish(outbox, names[nth % len(names)], first + nth)
    return at_ns


def _publish(outbox: Outbox, symbol: str, number: int) -> None:
    outbox.put([outgoing(_ticker(symbol, number))])


def _ticker(symbol: str, number: int) -> Ticker:
    return msgspec.structs.replace(
        _EXAMPLE, symbol=symbol, price=Decimal(number), received_at=time.time_ns() // 1_000_000
    )


def example() -> bytes:
    """Return such a ticker as it is on the bus."""
    return wire.encode(_ticker(symbols(1)[0], FIRST))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
