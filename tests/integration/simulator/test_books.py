"""Order books over the socket: a snapshot, then change sets without a hole, each exact to the digit."""

import asyncio
from decimal import Decimal
from typing import Any

from integration.simulator.helpers import Book, client_of, http_of, seeded, simulated

LIVELY: dict[str, Any] = {"change_probability": 1, "trades_per_minute": 600, "snapshot_delay_ms": 5}


async def test_a_snapshot_has_the_venues_keys_and_a_full_window() -> None:
    async with simulated(**LIVELY) as simulator, client_of(simulator) as client:
        await client.join("obdiff", "XRPTRY")
        body = await client.next(431)

    assert list(body) == ["CS", "PS", "AO", "BO", "channel", "event", "type"]
    assert (body["PS"], body["channel"], body["event"], body["type"]) == ("XRPTRY", "obdiff", "XRPTRY", 431)
    asks, bids = ([Decimal(row["P"]) for row in body[key]] for key in ("AO", "BO"))
    assert len(asks) == len(bids) == 100
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert bids[0] < asks[0]
    for row in body["AO"] + body["BO"]:
        assert row.keys() == {"A", "P"}
        assert all(not (text.endswith("0") and "." in text) for text in row.values()), "the shortest form"


async def test_changes_follow_the_snapshot_one_by_one_and_lead_to_the_markets_book() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        for _ in range(200):
            body = await client.next(432)
            assert list(body) == ["CS", "PS", "AO", "BO", "channel", "event", "type"]
            book.apply(body)
        truth = (await http.get("/control/book", params={"pair": "BTCTRY"})).json()
        while book.change_set < truth["changeSet"]:
            book.apply(await client.next(432))
        assert book.window == {"bids": truth["bids"], "asks": truth["asks"]}


async def test_nothing_is_sent_while_nothing_changes() -> None:
    async with (
        simulated(change_probability=0, trades_per_minute=0, snapshot_delay_ms=5) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await seeded(client, "BTCTRY")
        await seeded(client, "BTCTRY", "orderbook")
        await client.join("ticker", "BTCTRY")
        for _ in range(10):
            assert (await client.frame())[0] == 402
        await http.post("/control/faults", json={"fault": "trade", "pair": "BTCTRY"})
        changes = await client.next(432)
        assert len(changes["AO"] + changes["BO"]) > 0


async def test_the_orderbook_channel_tells_the_whole_book_at_each_change_under_numbers_of_its_own() -> None:
    async with simulated(**LIVELY) as simulator, client_of(simulator) as client:
        book = await seeded(client, "ETHTRY")
        await client.ask("orderbook", "ETHTRY")
        pushed: list[int] = []
        while len(pushed) < 30:
            number, body = await client.frame()
            if number == 432:
                book.apply(body)
            elif number == 431:
                assert (body["channel"], body["event"]) == ("orderbook", "ETHTRY")
                assert Book(body).window == book.window
                pushed.append(body["CS"] - book.change_set)
        assert len(set(pushed)) == 1
        assert pushed[0] != 0


async def test_leaving_and_joining_on_one_socket_brings_the_state_of_now() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        first = await seeded(client, "BTCTRY")
        await client.next(432)
        await client.ask("obdiff", "BTCTRY", join=False)
        while (await client.next(100))["message"] != "leave|obdiff:BTCTRY":
            pass
        again = await seeded(client, "BTCTRY")
        assert again.change_set > first.change_set
        for _ in range(5):
            again.apply(await client.next(432))
        truth = (await http.get("/control/book", params={"pair": "BTCTRY"})).json()
        while again.change_set < truth["changeSet"]:
            again.apply(await client.next(432))
        assert again.window == {"bids": truth["bids"], "asks": truth["asks"]}


async def test_a_snapshot_comes_some_time_after_its_ack_and_no_change_before_it() -> None:
    async with simulated(change_probability=1, snapshot_delay_ms=150) as simulator, client_of(simulator) as client:
        loop = asyncio.get_running_loop()
        await client.join("obdiff", "BTCTRY")
        joined = loop.time()
        assert (await client.frame())[0] == 431
        assert loop.time() - joined > 0.14


async def test_a_subscription_that_is_left_before_its_snapshot_gets_none() -> None:
    async with simulated(change_probability=1, snapshot_delay_ms=20) as simulator, client_of(simulator) as client:
        await client.join("obdiff", "BTCTRY")
        await client.ask("obdiff", "BTCTRY", join=False)
        await client.next(100)
        await client.join("obdiff", "ETHTRY")
        for _ in range(20):
            assert (await client.frame())[1]["event"] == "ETHTRY"


async def test_rest_tells_the_same_book_without_a_number() -> None:
    async with (
        simulated(change_probability=0, trades_per_minute=0, snapshot_delay_ms=0) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        window = (await seeded(client, "BTCTRY")).window
        body = (await http.get("/btcturk/api/v2/orderbook", params={"pairSymbol": "btc_try"})).json()
    assert (body["success"], body["message"], body["code"]) == (True, None, "SUCCESS")
    assert body["data"].keys() == {"timestamp", "bids", "asks"}
    for side in ("bids", "asks"):
        told = [[price, _shortest(size)] for price, size in body["data"][side]]
        assert told == window[side]
        assert all(len(size.partition(".")[2]) >= 8 for _, size in body["data"][side])


def _shortest(text: str) -> str:
    return format(Decimal(text).normalize(), "f")
