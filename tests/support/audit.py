"""Counts what clients were given against what the simulator sent and what the bus held.

Three witnesses that share no code with the services: the simulator's ledger (what was sent to the ingest), a recorder
of the bus (what was published, even if Redis lost it afterwards), and the clients' own events. A tick is known by its
figures: volumes only grow, so no two different ticks of a pair have the same.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from support.eventually import eventually
from support.running import running
from support.sse import Event, EventSource
from support.stack import Stack

SYMBOLS = ("BTC_TRY", "ETH_TRY", "XRP_TRY", "USDT_TRY")
LIVELY = {"SPARK_SIMULATOR_INTERVAL_MS": "50", "SPARK_SIMULATOR_CHANGE_PROBABILITY": "1"}
"""80 ticks a second, none a repeat."""
SEEN_FIRST = 80
HEAL_S = 20.0
OLD_MS = 1_500
"""A tick that is stamped so much later than it was sent has waited somewhere, and would pass for new."""

_THEIRS = ("LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV")
_OURS = ("price", "bid", "ask", "bidSize", "askSize", "open", "high", "low", "volume", "vwap")
_MESSAGES, _EPOCH = "spark:{btcturk}:messages", "spark:{btcturk}:epoch"

EntryId = tuple[int, int]


class Tick(NamedTuple):
    """A ticker's content."""

    symbol: str
    figures: tuple[Decimal | None, ...]


class Sent(NamedTuple):
    """A changed row that the simulator handed to the ingest's socket; ``at`` in ms, ``order`` over all its lives."""

    order: int
    at: float
    tick: Tick


@dataclass(frozen=True)
class Published:
    """A ticker as it was on the bus."""

    epoch: str
    entry: EntryId
    tick: Tick
    received_at: int


def row_tick(row: dict[str, str]) -> Tick:
    """Return the content of a venue's row."""
    return Tick(
        f"{row['NS']}_{row['DS']}", tuple(Decimal(row[key]) if row.get(key) is not None else None for key in _THEIRS)
    )


def ticker_tick(data: dict[str, Any]) -> Tick:
    """Return the content of one of our tickers."""
    return Tick(data["symbol"], tuple(data[key] for key in _OURS))


def position(event_id: str) -> tuple[str, EntryId]:
    """Return the epoch and the entry in an event's id."""
    _, epoch, entry = event_id.split(".")
    return epoch, entry_id(entry)


def entry_id(text: str) -> EntryId:
    ms, _, seq = text.partition("-")
    return int(ms), int(seq)


class Ledger:
    """What the simulator says that it sent, over all its lives. Identical repeats are left out: they are no ticks."""

    def __init__(self, stack: Stack) -> None:
        self.sent: list[Sent] = []
        self.of: dict[Tick, Sent] = {}
        self._stack = stack
        self._after = 0
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        while True:
            with suppress(httpx.HTTPError):
                await self.read()
            await asyncio.sleep(0.1)

    async def read(self) -> None:
        """Take over all that is new."""
        async with self._reading:
            while True:
                page = await self._stack.control("GET", "/ledger", params={"after": self._after, "limit": 10_000})
                if page["last"] < self._after:  # another life of it
                    self._after = 0
                    continue
                assert page["forgotten"] == 0, "the ledger is too short for this test"
                for entry in page["entries"]:
                    self._after = entry["seq"]
                    if entry["type"] == 402:
                        self._note(entry["at"], row_tick(json.loads(entry["frame"])[1]))
                if self._after == page["last"]:
                    return

    def _note(self, at: float, tick: Tick) -> None:
        if tick not in self.of:
            self.of[tick] = Sent(len(self.sent), at, tick)
            self.sent.append(self.of[tick])

    def newest(self) -> dict[str, Tick]:
        """Return the last tick of each symbol."""
        return {sent.tick.symbol: sent.tick for sent in self.sent}


class BusRecorder:
    """Reads the stream in a plain loop of its own, through every restart of Redis."""

    def __init__(self, url: str) -> None:
        self.published: list[Published] = []
        self.epochs: list[str] = []
        self._redis = Redis.from_url(url)
        self._last = "0"

    async def run(self) -> None:
        try:
            while True:
                with suppress(RedisError, OSError):
                    await self._read()
                await asyncio.sleep(0.01)
        finally:
            await self._redis.aclose()

    async def _read(self) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:  # so that entries and epoch are of one moment
            pipe.xread({_MESSAGES: self._last})
            pipe.get(_EPOCH)
            answer, epoch = await pipe.execute()
        if not answer or epoch is None:
            return
        now, before = epoch.decode(), self.epochs[-1] if self.epochs else None
        born = before in (None, now)  # else the first notice of instruments in this batch is the new epoch's birth
        for raw_id, fields in answer[0][1]:
            self._last = raw_id.decode()
            if fields[b"k"] == b"instruments":
                born = True
            elif fields[b"k"] == b"ticker":
                data = json.loads(fields[b"d"], parse_float=Decimal, parse_int=Decimal)["data"]
                self.published.append(
                    Published(
                        now if born else str(before), entry_id(self._last), ticker_tick(data), int(data["receivedAt"])
                    )
                )
        if before != now:
            self.epochs.append(now)


class Audit:
    """A stack, its witnesses, and two clients of everything: one that takes each tick, one at 250 ms.

    ``others`` are the queries of further clients, which may ask for less.
    """

    def __init__(self, stack: Stack, port: int, others: Iterable[str] = ()) -> None:
        self.stack = stack
        self.ledger = Ledger(stack)
        self.bus = BusRecorder(stack.redis.url)
        self.each = EventSource(self.url(port, throttle=0))
        self.paced = EventSource(self.url(port, throttle=250))
        self.clients = (self.each, self.paced)
        self.others = [EventSource(f"http://127.0.0.1:{port}/api/market/btcturk/stream?{query}") for query in others]
        self._unseen: tuple[int, int] | None = None
        self._back_at = time.time()

    @staticmethod
    def url(port: int, throttle: int) -> str:
        return f"http://127.0.0.1:{port}/api/market/btcturk/stream?symbol=*&throttle={throttle}"

    def turn_to(self, port: int) -> None:
        """Let the clients' next connections go to another gateway."""
        self.each.url, self.paced.url = self.url(port, throttle=0), self.url(port, throttle=250)

    async def flowing(self, since_ms: float = 0, timeout_s: float = HEAL_S) -> None:
        """Return once both clients have a tick of every symbol that was received after ``since_ms``."""

        def fresh() -> bool:
            return all(
                {event.data["symbol"] for event in _latest_tickers(client) if event.data["receivedAt"] > since_ms}
                == set(SYMBOLS)
                for client in self.clients
            )

        await eventually(fresh, timeout_s, "new ticks at both clients")

    async def healed(self, what: str, since_ms: float | None = None) -> float:
        """Return the seconds until new ticks flow and the status is MOCK, from now or from ``since_ms``; prints them.

        Fails after the 20 s that are promised.
        """
        since_ms = time.time() * 1000 if since_ms is None else since_ms
        self._back_at = since_ms / 1000
        await self.flowing(since_ms)
        await eventually(self._is_mock, HEAL_S, "status MOCK")
        took_s = time.time() - since_ms / 1000
        print(f"healed in {took_s:.1f} s: {what}")
        assert took_s < HEAL_S, f"it took {took_s:.1f} s"
        return took_s

    async def _is_mock(self) -> bool:
        await asyncio.sleep(0.05)
        return await self.stack.status() == "MOCK"

    async def settle(self) -> None:
        """Silence the feed, and return once everyone has the newest that was sent."""
        await self.stack.control("POST", "/faults", json={"fault": "silence", "seconds": 12})
        await self.ledger.read()
        newest = self.ledger.newest()

        def arrived() -> bool:
            on_bus = {item.tick.symbol: item.tick for item in self.bus.published}
            return on_bus == newest and all(
                {event.data["symbol"]: ticker_tick(event.data) for event in _latest_tickers(client)} == newest
                for client in self.clients
            )

        await eventually(arrived, 8, "the newest tick of each symbol at both clients")
        # A new writer's first heartbeat says that it is not connected yet: for a second the status may be lost again.
        await eventually(self._is_mock, self._back_at + HEAL_S - time.time(), "status MOCK for good")

    async def last_word_of_simulator(self) -> None:
        """Call just before the simulator is killed: what it sends after this read is in no ledger."""
        await self.ledger.read()
        now_ms = time.time_ns() // 1_000_000
        self._unseen = (now_ms - 100, now_ms + 1_000)

    async def check(self, *, causes: Iterable[str] = (), redis_lost: bool = False) -> None:
        """Settle, then hold the clients to all that is promised, and let the feed speak again.

        ``causes`` are those of the gaps that there must be, and there may be no others: without any nothing may be
        lost. With ``redis_lost`` a client may have had what Redis lost before the recorder saw it.
        """
        await self.settle()
        self.hold_to_account(causes=causes, redis_lost=redis_lost)
        print(
            f"sent {len(self.ledger.sent)}, published {len(self.bus.published)}, "
            f"received {len(self.each.of('ticker'))} and, paced, {len(self.paced.of('ticker'))}; "
            f"lost and disclosed {len(self.lost())}"
        )
        await self.stack.control("DELETE", "/faults")  # it may speak again

    def hold_to_account(self, *, causes: Iterable[str] = (), redis_lost: bool = False) -> None:
        """Do what `check` does, on what there is."""
        for client in (*self.clients, *self.others):
            assert set(client.statuses) == {200}, f"answered {client.statuses}"
            found = {gap.data["cause"] for gap in client.of("gap")}
            assert found == set(causes), f"gaps of the causes {found} instead of {set(causes)}"
            assert client.of("lagged") == [], "a client that reads at once cannot lag"
            self._ids_increase(client)
            self._values_never_go_back(client)
        for client in self.clients:
            self._all_is_delivered_or_disclosed(client)
        self._each_of_the_bus_once(redis_lost)
        self._nothing_old_passes_for_new()

    def lost(self) -> list[Sent]:
        """Return what was sent after the opening of the client that takes each tick, and never reached it."""
        opened_at = next(event.data["serverTime"] for event in self.each.of("health") if event.id)
        had = {ticker_tick(event.data) for event in self.each.of("ticker")}
        return [sent for sent in self.ledger.sent if sent.at > opened_at and sent.tick not in had]

    def _ids_increase(self, client: EventSource) -> None:
        last: dict[str, EntryId] = {}
        for event in client.events:
            if not event.id:
                continue
            epoch, entry = position(event.id)
            assert epoch in last or event.type == "health", "an epoch opens with a snapshot, which a health closes"
            if epoch in last:
                assert epoch == next(reversed(last)), "a bygone epoch came back"
                # A health says where the stream is: it may stand at the entry that came last.
                increases = entry >= last[epoch] if event.type == "health" else entry > last[epoch]
                assert increases, f"{event.type} {event.id} after {last[epoch]}"
            last[epoch] = entry

    def _values_never_go_back(self, client: EventSource) -> None:
        """Per symbol the values follow the ledger; none comes twice but where a new epoch repeats the last one."""
        last: dict[str, tuple[int, str]] = {}
        for event in client.of("ticker"):
            sent = self._sent(event.data)
            if sent is None:
                continue
            epoch = position(event.id)[0] if event.id else "snapshot"
            before, before_epoch = last.get(sent.tick.symbol, (-1, ""))
            assert sent.order >= before, f"{event.data} came after a newer one"
            assert sent.order > before or epoch != before_epoch, f"{event.data} came twice"
            last[sent.tick.symbol] = (sent.order, epoch)

    def _sent(self, data: dict[str, Any]) -> Sent | None:
        """Return the ledger's word on a ticker; None for what a killed simulator sent without leaving one."""
        sent = self.ledger.of.get(ticker_tick(data))
        if sent is None:
            assert self._unseen is not None, f"never sent: {data}"
            assert self._unseen[0] <= data["receivedAt"] <= self._unseen[1], f"never sent: {data}"
        return sent

    def _all_is_delivered_or_disclosed(self, client: EventSource) -> None:
        first_after = _Successors(self, client)
        gaps = [(at, event.data) for at, event in enumerate(client.events) if event.type == "gap"]
        for sent in self.lost():
            covering = [at for at, gap in gaps if self._covers(gap, sent)]
            assert covering, f"lost in silence: {sent}; gaps: {[gap for _, gap in gaps]}"
            assert covering[0] < first_after(sent), f"disclosed too late: {sent}"

    def _covers(self, gap: dict[str, Any], sent: Sent) -> bool:
        """Return whether a gap speaks of this tick.

        A gap's times are the ingest's, a tick's is the simulator's, a trip earlier. ``from`` is when the last tick
        before the hole was received, so by the simulator's clock the hole begins when that one was sent: the
        tolerance is that tick's own trip, as measured, and a millisecond for the ingest's whole ones. ``to`` needs
        none: the first tick after the hole was sent before it was received.
        """
        if gap["channel"] not in (None, "ticker") or gap["symbol"] not in (None, sent.tick.symbol):
            return False
        return bool(gap["from"] - self._trip_ms(int(gap["from"])) - 1 <= sent.at <= gap["to"])

    def _trip_ms(self, received_at: int) -> Decimal:
        """Return how long the last tick up to ``received_at`` had travelled from the simulator to the ingest."""
        last, trip = 0, 0.0
        for item in self.bus.published:
            sent = self.ledger.of.get(item.tick)
            if sent is not None and last <= item.received_at <= received_at:
                trip = max(trip, item.received_at - sent.at) if item.received_at == last else item.received_at - sent.at
                last = item.received_at
        return Decimal(max(0.0, trip))

    def _each_of_the_bus_once(self, redis_lost: bool) -> None:
        """Between a client's first and last position in an epoch it has every entry, in order, and no other."""
        reach: dict[str, list[EntryId]] = {}
        for event in self.each.events:
            if event.id:
                epoch, entry = position(event.id)
                reach.setdefault(epoch, []).append(entry)
        had = [(*position(event.id), ticker_tick(event.data)) for event in self.each.of("ticker") if event.id]
        for epoch, entries in reach.items():
            on_bus = [
                (item.epoch, item.entry, item.tick)
                for item in self.bus.published
                if item.epoch == epoch and entries[0] < item.entry <= entries[-1]
            ]
            of_client = [item for item in had if item[0] == epoch]
            if redis_lost:
                seen = set(on_bus)
                of_client = [item for item in of_client if item in seen]
            assert of_client == on_bus, f"the client has {len(of_client)} of the {len(on_bus)} ticks of epoch {epoch}"
        assert len(had) > SEEN_FIRST, "the test has hardly seen anything"

    def _nothing_old_passes_for_new(self) -> None:
        for item in self.bus.published:
            sent = self.ledger.of.get(item.tick)
            assert sent is None or item.received_at - sent.at <= OLD_MS, f"waited, and was published as new: {item}"


class _Successors:
    """Where in a client's events the first tick of the same symbol came that had been sent after a given one."""

    def __init__(self, audit: Audit, client: EventSource) -> None:
        self._of: dict[str, list[tuple[int, int]]] = {}
        for at, event in enumerate(client.events):
            if event.type == "ticker" and (sent := audit.ledger.of.get(ticker_tick(event.data))) is not None:
                self._of.setdefault(sent.tick.symbol, []).append((sent.order, at))

    def __call__(self, sent: Sent) -> float:
        return next((at for order, at in self._of.get(sent.tick.symbol, []) if order > sent.order), float("inf"))


def _latest_tickers(client: EventSource) -> list[Event]:
    """Return the last ticker of each symbol."""
    found: dict[str, Event] = {}
    for event in reversed(client.events):
        if event.type == "ticker":
            found.setdefault(event.data["symbol"], event)
            if len(found) == len(SYMBOLS):
                break
    return list(found.values())


@asynccontextmanager
async def audited(stack: Stack, port: int | None = None, others: Iterable[str] = ()) -> AsyncIterator[Audit]:
    """Run the stack and its audit; ``port`` is where the clients connect, the gateway's own unless told otherwise."""
    async with AsyncExitStack() as parts:
        await parts.enter_async_context(stack)
        audit = Audit(stack, port or stack.gateway_port, others)
        for witness in (audit.ledger, audit.bus):
            await parts.enter_async_context(running(witness.run()))
        for client in (*audit.clients, *audit.others):
            await parts.enter_async_context(running(client.run()))
        await audit.flowing()
        await eventually(lambda: len(audit.each.of("ticker")) > SEEN_FIRST, HEAL_S, "a while of normal life")
        await eventually(audit._is_mock, HEAL_S, "status MOCK")
        yield audit
