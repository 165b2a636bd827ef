"""The page in a real Chromium, on the whole platform: what it shows is true, and it never shows more than that."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Route, expect

from support.eventually import eventually
from support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SYMBOLS = ["BTC_TRY", "ETH_TRY", "USDT_TRY", "XRP_TRY"]
SHOWN = ["price", "bid", "ask", "volume"]

ROWS = """() => Object.fromEntries([...document.querySelectorAll("tbody tr")].map((row) => [
    row.querySelector(".symbol").textContent,
    Object.fromEntries([...row.querySelectorAll("td")].map((cell) => [cell.classList[0], cell.textContent])),
]))"""

PLAIN_EVENT_SOURCE = """(address) => {
    window.received = [];
    window.source = new EventSource(address);
    window.source.onmessage = ({ data, lastEventId, type }) =>
        window.received.push({ ...JSON.parse(data), id: lastEventId, event: type });
}"""


@asynccontextmanager
async def opened(browser: Browser, stack: Stack, ahead_s: int = 0) -> AsyncIterator[Page]:
    """The page, live, with a clock that a test can turn and that is ahead. Nothing may go wrong in it to the end."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # That a server is away the browser reports by itself; whatever else it complains of is ours.
        if message.type == "error" and not re.match(r"Failed to load resource: (net::|.* status of 503)", message.text):
            errors.append(message.text)

    context = await browser.new_context()
    page = await context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.clock.install(time=time.time() + ahead_s)
    await page.goto(stack.gateway_url + "/")
    await live(page)
    yield page
    await context.close()
    assert errors == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading(browser: Browser, stack: Stack) -> AsyncIterator[Page]:
    """One page for all tests that only look."""
    async with opened(browser, stack) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, stack: Stack) -> AsyncIterator[Page]:
    """A page of the test's own."""
    async with opened(browser, stack) as page:
        yield page


async def live(page: Page) -> None:
    """Wait until all rows are there and nothing is wrong."""
    await expect(page.locator("#connection")).to_have_text("Connected", timeout=15_000)
    await expect(page.locator(".status")).to_have_text("MOCK", timeout=15_000)
    await expect(page.locator("tbody tr:not(.stale)")).to_have_count(len(SYMBOLS))


async def rows(page: Page) -> dict[str, dict[str, str]]:
    """Return the table's text, by symbol and column, without what groups the digits."""
    shown: dict[str, dict[str, str]] = await page.evaluate(ROWS)
    return {
        symbol: {column: text.replace(",", "") for column, text in row.items()} for symbol, row in sorted(shown.items())
    }


async def at_the_gateway(stack: Stack) -> dict[str, dict[str, str]]:
    """Return what REST says, each number as the very text that was sent."""
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.get(stack.gateway_url + "/api/market/btcturk/snapshot")
    messages = json.loads(answer.text, parse_float=str, parse_int=str)["messages"]
    return {message["data"]["symbol"]: {column: message["data"][column] for column in SHOWN} for message in messages}


async def prices(page: Page) -> list[str]:
    return [row["price"] for row in (await rows(page)).values()]


async def staleness(page: Page) -> float:
    text = await page.locator(".staleness").text_content() or ""
    found = re.fullmatch(r"staleness ([0-9.]+) s", text)
    return float(found[1]) if found else -1.0


async def test_it_shows_the_prices_that_rest_says(reading: Page, stack: Stack) -> None:
    """Four symbols, to the last digit, and they keep moving."""
    before = await prices(reading)

    async def same() -> bool:
        shown = await rows(reading)
        told = await at_the_gateway(stack)
        return list(told) == SYMBOLS and told == {
            symbol: {column: row[column] for column in SHOWN} for symbol, row in shown.items()
        }

    await eventually(same, what="the page says what REST says")

    async def moved() -> bool:
        return await prices(reading) != before

    await eventually(moved, what="a price moves")
    await eventually(same, what="it says it still")


async def test_simulated_data_is_called_so(reading: Page) -> None:
    """Amber, with a sentence for those who do not know what mock means."""
    badge = reading.locator("#badge")

    await expect(badge).to_have_text("Data: Mock")
    await expect(badge).to_have_attribute("data-tone", "mock")
    await expect(reading.locator("#note")).to_contain_text("Simulated prices")
    await expect(reading.locator(".reason")).to_have_text("simulated data")
    assert 0 <= await staleness(reading) < 30


async def test_messages_are_text_and_never_html(reading: Page) -> None:
    """Nothing from outside becomes part of the page, and a strict policy forbids what would slip through."""
    answer = await reading.request.get(reading.url)
    policy = answer.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert await reading.locator("script:not([src]), style, [style], [onclick]").count() == 0


async def test_a_narrow_screen_needs_no_sideways_scrolling(reading: Page) -> None:
    """A phone shows every column."""
    await reading.set_viewport_size({"width": 360, "height": 740})

    assert await reading.evaluate("document.documentElement.scrollWidth") == 360
    await expect(reading.locator("td.volume").first).to_be_in_viewport()


async def test_a_plain_event_source_sees_everything(page: Page, stack: Stack) -> None:
    """`onmessage` alone: all events are unnamed, and the browser learns its place in the stream."""
    await page.evaluate(PLAIN_EVENT_SOURCE, "/api/market/btcturk/stream?symbol=*&throttle=0")

    async def live_tickers() -> list[dict[str, Any]]:
        received: list[dict[str, Any]] = await page.evaluate("window.received")
        return [message for message in received if message["type"] == "ticker" and message["id"]]

    tickers = await eventually(live_tickers, what="a ticker with an id")
    kinds = {message["type"] for message in await page.evaluate("window.received")}

    assert {"status", "ticker", "health"} <= kinds
    assert all(re.fullmatch(r"btcturk\.[0-9a-z]+\.\d+-\d+", ticker["id"]) for ticker in tickers)
    assert {ticker["event"] for ticker in tickers} == {"message"}
    assert tickers[0]["data"]["price"] > 0
    assert tickers[0]["data"]["mode"] == "mock"


async def test_a_silent_gateway_is_no_connection(page: Page, stack: Stack) -> None:
    """The socket is open and nothing comes: after 20 s, turned on the page's clock, that is not called live.

    Its other end may be gone without a word, and then nothing would ever come: it asks again.
    """
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    stack.gateway.pause()
    try:
        await page.clock.fast_forward(21_000)
        await expect(page.locator("#badge")).to_have_text("No connection")
        await expect(page.locator("#connection")).to_have_text("Reconnecting…")
        await expect(page.locator(".status")).to_have_text("UNKNOWN")
        await eventually(lambda: any("/stream?" in url for url in asked), what="another stream is asked for")
    finally:
        stack.gateway.resume()

    await live(page)


async def test_what_nobody_renews_is_not_believed_for_long(page: Page) -> None:
    """Prices flow, and nobody says how the venue is: after 10 s that is not known, however well it was."""
    await page.route("**/api/healthz", lambda route: route.abort())
    await page.clock.fast_forward(11_000)

    await expect(page.locator(".status")).to_have_text("UNKNOWN")
    await expect(page.locator(".reason")).to_have_text("the gateway does not say how the venue is")
    await expect(page.locator("#connection")).to_have_text("Connected")
    await expect(page.locator("#badge")).to_have_text("Data: Mock")
    await expect(page.locator("tbody tr.stale")).to_have_count(len(SYMBOLS))

    await page.unroute("**/api/healthz")
    await live(page)


async def test_a_readers_clock_may_be_wrong(browser: Browser, stack: Stack) -> None:
    """By the gateway's, a price of a moment ago is not an hour old."""
    async with opened(browser, stack, ahead_s=3_600) as page:
        for age in await page.locator("td.age").all():
            await expect(age).to_have_text(re.compile(r"^[0-9]{1,2} s$"))


async def test_a_killed_gateway_is_noticed_and_its_return_too(page: Page, stack: Stack) -> None:
    """Without a reload: rows go grey and come back, and browsers resume where they were, with no gap."""
    await page.evaluate("window.loadedOnce = true")
    await page.evaluate(PLAIN_EVENT_SOURCE, "/api/market/btcturk/stream?symbol=*&throttle=0")

    async def ids() -> list[tuple[int, ...]]:
        """Return the place of each ticker that moved it."""
        received = await page.evaluate("window.received.filter(({ type }) => type === 'ticker').map(({ id }) => id)")
        return [tuple(map(int, re.split(r"[.-]", id_)[2:])) for id_ in received if id_]

    await eventually(ids, what="a ticker with an id")
    stack.gateway.kill()

    await expect(page.locator("#badge")).to_have_text("No connection")
    await expect(page.locator("#connection")).to_have_text("Reconnecting…")
    await expect(page.locator("tbody tr.stale")).to_have_count(len(SYMBOLS))
    await expect(page.locator(".status")).to_have_text("UNKNOWN")
    seen, before = len(await ids()), await prices(page)

    stack.gateway.start()
    await live(page)
    await expect(page.locator("#badge")).to_have_text("Data: Mock")

    async def moved() -> bool:
        return await prices(page) != before

    async def resumed() -> bool:
        return len(await ids()) > seen

    await eventually(moved, what="a price moves")
    await eventually(resumed, what="the plain EventSource goes on")
    places = await ids()
    assert all(earlier < later for earlier, later in pairwise(places)), places
    assert await page.evaluate("window.received.filter(({ type }) => type === 'gap')") == []
    assert await page.evaluate("window.loadedOnce")


async def test_a_refused_stream_is_asked_for_again(page: Page, stack: Stack) -> None:
    """A browser gives up for good on any answer but 200; the page does not, and says where it was."""
    asked: list[str] = []

    async def refuse_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            await route.fulfill(status=503)
        else:
            await route.continue_()

    await page.route("**/stream?*", refuse_once)
    stack.gateway.restart()
    await stack.ready()
    await eventually(lambda: asked, what="the browser comes back")
    await page.clock.fast_forward(3_000)

    await live(page)
    assert "&lastEventId=btcturk." in asked[-1]
    await expect(page.locator("#notices li")).to_have_count(0)


async def test_a_venue_that_is_new_to_the_page_is_shown_and_one_that_went_is_not(
    browser: Browser, stack: Stack
) -> None:
    """The gateway may be started again with other venues, while a page of it is open."""
    there = True

    async def with_another(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        if there:
            told["venues"]["nyse"] = {**told["venues"]["btcturk"], "status": "HALTED", "reason": "for now"}
        await route.fulfill(json=told)

    async def without_it(route: Route) -> None:
        await route.continue_(url=route.request.url.replace(",nyse:*", ""))

    page = await browser.new_page()
    await page.route("**/api/healthz", with_another)
    await page.route("**/stream?*", without_it)
    await page.route("**/nyse/symbols", lambda route: route.fulfill(status=503))
    await page.goto(stack.gateway_url + "/")

    other = page.locator("section.venue").nth(1)
    await expect(other.locator("h2")).to_have_text("nyse")
    await expect(other.locator(".status")).to_have_text("HALTED", timeout=15_000)
    await expect(other.locator(".status")).to_have_attribute("data-tone", "bad")
    await expect(page.locator("tbody tr")).to_have_count(len(SYMBOLS))

    there = False
    await expect(page.locator("section.venue")).to_have_count(1, timeout=15_000)
    await expect(page.locator("tbody tr:not(.stale)")).to_have_count(len(SYMBOLS))
    await expect(page.locator("#connection")).to_have_text("Connected", timeout=15_000)
    await page.close()


async def test_a_killed_ingest_is_down_and_its_gap_is_told(page: Page, stack: Stack) -> None:
    """The status turns, staleness grows, the badge stays amber; afterwards the page says what may be missing."""
    stack.ingest.kill()
    try:
        await expect(page.locator(".status")).to_have_text("DOWN", timeout=15_000)
        await expect(page.locator(".reason")).to_contain_text("no ingest")
        await expect(page.locator("#badge")).to_have_text("Data: Mock")
        await expect(page.locator("#note")).to_contain_text("No fresh data")
        await expect(page.locator("tbody tr.stale")).to_have_count(len(SYMBOLS))
        at_first = await staleness(page)

        async def grown() -> bool:
            return await staleness(page) > at_first + 1

        await eventually(grown, what="staleness grows")
    finally:
        stack.ingest.start()

    await live(page)
    notice = re.compile(r"data may be missing between .* and .*, because the venue's ingest was restarted")
    await expect(page.locator("#notices li").first).to_contain_text(notice)
