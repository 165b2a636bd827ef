"""Borsa İstanbul through a real gateway: its names, sessions and delayed prices, and a market that is closed."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from integration.monitor.stage import Ingest, monitoring
from spark_bus.publisher import Claim, Publisher, outgoing
from spark_market.instruments import Instrument, Mode, SessionWindow
from spark_market.messages import Status, Ticker
from spark_service.lifecycle import end
from support.eventually import eventually
from support.sse import EventSource

from .conftest import Bench, Reading, benched

VENUE = "bist"
MONDAY_OPEN, MONDAY_CLOSE = 1_795_417_200_000, 1_795_446_000_000  # 2026-11-23 10:00 and 18:00 in Istanbul
NAMES = {"THYAO": "TÜRK HAVA YOLLARI", "TUPRS": "TÜPRAŞ", "XU100": "BIST 100", "ASELS": None}


def an_instrument(symbol: str, opens_at: int = MONDAY_OPEN) -> Instrument:
    return Instrument(
        symbol=symbol, base=symbol, quote="TRY", venue_symbol=f"{symbol}.IS", price_scale=2, size_scale=0,
        statistics_window="session", name=NAMES[symbol],
        session=SessionWindow(opens_at=opens_at, closes_at=opens_at + MONDAY_CLOSE - MONDAY_OPEN),
    )  # fmt: skip


def a_ticker(symbol: str = "THYAO", price: str = "312.25") -> Ticker:
    return Ticker(
        venue=VENUE, symbol=symbol, mode=Mode.DELAYED, price=Decimal(price), previous_close=Decimal("310.5"),
        high=Decimal("314"), low=Decimal("309.75"), volume=Decimal(21_456_789), turnover=Decimal("6690123456.75"),
        reference_price=Decimal("310.5"), change=Decimal(price) - Decimal("310.5"), change_pct=Decimal("0.56"),
        venue_time=MONDAY_OPEN + 5_000, received_at=MONDAY_OPEN + 905_000,
    )  # fmt: skip


class Exchange:
    """What an ingest of Borsa İstanbul writes."""

    def __init__(self, bench: Bench) -> None:
        self.publisher = Publisher(bench.redis, VENUE, Mode.DELAYED)

    async def begin(self) -> None:
        assert isinstance(await self.publisher.claim(), Claim)
        await self.list(MONDAY_OPEN)
        await self.publish(a_ticker(), a_ticker("XU100", "11042.37"))

    async def list(self, opens_at: int) -> None:
        await self.publisher.write_instruments({symbol: an_instrument(symbol, opens_at) for symbol in NAMES})
        await self.publisher.append([self.publisher.directory_changed()])

    async def publish(self, *tickers: Ticker) -> None:
        await self.publisher.append([outgoing(ticker) for ticker in tickers])


async def get(bench: Bench, path: str, venue: str = VENUE) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{bench.url}/api/market/{venue}/{path}")


async def told(bench: Bench, path: str) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{bench.url}{path}")).json()


def closings(source: EventSource) -> list[dict[str, Any]]:
    """Return what the stream has told of the market's being closed."""
    told = [event.data for event in source.of("status")]
    return [data for data in told if (data["venue"], data["status"]) == (VENUE, Status.CLOSED)]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with benched({"SPARK_VENUES": f"btcturk,{VENUE}"}) as bench:
        yield bench


@pytest.fixture
async def exchange(bench: Bench) -> Exchange:
    exchange = Exchange(bench)
    await exchange.begin()

    async def serves() -> bool:
        return (await get(bench, "ticker?symbol=XU100")).status_code == 200

    await eventually(serves, 10, "the second venue")
    return exchange


async def test_the_directory_has_names_and_the_session_to_come(bench: Bench, exchange: Exchange) -> None:
    """What a page needs to say what THYAO is, and when there will be prices."""
    answer = (await get(bench, "symbols")).json()

    assert answer["venue"] == VENUE
    by_symbol = {instrument["symbol"]: instrument for instrument in answer["instruments"]}
    assert {symbol: instrument["name"] for symbol, instrument in by_symbol.items()} == NAMES
    assert by_symbol["THYAO"]["session"] == {"opensAt": MONDAY_OPEN, "closesAt": MONDAY_CLOSE, "half": False}
    assert by_symbol["THYAO"]["statisticsWindow"] == "session"

    day = 86_400_000
    await exchange.list(MONDAY_OPEN + day)

    async def next_day() -> bool:
        instruments = (await get(bench, "symbols")).json()["instruments"]
        return all(instrument["session"]["opensAt"] == MONDAY_OPEN + day for instrument in instruments)

    await eventually(next_day, 10, "the next session")
    assert (await get(bench, "ticker?symbol=THYAO")).status_code == 200  # a new day takes no price away


async def test_a_delayed_ticker_is_told_as_it_was_published(bench: Bench, exchange: Exchange) -> None:
    body = (await get(bench, "ticker?symbol=THYAO")).json()

    assert body["type"] == "ticker"
    data = body["data"]
    assert (data["mode"], data["price"], data["turnover"], data["referencePrice"]) == (
        "delayed", 312.25, 6690123456.75, 310.5,
    )  # fmt: skip
    assert (data["previousClose"], data["change"], data["bid"]) == (310.5, 1.75, None)
    assert data["venueTime"] == MONDAY_OPEN + 5_000

    snapshot = (await get(bench, "snapshot")).json()
    assert [message["data"]["symbol"] for message in snapshot["messages"]] == ["THYAO", "XU100"]
    assert snapshot["cursor"].startswith(f"{VENUE}.")


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("THYA", "THYAO"), ("THYAO.IS", "THYAO"), ("thyao", "THYAO"), ("THYAO.E", "THYAO"), ("XU10", "XU100")],
)
async def test_an_unknown_symbol_names_the_nearest(bench: Bench, exchange: Exchange, asked: str, nearest: str) -> None:
    """The venue's own spellings are not ours, but they lead to ours."""
    answer = await get(bench, f"ticker?symbol={asked}")

    assert answer.status_code == 404
    assert answer.json()["nearest"][0] == nearest


async def test_a_known_symbol_without_a_price_yet_says_so(bench: Bench, exchange: Exchange) -> None:
    answer = await get(bench, "ticker?symbol=ASELS")

    assert (answer.status_code, answer.json()["title"]) == (404, "No ticker yet")


async def test_history_and_stream_have_the_ticks(bench: Bench, exchange: Exchange, reading: Reading) -> None:
    source = await reading.open(f"{bench.url}/api/market/{VENUE}/stream?symbol=THYAO&throttle=0")
    await eventually(lambda: source.of("health"))
    await exchange.publish(a_ticker(price="312.5"), a_ticker("XU100", "11050.11"), a_ticker(price="312.75"))
    await eventually(lambda: [event.data["price"] for event in source.of("ticker")] == [312.25, 312.5, 312.75])

    assert {event.data["symbol"] for event in source.of("ticker")} == {"THYAO"}
    found = (await get(bench, "history?symbol=THYAO")).json()
    assert [message["data"]["price"] for message in found["messages"]] == [312.25, 312.5, 312.75]


async def test_a_closed_market_is_told_in_the_stream_and_to_operators(bench: Bench, reading: Reading) -> None:
    """By a real monitor, on a Sunday; the other venue has its own status."""
    ingest = Ingest(bench.redis, Mode.DELAYED, VENUE)
    ingest.source, ingest.delay_ms, ingest.poll_interval_ms = "poll", 900_000, 15_000
    beating = asyncio.create_task(ingest.run())
    settings = {"SPARK_VENUES": VENUE, "SPARK_BIST_CLOCK": "2026-11-22T12:00+03:00"}
    try:
        async with monitoring(bench.redis_server.url, **settings):
            url = f"{bench.url}/api/market/stream?instrument={VENUE}:*,btcturk:*"
            source = await reading.open(url)
            await eventually(lambda: closings(source), 20, "a status CLOSED in the stream")
            standing = (await told(bench, "/api/healthz"))["venues"][VENUE]
            metrics = await told(bench, "/api/tools/metrics?format=json")
    finally:
        await end([beating])

    closed = closings(source)[-1]
    assert closed["reason"] == "closed until 2026-11-23 10:15 +03:00 (with the source's delay)"
    assert closed["mode"] == "delayed"
    assert (standing["status"], standing["stalenessSec"], standing["mode"]) == ("CLOSED", 0, "delayed")
    assert metrics["venue_staleness_bist_sec"] == 0
    assert metrics["spark_venue_status"] == {"btcturk": "UNKNOWN", VENUE: "CLOSED"}
