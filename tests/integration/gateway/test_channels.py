"""Trades and books in the streams of a real gateway: what comes, and how it joins with what REST answers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx

from spark_bus.publisher import outgoing, refreshed
from spark_gateway.feed import RING
from spark_market.messages import Book
from support.eventually import eventually
from support.examples import a_book, a_gap, a_ticker, a_trade, tickers
from support.sse import EventSource

from .conftest import Bench, Reading
from .test_slow_readers import StalledReader

ALL = "symbol=*&channel=ticker,trade,book&throttle=0"


def a_delta(sequence: int, *bids: tuple[int, int], symbol: str = "BTC_TRY") -> Book:
    return a_book(sequence, sequence - 1, symbol, bids=exact(bids), asks=())


def exact(levels: Sequence[tuple[int, int]]) -> tuple[tuple[Decimal, Decimal], ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in levels)


def ids(source: EventSource) -> list[int]:
    return [int(event.data["id"]) for event in source.of("trade")]


def sequences(source: EventSource, symbol: str = "BTC_TRY") -> list[tuple[str | None, str]]:
    """Return, of each book event, what it follows and what it leads to."""
    return [
        (event.data["previous"], event.data["sequence"])
        for event in source.of("book")
        if event.data["symbol"] == symbol
    ]


async def get(bench: Bench, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{bench.url}/api/market/btcturk/{path}")


async def book_is(bench: Bench, sequence: int) -> dict[str, Any]:
    """Return REST's book once it is this far."""

    async def there() -> dict[str, Any] | None:
        answer = await get(bench, "book?symbol=BTC_TRY")
        if answer.status_code == 200 and answer.json()["messages"][0]["data"]["sequence"] == str(sequence):
            body: dict[str, Any] = answer.json()
            return body
        return None

    found = await eventually(there, what=f"the book {sequence}")
    assert isinstance(found, dict)
    return found


async def test_tickers_alone_come_when_no_channel_is_named(bench: Bench, reading: Reading) -> None:
    await bench.publish(a_book(1))
    await book_is(bench, 1)
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))

    await bench.publish(a_trade(1), a_delta(2, (98, 1)), a_gap(channel="trade"), a_ticker(9))
    await eventually(lambda: any(event.data["price"] == 9 for event in source.of("ticker")))

    assert {event.type for event in source.events} == {"status", "ticker", "health"}


async def test_a_stream_opens_with_the_whole_book_and_goes_on_with_every_delta_as_it_was_published(
    bench: Bench, reading: Reading
) -> None:
    await bench.publish(a_book(1), a_delta(2, (98, 5)))
    await book_is(bench, 2)
    source = await reading.open(bench.stream(ALL))
    await eventually(lambda: source.of("health"))
    deltas = [a_delta(3, (98, 0)), a_delta(4, (97, 1), (99, 2)), a_delta(5, (97, 0))]

    await bench.publish(*deltas)
    await eventually(lambda: ("4", "5") in sequences(source))

    opening, *changes = source.of("book")
    assert (opening.id, opening.data["previous"], opening.data["sequence"]) == ("", None, "2")
    assert opening.data["bids"] == [[99, 1], [98, 5]]
    assert [event.raw for event in changes] == [outgoing(delta).data for delta in deltas]
    assert all(event.id for event in changes)


async def test_trades_come_once_each_in_order_over_every_kind_of_return(bench: Bench, reading: Reading) -> None:
    """From memory, after a restart of the gateway, and throttled beside unthrottled."""
    source = await reading.open(bench.stream("symbol=*&channel=trade&throttle=1000"))
    fast = await reading.open(bench.stream("symbol=*&channel=trade&throttle=0"))
    await eventually(lambda: source.of("health") and fast.of("health"))

    await bench.publish(*[a_trade(number) for number in range(1, 51)])
    await eventually(lambda: len(ids(source)) == len(ids(fast)) == 50)
    bench.gateway.kill()
    await bench.publish(*[a_trade(number) for number in range(51, 101)])
    await bench.start_gateway()
    await eventually(lambda: len(ids(source)) >= 100 and len(ids(fast)) >= 100)
    cursor = next(event.id for event in fast.of("trade") if event.data["id"] == "77")
    again = await reading.open(bench.stream("symbol=*&channel=trade&throttle=0"), cursor)
    await bench.publish(a_trade(101))
    await eventually(lambda: 101 in ids(source) and 101 in ids(fast) and 101 in ids(again))

    assert ids(source) == ids(fast) == list(range(1, 102))
    assert ids(again) == list(range(78, 102))
    assert not source.of("gap") + fast.of("gap") + again.of("gap")


async def test_throttled_deltas_merge_and_follow_on_one_another(bench: Bench, reading: Reading) -> None:
    deep = exact([(price, 1) for price in range(1, 90)])
    await bench.publish(a_book(1, bids=deep))
    await book_is(bench, 1)
    source = await reading.open(bench.stream("symbol=*&channel=book&throttle=1000"))
    await eventually(lambda: source.of("health"))

    await bench.publish(*[a_delta(number, (number % 7, number)) for number in range(2, 40)])
    await eventually(lambda: sequences(source)[-1][1] == "39")
    await bench.publish(a_delta(40, (5, 0)))
    await eventually(lambda: sequences(source)[-1][1] == "40")

    seen = sequences(source)
    assert seen[0] == (None, "1")
    assert [previous for previous, _ in seen[1:]] == [sequence for _, sequence in seen[:-1]]
    assert len(seen) <= 5
    book = dict(source.of("book")[0].data["bids"])
    for event in source.of("book")[1:]:
        book.update(event.data["bids"])
    answer = await get(bench, "book?symbol=BTC_TRY")
    assert {price: size for price, size in book.items() if size} == dict(answer.json()["messages"][0]["data"]["bids"])


async def test_what_rest_answers_joins_the_stream_exactly(bench: Bench, reading: Reading) -> None:
    await bench.publish(a_book(1), a_delta(2, (98, 5)))
    body = await book_is(bench, 2)
    await bench.publish(a_delta(3, (98, 6)), a_trade(1))
    await book_is(bench, 3)

    source = await reading.open(bench.stream(ALL), body["cursor"])
    await bench.publish(a_delta(4, (98, 7)))
    await eventually(lambda: ("3", "4") in sequences(source))

    assert sequences(source) == [("2", "3"), (None, "3"), ("3", "4")]  # and once more whole, which changes nothing
    assert ids(source) == [1]


async def test_a_gateway_that_starts_joins_a_refreshed_book_from_memory_and_from_redis(
    bench: Bench, reading: Reading
) -> None:
    """Of one book the value on the bus is recent; the other's lies further back than memory reaches."""
    await bench.publish(a_book(1), a_book(1, symbol="ETH_TRY"), a_delta(2, (98, 5), symbol="ETH_TRY"))
    await bench.publish_many(tickers(*range(10, 10 + RING)))
    await bench.publish(a_delta(3, (97, 1), symbol="ETH_TRY"), a_delta(2, (98, 5)))
    await bench.publisher.append([refreshed(a_book(2, bids=exact([(99, 1), (98, 5)])))])
    await bench.publish(a_delta(3, (98, 0)))
    bench.gateway.kill()
    await bench.start_gateway()

    source = await reading.open(bench.stream("symbol=*&channel=book&throttle=0"))
    await eventually(lambda: source.of("health"))
    await bench.publish(a_delta(4, (1, 1)), a_delta(4, (1, 1), symbol="ETH_TRY"))
    await eventually(lambda: ("3", "4") in sequences(source) and ("3", "4") in sequences(source, "ETH_TRY"))

    assert sequences(source) == sequences(source, "ETH_TRY") == [(None, "3"), ("3", "4")]
    assert not source.of("gap")
    books = {event.data["symbol"]: event.data["bids"] for event in source.of("book")[:2]}
    assert books == {"BTC_TRY": [[99, 1]], "ETH_TRY": [[99, 1], [98, 5], [97, 1]]}


async def test_a_book_that_cannot_be_joined_any_more_is_a_gap_until_its_next_snapshot(
    bench: Bench, reading: Reading
) -> None:
    await bench.publish(a_book(1), a_delta(2, (98, 5)), a_delta(3, (98, 6)))
    await bench.publish_many(tickers(10, 11))
    await bench.redis.xtrim("spark:{btcturk}:messages", maxlen=2, approximate=False)
    bench.gateway.kill()
    await bench.start_gateway()

    source = await reading.open(bench.stream("symbol=*&channel=book&throttle=0"))
    await eventually(lambda: source.of("health"))
    refused = await get(bench, "book?symbol=BTC_TRY")
    await bench.publish(a_delta(4, (98, 7)), a_book(50))
    await eventually(lambda: source.of("book"))

    [gap] = source.of("gap")
    assert (gap.data["channel"], gap.data["symbol"], gap.data["cause"]) == ("book", "BTC_TRY", "unknown")
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert sequences(source) == [(None, "50")]


async def test_a_torn_chain_is_a_gap_for_those_who_carry_the_book_and_is_counted(
    bench: Bench, reading: Reading
) -> None:
    await bench.publish(a_book(1), a_book(1, symbol="ETH_TRY"))
    await book_is(bench, 1)
    every = await reading.open(bench.stream(ALL))
    throttled = await reading.open(bench.stream("symbol=*&channel=book&throttle=250"))
    other = await reading.open(bench.stream("symbol=ETH_TRY&channel=ticker,trade,book&throttle=0"))
    await eventually(lambda: every.of("health") and throttled.of("health") and other.of("health"))

    await bench.publish(a_delta(2), a_delta(4), a_delta(5), a_delta(2, symbol="ETH_TRY"))
    await eventually(lambda: ("1", "2") in sequences(other, "ETH_TRY") and throttled.of("gap"))
    missing = await get(bench, "book?symbol=BTC_TRY")
    await bench.publish(a_book(9))
    await eventually(lambda: (None, "9") in sequences(every) and (None, "9") in sequences(throttled))

    for source in (every, throttled):
        assert [(gap.data["channel"], gap.data["symbol"], gap.data["cause"]) for gap in source.of("gap")] == [
            ("book", "BTC_TRY", "broken")
        ]
        assert sequences(source) == [(None, "1"), ("1", "2"), (None, "9")]
    assert not other.of("gap")
    assert missing.status_code == 404
    assert await bench.has_metric("spark_gateway_books_broken_total 1.0")


async def test_kinds_and_values_of_a_later_version_are_ignored(bench: Bench, reading: Reading) -> None:
    await bench.redis.xadd("spark:{btcturk}:messages", {"k": "weather", "s": "BTC_TRY", "d": "{}"})
    await bench.redis.hset("spark:{btcturk}:latest", "weather:BTC_TRY", "1-0 {}")
    await bench.publish(a_book(1))
    bench.gateway.kill()
    await bench.start_gateway()

    source = await reading.open(bench.stream(ALL))
    await eventually(lambda: source.of("health"))

    assert {event.type for event in source.events} == {"status", "ticker", "book", "health"}


async def test_a_stalled_reader_gets_every_trade_of_the_ring_and_the_newest_book(
    bench: Bench, reading: Reading
) -> None:
    await bench.publish(a_book(1))
    await book_is(bench, 1)
    stalled = await StalledReader.open(bench, ALL)
    other = await reading.open(bench.stream("symbol=*&channel=trade&throttle=0"))
    await eventually(lambda: other.of("health"))

    count = 6_000
    for start in range(0, count, 250):
        numbers = range(start + 1, start + 251)
        await bench.publish_many(
            [outgoing(a_trade(number)) for number in numbers]
            + [outgoing(a_delta(number + 1, (number % 50, 1 + number))) for number in numbers]
            + tickers(*range(start + 10, start + 260))
        )
    await eventually(lambda: len(ids(other)) == count, 60, "all trades at the other reader")
    await stalled.read_until(lambda message: message["data"].get("sequence") == str(count + 1))
    await bench.publish(a_delta(count + 2, (1, 1)))
    await stalled.read_until(lambda message: message["data"].get("sequence") == str(count + 2))
    stalled.close()

    assert ids(other) == [int(trade["id"]) for trade in stalled.of("trade")] == list(range(1, count + 1))
    assert not stalled.of("gap")
    held = None
    for book in stalled.of("book"):
        assert book["previous"] in (None, held)
        held = book["sequence"]
