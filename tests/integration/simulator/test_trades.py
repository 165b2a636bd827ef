"""Trades: at the touch, told once in real time, and the last fifty to who asks."""

from decimal import Decimal
from typing import Any

import pytest

from integration.simulator.helpers import Client, client_of, fault, http_of, seeded, simulated

ROW = {"D", "I", "A", "P", "S"}
BUSY: dict[str, Any] = {"change_probability": 1, "trades_per_minute": 6000, "snapshot_delay_ms": 5}


async def listed(client: Client, pair: str) -> list[Any]:
    assert (await client.join("trade", pair))["ok"]
    body = await client.next(421)
    assert list(body) == ["symbol", "items", "channel", "event", "type"]
    assert (body["symbol"], body["channel"], body["event"], body["type"]) == (pair, "trade", pair, 421)
    return list(body["items"])


async def test_a_join_brings_the_last_fifty_newest_first_and_then_each_one_as_it_happens() -> None:
    async with simulated(**BUSY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        items = await listed(client, "BTCTRY")
        live = [await client.next(422) for _ in range(80)]
        truth = (await http.get("/control/trades", params={"limit": 10_000})).json()["entries"]

    assert len(items) == 50
    for row in items:
        assert row.keys() == ROW
    for body in live:
        assert list(body) == ["D", "I", "A", "P", "PS", "S", "channel", "event", "type"]
        assert (body["PS"], body["channel"], body["event"], body["type"]) == ("BTCTRY", "trade", "BTCTRY", 422)
        assert len(body["P"].partition(".")[2]) == 10
        assert len(body["A"].partition(".")[2]) >= 10
        assert body["S"] in (0, 1)
    ids = [row["I"] for row in reversed(items)] + [body["I"] for body in live]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    happened = [trade for trade in truth if trade["pair"] == "BTCTRY"]
    after = [trade["id"] for trade in happened if trade["id"] > items[0]["I"]]
    assert [body["I"] for body in live] == after[:80]
    by_id = {trade["id"]: trade for trade in happened}
    for body in live:
        told = by_id[body["I"]]
        assert (str(told["time"]), told["code"]) == (body["D"], body["S"])
        assert (Decimal(told["price"]), Decimal(told["size"])) == (Decimal(body["P"]), Decimal(body["A"]))


@pytest.mark.parametrize(("zero", "buyer"), [("buy", 0), ("sell", 1)])
async def test_a_trade_is_at_the_best_level_of_the_side_that_its_taker_meets(zero: str, buyer: int) -> None:
    """So the book shows which meaning of the venue's side is right; the setting turns it about."""
    async with (
        simulated(change_probability=1, trades_per_minute=0, side_of_zero=zero, snapshot_delay_ms=5) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await listed(client, "BTCTRY")
        book = await seeded(client, "BTCTRY")
        sides = set()
        for _ in range(30):
            await fault(http, "trade", pair="BTCTRY")
            frame = await client.frame()
            while frame[0] != 422:
                if frame[0] == 432:
                    book.apply(frame[1])
                frame = await client.frame()
            best = book.window["asks" if frame[1]["S"] == buyer else "bids"][0]  # type: ignore[index]
            assert Decimal(frame[1]["P"]) == Decimal(best[0])
            sides.add(frame[1]["S"])
            book.apply(await client.next(432))
        assert sides == {0, 1}


async def test_a_ticker_knows_no_trade_that_was_not_told() -> None:
    async with (
        simulated(change_probability=1, trades_per_minute=600, snapshot_delay_ms=5) as simulator,
        client_of(simulator) as client,
    ):
        last = (await listed(client, "BTCTRY"))[0]["P"]
        await client.join("ticker", "BTCTRY")
        volume, since = None, Decimal(0)
        for _ in range(300):
            number, body = await client.frame()
            if number == 422:
                last, since = body["P"], since + Decimal(body["A"])
            elif number == 402:
                assert Decimal(body["LA"]) == Decimal(last)
                if volume is not None:
                    assert abs(Decimal(body["V"]) - volume - since) < Decimal("1e-8")
                volume, since = Decimal(body["V"]), Decimal(0)
        assert volume is not None


async def test_rest_tells_the_same_trades_with_the_other_word_for_their_side() -> None:
    """0 on the feed is ``sell`` in REST, as matched by id on the live feed."""
    async with (
        simulated(trades_per_minute=0, snapshot_delay_ms=5) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await fault(http, "trade", pair="XRPTRY", count=9)
        items = await listed(client, "XRPTRY")
        body = (await http.get("/btcturk/api/v2/trades", params={"pairSymbol": "XRP_TRY"})).json()
        few = (await http.get("/btcturk/api/v2/trades", params={"pairSymbol": "XRPTRY", "last": 3})).json()
        many = (await http.get("/btcturk/api/v2/trades", params={"pairSymbol": "XRPTRY", "last": 500})).json()

    assert (body["success"], body["message"], body["code"]) == (True, None, 0)
    assert body["data"][0].keys() == {
        "pair", "pairNormalized", "numerator", "denominator", "date", "tid", "price", "amount", "side",
    }  # fmt: skip
    told = [(str(row["date"]), row["tid"], Decimal(row["price"]), Decimal(row["amount"])) for row in body["data"]]
    assert told == [(item["D"], item["I"], Decimal(item["P"]), Decimal(item["A"])) for item in items]
    assert [row["side"] for row in body["data"]] == [("sell", "buy")[item["S"]] for item in items]
    assert few["data"] == body["data"][:3]
    assert many == body


async def test_any_number_of_trades_can_be_ordered() -> None:
    """More than a list holds, at once: what a client misses then cannot be filled back."""
    async with (
        simulated(trades_per_minute=0, snapshot_delay_ms=5) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        before = (await listed(client, "BTCTRY"))[0]["I"]
        await fault(http, "trade", pair="BTCTRY", count=1000)
        ids = [(await client.next(422))["I"] for _ in range(1000)]
        assert before < ids[0]
        assert ids == sorted(set(ids))
        async with client_of(simulator) as other:
            items = await listed(other, "BTCTRY")
            assert before not in [item["I"] for item in items]
            assert len((await seeded(other, "BTCTRY")).sides["AO"]) == 100
