"""Two whole venues onto the bus at a steady rate, as their ingests would: 379 pairs of BtcTurk, 600 shares.

Arguments: Redis URL, messages a second. Says `true` once both are there, and goes on until it is killed.
"""

import asyncio
import itertools
import json
import sys
import time

import uvloop

from spark_bus.connection import connect
from spark_bus.feed import FeedState
from spark_bus.publisher import Outgoing, Publisher, outgoing
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat
from support.examples import a_book, a_ticker, a_trade

PAIRS, SHARES = 379, 600
_STEP_S = 0.02
_OF_SHARES = 0.2


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Source:
    """One venue."""

    def __init__(self, url: str, venue: str, symbols: int, channels: tuple[str, ...]) -> None:
        self.venue = venue
        self._channels = channels
        self._publisher = Publisher(connect(url), venue, Mode.MOCK)
        self._symbols = [f"S{number:03}_TRY" for number in range(symbols)]
        self._turns = itertools.cycle(self._made())
        self._heard: dict[str, int] = {}
        self._since = now_ms()

    def _made(self) -> list[Outgoing]:
        """Return messages that were encoded once: making them is not what is measured."""
        examples = {"ticker": a_ticker, "trade": a_trade, "book": a_book}
        return [outgoing(examples[channel](1, symbol)) for symbol in self._symbols for channel in self._channels]  # type: ignore[operator]

    async def run(self, a_second: float, there: asyncio.Event) -> None:
        await self._publisher.claim()
        await self._publisher.append([])
        due, owed, beat_at = time.monotonic(), 0.0, 0.0
        while True:
            owed += a_second * _STEP_S
            batch = list(itertools.islice(self._turns, int(owed)))
            owed -= len(batch)
            at = now_ms()
            self._heard.update({f"{message.channel}:{message.symbol}": at for message in batch})
            await self._publisher.append(batch)
            if time.monotonic() > beat_at:
                beat_at = time.monotonic() + 1
                await self._beat()
                there.set()
            due += _STEP_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _beat(self) -> None:
        """Every pair's ticker is heard each second, news or not."""
        at = now_ms()
        self._heard.update({f"ticker:{symbol}": at for symbol in self._symbols})
        polled = self.venue == "bist"
        heartbeat = Heartbeat(venue=self.venue, mode=Mode.MOCK, sent_at=at, connected=True, ages={"ticker": 0})
        state = FeedState(
            venue=self.venue, mode=Mode.MOCK, connected=True, connected_since=self._since, unproven=[], reconnects=0,
            subscriptions=len(self._heard), malformed=0, queued=0, dropped=0, source="poll" if polled else "websocket",
            poll_interval_ms=1_000 if polled else 0,
        )  # fmt: skip
        if await self._publisher.beat(heartbeat, self._heard, state) is None:
            await self._publisher.append([])


async def main(url: str, a_second: float) -> None:
    crypto = Source(url, "btcturk", PAIRS, ("ticker", "trade", "book"))
    shares = Source(url, "bist", SHARES, ("ticker",))
    there = [asyncio.Event(), asyncio.Event()]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crypto.run(a_second * (1 - _OF_SHARES), there[0]))
        tasks.create_task(shares.run(a_second * _OF_SHARES, there[1]))
        for each in there:
            await each.wait()
        print(json.dumps(True), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], float(sys.argv[2])))
