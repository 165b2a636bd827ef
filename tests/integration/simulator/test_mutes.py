"""Data that is kept back: by pair, by channel, by connection, and what becomes of the chain of change sets."""

import asyncio
import json

import pytest

from integration.simulator.helpers import Client, client_of, eventually, fault, http_of, seeded, simulated, state

from .data_faults import LIVELY, change_sets, rejoined, trades, withheld


async def test_a_muted_channel_of_one_pair_is_silent_alone_and_its_change_sets_jump() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        for channel, pair in (("ticker", "BTCTRY"), ("obdiff", "ETHTRY")):
            await client.ask(channel, pair)
        await seeded(client, "ETHTRY")
        await client.ask("obdiff", "BTCTRY")
        await fault(http, "mute", channel="obdiff", pair="BTCTRY", seconds=600)
        seq = (await http.get("/control/ledger")).json()["last"]

        async def many() -> bool:
            return len(await withheld(http, "mute")) > 5

        await eventually(many)
        entries = (await http.get("/control/ledger", params={"after": seq})).json()["entries"]
        assert {(entry["type"], entry["event"]) for entry in entries} == {(402, "BTCTRY"), (432, "ETHTRY")}

        await http.delete("/control/faults")
        while (body := await client.next(432))["event"] != "BTCTRY":
            pass
        missing = await withheld(http, "mute")
        assert missing == list(range(missing[0], body["CS"]))


async def test_a_muted_pair_is_silent_on_every_channel() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await fault(http, "mute", pair="BTCTRY", seconds=600)
        for channel in ("ticker", "obdiff", "trade", "orderbook"):
            assert (await client.join(channel, "BTCTRY"))["ok"]
        await client.ask("ticker", "ETHTRY")

        async def silent() -> bool:
            """Once the subscriptions have begun, nothing is heard of them, and the truth says why."""
            await fault(http, "trade", pair="BTCTRY")
            assert {(await client.next(402))["event"] for _ in range(10)} == {"ETHTRY"}
            return bool((await trades(http))[-1]["faults"] == {"mute": 1})

        await eventually(silent)
        entries = (await http.get("/control/ledger", params={"limit": 10_000})).json()["entries"]
        assert {entry["type"] for entry in entries if entry["event"] == "BTCTRY"} == {100}


@pytest.mark.parametrize("book_mode", ["hidden", "conflated"])
async def test_a_mute_can_leave_the_chain_of_change_sets_whole(book_mode: str) -> None:
    """Hidden: the loss cannot be seen. Conflated: there is none, one frame tells all in the end."""
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        book = await seeded(client, "BTCTRY")
        await fault(http, "mute", channel="obdiff", pair="BTCTRY", seconds=600, book=book_mode)
        await client.ask("ticker", "BTCTRY")
        number = 0
        for _ in range(20):
            while number != 402:
                number, body = await client.frame()
                if number == 432:
                    book.apply(body)
            number = 0
        assert (await state(http))["faults"][0]["fault"] == "mute"
        await http.delete("/control/faults")
        told = await client.next(432)
        assert told["CS"] == book.change_set + 1
        hidden = [entry for entry in await change_sets(http) if entry["changeSet"] is None]
        if book_mode == "hidden":
            assert len(hidden) > 10
            assert all(entry["faults"] == {"mute": 1} for entry in hidden)
        else:
            assert hidden == []
            assert len(told["AO"] + told["BO"]) > 30
            book.apply(told)
            truth = (await http.get("/control/book", params={"pair": "BTCTRY"})).json()
            while book.change_set < truth["changeSet"]:
                book.apply(await client.next(432))
            assert book.window == {"bids": truth["bids"], "asks": truth["asks"]}


@pytest.mark.parametrize("scope", ["subscription", "connection", "venue"])
async def test_a_mute_ends_early_with_what_its_scope_says(scope: str) -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await seeded(client, "BTCTRY")
        await fault(http, "mute", channel="obdiff", seconds=600, scope=scope)

        async def speaks(one: Client) -> bool:
            await rejoined(one, "obdiff", "BTCTRY")
            await one.ask("ticker", "ETHTRY", join=False)
            await one.ask("ticker", "ETHTRY")
            heard = set()
            for _ in range(20):
                heard.add((await one.frame())[0])
            return bool(heard & {431, 432})

        assert await speaks(client) is (scope == "subscription")
        async with client_of(simulator) as other:
            assert await speaks(other) is (scope != "venue")


async def test_a_stall_concerns_only_connections_yet_to_come() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as first:
        await fault(http, "stall", channel="ticker", pairs=["BTCTRY", "ETHTRY"], connections=1, seconds=600)
        await first.join("ticker", "BTCTRY")
        assert (await first.next(402))["event"] == "BTCTRY"
        async with client_of(simulator) as second:
            for pair in ("BTCTRY", "ETHTRY", "XRPTRY"):
                await second.ask("ticker", pair)
            assert {(await second.next(402))["event"] for _ in range(10)} == {"XRPTRY"}
        async with client_of(simulator) as third:
            await third.join("ticker", "BTCTRY")
            assert (await third.next(402))["event"] == "BTCTRY"


async def test_a_fading_server_falls_silent_pair_by_pair_until_one_reconnects() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        for pair in ("BTCTRY", "ETHTRY", "XRPTRY", "USDTTRY"):
            await client.join("ticker", pair)
        await fault(http, "fade", seconds=0.6)
        last: dict[str, int] = {}
        nth = 0
        while True:
            try:
                async with asyncio.timeout(0.5):
                    frame = json.loads(await client.ws.recv())
            except TimeoutError:
                break
            nth += 1
            last[frame[1]["event"]] = nth
        assert sorted(last, key=lambda pair: last[pair])[-3:] == ["ETHTRY", "XRPTRY", "USDTTRY"]
        async with client_of(simulator) as other:
            await other.join("ticker", "BTCTRY")
            assert (await other.next(402))["event"] == "BTCTRY"


async def test_without_a_snapshot_a_join_is_acknowledged_and_silent() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await fault(http, "no_snapshot", seconds=600, channel="obdiff")
        assert (await client.join("obdiff", "BTCTRY"))["ok"]
        assert (await client.join("trade", "BTCTRY"))["ok"]
        await client.join("ticker", "BTCTRY")
        assert {(await client.frame())[0] for _ in range(30)} == {421, 402}
        await http.delete("/control/faults")
        await rejoined(client, "obdiff", "BTCTRY")
        await client.next(431)


async def test_without_a_snapshot_changes_can_come_all_the_same() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await fault(http, "no_snapshot", seconds=600, live=True)
        assert (await client.join("obdiff", "BTCTRY"))["ok"]
        assert [(await client.frame())[0] for _ in range(5)] == [432] * 5


async def test_a_second_join_on_a_socket_can_bring_no_snapshot_though_the_first_did() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await fault(http, "no_snapshot", seconds=600, rejoins=True)
        await seeded(client, "BTCTRY")
        await rejoined(client, "obdiff", "BTCTRY")
        await client.join("ticker", "BTCTRY")
        assert {(await client.frame())[0] for _ in range(20)} == {402}
        async with client_of(simulator) as other:
            await seeded(other, "BTCTRY")
