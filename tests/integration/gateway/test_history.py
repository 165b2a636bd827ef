"""The past of a symbol: what is said to be whole is whole, whatever was trimmed, lost or away."""

import asyncio
import json
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

import spark_gateway.history
from spark_bus import keys
from spark_bus.connection import connect
from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry, take_snapshot
from spark_gateway.feed import RING, Feed
from spark_gateway.history import MOST_READS, History
from spark_gateway.metrics import GatewayMetrics
from spark_gateway.past import TICKS, Asked, End, Past
from spark_gateway.problems import Problem
from spark_market import wire
from spark_market.messages import Gap, InstrumentsChanged, Ticker, Trade
from support.eventually import eventually
from support.examples import VENUE, a_gap, a_ticker, a_trade, tickers
from support.redis_server import RedisServer

from .conftest import Bench, Reading
from .test_channels import get

SYMBOLS = ("BTC_TRY", "ETH_TRY")


@dataclass
class Bus:
    """A stream written by hand, and all that was ever on it."""

    redis: Redis
    epoch: str = ""
    clock: int = 1_000

    def __post_init__(self) -> None:
        self.all: list[Entry] = []
        self.born = EntryId(0, 0)
        self.registry = CollectorRegistry()
        self.metrics = GatewayMetrics(self.registry)
        self.feed = Feed(VENUE, self.metrics, ring=12)
        self.history = History(self.redis, self.metrics)

    async def begin(self, epoch: str) -> None:
        self.epoch = epoch
        await self.redis.set(keys.epoch(VENUE), epoch)
        self.born = await self.add("instruments", "", wire.encode(InstrumentsChanged(venue=VENUE, epoch=epoch)))

    async def add(self, kind: str, symbol: str, data: bytes, later_ms: int = 1) -> EntryId:
        self.clock += later_ms
        last = self.all[-1].id if self.all else EntryId(0, 0)
        entry = EntryId(self.clock, last.seq + 1 if last.ms == self.clock else 0)
        self.all.append(Entry(entry, kind, symbol, data))
        await self.redis.xadd(keys.messages(VENUE), {"k": kind, "s": symbol, "d": data}, id=str(entry))
        return entry

    async def publish(self, message: Ticker | Trade | Gap, later_ms: int = 1) -> EntryId:
        return await self.add(wire.type_of(message), message.symbol or "", wire.encode(message), later_ms)

    async def load(self) -> None:
        """Let the gateway begin here, with what the bus has."""
        snapshot = await take_snapshot(self.redis, VENUE, 12)
        assert snapshot is not None
        self.feed.restart(snapshot)

    def catch_up(self) -> None:
        """Let the gateway take what came since."""
        assert self.feed.position is not None
        news = [entry for entry in self.all if entry.id > self.feed.position.entry]
        if news:
            self.feed.append(news)

    async def trim(self, keep: int) -> None:
        await self.redis.xtrim(keys.messages(VENUE), maxlen=keep, approximate=False)

    async def ask(
        self,
        symbol: str = "BTC_TRY",
        *,
        channels: tuple[str, ...] = TICKS,
        since: int | None = None,
        until: int | None = None,
        last: int = 500,
        before: EntryId | None = None,
    ) -> Past:
        return await self.history.read(self.feed, Asked(symbol, channels, since, until, last, before))

    def outcomes(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("spark_gateway_histories_total", {"outcome": outcome})


@pytest.fixture
async def bus(redis: Redis) -> Bus:
    bus = Bus(redis)
    await bus.begin("e0")
    return bus


def prices(past: Past) -> list[int]:
    found = [wire.decode(data) for data in past.messages()]
    return [int(message.price) for message in found if isinstance(message, Ticker) and message.price is not None]


async def test_memory_alone_answers_what_it_holds(bus: Bus) -> None:
    await bus.load()
    times = [await bus.publish(a_ticker(price)) for price in range(1, 6)]
    bus.catch_up()

    past = await bus.ask(since=times[2].ms)

    assert (prices(past), past.end, past.whole_from, past.before) == ([3, 4, 5], End.WHOLE, times[2].ms, None)
    assert bus.outcomes("memory") == 1


async def test_redis_answers_what_memory_holds_no_more(bus: Bus) -> None:
    await bus.load()
    for price in range(1, 101):
        await bus.publish(a_ticker(price))
    bus.catch_up()

    past = await bus.ask()

    assert (prices(past), past.end, past.whole_from) == (list(range(1, 101)), End.WHOLE, bus.born.ms)
    assert bus.outcomes("redis") == 1


async def test_pages_follow_one_another_back_to_the_beginning(bus: Bus) -> None:
    await bus.load()
    for number in range(1, 61):
        await bus.publish(a_ticker(number, SYMBOLS[number % 2]), later_ms=number % 3)
    bus.catch_up()

    pages, before = [], None
    while True:
        past = await bus.ask(last=7, before=before)
        pages.append(prices(past))
        before = past.before
        if before is None:
            break

    assert [price for page in reversed(pages) for price in page] == list(range(2, 61, 2))
    assert {len(page) for page in pages[:-1]} == {7}
    assert past.end is End.WHOLE


async def test_what_was_trimmed_is_said_to_be_gone(bus: Bus) -> None:
    await bus.load()
    times = [await bus.publish(a_ticker(price)) for price in range(1, 51)]
    bus.catch_up()
    await bus.trim(20)

    past = await bus.ask(since=times[0].ms)

    assert (prices(past), past.end, past.before) == (list(range(31, 51)), End.GONE, None)
    assert past.whole_from == times[30].ms
    assert (await bus.ask(since=times[35].ms)).end is End.WHOLE


async def test_what_memory_holds_of_what_was_trimmed_is_answered_all_the_same(bus: Bus) -> None:
    await bus.load()
    times = [await bus.publish(a_ticker(price)) for price in range(1, 51)]
    bus.catch_up()
    await bus.trim(2)

    past = await bus.ask()

    assert (prices(past), past.whole_from) == (list(range(39, 51)), times[37].ms + 1)


async def test_another_epoch_is_not_gone_into(bus: Bus) -> None:
    """How it joins with this one nobody knows: something may have been lost just there."""
    for price in range(1, 20):
        await bus.publish(a_ticker(price))
    await bus.begin("e1")
    for price in range(20, 60):
        await bus.publish(a_ticker(price))
    await bus.load()

    past = await bus.ask(since=1)

    assert (prices(past), past.end, past.before) == (list(range(20, 60)), End.GONE, None)
    assert past.whole_from == bus.born.ms


async def test_nor_is_it_when_memory_reaches_into_it(bus: Bus) -> None:
    for price in range(1, 20):
        await bus.publish(a_ticker(price))
    await bus.begin("e1")
    await bus.publish(a_ticker(20))
    await bus.load()

    past = await bus.ask()

    assert (prices(past), past.whole_from, bus.outcomes("memory")) == ([20], bus.born.ms, 1)


async def test_a_new_directory_is_no_new_epoch(bus: Bus) -> None:
    await bus.publish(a_ticker(1))
    await bus.add("instruments", "", wire.encode(InstrumentsChanged(venue=VENUE)))
    for price in range(2, 30):
        await bus.publish(a_ticker(price))
    await bus.load()

    assert prices(await bus.ask()) == list(range(1, 30))


async def test_holes_are_told_of_when_they_touch_what_is_asked_for(bus: Bus) -> None:
    await bus.load()
    await bus.publish(a_gap(channel="ticker", symbol=None))
    await bus.publish(a_gap(channel="trade", symbol="BTC_TRY"))
    await bus.publish(a_gap(channel="trade", symbol="ETH_TRY"))
    await bus.publish(a_gap(channel="book", symbol="BTC_TRY"))
    await bus.publish(a_gap(channel=None, symbol=None))
    await bus.add("gap", "", b"nonsense")
    for price in range(1, 20):
        await bus.publish(a_ticker(price))
    bus.catch_up()

    def holes(past: Past) -> list[tuple[str | None, str | None]]:
        found = [wire.decode(data) for data in past.messages()]
        return [(gap.channel, gap.symbol) for gap in found if isinstance(gap, Gap)]

    assert holes(await bus.ask()) == [("ticker", None), ("trade", "BTC_TRY"), (None, None), (None, None)]
    assert holes(await bus.ask(channels=("ticker",))) == [("ticker", None), (None, None), (None, None)]


async def test_a_hole_is_told_of_though_it_was_published_after_the_time_asked_for(bus: Bus) -> None:
    """It is told when it is over: a question that ends amid it would pass for whole."""
    await bus.load()
    first = await bus.publish(a_ticker(1))
    await bus.publish(a_gap(first.ms + 1, first.ms + 900), later_ms=1_000)
    for price in range(2, 30):
        await bus.publish(a_ticker(price))
    await bus.publish(a_gap(first.ms + 2_000, first.ms + 2_900), later_ms=2_000)
    bus.catch_up()

    past = await bus.ask(until=first.ms + 500)

    found = [wire.decode(data) for data in past.messages()]
    assert [type(message) for message in found] == [Ticker, Gap]
    assert past.end is End.WHOLE


async def test_a_lost_tail_under_the_same_epoch_ends_it(bus: Bus) -> None:
    """Redis came back without what memory begins with, and no ingest has written since."""
    await bus.load()
    ids = [await bus.publish(a_ticker(price)) for price in range(1, 51)]
    bus.catch_up()
    await bus.redis.xdel(keys.messages(VENUE), *map(str, ids[30:]))

    past = await bus.ask()

    assert (prices(past), past.end, past.before) == (list(range(39, 51)), End.GONE, None)


async def test_more_than_one_question_may_scan_is_left_to_the_next(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_gateway.history, "_PAGE", 5)
    monkeypatch.setattr(spark_gateway.history, "MOST_SCANNED", 20)
    await bus.load()
    await bus.publish(a_ticker(1))
    for price in range(2, 60):
        await bus.publish(a_ticker(price, "ETH_TRY"))
    bus.catch_up()

    past = await bus.ask()
    assert (prices(past), past.end) == ([], End.MORE)
    assert bus.outcomes("partial") == 1
    while past.before is not None:
        assert past.before.ms >= past.whole_from - 1
        past = await bus.ask(before=past.before)

    assert (prices(past), past.end) == ([1], End.WHOLE)


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_passes_for_whole_that_is_not(bus: Bus, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against all that was ever published, for any question, after any trimming, birth or late start of the gateway."""
    draw = Random(seed)
    monkeypatch.setattr(spark_gateway.history, "_REST_S", 0)
    monkeypatch.setattr(spark_gateway.history, "_PAGE", draw.choice([1, 3, 10]))
    monkeypatch.setattr(spark_gateway.history, "MOST_SCANNED", draw.choice([10, 30, 10_000]))
    await bus.load()
    for number in range(300):
        symbol, later_ms = draw.choice(SYMBOLS), draw.choice([0, 0, 1, 3])
        match draw.choices(["ticker", "trade", "gap", "birth", "trim", "load", "ask"], [30, 15, 2, 0.5, 3, 3, 30])[0]:
            case "ticker":
                await bus.publish(a_ticker(number, symbol), later_ms)
            case "trade":
                await bus.publish(a_trade(number, symbol), later_ms)
            case "gap":
                gap = a_gap(0, bus.clock, channel=draw.choice([*TICKS, None]), symbol=draw.choice([symbol, None]))
                await bus.publish(gap, later_ms)
            case "birth":
                await bus.begin(f"e{number:x}")
                await bus.load()
            case "trim":
                await bus.trim(draw.randint(5, 60))
            case "load":
                await bus.load()
            case "ask":
                if draw.random() < 0.8:
                    bus.catch_up()
                await _check(bus, draw, symbol)


async def _check(bus: Bus, draw: Random, symbol: str) -> None:
    assert bus.feed.position is not None
    begin, end = sorted(draw.randint(bus.clock - 150, bus.clock + 5) for _ in "ab")
    asked = Asked(
        symbol, draw.choice([TICKS, ("trade",)]), draw.choice([None, begin]), draw.choice([None, end]),
        draw.choice([1, 2, 5, 500]), None,
    )  # fmt: skip

    def wanted(entry: Entry) -> bool:
        if entry.id > here or (asked.until is not None and entry.id.ms > asked.until):
            return False
        if entry.kind == "gap":
            channel = json.loads(entry.data)["data"]["channel"]
            return entry.symbol in ("", symbol) and (channel is None or channel in asked.channels)
        return entry.kind in asked.channels and entry.symbol == symbol

    here = bus.feed.position.entry
    found: list[bytes] = []
    while True:
        past = await bus.history.read(bus.feed, asked)
        assert past.end is not None
        got = past.messages()
        got = got[: len(got) - len(past._told)]  # holes that were told of after the time asked for
        found = [*got, *found]
        whole = [e.data for e in bus.all if wanted(e) and e.id.ms >= past.whole_from and _asked(e, asked)]
        assert whole == found[len(found) - len(whole) :]
        assert len(got) <= asked.last
        assert past.complete is (past.end is End.WHOLE)
        if past.before is None:
            break
        assert asked.before is None or past.before < asked.before
        asked = asked._replace(before=past.before)
    assert not {e.data for e in bus.all if e.id < bus.born and e.kind != "gap"} & set(found)
    there = {entry.id for entry in await _on_the_bus(bus)}
    kept = [e.data for e in bus.all if wanted(e) and e.id > bus.born and e.id in there and _asked(e, asked)]
    assert found[len(found) - len(kept) :] == kept
    if past.end is End.WHOLE and asked.since is not None:
        assert found == [e.data for e in bus.all if wanted(e) and _asked(e, asked)]


def _asked(entry: Entry, asked: Asked) -> bool:
    return asked.since is None or entry.id.ms >= asked.since


async def _on_the_bus(bus: Bus) -> list[Any]:
    found: Any = await bus.redis.xrange(keys.messages(VENUE))
    return [Entry(EntryId.parse(entry_id), "", "", b"") for entry_id, _ in found]


async def test_without_redis_memory_answers_and_says_how_far_it_reaches(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_gateway.history, "_DEADLINE_S", 0.3)
    redis = connect(server.url)
    bus = Bus(redis)
    await bus.begin("e0")
    await bus.load()
    times = [await bus.publish(a_ticker(price)) for price in range(1, 51)]
    bus.catch_up()
    server.pause()
    try:
        stuck = await bus.ask(since=times[0].ms)
    finally:
        server.resume()
    server.kill()
    away = await bus.ask()

    for past in (stuck, away):
        assert (prices(past), past.end, past.whole_from) == (list(range(39, 51)), End.MORE, times[37].ms + 1)
        assert past.before == times[38]
    assert (await bus.ask(since=times[40].ms)).end is End.WHOLE
    assert bus.outcomes("partial") == 2
    await redis.aclose()


async def test_only_a_few_read_redis_at_once(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_gateway.history, "_DEADLINE_S", 1.0)
    redis = connect(server.url)
    bus = Bus(redis)
    await bus.begin("e0")
    await bus.load()
    for price in range(1, 51):
        await bus.publish(a_ticker(price))
    bus.catch_up()
    server.pause()
    try:
        asking = [asyncio.create_task(bus.ask()) for _ in range(MOST_READS)]
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="at this moment"):
            await bus.ask()
        assert prices(await bus.ask(since=bus.clock)) == [50]  # of what memory holds anybody may ask
        await asyncio.gather(*asking)
    finally:
        server.resume()

    assert bus.outcomes("refused") == 1
    assert len(prices(await bus.ask())) == 50
    await redis.aclose()


async def history(bench: Bench, query: str = "") -> dict[str, Any]:
    answer = await get(bench, f"history?symbol=BTC_TRY{query}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_gateway_pages_back_through_all_that_the_bus_keeps(bench: Bench) -> None:
    await bench.publish_many(tickers(*range(2, RING + 1_000)))

    async def taken() -> bool:
        return bool((await history(bench, "&last=1"))["messages"][-1]["data"]["price"] == RING + 999)

    await eventually(taken)
    body = await history(bench, "&channel=ticker&last=5000")
    assert body["cursor"].startswith("btcturk.")
    pages = [body]
    while (before := pages[-1]["before"]) is not None:
        pages.append(await history(bench, f"&channel=ticker&last=5000&before={before}"))

    found = [message["data"]["price"] for page in reversed(pages) for message in page["messages"]]
    assert found == list(range(1, RING + 1_000))
    assert [page["complete"] for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page["cursor"] is None for page in pages] == [False] + [True] * (len(pages) - 1)


async def test_a_history_and_a_stream_from_its_cursor_join_exactly(bench: Bench, reading: Reading) -> None:
    body = await history(bench)
    await bench.publish(a_trade(1), a_trade(2))

    source = await reading.open(bench.stream(f"symbol=BTC_TRY&channel=trade&throttle=0&lastEventId={body['cursor']}"))
    await eventually(lambda: len(source.of("trade")) == 2)

    assert [event.data["id"] for event in source.of("trade")] == ["1", "2"]
    assert not source.of("gap")
    after = await history(bench, f"&from={body['from']}")
    assert [message["type"] for message in after["messages"]] == ["ticker", "trade", "trade"]
    assert (after["complete"], after["from"], after["before"]) == (True, body["from"], None)


def _parsed(cursor: str) -> tuple[str, EntryId]:
    _, epoch, entry = cursor.split(".")
    return epoch, EntryId.parse(entry)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("symbol=BTC_TRY&channel=book", 422, "of ticker, trade"),
        ("symbol=BTC_TRY,ETH_TRY", 422, "one symbol"),
        ("symbol=BTC_TRY&symbol=ETH_TRY", 422, "given once"),
        ("", 422, "one symbol"),
        ("symbol=XXX_TRY", 404, "no symbol"),
        ("symbol=BTC_TRY&from=-1", 422, "whole milliseconds"),
        ("symbol=BTC_TRY&from=1.5", 422, "whole milliseconds"),
        ("symbol=BTC_TRY&from=1766400000123000", 422, "whole milliseconds"),
        ("symbol=BTC_TRY&from=2&to=1", 422, "not before from"),
        ("symbol=BTC_TRY&last=5001", 422, "from 1 to 5000"),
        ("symbol=BTC_TRY&before=", 422, "of an earlier answer"),
        ("symbol=BTC_TRY&before=x", 422, "of an earlier answer"),
        ("symbol=BTC_TRY&before=btcturk.0e0c.1-0,bist.0e0c.1-0", 422, "of an earlier answer"),
        ("symbol=BTC_TRY&before=btcturk.0e0c.1-0", 404, "epoch that is over"),
        ("symbol=BTC_TRY&before=bist.0e0c.1-0", 404, "another venue"),
    ],
)
async def test_a_bad_question_about_the_past_gets_an_answer_that_helps(
    bench: Bench, query: str, status: int, says: str
) -> None:
    answer = await get(bench, f"history?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


async def test_a_page_that_this_replica_has_not_come_to_is_to_be_asked_for_again(bench: Bench) -> None:
    epoch, entry = _parsed((await history(bench))["cursor"])
    ahead = Cursor(VENUE, epoch, entry._replace(ms=entry.ms + 60_000))

    answer = await get(bench, f"history?symbol=BTC_TRY&before={ahead}")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
