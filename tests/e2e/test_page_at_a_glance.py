"""The page in a real Chromium, as a stranger sees it: what is wrong is there to see, at any width of the screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect
from redis.asyncio import Redis

from spark_bus import alarms, keys
from spark_bus.connection import connect
from spark_market.messages import Alarm
from support.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKUP = '<img src=x onerror="window.broken = true"><b>'
BROKEN_PRICES = """() => [...document.querySelectorAll("td.price, td.bid, td.ask")].filter((cell) => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getClientRects().length > 1;
}).map((cell) => cell.textContent)"""
NOTE_CONTRADICTIONS = """() => {
    const [listed, none] = ["alarms", "no-alarms"].map((id) => document.getElementById(id));
    window.contradictions = 0;
    new MutationObserver(() => {
        if (listed.children.length > 0 && !none.hidden) window.contradictions += 1;
    }).observe(listed, { childList: true });
}"""
PATIENCE_MS = 40_000  # an alarm is cleared when its cause has been gone for 15 s


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, stack: Stack) -> AsyncIterator[Page]:
    """The page, live, on which nothing is open."""
    async with opened(browser, stack, width=1100) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def redis(stack: Stack) -> AsyncIterator[Redis]:
    redis = connect(stack.redis.url)
    yield redis
    await redis.aclose()


@asynccontextmanager
async def opened(browser: Browser, stack: Stack, *, width: int) -> AsyncIterator[Page]:
    errors: list[str] = []
    page = await browser.new_page(viewport={"width": width, "height": 740})
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(stack.gateway_url + "/")
    await expect(page.locator(".status")).to_have_text("MOCK", timeout=30_000)
    yield page
    await page.close()
    assert errors == []


def an_alarm(what: str, severity: Any = "warning", state: Any = "raised", reason: str = "a reason") -> Alarm:
    return Alarm(venue="btcturk", id=f"btcturk:{what}", state=state, severity=severity, reason=reason, since=1_000)


async def nothing_is_open(page: Page) -> None:
    await expect(page.locator("#alarms-title")).to_have_text("Open alarms", timeout=PATIENCE_MS)
    await expect(page.locator("#no-alarms")).to_have_text("None.")
    await expect(page.locator("#alarms li")).to_have_count(0)


async def test_what_the_monitor_raises_is_shown_until_it_is_over(page: Page, stack: Stack) -> None:
    """An ingest dies and comes back. In between the gateway dies too: what is known is kept, and not called open."""
    await nothing_is_open(page)

    stack.ingest.kill()
    try:
        line = page.locator("#alarms li")
        await expect(line).to_contain_text("BtcTurk: no ingest", timeout=PATIENCE_MS)
        await expect(line.locator(".severity")).to_have_text("Critical")
        await expect(line.locator(".since")).to_contain_text("since ")
        await expect(page.locator("#alarms-title")).to_have_text("Open alarms (1)")
        await expect(page.locator("#no-alarms")).to_be_hidden()

        stack.gateway.kill()
        await expect(page.locator("#alarms-title")).to_have_text("Last known alarms (1)", timeout=PATIENCE_MS)
        await expect(line).to_have_count(1)
        stack.gateway.start()
        await expect(page.locator("#alarms-title")).to_have_text("Open alarms (1)", timeout=PATIENCE_MS)
        await expect(line).to_have_count(1)
    finally:
        stack.ingest.start()

    await nothing_is_open(page)


async def test_the_worst_comes_first_and_all_of_it_is_text(page: Page, stack: Stack, redis: Redis) -> None:
    """At any width: a reason may be long, and say anything."""
    news = [
        an_alarm("polled"),
        an_alarm("mute", "critical", reason=f"{MARKUP} {'x' * 200}"),
        an_alarm("clock"),
    ]
    await page.evaluate(NOTE_CONTRADICTIONS)
    await alarms.tell(redis, news)
    severities = page.locator("#alarms .severity")
    await expect(severities).to_have_text(["Critical", "Warning", "Warning"], timeout=PATIENCE_MS)
    await expect(page.locator("#alarms li").first).to_contain_text(f"BtcTurk: {MARKUP}")
    assert await page.evaluate("window.contradictions") == 0
    assert await page.evaluate("window.broken") is None
    assert await page.locator("#alarms :is(img, b)").count() == 0

    for width in (360, 700, 1100):
        await page.set_viewport_size({"width": width, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        await expect(page.locator("#alarms li").first).to_be_in_viewport()

    await alarms.tell(redis, [an_alarm("clock", "critical", "changed", "worse")])
    await expect(page.locator("#alarms li").first).to_contain_text("worse", timeout=PATIENCE_MS)
    await expect(severities).to_have_text(["Critical", "Critical", "Warning"])
    await alarms.tell(redis, [an_alarm(what, state="cleared") for what in ("polled", "mute", "clock")])
    await nothing_is_open(page)


async def test_what_ended_long_ago_while_nobody_listened_is_not_kept(page: Page, stack: Stack, redis: Redis) -> None:
    """A stream tells of what has ended for ten minutes only: what it does not name as it opens is over."""
    await alarms.tell(redis, [an_alarm("polled"), an_alarm("clock")])
    await expect(page.locator("#alarms li")).to_have_count(2, timeout=PATIENCE_MS)
    stack.gateway.kill()
    await redis.hdel(keys.OPEN_ALARMS, "btcturk:polled")
    stack.gateway.start()

    await expect(page.locator("#alarms li")).to_have_count(1, timeout=PATIENCE_MS)
    await expect(page.locator("#alarms-title")).to_have_text("Open alarms (1)", timeout=PATIENCE_MS)
    await alarms.tell(redis, [an_alarm("clock", state="cleared")])
    await nothing_is_open(page)


async def test_a_gateway_that_wants_a_key_is_not_called_away(browser: Browser, stack: Stack) -> None:
    """It says how the venues are, and gives no stream: that is another trouble than having no connection."""
    wants_key = True

    async def refuse(route: Route) -> None:
        if wants_key:
            await route.fulfill(status=401)
        else:
            await route.continue_()

    page = await browser.new_page()
    await page.route("**/stream?*", refuse)
    await page.goto(stack.gateway_url + "/")

    await expect(page.locator("#badge")).to_have_text("No stream", timeout=PATIENCE_MS)
    await expect(page.locator("#note")).to_contain_text("it may want a key")
    await expect(page.locator(".status")).to_have_text("UNKNOWN")
    await expect(page.locator("#no-alarms")).to_have_text("Not known: the gateway gives this page no stream.")
    wants_key = False
    await expect(page.locator("#badge")).to_have_text("Data: Mock", timeout=PATIENCE_MS)
    await page.close()


@pytest.mark.parametrize("width", [360, 600, 700, 800, 900, 959, 961, 1200])
async def test_no_price_is_broken_over_lines(width: int, page: Page) -> None:
    """3,561,18 with a 9 below it is another price to a quick eye."""
    await page.set_viewport_size({"width": width, "height": 740})

    assert await page.evaluate(BROKEN_PRICES) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    ("doubt", "status", "says"),
    [
        ("null", "UP", "None."),
        ("null", "CLOSED", "None."),
        ("null", "UNKNOWN", "None known, but nobody watches BtcTurk right now."),
        ("'this page is connecting to the gateway'", "UNKNOWN", "Not known: this page is connecting to the gateway."),
    ],
)
async def test_that_there_is_none_is_said_only_while_somebody_watches(
    doubt: str, status: str, says: str, page: Page
) -> None:
    venues = f"[{{name: 'btcturk', status: '{status}'}}]"

    text = await page.evaluate(f"async () => (await import('/words.js')).noAlarms({doubt}, {venues})")

    assert text == says
