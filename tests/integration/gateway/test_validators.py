"""What a gateway lets others keep: entity tags, and answers compressed for those who can take them."""

import gzip
import itertools
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
import pytest_asyncio

from spark_gateway.compression import SMALLEST
from support.eventually import eventually
from support.examples import VENUE, a_book, a_ticker, a_trade

from .conftest import Bench, benched
from .test_channels import book_is, exact

MARKET = f"/api/market/{VENUE}"
ROUTES = ["ticker?symbol=BTC_TRY", "ticker?symbol=BTC_TRY&_=1", "snapshot", "snapshot?channel=ticker,book",
          "book?symbol=BTC_TRY", "trades", "history?symbol=BTC_TRY", "symbols"]  # fmt: skip
NONE = {"Accept-Encoding": "identity"}
_marks = itertools.count(1_000)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    """One gateway for all."""
    async with benched() as bench:
        yield bench


async def get(bench: Bench, path: str, **headers: str) -> httpx.Response:
    """Return an answer as it came over the wire: its body is not unpacked."""
    sent = {**NONE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with (
        httpx.AsyncClient(base_url=bench.url) as client,
        client.stream("GET", f"{MARKET}/{path}", headers=sent) as answer,
    ):
        answer._content = b"".join([part async for part in answer.aiter_raw()])
        return answer


async def filled(bench: Bench) -> None:
    """Have enough of everything that each answer, but that of one ticker, is worth compressing."""
    await bench.publish(*[a_ticker(price) for price in range(2, 12)], *[a_trade(number) for number in range(1, 21)])
    await bench.publish(a_book(1, bids=exact([(price, 1) for price in range(1, 400)])))
    mark = next(_marks)
    await bench.publish(a_ticker(mark, "ETH_TRY"))
    await eventually(partial(priced, bench, "ETH_TRY", mark))


async def priced(bench: Bench, symbol: str, price: int) -> bool:
    answer = await get(bench, f"ticker?symbol={symbol}")
    return bool(answer.json()["data"]["price"] == price)


@pytest.mark.parametrize("path", ROUTES)
async def test_an_unchanged_answer_is_not_sent_again(bench: Bench, path: str) -> None:
    await filled(bench)
    answer = await get(bench, path)
    tag = answer.headers["etag"]
    assert tag.startswith('"') and tag.endswith('"')
    assert answer.headers["cache-control"] == "no-cache"

    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await get(bench, path, If_None_Match=held)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == (f"W/{tag}" if held.startswith("W/") else tag)
        assert again.headers["cache-control"] == "no-cache"
        assert again.headers["vary"] == answer.headers["vary"]
        assert "content-type" not in again.headers
    for other in ('"other"', tag.strip('"'), ""):
        assert (await get(bench, path, If_None_Match=other)).status_code == 200


@pytest.mark.parametrize("path", [path for path in ROUTES if path != "symbols"])
async def test_news_has_a_tag_of_its_own(bench: Bench, path: str) -> None:
    await filled(bench)
    before = await get(bench, path)
    await bench.publish(a_ticker(99), a_trade(99), a_book(2, 1, bids=exact([(50, 7)])))
    await book_is(bench, 2)

    after = await get(bench, path, If_None_Match=before.headers["etag"])

    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]


async def test_another_question_has_another_tag(bench: Bench) -> None:
    await filled(bench)
    paths = ["ticker?symbol=BTC_TRY", "ticker?symbol=ETH_TRY", "snapshot", "snapshot?symbol=BTC_TRY", "trades",
             "trades?last=2", "book?symbol=BTC_TRY", "book?symbol=BTC_TRY&depth=1"]  # fmt: skip
    tags = [(await get(bench, path)).headers["etag"] for path in paths]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    "path", [path for path in ROUTES if path.startswith(("book", "trades", "history", "snapshot?"))]
)
async def test_who_takes_gzip_gets_it_under_a_tag_that_still_matches(bench: Bench, path: str) -> None:
    await filled(bench)
    plain, packed = await get(bench, path), await get(bench, path, Accept_Encoding="gzip, br")

    assert len(plain.content) >= SMALLEST
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) == int(packed.headers["content-length"]) < len(plain.content)
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["vary"]

    for header in (packed.headers["etag"], plain.headers["etag"]):
        again = await get(bench, path, Accept_Encoding="gzip", If_None_Match=header)
        assert (again.status_code, again.headers["etag"]) == (304, header)
        assert "content-encoding" not in again.headers


async def test_what_is_small_or_not_wanted_packed_comes_as_it_is(bench: Bench) -> None:
    await filled(bench)
    small = await get(bench, "trades?last=1", Accept_Encoding="gzip")
    assert "content-encoding" not in small.headers
    assert "Accept-Encoding" in small.headers["vary"]
    for refused in ("gzip;q=0", "gzip;q=0, *", "br", "gzip;q=0.1, identity"):
        assert "content-encoding" not in (await get(bench, "snapshot?channel=book", Accept_Encoding=refused)).headers
    assert "content-encoding" not in (await get(bench, "ticker?symbol=BTC_TRY", Accept_Encoding="gzip")).headers


async def test_a_stream_is_never_packed(bench: Bench) -> None:
    async with (
        httpx.AsyncClient() as client,
        client.stream("GET", bench.stream(), headers={"Accept-Encoding": "gzip"}) as answer,
    ):
        assert "content-encoding" not in answer.headers
        assert answer.headers["cache-control"] == "no-cache, no-transform"


async def test_a_page_of_another_origin_may_read_all_of_it(bench: Bench) -> None:
    for path in ("ticker?symbol=BTC_TRY", "ticker?symbol=XXX_TRY", "snapshot", "nothing"):
        answer = await get(bench, path, Origin="https://example.org")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "ETag" in answer.headers["access-control-expose-headers"]
    same = await get(bench, "ticker?symbol=BTC_TRY")
    assert "access-control-allow-origin" not in same.headers
    assert same.headers["vary"] == "Origin"


async def test_a_ticker_follows_the_bus(bench: Bench) -> None:
    """The short cut reads what the reader brings, not what it once brought."""
    for price in (5, 6, 7):
        await bench.publish(a_ticker(price))
        await eventually(partial(priced, bench, "BTC_TRY", price))
