"""The page's words in a real Chromium: what it would say of whatever it is told, by its pure functions alone."""

import json
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from support.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SCRIPT = "text/javascript"
WORDS = resources.files("spark_gateway").joinpath("page/words.js").read_bytes()
SUNDAY_NOON = 1_795_338_000_000  # 2026-11-22T12:00+03:00
MONDAY = {"opensAt": SUNDAY_NOON + 22 * 3_600_000, "closesAt": SUNDAY_NOON + 30 * 3_600_000}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """An empty page of a site that has the module and nothing else."""
    async with chromium() as browser:
        page = await browser.new_page()
        await page.route("http://page.test/", lambda route: route.fulfill(body="", content_type="text/html"))
        await page.route("http://page.test/words.js", lambda route: route.fulfill(body=WORDS, content_type=SCRIPT))
        await page.goto("http://page.test/")
        yield page


async def words(page: Page, expression: str) -> Any:
    """Evaluate an expression on the module."""
    return await page.evaluate(f"async () => {{ const words = await import('/words.js'); return {expression}; }}")


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
    connection: str, venues: list[tuple[str, str | None]], text: str, tone: str, page: Page
) -> None:
    """Nothing less than UP, real and connected; in doubt it is amber. Mock is said of what is simulated alone."""
    names = ("btcturk", "bist")
    verdicts = json.dumps(
        [{"name": name, "status": status, "mode": mode} for name, (status, mode) in zip(names, venues, strict=False)]
    )

    badge = await words(page, f"words.badge({json.dumps(connection)}, {verdicts})")

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
    venues: list[tuple[str, str, str, int]], note: str, page: Page
) -> None:
    """Green for one venue must not pass for all; a real venue that went silent is not simulated."""
    keys = ("name", "status", "mode", "delayMs")
    verdicts = json.dumps([dict(zip(keys, venue, strict=True)) for venue in venues])

    badge = await words(page, f"words.badge('live', {verdicts})")

    assert badge["note"] == note


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
    status: str, window: dict[str, Any] | None, delay_ms: int, says: str, page: Page
) -> None:
    """In the time of Istanbul, wherever the reader is."""
    arguments = json.dumps([status, window, delay_ms, SUNDAY_NOON])

    assert await words(page, f"words.session(...{arguments})") == says


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (SUNDAY_NOON - 61_000, "11:58:59"),
        (SUNDAY_NOON - 2 * 86_400_000, "Fri 12:00:00"),
        (SUNDAY_NOON - 9 * 86_400_000, "Fri 13 Nov 12:00:00"),
        (None, "–"),
    ],
)
async def test_the_markets_own_time_has_its_day_unless_that_is_today(ms: int | None, shown: str, page: Page) -> None:
    """Friday's last price is not one of this morning."""
    assert await words(page, f"words.marketTime({json.dumps(ms)}, {SUNDAY_NOON})") == shown


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
async def test_no_digit_of_a_number_is_changed(number: str, shown: str, page: Page) -> None:
    """From the message's text to the table's text, grouped for reading and nothing else."""
    message = json.dumps(f'{{"price":{number},"text":"say \\"1.50\\", 2.50"}}')

    assert await words(page, f"words.digits(words.parse({message}).price)") == shown
    assert await words(page, f"words.parse({message}).text") == 'say "1.50", 2.50'


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
async def test_a_price_is_stale_when_nobody_vouches_for_it(status: str, age_s: int, stale: bool, page: Page) -> None:
    assert await words(page, f"words.isStale('{status}', {age_s * 1000}, 30)") is stale


@pytest.mark.parametrize(
    ("status", "age_s", "shown"),
    [
        ("UP", 61, "61 s"),
        ("DEGRADED", 61, "61 s · stale"),
        ("CLOSED", 61, ""),
    ],
)
async def test_the_last_prices_of_a_session_have_no_age(status: str, age_s: int, shown: str, page: Page) -> None:
    """It would be the time since an ingest that was started at night first asked: a minute for Friday's close."""
    assert await words(page, f"words.ageOf('{status}', {age_s * 1000}, 30)") == shown


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
async def test_what_was_missed_is_said_in_words(message: dict[str, Any], sentence: str | None, page: Page) -> None:
    text = json.dumps(json.dumps(message))

    assert await words(page, f"words.notice(words.parse({text}), (ms) => `t${{ms}}`)") == sentence
