"""What a reader of a stream can count on: its opening, its order, its resume, its gaps."""

import asyncio
import time
from decimal import Decimal

from spark_bus import keys
from spark_bus.cursor import parse
from spark_gateway.feed import RING
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Status, VenueStatus
from support.eventually import eventually
from support.examples import NOON, VENUE, a_gap, a_ticker, tickers
from support.sse import EventSource

from .conftest import Bench, Reading


def prices(source: EventSource, symbol: str = "BTC_TRY", with_id: bool = True) -> list[Decimal]:
    """Return the prices of the changes that a stream brought, or with ``with_id`` False of its snapshots."""
    return [
        event.data["price"]
        for event in source.of("ticker")
        if event.data["symbol"] == symbol and bool(event.id) == with_id
    ]


async def until(source: EventSource, price: int, symbol: str = "BTC_TRY") -> None:
    await eventually(lambda: price in prices(source, symbol), 10, f"the price {price}")


async def test_a_stream_opens_with_a_snapshot_that_a_health_with_the_cursor_closes(
    bench: Bench, reading: Reading
) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))

    kinds = [event.type for event in source.events]
    assert kinds == ["status", "ticker", "ticker", "health"]
    assert [event.id for event in source.events[:3]] == ["", "", ""]
    assert parse(source.events[3].id)["btcturk"].entry is not None
    assert source.events[3].data["throttle"] == 0


async def test_changes_come_in_order_each_with_a_cursor_of_its_own(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))

    await bench.publish_many(tickers(*range(10, 60)))
    await until(source, 59)

    assert prices(source) == list(range(10, 60))
    ids = [parse(event.id)["btcturk"].entry for event in source.of("ticker") if event.id]
    assert ids == sorted(set(ids))


async def test_only_the_symbols_asked_for_come(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream("symbol=ETH_TRY&throttle=0"))
    await eventually(lambda: source.of("health"))

    await bench.publish(a_ticker(10), a_ticker(11, "ETH_TRY"))
    await until(source, 11, "ETH_TRY")

    assert {event.data["symbol"] for event in source.of("ticker")} == {"ETH_TRY"}


async def test_a_throttled_stream_gets_the_newest_value_of_each_symbol_in_bus_order(
    bench: Bench, reading: Reading
) -> None:
    source = await reading.open(bench.stream("symbol=*&throttle=1000"))
    await eventually(lambda: source.of("health"))

    await bench.publish_many([*tickers(*range(10, 30)), *tickers(100, symbol="ETH_TRY"), *tickers(30)])
    await until(source, 30)

    changes = [(event.data["symbol"], event.data["price"]) for event in source.of("ticker") if event.id]
    # A window may end amid the batch; within each window only the newest of a symbol is left.
    assert changes[-2:] == [("ETH_TRY", 100), ("BTC_TRY", 30)]
    assert len(changes) <= 4
    assert prices(source) == sorted(prices(source))


async def test_one_who_joins_within_a_window_is_not_sent_what_its_snapshot_had(bench: Bench, reading: Reading) -> None:
    first = await reading.open(bench.stream("symbol=*&throttle=2000"))
    await eventually(lambda: first.of("health"))
    await bench.publish(a_ticker(10))
    await eventually(lambda: bench_ticker(bench, 10))

    second = await reading.open(bench.stream("symbol=*&throttle=2000"))
    await until(first, 10)
    await bench.publish(a_ticker(11))
    await until(second, 11)

    assert prices(second, with_id=False) == [10]
    assert prices(second) == [11]


async def bench_ticker(bench: Bench, price: int) -> bool:
    import httpx

    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{bench.url}/api/market/btcturk/ticker?symbol=BTC_TRY")
        return bool(answer.json()["data"]["price"] == price)


async def test_a_resume_goes_on_from_memory_without_a_snapshot(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await bench.publish_many(tickers(10, 11, 12))
    await until(source, 12)
    eleventh = next(event.id for event in source.of("ticker") if event.id and event.data["price"] == 11)

    resumed = await reading.open(bench.stream(), eleventh)
    await bench.publish(a_ticker(13))
    await until(resumed, 13)

    assert prices(resumed) == [12, 13]
    assert prices(resumed, with_id=False) == []
    assert not resumed.of("gap")


async def test_a_resume_after_a_restart_of_the_gateway_lacks_nothing(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await bench.publish_many(tickers(10, 11))
    await until(source, 11)

    bench.gateway.kill()
    await bench.publish_many(tickers(*range(12, 40)))
    await bench.start_gateway()
    await until(source, 39)
    await bench.publish(a_ticker(40))
    await until(source, 40)

    assert prices(source) == list(range(10, 41))
    assert not source.of("gap")
    assert source.connections == 2


async def test_what_memory_does_not_reach_back_to_comes_from_redis(bench: Bench, reading: Reading) -> None:
    """More than the gateway keeps, a page at a time, and still each once and in order."""
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    cursor = source.last_event_id
    await reading.close()
    await bench.publish_many(tickers(*range(10, 10 + RING + 2_500)))
    bench.gateway.kill()
    await bench.start_gateway()

    resumed = await reading.open(bench.stream(), cursor)
    throttled = await reading.open(bench.stream("symbol=*&throttle=250"), cursor)
    await eventually(lambda: len(prices(resumed)) >= RING + 2_500, 30, "the replay")
    await until(throttled, 9 + RING + 2_500)

    assert prices(resumed) == list(range(10, 10 + RING + 2_500))
    assert prices(throttled) == [9 + RING + 2_500]
    assert not resumed.of("gap") + throttled.of("gap")
    assert 'spark_gateway_resumes_total{outcome="redis"} 2.0' in await bench.metrics()


async def test_streams_that_are_aborted_while_they_resume_leave_nothing_behind(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    cursor = source.last_event_id
    await bench.publish_many(tickers(*range(10, 3_000)))
    bench.gateway.kill()
    await bench.start_gateway()

    head = f"GET /api/market/btcturk/stream?symbol=* HTTP/1.1\r\nHost: here\r\nLast-Event-ID: {cursor}\r\n\r\n"
    for number in range(300):
        _, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(head.encode())
        await asyncio.sleep(number % 7 / 1000)
        writer.transport.abort()
    await eventually(lambda: bench.has_metric("spark_gateway_streams 1.0"), 10, "all but one to be gone")
    await bench.publish(a_ticker(5_000))
    await until(source, 5_000)

    assert "spark_gateway_readers_lagged_total 0.0" in await bench.metrics()


async def test_a_throttled_resume_brings_the_newest_values_only(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream("symbol=*&throttle=250"))
    await eventually(lambda: source.of("health"))
    cursor = source.last_event_id
    await bench.publish_many(tickers(*range(10, 40)))
    await eventually(lambda: bench_ticker(bench, 39))

    resumed = await reading.open(bench.stream("symbol=*&throttle=250"), cursor)
    await until(resumed, 39)

    assert prices(resumed) == [39]


async def test_the_header_beats_the_address(bench: Bench, reading: Reading) -> None:
    """A browser repeats the address it was given for ever; its header is what it saw last."""
    source = await reading.open(bench.stream())
    await bench.publish_many(tickers(10, 11, 12))
    await until(source, 12)
    ids = {event.data["price"]: event.id for event in source.of("ticker") if event.id}

    resumed = await reading.open(bench.stream(f"symbol=*&throttle=0&lastEventId={ids[10]}"), ids[12])
    by_address = await reading.open(bench.stream(f"symbol=*&throttle=0&lastEventId={ids[10]}"))
    await bench.publish(a_ticker(13))
    await until(resumed, 13)
    await until(by_address, 13)

    assert prices(resumed) == [13]
    assert prices(by_address)[:2] == [11, 12]


async def test_a_cursor_ahead_of_this_replica_waits_for_it(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))
    here = parse(source.last_event_id)["btcturk"]
    ahead = here._replace(entry=here.entry._replace(ms=here.entry.ms + 60_000))

    resumed = await reading.open(bench.stream(), str(ahead))
    await bench.publish(a_ticker(10))
    await until(source, 10)
    await eventually(lambda: resumed.of("status"))

    assert not resumed.of("gap")
    assert not resumed.of("ticker")


async def test_what_retention_has_taken_is_told_as_a_gap(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await bench.publish_many(tickers(10, 11))
    await until(source, 11)
    cursor = parse(source.last_event_id)["btcturk"]
    bench.gateway.kill()
    lost_at = time.time_ns() // 1_000_000
    for price in range(12, 20):
        await bench.publish(a_ticker(price, received_at=lost_at))
    await bench.redis.xtrim("spark:{btcturk}:messages", maxlen=3, approximate=False)
    await bench.start_gateway()

    resumed = await reading.open(bench.stream(), str(cursor))
    await eventually(lambda: resumed.of("health"))

    [gap] = resumed.of("gap")
    assert gap.data["cause"] == "retention"
    assert gap.data["from"] <= lost_at <= gap.data["to"]
    assert prices(resumed, with_id=False) == [19]


async def test_a_gap_on_the_bus_comes_before_what_follows_it_and_only_to_those_it_touches(
    bench: Bench, reading: Reading
) -> None:
    every = await reading.open(bench.stream("symbol=*&throttle=250"))
    bitcoin = await reading.open(bench.stream("symbol=BTC_TRY&throttle=0"))
    await eventually(lambda: every.of("health") and bitcoin.of("health"))

    await bench.publish(a_ticker(10), a_gap(symbol="ETH_TRY"), a_ticker(11, "ETH_TRY"), a_ticker(12))
    await until(every, 12)
    await until(bitcoin, 12)

    told = [event.type for event in every.events if event.id and event.type != "health"]
    assert told[-3:] == ["gap", "ticker", "ticker"]
    assert not bitcoin.of("gap")


async def test_a_new_epoch_is_a_gap_and_a_snapshot_for_all_who_listen(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await bench.publish(a_ticker(10, received_at=NOON + 10))
    await until(source, 10)
    before = parse(source.last_event_id)["btcturk"].epoch

    await bench.redis.delete("spark:{btcturk}:epoch")
    await bench.publisher.append([])  # starts the epoch
    await bench.publish(a_ticker(11))
    await eventually(lambda: source.of("gap"))
    await eventually(lambda: 11 in prices(source, with_id=False) + prices(source))

    [gap] = source.of("gap")
    assert gap.data["cause"] == "epoch"
    assert gap.data["from"] <= NOON + 10 < gap.data["to"]
    assert parse(source.last_event_id)["btcturk"].epoch != before


async def test_the_status_is_unknown_while_no_monitor_says_anything(bench: Bench, reading: Reading) -> None:
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("health"))

    assert source.of("status")[0].data["status"] == "UNKNOWN"
    assert source.of("health")[0].data["venues"] == {"btcturk": "UNKNOWN"}


async def test_a_status_that_nobody_renews_is_not_believed_for_long(bench: Bench, reading: Reading) -> None:
    """Neither when the monitor's last word has expired, nor when Redis does not answer any more."""
    source = await reading.open(bench.stream())
    await eventually(lambda: source.of("status"))
    verdict = VenueStatus(
        venue=VENUE, status=Status.MOCK, staleness_sec=0.1, mode=Mode.MOCK, reason="simulated data", since=NOON
    )

    async def is_told(status: str, reason: str) -> None:
        def told() -> bool:
            last = source.of("status")[-1].data
            return (last["status"], last["reason"]) == (status, reason)

        await eventually(told, 20, f"{status}, {reason}")

    await bench.redis.set(keys.verdict(VENUE), wire.encode(verdict), px=3_000)
    await is_told("MOCK", "simulated data")
    await is_told("UNKNOWN", "no verdict: the monitor is away")

    await bench.redis.set(keys.verdict(VENUE), wire.encode(verdict))
    await is_told("MOCK", "simulated data")
    bench.redis_server.kill()
    await is_told("UNKNOWN", "the bus does not answer")
    await bench.redis_server.restart()
    await is_told("MOCK", "simulated data")
