"""REST of a real gateway: books, trades and snapshots, and what it says to a bad question."""

from typing import Any

import pytest

from spark_gateway.feed import RING
from support.eventually import eventually
from support.examples import a_book, a_trade, tickers

from .conftest import Bench
from .test_channels import a_delta, book_is, exact, get


async def messages(bench: Bench, path: str) -> list[dict[str, Any]]:
    answer = await get(bench, path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["venue"], answer.headers["cache-control"]) == ("btcturk", "no-cache")
    assert body["cursor"].startswith("btcturk.")
    return [message["data"] for message in body["messages"]]


async def trades_are(bench: Bench, path: str, *ids: int) -> None:
    async def there() -> bool:
        return [int(trade["id"]) for trade in await messages(bench, path)] == list(ids)

    await eventually(there, what=f"{path} {ids}")


async def test_a_book_comes_whole_or_to_a_depth(bench: Bench) -> None:
    await bench.publish(a_book(1, bids=exact([(price, 1) for price in range(1, 9)])), a_delta(2, (8, 0), (20, 3)))
    await book_is(bench, 2)

    [whole] = await messages(bench, "book?symbol=BTC_TRY")
    [shallow] = await messages(bench, "book?symbol=BTC_TRY&depth=2")

    assert (whole["previous"], len(whole["bids"]), whole["asks"]) == (None, 8, [[101, 1]])
    assert (shallow["sequence"], shallow["bids"], shallow["asks"]) == ("2", [[20, 3], [7, 1]], [[101, 1]])


async def test_the_last_trades_come_oldest_first_as_far_as_memory_holds_them(bench: Bench) -> None:
    await bench.publish(*[a_trade(number, "BTC_TRY" if number % 2 else "ETH_TRY") for number in range(1, 101)])

    await trades_are(bench, "trades", *range(51, 101))
    await trades_are(bench, "trades?symbol=BTC_TRY&last=3", 95, 97, 99)
    await trades_are(bench, "trades?symbol=*&last=1000", *range(1, 101))
    await bench.publish_many(tickers(*range(10, 10 + RING - 10)))
    await bench.publish(a_trade(101))
    await trades_are(bench, "trades?last=1000", *range(92, 102))


async def test_a_snapshot_has_the_channels_asked_for(bench: Bench) -> None:
    await bench.publish(a_book(1), a_book(7, symbol="ETH_TRY"), a_trade(1))
    await book_is(bench, 1)

    def kinds(found: list[dict[str, Any]]) -> list[tuple[str, bool]]:
        return [(data["symbol"], "bids" in data) for data in found]

    assert kinds(await messages(bench, "snapshot")) == [("BTC_TRY", False), ("ETH_TRY", False)]
    assert kinds(await messages(bench, "snapshot?symbol=ETH_TRY&channel=book")) == [("ETH_TRY", True)]
    assert kinds(await messages(bench, "snapshot?symbol=BTC_TRY&channel=ticker,book")) == [
        ("BTC_TRY", False),
        ("BTC_TRY", True),
    ]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("book", 422, "one symbol"),
        ("book?symbol=BTC_TR", 404, "did you mean BTC_TRY"),
        ("book?symbol=ETH_TRY", 404, "its order book is not"),
        ("book?symbol=BTC_TRY&depth=0", 422, "from 1 to 1000"),
        ("book?symbol=BTC_TRY&depth=1001", 422, "from 1 to 1000"),
        ("book?symbol=BTC_TRY&depth=%2B5", 422, "from 1 to 1000"),
        ("trades?last=x", 422, "from 1 to 1000"),
        ("trades?last=1001", 422, "from 1 to 1000"),
        ("trades?symbol=XXX_TRY", 404, "no symbol"),
        ("snapshot?channel=trade", 422, "of ticker, book"),
        ("snapshot?channel=", 422, "of ticker, book"),
        ("stream?symbol=*&channel=*", 422, "of ticker, trade, book"),
        ("stream?symbol=*&channel=ticker,books", 422, "of ticker, trade, book"),
    ],
)
async def test_a_bad_question_gets_an_answer_that_helps(bench: Bench, path: str, status: int, says: str) -> None:
    answer = await get(bench, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
