"""Streams over venues: one connection, one cursor, and each venue's troubles its own."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from spark_bus import cursor, keys
from spark_bus.publisher import Claim, Publisher, outgoing
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Status, Trade, VenueStatus
from support.eventually import eventually
from support.examples import NOON, a_ticker, a_trade, an_instrument
from support.sse import EventSource

from .conftest import Bench, Reading, benched
from .test_streams import prices, until

OTHER = "bist"
BOTH = f"instrument=btcturk:*,{OTHER}:*&channel=ticker,trade&throttle=0"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with benched({"SPARK_VENUES": f"btcturk,{OTHER}"}) as bench:
        yield bench


class OtherVenue:
    """The writer of the second venue. It has nothing on the bus until it has begun."""

    def __init__(self, bench: Bench) -> None:
        self._publisher = Publisher(bench.redis, OTHER, Mode.MOCK)

    async def begin(self) -> None:
        assert isinstance(await self._publisher.claim(), Claim)
        await self._publisher.write_instruments({"THYAO": an_instrument("THYAO_TRY")})
        await self._publisher.append([self._publisher.directory_changed()])
        await self.ticker(300)

    async def ticker(self, price: int) -> None:
        ticker = msgspec.structs.replace(a_ticker(price, "THYAO"), venue=OTHER)
        await self._publisher.append([outgoing(ticker)])

    async def trades(self, *ids: int) -> None:
        await self._publisher.append([outgoing(self._trade(number)) for number in ids])

    def _trade(self, number: int) -> Trade:
        return msgspec.structs.replace(a_trade(number, "THYAO"), venue=OTHER)


@pytest.fixture
async def other(bench: Bench) -> OtherVenue:
    other = OtherVenue(bench)
    await other.begin()
    await eventually(lambda: _serves(bench, OTHER), 10, "a gateway that has loaded both")
    return other


async def _serves(bench: Bench, venue: str) -> bool:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{bench.url}/api/market/{venue}/snapshot")).status_code == 200


def stream(bench: Bench, query: str = BOTH) -> str:
    return f"{bench.url}/api/market/stream?{query}"


def venues_of(text: str) -> list[str]:
    return list(cursor.parse(text))


def statuses(source: EventSource, venue: str) -> list[str]:
    return [event.data["status"] for event in source.of("status") if event.data["venue"] == venue]


def trades(source: EventSource, venue: str) -> list[int]:
    return [int(event.data["id"]) for event in source.of("trade") if event.data["venue"] == venue]


async def test_both_venues_come_on_one_connection_and_every_id_names_both(
    bench: Bench, other: OtherVenue, reading: Reading
) -> None:
    source = await reading.open(stream(bench))
    await eventually(lambda: source.of("health"))
    await bench.publish(a_ticker(10))
    await until(source, 10)
    await other.ticker(301)
    await until(source, 301, "THYAO")

    opening = source.events[: source.events.index(source.of("health")[0]) + 1]
    assert [event.type for event in opening] == ["status", "status", "ticker", "ticker", "ticker", "health"]
    assert set(source.of("health")[0].data["venues"]) == {"btcturk", OTHER}
    assert [venues_of(event.id) for event in source.events if event.id] == [[OTHER, "btcturk"]] * 3
    assert source.connections == 1


async def test_both_go_on_where_they_were_after_a_restart_of_the_gateway(
    bench: Bench, other: OtherVenue, reading: Reading
) -> None:
    source = await reading.open(stream(bench))
    await bench.publish(a_trade(1))
    await other.trades(1)
    await eventually(lambda: trades(source, "btcturk") == trades(source, OTHER) == [1])

    bench.gateway.kill()
    await bench.publish(*[a_trade(number) for number in range(2, 30)])
    await other.trades(*range(2, 20))
    await bench.start_gateway()
    await eventually(lambda: (len(trades(source, "btcturk")), len(trades(source, OTHER))) == (29, 19), 20)

    assert trades(source, "btcturk") == list(range(1, 30))
    assert trades(source, OTHER) == list(range(1, 20))
    assert not source.of("gap")


async def test_a_venue_that_has_nothing_yet_does_not_hold_up_the_other(bench: Bench, reading: Reading) -> None:
    """Its first values come when they are there, without a gap: nothing of it was missed."""
    source = await reading.open(stream(bench))
    await eventually(lambda: source.of("health"), 5)
    assert venues_of(source.last_event_id) == ["btcturk"]
    assert [event.data["status"] for event in source.of("status") if event.data["venue"] == OTHER] == ["UNKNOWN"]

    other = OtherVenue(bench)
    await other.begin()
    await until(source, 300, "THYAO")
    await other.trades(1, 2)
    await eventually(lambda: trades(source, OTHER) == [1, 2])

    assert venues_of(source.last_event_id) == [OTHER, "btcturk"]
    assert not source.of("gap")


async def test_what_one_venue_lost_is_no_gap_of_the_other(bench: Bench, other: OtherVenue, reading: Reading) -> None:
    source = await reading.open(stream(bench))
    await eventually(lambda: source.of("health"))
    await bench.redis.delete(f"spark:{{{OTHER}}}:epoch")
    again = OtherVenue(bench)
    await eventually(lambda: _begun(again), 10, "the lease")
    await bench.publish(a_ticker(10), a_trade(1))
    await eventually(lambda: trades(source, "btcturk") == [1] and source.of("gap"), 10)

    assert {(gap.data["venue"], gap.data["cause"]) for gap in source.of("gap")} == {(OTHER, "epoch")}
    assert prices(source) == [10]


async def _begun(other: OtherVenue) -> bool:
    try:
        await other.begin()
    except AssertionError:
        return False
    return True


async def test_the_position_of_one_venue_is_gone_on_from_and_the_other_begins(
    bench: Bench, other: OtherVenue, reading: Reading
) -> None:
    """As from a snapshot over REST, which is of one venue."""
    async with httpx.AsyncClient() as client:
        found: Any = (await client.get(f"{bench.url}/api/market/btcturk/snapshot")).json()
    await bench.publish(a_trade(1))
    source = await reading.open(stream(bench), found["cursor"])
    await eventually(lambda: trades(source, "btcturk") == [1])
    await eventually(lambda: prices(source, "THYAO", with_id=False) == [300])

    assert not [event for event in source.of("ticker") if event.data["venue"] == "btcturk"]
    assert not source.of("gap")


async def test_a_bad_cursor_is_a_gap_and_a_snapshot_of_both(bench: Bench, other: OtherVenue, reading: Reading) -> None:
    source = await reading.open(stream(bench), "garbage")
    await eventually(lambda: source.of("health"))

    assert [gap.data["venue"] for gap in source.of("gap")] == [OTHER, "btcturk"]
    assert len(source.of("ticker")) == 3


@pytest.mark.parametrize(
    ("instrument", "status", "named"),
    [
        ("", 422, "instrument"),
        ("BTC_TRY", 422, "instrument"),
        ("btcturk:", 422, "instrument"),
        ("btcturk:*,btcturk:BTC_TRY", 422, "instrument"),
        ("nasdaq:AAPL", 404, "nasdaq"),
        ("btcturk:BTC_TYR", 404, "BTC_TRY"),
        (",".join(["btcturk:BTC_TRY"] * 1_001), 422, "instrument"),
    ],
)
async def test_what_cannot_be_streamed_is_told(
    bench: Bench, other: OtherVenue, instrument: str, status: int, named: str
) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(stream(bench, f"instrument={instrument}"))

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert named in answer.json()["detail"]


async def test_a_key_for_one_venue_opens_no_stream_of_another(tmp_path: Path) -> None:
    """However the venue is named: in the path, or among the instruments."""
    key = "k" * 43
    classes = {"only": {"requestsPerSecond": 50, "burst": 50, "streams": 5}}
    keys = [
        {"name": "acme", "sha256": hashlib.sha256(key.encode()).hexdigest(), "class": "only", "venues": ["btcturk"]}
    ]
    access = tmp_path / "access.json"
    access.write_text(json.dumps({"classes": classes, "keys": keys}), encoding="utf-8")
    extra = {"SPARK_VENUES": f"btcturk,{OTHER}", "SPARK_GATEWAY_ACCESS": str(access)}
    async with benched(extra, serving=f"?apiKey={key}") as bench, httpx.AsyncClient() as client:
        answers = {
            query: (await client.get(stream(bench, f"instrument={query}"), headers={"X-API-Key": key})).status_code
            for query in (f"{OTHER}:*", f"btcturk:*,{OTHER}:*")
        }
        async with client.stream("GET", stream(bench, f"instrument=btcturk:*&apiKey={key}")) as own:
            assert own.status_code == 200
        nobody = await client.get(stream(bench, "instrument=btcturk:*"))

    assert set(answers.values()) == {403}
    assert nobody.status_code == 401


async def test_a_venue_whose_messages_this_gateway_cannot_read_is_not_called_good(
    bench: Bench, other: OtherVenue, reading: Reading
) -> None:
    """The monitor, which can, goes on to say that it is; the other venue is as it was."""
    for venue in ("btcturk", OTHER):
        good = VenueStatus(venue=venue, status=Status.UP, staleness_sec=0, mode=Mode.REAL, reason="", since=NOON)
        await bench.redis.set(keys.verdict(venue), wire.encode(good))
    source = await reading.open(stream(bench))
    await eventually(lambda: [statuses(source, venue)[-1:] for venue in ("btcturk", OTHER)] == [["UP"], ["UP"]])

    before = len(statuses(source, OTHER))
    messages, aside = keys.messages("btcturk"), f"{keys.messages('btcturk')}:aside"
    await bench.redis.rename(messages, aside)
    await bench.redis.set(messages, "no stream")
    await eventually(lambda: statuses(source, "btcturk")[-1] == "UNKNOWN", 20, "that it cannot be believed")
    assert source.of("status")[-1].data["reason"] == "this gateway cannot read the venue's messages"

    await bench.redis.rename(aside, messages)
    await bench.publish(a_trade(1))
    await other.trades(1)
    await eventually(lambda: statuses(source, "btcturk")[-1] == "UP" and trades(source, "btcturk") == [1])
    await eventually(lambda: trades(source, OTHER) == [1])
    assert set(statuses(source, OTHER)[before:]) <= {"UP"}
    assert not source.of("gap")
    logged = bench.gateway.log.read_text()
    assert logged.count("cannot use redis") == logged.count("redis is back") == 1
