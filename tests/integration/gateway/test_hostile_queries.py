"""Questions that nobody should ask: each is answered with a problem that says what would be right."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from support.stack import UNLIMITED

from .conftest import Bench, benched

pytestmark = pytest.mark.asyncio(loop_scope="module")

TICKER = b"/api/market/btcturk/ticker"
ONE = "one symbol such as BTC_TRY or THYAO"
SOME = "up to 1000 symbols such as BTC_TRY or THYAO, by comma, or * for all"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    """One gateway for all: none of them may harm it."""
    async with benched(UNLIMITED) as bench:
        yield bench


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """Return the problem, which no browser takes for a page, nor a cache for what holds."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-content-type-options"] == "nosniff"
        assert self.headers["cache-control"] == "no-store"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        assert found["type"] == "about:blank"
        assert found["title"] and found["detail"]
        return found


async def send(bench: Bench, target: bytes, method: bytes = b"GET", *headers: bytes) -> Answer:
    """Send these very bytes: client libraries would put them right."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    try:
        head = [method + b" " + target + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers]
        writer.write(b"\r\n".join(head) + b"\r\n\r\n")
        async with asyncio.timeout(10):
            got = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    head_text, _, body = got.partition(b"\r\n\r\n")
    status_line, *lines = head_text.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Answer(int(status_line.split()[1]), {name.lower(): value for name, value in pairs}, body)


def long_list(names: int) -> bytes:
    return b",".join(b"SYM%d_TRY" % number for number in range(names))


@pytest.mark.parametrize(
    ("query", "status", "accepts"),
    [
        (b"symbol=%00", 422, ONE),
        (b"symbol=BTC_TRY%00", 422, ONE),
        (b"symbol=BTC_TRY%0d%0aSet-Cookie:x", 422, ONE),
        (b"symbol=%1b[31m", 422, ONE),
        (b"symbol=%c4%b0ST_TRY", 422, ONE),
        (b"symbol=%ff%fe", 422, ONE),
        (b"symbol=%ed%a0%80", 422, ONE),
        (b"symbol=%EF%BC%A2TC_TRY", 422, ONE),
        (b"symbol=%", 422, ONE),
        (b"symbol=%zz", 422, ONE),
        (b"symbol=%25%42TC_TRY", 422, ONE),
        (b"symbol=BTC+TRY", 422, ONE),
        (b"symbol=../../etc/passwd", 422, ONE),
        (b"symbol=" + b"A" * 41, 422, ONE),
        (b"symbol=" + b"A" * 30_000, 422, ONE),
        (b"symbol=", 422, ONE),
        (b"symbol", 422, ONE),
        (b"", 422, ONE),
        (b"SYMBOL=BTC_TRY", 422, ONE),
        (b"symbol=BTC_TRY&symbol=BTC_TRY", 422, "it is given once"),
        (b"symbol=BTC_TRY,ETH_TRY", 422, ONE),
        (b"symbol=*", 422, ONE),
        (b"symbol=XXX_TRY", 404, None),
        (b"symbol=btc_try", 404, None),
        (b"&" * 30_000, 422, ONE),
        (b"x=1&" * 7_500 + b"symbol=BTC_TRY", 200, None),
        (b"symbol=BTC%5FTRY", 200, None),
        (b"symbol=BTC_TRY&callback=evil", 200, None),
    ],
)
async def test_a_symbol_is_a_symbol_or_the_answer_says_what_one_is(
    bench: Bench, query: bytes, status: int, accepts: str | None
) -> None:
    answer = await send(bench, TICKER + b"?" + query)

    assert answer.status == status
    if status == 200:
        assert json.loads(answer.body)["data"]["symbol"] == "BTC_TRY"
        return
    assert answer.problem().get("accepts") == accepts
    assert len(answer.body) < 1_000
    if status == 422:
        assert answer.problem()["parameter"] == "symbol"


@pytest.mark.parametrize(
    ("target", "status", "parameter", "accepts"),
    [
        (b"snapshot?symbol=" + long_list(2_500), 422, "symbol", SOME),
        (b"snapshot?symbol=" + long_list(1_000), 404, None, None),
        (b"snapshot?symbol=" + b"," * 30_000, 422, "symbol", SOME),
        (b"snapshot?symbol=", 422, "symbol", SOME),
        (b"snapshot?symbol=BTC_TRY,", 422, "symbol", SOME),
        (b"snapshot?symbol=BTC_TRY&symbol=%00", 422, "symbol", SOME),
        (b"snapshot?channel=ticker,ticker%00", 422, "channel", "channels by comma, of ticker, book"),
        (b"snapshot?channel=" + b"ticker," * 4_000, 422, "channel", "channels by comma, of ticker, book"),
        (b"trades?last=0", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=-1", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=1e2", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=1.0", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=0x10", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=" + b"9" * 30_000, 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=%D9%A1%D9%A2", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=NaN", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=", 422, "last", "a whole number from 1 to 1000"),
        (b"trades?last=5&last=6", 422, "last", "it is given once"),
        (b"book?symbol=BTC_TRY&depth=%2B5", 422, "depth", "a whole number from 1 to 1000"),
        (b"history?symbol=BTC_TRY&last=5001", 422, "last", "a whole number from 1 to 5000"),
        (b"history?symbol=BTC_TRY&from=-1", 422, "from", "whole milliseconds UTC, 0 to 9999999999999"),
        (b"history?symbol=BTC_TRY&to=" + b"9" * 30_000, 422, "to", "whole milliseconds UTC, 0 to 9999999999999"),
        (b"history?symbol=BTC_TRY&before=%00", 422, "before", "the before of an earlier answer to the same question"),
        (b"stream?symbol=*&throttle=-1", 422, "throttle", "whole milliseconds from 0 to 60000"),
        (b"stream?symbol=*&throttle=1e3", 422, "throttle", "whole milliseconds from 0 to 60000"),
        (b"stream?symbol=*&throttle=%00", 422, "throttle", "whole milliseconds from 0 to 60000"),
        (b"stream?symbol=*&throttle=" + b"9" * 30_000, 422, "throttle", "whole milliseconds from 0 to 60000"),
        (b"stream?symbol=" + long_list(2_500), 422, "symbol", SOME),
        (b"stream?symbol=%c4%b0", 422, "symbol", SOME),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_named_with_what_it_accepts(
    bench: Bench, target: bytes, status: int, parameter: str | None, accepts: str | None
) -> None:
    answer = await send(bench, b"/api/market/btcturk/" + target)

    assert answer.status == status
    assert (answer.problem().get("parameter"), answer.problem().get("accepts")) == (parameter, accepts)
    assert len(answer.body) < 1_000


async def test_what_is_no_http_is_refused_before_anything_reads_it(bench: Bench) -> None:
    """Bytes beyond ASCII have no place in an address; percent-encoded ones do, and are tried above."""
    answer = await send(bench, TICKER + b"?symbol=\xc4\xb0ST_TRY")

    assert (answer.status, b"BTC" in answer.body, b"\xc4" in answer.body) == (400, False, False)
    assert "html" not in answer.headers["content-type"]


async def test_a_list_may_be_repeated_instead(bench: Bench) -> None:
    found = await send(bench, b"/api/market/btcturk/snapshot?symbol=BTC_TRY&symbol=ETH_TRY&channel=ticker&channel=book")

    assert [message["data"]["symbol"] for message in json.loads(found.body)["messages"]] == ["BTC_TRY", "ETH_TRY"]


@pytest.mark.parametrize(
    "venue",
    [b"BTCTURK", b"%00", b"btcturk%00", b"btcturk%20", b"%c4%b0", b"%ff", b"none", b"A" * 30_000, b"%3Cscript%3E"],
)
async def test_a_venue_that_there_is_not_is_a_problem(bench: Bench, venue: bytes) -> None:
    answer = await send(bench, b"/api/market/" + venue + b"/ticker?symbol=BTC_TRY")

    assert (answer.status, answer.problem()["title"]) == (404, "Unknown venue")
    assert len(answer.body) < 1_000


@pytest.mark.parametrize(
    "target",
    [
        b"/api", b"/api/", b"/api/market", b"/api/market/btcturk", b"/api/market/btcturk/", b"/api/market/btcturk/none",
        b"/api/market/btcturk/ticker/", b"//api/market/btcturk/ticker?symbol=BTC_TRY", b"/api/market//ticker",
        b"/api/market/btcturk/../btcturk/ticker", b"/api/market/btcturk%2Fticker/x", b"/API/healthz", b"/nothing",
        b"/nothing.html", b"/%00", b"/x%00.js", b"/static-offline-docs/%00", b"/..%2f..%2fetc/passwd",
        b"/../../etc/passwd", b"/%c4%b0", b"/%ff", b"/" + b"A" * 30_000, b"/" + b"a/" * 15_000,
        b"/%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)  # fmt: skip
async def test_an_address_with_nothing_at_it_is_a_problem(bench: Bench, target: bytes) -> None:
    answer = await send(bench, target)

    assert answer.status == 404
    assert "/docs" in answer.problem()["detail"]
    assert b"script" not in answer.body


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"])
@pytest.mark.parametrize(
    "target",
    [TICKER + b"?symbol=BTC_TRY", b"/api/market/btcturk/stream?symbol=*", b"/api/healthz", b"/livez", b"/", b"/docs"],
)
async def test_what_can_only_be_read_says_so(bench: Bench, method: bytes, target: bytes) -> None:
    answer = await send(bench, target, method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "GET or HEAD" in answer.problem()["detail"]


@pytest.mark.parametrize(
    "target", [TICKER + b"?symbol=BTC_TRY", b"/api/market/btcturk/snapshot", b"/api/healthz", b"/livez", b"/", b"/docs"]
)
async def test_head_is_get_without_the_body(bench: Bench, target: bytes) -> None:
    whole, head = await send(bench, target), await send(bench, target, b"HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert head.headers["content-type"] == whole.headers["content-type"]


async def test_markup_comes_back_as_text_of_a_problem_only(bench: Bench) -> None:
    answer = await send(bench, TICKER + b"?symbol=<script>alert(1)</script>")

    assert answer.status == 422
    assert "<script>" in answer.problem()["detail"]  # which `problem` has seen to be no page
    assert not any("script" in value for value in answer.headers.values())


async def test_after_all_that_it_answers_as_before(bench: Bench) -> None:
    targets = [b"/%00", TICKER + b"?symbol=%00", TICKER + b"?symbol=" + b"A" * 30_000, b"/api/market/%ff/book"] * 25
    answers = await asyncio.gather(*[send(bench, target) for target in targets])
    assert {answer.status for answer in answers} == {404, 422}

    assert (await send(bench, TICKER + b"?symbol=BTC_TRY")).status == 200
    assert "Traceback" not in bench.gateway.log.read_text()
