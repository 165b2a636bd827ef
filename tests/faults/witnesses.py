"""The simulator and the bus, asked over their own sockets what was sent and what was published, and compared."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx
from redis.asyncio import Redis

from spark_bus import keys
from spark_market import wire
from spark_market.messages import Book, Gap, Message, Ticker, Trade
from support import account
from support.account import Entry, Happened, Row, Step
from support.eventually import eventually

SYMBOLS = ("BTC_TRY", "ETH_TRY")
LIVELY = {"interval_ms": 100, "change_probability": 1, "trades_per_minute": 240, "snapshot_delay_ms": 20}
"""Ten tickers and deltas a second and pair, none a repeat, and three or four trades."""

_LOOK_AGAIN_S = 0.05  # an account of everything is not to be had for nothing, and all of this shares two cores

Told = tuple[str | None, str | None, str]
"""A gap's channel, symbol and cause."""


class Missing(NamedTuple):
    """What was sent, or happened, and never came to the bus; of every symbol together."""

    tickers: list[Row]
    trades: list[Happened]
    books: list[Step]


class Venue:
    """What the simulator says of itself."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._read: dict[str, list[Entry]] = {}

    async def order(self, fault: str, **fields: Any) -> None:
        """Let something go wrong."""
        answer = await self.http.post("/control/faults", json={"fault": fault, **fields})
        assert answer.status_code == 200, answer.text

    async def clear(self) -> None:
        """Let all be well again."""
        await self.http.delete("/control/faults")

    async def state(self) -> Any:
        return (await self.http.get("/control/state")).json()

    async def book(self, pair: str) -> Any:
        return (await self.http.get("/control/book", params={"pair": pair})).json()

    async def frames(self, *types: int | str) -> list[Entry]:
        """Return the ledger: every frame that was handed to a socket, oldest first."""
        return [entry for entry in await self._all("ledger") if not types or entry["type"] in types]

    async def trades(self, pair: str | None = None) -> list[Entry]:
        """Return every trade that happened, sent or not."""
        return [entry for entry in await self._all("trades") if pair in (None, entry["pair"])]

    async def change_sets(self) -> list[Entry]:
        """Return every change of a book, sent or not."""
        return await self._all("changesets")

    async def _all(self, name: str) -> list[Entry]:
        read = self._read.setdefault(name, [])
        while True:
            after = read[-1]["seq"] if read else 0
            page = (await self.http.get(f"/control/{name}", params={"after": after, "limit": 10_000})).json()
            assert page["forgotten"] == 0, f"the account of {name} is too short for this test"
            read += page["entries"]
            if page["last"] == (read[-1]["seq"] if read else 0):
                return read


class Bus:
    """The stream, from its very first entry."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.messages: list[Message] = []
        """What was read so far."""
        self._last = "0-0"

    async def read(self) -> list[Message]:
        """Return all that there is by now."""
        while True:
            found: Any = await self.redis.xrange(keys.messages("btcturk"), min=f"({self._last}", count=1000)
            for entry, fields in found:
                self._last = entry.decode()
                message = wire.decode(fields[b"d"])
                assert message is not None
                self.messages.append(message)
            if not found:
                return self.messages

    async def gaps(self) -> list[Gap]:
        return [message for message in await self.read() if isinstance(message, Gap)]

    async def trades(self, symbol: str) -> list[str]:
        """Return the ids of a symbol's trades."""
        return [item.id for item in await self.read() if isinstance(item, Trade) and item.symbol == symbol]

    async def books(self, symbol: str) -> list[Book]:
        return [item for item in await self.read() if isinstance(item, Book) and item.symbol == symbol]

    async def tickers(self, symbol: str) -> list[Ticker]:
        return [item for item in await self.read() if isinstance(item, Ticker) and item.symbol == symbol]


class Witnesses:
    """The simulator and the bus, which are held against each other."""

    def __init__(self, venue: Venue, bus: Bus) -> None:
        self.venue = venue
        self.bus = bus

    @property
    def pairs(self) -> Mapping[str, str]:
        """The venue's spelling of every symbol that is carried."""
        return {symbol: symbol.replace("_", "") for symbol in SYMBOLS}

    async def settle(self) -> None:
        """Let the market stand still, and return once the bus has all of it; then let the venue fall silent."""
        await self.venue.clear()
        for pair in (await self.venue.state())["pairs"]:
            await self.venue.order("halt", pair=pair)
        halted_ms = time.time() * 1000

        async def has_told() -> bool:  # a moment of each pair, in which it told of what had happened before the halt
            await asyncio.sleep(_LOOK_AGAIN_S)
            after = [frame for frame in await self.venue.frames(401, 402) if frame["at"] > halted_ms]
            together = sum(frame["type"] == 401 for frame in after) > 1
            return together or {*self.pairs.values()} <= {frame["event"] for frame in after}

        await eventually(has_told, 10, "the last tickers")
        await eventually(self.is_current, 10, "a bus that has everything")
        await self.venue.order("silence", seconds=600)

    async def is_current(self) -> bool:
        """Return whether the bus ends with the venue's own tickers, books and trades."""
        await asyncio.sleep(_LOOK_AGAIN_S)
        messages = await self.bus.read()
        frames, trades = await self.venue.frames(), await self.venue.trades()
        for symbol, pair in self.pairs.items():
            tickers, rows = await self.bus.tickers(symbol), account.rows_sent(frames, pair)
            if not tickers or not rows or account.figures_of(tickers[-1]) != rows[-1].figures:
                return False
            due = account.trades_due(frames, trades, pair)
            if not {trade.id for trade in due[-1:]} <= {*await self.bus.trades(symbol)}:
                return False
            if not account.is_book(account.read_book(messages, symbol), await self.venue.book(pair)):
                return False
        return True

    async def compared(self, gaps: Sequence[Told], *, any_order: bool = False, chain: bool = False) -> Missing:
        """Settle, and compare all that was sent with all that is on the bus; return what is missing, all disclosed.

        ``gaps`` are all gaps that there are to be. With ``any_order`` trades are not held to the order in which they
        happened. With ``chain`` there were several ingests, one after the other.
        """
        await self.settle()
        messages, frames, trades = await self.bus.read(), await self.venue.frames(), await self.venue.trades()
        missing = Missing([], [], [])
        for symbol, pair in self.pairs.items():
            missing.tickers.extend(account.tickers_held_to_account(messages, frames, symbol, pair))
            if any_order:
                ids = await self.bus.trades(symbol)
                assert sorted(ids) == sorted(trade.id for trade in account.trades_due(frames, trades, pair))
            else:
                missing.trades.extend(account.trades_held_to_account(messages, frames, trades, symbol, pair))
            held_to_account = account.chain_held_to_account if chain else account.books_held_to_account
            missing.books.extend(held_to_account(messages, frames, symbol, pair))
        assert sorted(map(told, await self.bus.gaps()), key=str) == sorted(gaps, key=str)
        return missing


def print_healed(took_s: float) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[2].partition(" ")[0]
    print(f"healed in {took_s:.1f} s: {test}")


def told(gap: Gap) -> Told:
    return gap.channel, gap.symbol, gap.cause
