"""Faults of the data: each does exactly what it says, to what it names, and the truth is known all the same."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage

from integration.simulator.helpers import (
    DEADLINE_S,
    Book,
    Client,
    client_of,
    eventually,
    fault,
    http_of,
    seeded,
    simulated,
    state,
)

from .data_faults import LIVELY, rejoined, trades, withheld

# The next frames


async def test_dropped_change_sets_are_missing_from_the_chain() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "drop", pair="BTCTRY", channel="obdiff", count=3)

        async def dropped() -> bool:
            return len(await withheld(http, "drop")) == 3

        await eventually(dropped)
        missing = await withheld(http, "drop")
        received: list[int] = []
        while not received or received[-1] <= missing[-1]:
            received.append((await client.next(432))["CS"])
        expected = [number for number in range(book.change_set + 1, received[-1] + 1) if number not in missing]
        assert received == expected
        assert missing == list(range(missing[0], missing[0] + 3))


async def test_dropped_trades_are_in_the_ticker_and_in_lists_only() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("trade", "BTCTRY")
        await client.next(421)
        await fault(http, "drop", pair="BTCTRY", channel="trade", count=2)
        before = len(await trades(http))
        await fault(http, "trade", pair="BTCTRY", count=5)
        happened = (await trades(http))[before:]
        assert [trade["faults"] for trade in happened[:3]] == [{"drop": 1}, {"drop": 1}, {}]
        assert [(await client.next(422))["I"] for _ in happened[2:]] == [trade["id"] for trade in happened[2:]]
        ticker = (await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": "BTCTRY"})).text
        assert f'"last":{happened[-1]["price"]},' in ticker
        await rejoined(client, "trade", "BTCTRY")
        listed = [item["I"] for item in (await client.next(421))["items"]]
        assert {trade["id"] for trade in happened} <= set(listed)


async def test_a_duplicate_is_the_same_frame_twice() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await seeded(client, "BTCTRY")
        await fault(http, "duplicate", pair="BTCTRY", channel="obdiff")
        texts = [await client.next_text(432)]
        while len(texts) < 2 or texts[-1] != texts[-2]:
            texts.append(await client.next_text(432))
        numbers = [json.loads(text)[1]["CS"] for text in texts]
        assert numbers == [*range(numbers[0], numbers[-1] + 1), numbers[-1]]
        assert (await client.next(432))["CS"] == numbers[-1] + 1
        page = await http.get("/control/ledger", params={"types": 432, "event": "BTCTRY", "limit": 10_000})
        assert [entry["frame"] for entry in page.json()["entries"] if entry["fault"] == "duplicate"] == [texts[-1]]


async def test_two_frames_change_places() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "reorder", pair="BTCTRY", channel="obdiff")
        numbers: list[int] = []
        while numbers == sorted(numbers):
            numbers.append((await client.next(432))["CS"] - book.change_set)
        *before, late, early = numbers
        assert late == early + 1
        assert before == list(range(1, early))
        assert (await client.next(432))["CS"] - book.change_set == late + 1


@pytest.mark.parametrize(("channel", "number"), [("ticker", 402), ("trade", 422), ("obdiff", 432)])
async def test_half_a_frame_is_a_frame_of_half_its_text(channel: str, number: int) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join(channel, "BTCTRY")
        if channel != "ticker":
            await client.next(431 if channel == "obdiff" else 421)
        await fault(http, "half", pair="BTCTRY", channel=channel)
        await fault(http, "trade", pair="BTCTRY", count=2)
        while (text := await client.text()).endswith("]"):
            pass
        assert text.startswith(f"[{number},{{")
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            json.loads(text)
        assert (await client.next(number))["event"] == "BTCTRY"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1_000", "1e999999999", "-5", "١٢٣", ""])
@pytest.mark.parametrize(("channel", "type"), [("ticker", 402), ("trade", 422), ("obdiff", 432)])
async def test_a_bad_number_stands_where_a_price_should(channel: str, type: int, number: str) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join(channel, "BTCTRY")
        await fault(http, "bad_number", pair="BTCTRY", channel=channel, number=number)
        if channel == "trade":
            await client.next(421)
            await fault(http, "trade", pair="BTCTRY")
        while True:
            body = await client.next(type)
            price = body["LA"] if type == 402 else body["P"] if type == 422 else (body["AO"] + body["BO"])[0]["P"]
            if price == number:
                break
        entries = (await http.get("/control/ledger", params={"types": type, "limit": 10_000})).json()["entries"]
        assert [entry["fault"] for entry in entries if entry["fault"]] == ["bad_number"]


@pytest.mark.parametrize(("kind", "code", "held"), [("delete_absent", 3, False), ("insert_held", 1, True)])
async def test_a_code_that_does_not_fit_leaves_the_book_right_for_who_applies_by_price(
    kind: str, code: int, held: bool
) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "anomaly", pair="BTCTRY", kind=kind)
        odd: list[tuple[int, bool]] = []
        while not odd:
            odd = _apply_leniently(book, await client.next(432))
        [(found, was_held)] = odd
        assert (found, was_held) == (code, held)
        await _agrees(http, client, book)


async def test_an_update_of_an_absent_level_is_a_new_one() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "anomaly", pair="BTCTRY", kind="update_absent", count=2)
        odd: list[tuple[int, bool]] = []
        while len(odd) < 2:
            odd += _apply_leniently(book, await client.next(432))
        assert odd == [(0, False)] * 2
        await _agrees(http, client, book)


def _apply_leniently(book: Book, body: Any) -> list[tuple[int, bool]]:
    """Apply by price; return the codes that did not fit, and whether there was a level."""
    odd = []
    for key, side in book.sides.items():
        for change in body[key]:
            held = change["P"] in side
            if held is (change["CP"] == 1):
                odd.append((change["CP"], held))
            if change["CP"] == 3:
                side.pop(change["P"], None)
            else:
                side[change["P"]] = change["A"]
    assert body["CS"] == book.change_set + 1
    book.change_set = body["CS"]
    return odd


async def _agrees(http: httpx.AsyncClient, client: Client, book: Book) -> None:
    truth = (await http.get("/control/book", params={"pair": "BTCTRY"})).json()
    while book.change_set < truth["changeSet"]:
        assert _apply_leniently(book, await client.next(432)) == []
    assert book.window == {"bids": truth["bids"], "asks": truth["asks"]}


@pytest.mark.parametrize("seconds", [None, 0.2])
async def test_a_crossed_book_stays_so_or_passes(seconds: float | None) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "cross", pair="BTCTRY", **({} if seconds is None else {"seconds": seconds}))

        def crossed() -> bool:
            return max(map(Decimal, book.sides["BO"])) >= min(map(Decimal, book.sides["AO"]))

        while not crossed():
            _apply_leniently(book, await client.next(432))
        assert len(await withheld(http, "cross")) == 1
        assert len(book.sides["BO"]) == 100, "a window with one level too many would be another fault"
        for _ in range(40):
            _apply_leniently(book, await client.next(432))
        assert crossed() is (seconds is None)
        if seconds is None:
            await rejoined(client, "obdiff", "BTCTRY")
            book = Book(await client.next(431))
            assert not crossed()
        else:
            await _agrees(http, client, book)


# Frames besides the real ones


async def test_an_oversized_frame_is_a_ticker_that_is_too_large() -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("ticker", "BTCTRY")
        await fault(http, "oversized", bytes=5_000_000)
        while len(text := await client.next_text(402)) < 5_000_000:
            pass
        assert json.loads(text)[1]["event"] == "BTCTRY"
        assert len(await client.next_text(402)) < 1000


async def test_spurious_frames_are_those_that_were_seen_and_one_that_was_not() -> None:
    async with simulated() as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.frame()
        await fault(http, "spurious")
        frames = [await client.frame() for _ in range(4)]
        await fault(http, "spurious", types=[451])
        assert [frame[0] for frame in frames] == [451, 423, 428, 999]
        assert frames[0][1]["newOrderClientId"] is None
        assert "type" not in frames[1][1]
        assert (await client.frame())[0] == 451


# Numbers and clocks


@pytest.mark.parametrize("to", ["lower", "higher"])
async def test_trade_ids_begin_anew(to: str) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("trade", "BTCTRY")
        await client.next(421)
        await fault(http, "trade", pair="BTCTRY")
        before = int((await client.next(422))["I"])
        await fault(http, "restart_ids", pair="BTCTRY", to=to)
        await fault(http, "trade", pair="BTCTRY", count=5)
        ids: list[int] = []
        while len(ids) < 5 and (id := int((await client.next(422))["I"])):
            if abs(id - before) > 10**9:
                ids.append(id)
        assert ids == sorted(ids)
        assert (ids[0] < before) is (to == "lower")
        assert all(str(id).startswith("1001") for id in ids)


async def test_a_wrong_clock_stamps_trades_and_rest() -> None:
    hour_ms = 3_600_000
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("trade", "BTCTRY")
        await client.next(421)
        await fault(http, "trade", pair="BTCTRY")
        right = int((await client.next(422))["D"])
        await fault(http, "shift_clock", ms=-hour_ms)
        await fault(http, "trade", pair="BTCTRY")
        while abs(int((await client.next(422))["D"]) - right + hour_ms) > 60_000:
            pass
        for path in ("ticker?pairSymbol=BTCTRY", "orderbook?pairSymbol=BTCTRY", "server/time"):
            assert abs(_stamp((await http.get(f"/btcturk/api/v2/{path}")).json()) - right + hour_ms) < 60_000
        await http.delete("/control/faults")
        assert abs(_stamp((await http.get("/btcturk/api/v2/server/time")).json()) - right) < 60_000


def _stamp(body: Any) -> int:
    data = body.get("data", body)
    return int(data[0]["timestamp"] if isinstance(data, list) else data.get("timestamp", data.get("serverTime")))


# Connections


async def test_a_frozen_server_lets_everything_go_at_the_end() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "freeze", seconds=600)
        loop = asyncio.get_running_loop()
        heard = True
        while heard:
            heard = await _hears(client, book)
        pong = await client.ws.ping()
        started = loop.time()
        await http.delete("/control/faults")
        async with asyncio.timeout(DEADLINE_S):
            await pong
        for _ in range(30):
            book.apply(await client.next(432))
        assert loop.time() - started < DEADLINE_S


async def _hears(client: Client, book: Book) -> bool:
    try:
        async with asyncio.timeout(0.2):
            book.apply(json.loads(await client.ws.recv())[1])
    except TimeoutError:
        return False
    return True


async def test_an_upgrade_can_take_its_time() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "slow_upgrade", seconds=600, delay=0.3)
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with client_of(simulator) as client:
            assert loop.time() - started > 0.29
            assert (await client.join("ticker", "BTCTRY"))["ok"]
        await fault(http, "slow_upgrade", seconds=600, delay=600)
        with pytest.raises((TimeoutError, InvalidMessage)):
            await connect(simulator.ws_url, open_timeout=0.2)


async def test_a_fault_of_an_unknown_pair_is_refused() -> None:
    orders: list[dict[str, object]] = [
        {"fault": "drop", "pair": "NOPETRY", "channel": "obdiff"},
        {"fault": "mute", "pair": "NOPETRY", "seconds": 1},
        {"fault": "stall", "pairs": ["NOPETRY"], "seconds": 1},
        {"fault": "cross", "pair": "NOPETRY"},
        {"fault": "trade", "pair": "NOPETRY"},
        {"fault": "halt", "pair": "NOPETRY"},
    ]
    async with simulated() as simulator, http_of(simulator) as http:
        for order in orders:
            response = await http.post("/control/faults", json=order)
            assert (response.status_code, response.json()) == (422, {"error": "NOPETRY is not listed"})
        assert (await state(http))["faults"] == []
