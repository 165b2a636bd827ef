"""A bus, replicas of the gateway and their readers, moved step by step: every moment of a race can be had at will.

The bus is a real Redis, written by hand with ids of the test's choice. The replicas are the gateway's own parts without
their clocks. A client believes a book only as the documentation of the streams allows, and compares each state of each
book with the truth.
"""

import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.cursor import Cursor, EntryId, parse
from spark_bus.reader import Entry, take_snapshot
from spark_gateway.feed import Feed
from spark_gateway.hub import Hub
from spark_gateway.joining import Joining
from spark_gateway.member import FULL_BYTES, Member
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.resume import Opening
from spark_gateway.subscription import CHANNELS, Interest, Subscription
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Trade
from spark_market.orderbook import OrderBook
from spark_service.lifecycle import end
from support.examples import NOON, VENUE, Notes, a_ticker

RING = 12
SYMBOLS = ("BTC_TRY", "ETH_TRY")
VENUES = ("bist", VENUE)
"""A stream of both names them in this order."""

Levels = tuple[tuple[tuple[Decimal, Decimal], ...], tuple[tuple[Decimal, Decimal], ...]]


def levels(book: OrderBook) -> Levels:
    return book.bids.levels(), book.asks.levels()


class Bus:
    """What an ingest of one venue would have published, and the truth about it."""

    def __init__(self, redis: Redis, venue: str, seed: int) -> None:
        self.redis = redis
        self.venue = venue
        self.entries: list[Entry] = []
        self.truth: dict[tuple[str, str], Levels] = {}
        self.sequence: dict[str, int] = {}
        self.trades = 0
        self.tickers = 0
        self.torn = False
        self.epoch = 0
        self._books: dict[str, OrderBook] = {}
        self._void = set(SYMBOLS)
        self._random = Random(seed)

    async def new_epoch(self) -> None:
        """Redis lost something: every current value is published again."""
        self.epoch += 1
        await self.redis.delete(keys.latest(self.venue))
        await self.redis.set(keys.epoch(self.venue), f"e{self.epoch}")
        await self._append("instruments", "", b"{}")
        for symbol in SYMBOLS:
            await self.snapshot(symbol)
            await self.ticker(symbol)

    async def _append(self, kind: str, symbol: str, data: bytes, latest: str = "") -> None:
        entry = Entry(EntryId(1_000 + len(self.entries), 0), kind, symbol, data)
        await self.redis.xadd(keys.messages(self.venue), {"k": kind, "s": symbol, "d": data}, id=str(entry.id))
        self.entries.append(entry)
        if latest:
            await self._hold(latest, data)

    async def _hold(self, name: str, data: bytes) -> None:
        await self.redis.hset(keys.latest(self.venue), name, b"%b %b" % (str(self.entries[-1].id).encode(), data))

    def _message(self, symbol: str, previous: int | None, changes: OrderBook | tuple[Any, Any]) -> Book:
        bids, asks = levels(changes) if isinstance(changes, OrderBook) else changes
        return Book(
            venue=self.venue, symbol=symbol, mode=Mode.MOCK, sequence=str(self.sequence[symbol]),
            previous=None if previous is None else str(previous), bids=bids, asks=asks,
            venue_time=None, received_at=NOON + len(self.entries),
        )  # fmt: skip

    def _note(self, symbol: str) -> None:
        self.truth[symbol, str(self.sequence[symbol])] = levels(self._books[symbol])

    def _some_levels(self, lowest: int) -> tuple[tuple[Decimal, Decimal], ...]:
        draw = self._random
        prices = draw.sample(range(lowest, lowest + 12), draw.randint(0, 4))
        return tuple((Decimal(price), Decimal(draw.choice([0, 0, 1, 2, 3])) / 10) for price in prices)

    async def snapshot(self, symbol: str) -> None:
        """A new book with a new number, as after a resync."""
        self._void.discard(symbol)
        self.sequence[symbol] = self.sequence.get(symbol, 0) + 1_000
        self._books[symbol] = OrderBook(self._some_levels(100), self._some_levels(200))
        self._note(symbol)
        await self._append(
            "book", symbol, wire.encode(self._message(symbol, None, self._books[symbol])), f"book:{symbol}"
        )

    async def delta(self, symbol: str) -> None:
        if symbol in self._void:  # after a gap a book begins anew
            await self.snapshot(symbol)
        changes = self._some_levels(100), self._some_levels(200)
        previous = self.sequence[symbol]
        self.sequence[symbol] += 1
        self._books[symbol].apply(*changes)
        self._note(symbol)
        await self._append("book", symbol, wire.encode(self._message(symbol, previous, changes)))

    async def lost_delta(self, symbol: str) -> None:
        """What must never be: the chain is torn, and nobody said so."""
        self._void.discard(symbol)
        self.sequence[symbol] += 1
        self._books[symbol].apply(((Decimal(105), Decimal(9)),), ())
        self._note(symbol)
        self.torn = True
        await self.delta(symbol)

    async def refresh(self, symbol: str) -> None:
        if symbol not in self._void:
            await self._hold(f"book:{symbol}", wire.encode(self._message(symbol, None, self._books[symbol])))

    async def gap(self, symbol: str | None) -> None:
        self._void.update(SYMBOLS if symbol is None else [symbol])
        gap = Gap(venue=self.venue, channel="book", symbol=symbol, from_=0, to=NOON, cause="sequence")
        await self._append("gap", symbol or "", wire.encode(gap))

    async def trade(self, symbol: str) -> None:
        self.trades += 1
        trade = Trade(
            venue=self.venue, symbol=symbol, mode=Mode.MOCK, id=str(self.trades), price=Decimal(1), size=Decimal(1),
            side=None, venue_time=NOON, received_at=NOON + len(self.entries),
        )  # fmt: skip
        await self._append("trade", symbol, wire.encode(trade))

    async def ticker(self, symbol: str) -> None:
        self.tickers += 1
        data = wire.encode(
            msgspec.structs.replace(a_ticker(self.tickers, symbol, NOON + len(self.entries)), venue=self.venue)
        )
        await self._append("ticker", symbol, data, f"ticker:{symbol}")

    async def other(self) -> None:
        await self._append("weather", "", b"{}")

    async def trim(self, left: int) -> None:
        await self.redis.xtrim(keys.messages(self.venue), maxlen=left, approximate=False)


class Socket:
    """A transport that keeps what is written until the client takes it; ``room`` is how many writes fill it."""

    def __init__(self) -> None:
        self.written = b""
        self.room: float = math.inf
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data
        self.room -= 1

    def get_write_buffer_size(self) -> int:
        return 0 if self.room > 0 else FULL_BYTES + 1

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort

    def blocks(self) -> list[bytes]:
        """Return what was written, event by event."""
        text, rest = b"", self.written
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            assert length, "an empty chunk ends the response"
            text, rest = text + rest[:length], rest[length + 2 :]
        return text.split(b"\n\n")[:-1]


class Replica:
    """One gateway: it reads the bus, flushes its groups, and looks after the slow when it is told to."""

    def __init__(self, buses: Sequence[Bus]) -> None:
        self.buses = {bus.venue: bus for bus in buses}
        redis = buses[0].redis
        self.metrics = GatewayMetrics(CollectorRegistry())
        self.hub = Hub(redis, list(self.buses), self.metrics, "")
        for venue in self.buses:
            self.hub.feeds[venue] = Feed(venue, self.metrics, RING)
        self.opening = Opening(self.hub, redis, self.metrics)
        self._joining = {venue: Joining(redis, feed, Notes()) for venue, feed in self.hub.feeds.items()}

    async def start(self, recent: int) -> None:
        """Begin, or begin again, at what the bus holds now."""
        for venue in self.buses:
            await self.load(venue, recent)

    async def load(self, venue: str, recent: int) -> None:
        snapshot = await take_snapshot(self.buses[venue].redis, venue, recent)
        assert snapshot is not None
        self.hub._restart(self.hub.feeds[venue], snapshot)

    async def read(self, venue: str, most: int) -> None:
        bus, feed = self.buses[venue], self.hub.feeds[venue]
        position = feed.position
        if position is None or position.epoch != f"e{bus.epoch}":
            await self.load(venue, RING)
            return
        news = [entry for entry in bus.entries if entry.id > position.entry][:most]
        if news:
            self.hub._append(feed, news)

    async def join(self) -> None:
        """Join the books that wait for it."""
        for venue, feed in self.hub.feeds.items():
            if feed.position is not None and feed.books.bases:
                await self._joining[venue].join()

    def flush(self) -> None:
        for group in list(self.hub._groups.values()):
            group.flush()

    def catch_up(self) -> None:
        for group in list(self.hub._groups.values()):
            group.catch_up()

    def ping(self) -> None:
        """Ask for a ping with the next flush, or let the one that was asked for go alone."""
        for group in list(self.hub._groups.values()):
            group.ping(time.monotonic() + 11)


@dataclass
class Client:
    """One reader, over all its connections. It fails at once when something is wrong and no gap has said so.

    ``wanted`` has the symbols of each of its venues, None for all.
    """

    buses: Sequence[Bus]
    throttle_ms: int
    wanted: Mapping[str, frozenset[str] | None]
    last_event_id: str = ""
    replica: Replica | None = None
    opened: "asyncio.Task[None] | None" = None
    views: dict[str, "View"] = field(init=False)
    _socket: Socket = field(default_factory=Socket)
    _member: Member | None = None
    _taken: int = 0

    def __post_init__(self) -> None:
        self.views = {bus.venue: View(bus, self.wanted[bus.venue]) for bus in self.buses if bus.venue in self.wanted}

    @property
    def subscription(self) -> Subscription:
        channels = frozenset(CHANNELS)
        interests = [Interest(venue, self.wanted[venue], channels) for venue in VENUES if venue in self.wanted]
        return Subscription(tuple(interests), self.throttle_ms)

    async def connect(self, replica: Replica) -> None:
        self.replica, self._socket, self._taken = replica, Socket(), 0
        for view in self.views.values():
            view.connected(anew=not self.last_event_id)
        self._member = Member(self._socket)
        self.opened = asyncio.create_task(
            replica.opening.open(self._member, self.subscription, self.last_event_id or None)
        )
        await asyncio.wait({self.opened}, timeout=0.02)  # some wait for the replica; the others need much less

    async def cut(self, after: int) -> None:
        """Read ``after`` more events at most, and lose what is under way."""
        if self.replica is None or self.opened is None or self._member is None:
            return
        self.take(after)
        self._socket.closed = True
        await end([self.opened])
        self.replica.hub.leave(self.subscription, self._member)
        self.replica = None

    def stall(self, room: float) -> None:
        self._socket.room = room

    def take(self, most: int = 1_000_000) -> None:
        blocks = self._socket.blocks()
        for block in blocks[self._taken : self._taken + most]:
            self._taken += 1
            self._read(block)

    def _read(self, block: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        message = json.loads(fields[b"data"], parse_float=Decimal, parse_int=Decimal)
        if "venue" in message["data"]:
            self.views[message["data"]["venue"]].read(message)
        if b"id" in fields:
            self.last_event_id = fields[b"id"].decode()
            positions = parse(self.last_event_id)
            for venue, view in self.views.items():
                view.brought_to(positions.get(venue))


class View:
    """What a reader has of one venue."""

    def __init__(self, bus: Bus, symbols: frozenset[str] | None) -> None:
        self.bus = bus
        self.symbols = symbols
        self.books: dict[str, tuple[str, OrderBook]] = {}
        self.gaps: list[dict[str, Any]] = []
        self.trades: list[int] = []
        self.tickers: dict[str, int] = {}
        self.connections = 0
        self.voided: dict[str, int] = {}
        """Symbols whose book a gap said is not there, with the number of the connection that brought it;
        0 if the reader found out by itself."""
        self._position: Cursor | None = None
        self._may_forget = True
        self._may_lack_trades = True
        self._may_go_back: set[str] = set()
        self._unanchored: set[str] = set()

    def connected(self, *, anew: bool) -> None:
        self.connections += 1
        self._may_go_back |= self._unanchored  # it was cut off within a snapshot, and its cursor is an older one
        if anew:
            self._begin_anew()

    def brought_to(self, position: Cursor | None) -> None:
        """It was given an id, and goes on from there when it comes back."""
        if position is None:
            assert self._position is None or self._may_forget, "its position is forgotten, and no gap has said so"
        else:
            if self._position is not None and self._position.epoch == position.epoch:
                assert position >= self._position, "it is sent back"
            self._unanchored.clear()
        self._position, self._may_forget = position, False

    def read(self, message: dict[str, Any]) -> None:
        getattr(self, f"_on_{message['type']}", lambda _: None)(message["data"])

    def _on_book(self, data: dict[str, Any]) -> None:
        symbol, sequence = data["symbol"], data["sequence"]
        bids, asks = [[tuple(level) for level in data[side]] for side in ("bids", "asks")]
        held = self.books.get(symbol)
        if data["previous"] is None:
            self.books[symbol] = (sequence, OrderBook(bids, asks))
        elif held is None:
            return  # a gap has said that it is not to be had
        elif data["previous"] == held[0]:
            held[1].apply(bids, asks)
            self.books[symbol] = (sequence, held[1])
        elif int(sequence) <= int(held[0]):
            return  # it is in the whole book already, which came without an id just before the cut
        else:
            assert self.bus.torn, f"{symbol} is {held[0]}, and nothing says what led to {data['previous']}"
            self._void(symbol, told=False)
            return
        assert levels(self.books[symbol][1]) == self.bus.truth[symbol, sequence]

    def _on_trade(self, data: dict[str, Any]) -> None:
        number = int(data["id"])
        if self.trades:
            assert number > self.trades[-1], "a trade came twice, or too late"
            if not self._may_lack_trades and self.symbols is None:
                assert number == self.trades[-1] + 1, "a trade is missing"
        self._may_lack_trades = False
        self.trades.append(number)

    def _on_ticker(self, data: dict[str, Any]) -> None:
        if data["symbol"] in self._may_go_back:
            self._may_go_back.discard(data["symbol"])
        else:
            assert data["price"] >= self.tickers.get(data["symbol"], 0), "an older value followed a newer one"
        self.tickers[data["symbol"]] = int(data["price"])
        self._unanchored.add(data["symbol"])

    def _on_gap(self, data: dict[str, Any]) -> None:
        self.gaps.append(data)
        if data["channel"] in (None, "book"):
            for symbol in SYMBOLS if data["symbol"] is None else [data["symbol"]]:
                self._void(symbol)
        if data["channel"] is None:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """What comes is another beginning: it may repeat, and it may lack."""
        self._may_forget = True
        self._may_lack_trades = True
        self.trades = []
        self._may_go_back = set(SYMBOLS)

    def _void(self, symbol: str, *, told: bool = True) -> None:
        self.books.pop(symbol, None)
        self.voided[symbol] = self.connections if told else 0
