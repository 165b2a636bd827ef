"""Puts tickers of one symbol onto the bus at a steady rate, as an ingest would: outbox, carrier, publisher.

Arguments: Redis URL, symbol. Says `true` when the venue is on the bus; then each line on its standard input,
`TICKS-A-SECOND SECONDS`, has it publish for so long.
"""

import asyncio
import sys
import time
from decimal import Decimal

import msgspec

from spark_bus.carrier import Beat, Carrier
from spark_bus.connection import connect
from spark_bus.outbox import Outbox
from spark_bus.publisher import Publisher, outgoing
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from spark_service.backoff import backoff
from support.eventually import eventually
from support.examples import VENUE, Notes, a_feed_state, a_heartbeat

_LONGEST_S = 120.0
_EXAMPLE = Ticker(
    venue=VENUE, symbol="BTC_TRY", mode=Mode.MOCK, price=Decimal("3512500"), bid=Decimal("3512001"),
    ask=Decimal("3512987"), bid_size=Decimal("0.01824519"), ask_size=Decimal("0.11423847"), open=Decimal("3475060"),
    high=Decimal("3540000"), low=Decimal("3466112"), volume=Decimal("28.13590871"), vwap=Decimal("3503918.72153346"),
    change=Decimal("37440"), change_pct=Decimal("1.08"), venue_time=None, received_at=0,
)  # fmt: skip


async def main(url: str, symbol: str) -> None:
    redis = connect(url)
    outbox, notes = Outbox(VENUE), Notes()
    carrier = Carrier(
        Publisher(redis, VENUE, Mode.MOCK), outbox,
        beat=lambda: Beat(a_heartbeat(), {}, a_feed_state()), instruments=dict, waits=backoff, watcher=notes,
    )  # fmt: skip
    await carrier.claim()
    _publish(outbox, symbol, 0)
    carrying = asyncio.create_task(carrier.run())
    await eventually(lambda: notes.carried, what="the first ticker on the bus")
    print("true", flush=True)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            ticks_per_s, seconds = map(float, line.split())
            await _publish_for(outbox, symbol, ticks_per_s, min(seconds, _LONGEST_S))
    finally:
        carrying.cancel()
        await redis.aclose()


async def _publish_for(outbox: Outbox, symbol: str, ticks_per_s: float, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(1, int(seconds * ticks_per_s) + 1):
        await asyncio.sleep(max(0.0, began + number / ticks_per_s - loop.time()))
        _publish(outbox, symbol, number)


def _publish(outbox: Outbox, symbol: str, number: int) -> None:
    ticker = msgspec.structs.replace(
        _EXAMPLE, symbol=symbol, price=3_500_000 + Decimal(number), received_at=time.time_ns() // 1_000_000
    )
    outbox.put([outgoing(ticker)])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
