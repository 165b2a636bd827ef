"""Pairs that come, go and stand still while the simulator runs."""

from typing import Any

import httpx

from integration.simulator.helpers import client_of, eventually, fault, http_of, seeded, simulated

LIVELY: dict[str, Any] = {"change_probability": 1, "snapshot_delay_ms": 5}


async def statuses(http: httpx.AsyncClient) -> dict[str, str]:
    body = (await http.get("/btcturk/api/v2/server/exchangeinfo")).json()
    return {symbol["name"]: symbol["status"] for symbol in body["data"]["symbols"]}


async def test_a_listed_pair_appears_everywhere() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await client.join("ticker", "all")
        await fault(http, "list", base="ADA", quote="TRY")
        await fault(http, "list", base="NEW", quote="USDT", price="0.00123")
        assert list((await statuses(http)).items())[4:] == [("ADATRY", "TRADING"), ("NEWUSDT", "TRADING")]
        while {row["PS"] for row in (await client.next(401))["items"]} < {"BTCTRY", "ADATRY", "NEWUSDT"}:
            pass
        for pair in ("ADATRY", "NEWUSDT"):
            book = await seeded(client, pair)
            book.apply(await client.next(432))
            await client.ask("obdiff", pair, join=False)
            await client.ask("trade", pair)
            assert len((await client.next(421))["items"]) == 50
            await client.ask("ticker", pair)
            assert (await client.next(402))["event"] == pair
            await client.ask("ticker", pair, join=False)
            assert (await http.get("/btcturk/api/v2/orderbook", params={"pairSymbol": pair})).status_code == 200
        for again, why in ((("ADA", "TRY"), "listed already"), (("NOPE", "TRY"), "give a price")):
            response = await http.post(
                "/control/faults", json={"fault": "list", **dict(zip(("base", "quote"), again, strict=True))}
            )
            assert response.status_code == 422
            assert why in response.json()["error"]


async def test_what_was_joined_before_it_was_listed_stays_silent() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        for channel in ("ticker", "obdiff", "trade"):
            assert (await client.join(channel, "ADATRY"))["ok"]
        await fault(http, "list", base="ADA", quote="TRY")
        await client.join("ticker", "BTCTRY")
        assert {(await client.next(402))["event"] for _ in range(20)} == {"BTCTRY"}


async def test_a_delisted_pair_disappears_everywhere() -> None:
    async with simulated(**LIVELY) as simulator, http_of(simulator) as http, client_of(simulator) as client:
        await seeded(client, "XRPTRY")
        for channel, event in (("ticker", "XRPTRY"), ("trade", "XRPTRY"), ("ticker", "all")):
            await client.join(channel, event)
        await fault(http, "delist", pair="XRPTRY")
        assert "XRPTRY" not in await statuses(http)
        seq = (await http.get("/control/ledger")).json()["last"]
        while "XRPTRY" in {row["PS"] for row in (await client.next(401))["items"]}:
            pass
        await client.next(401)
        entries = (await http.get("/control/ledger", params={"after": seq})).json()["entries"]
        assert {entry["event"] for entry in entries} == {"all"}
        for path in ("orderbook", "trades"):
            response = await http.get(f"/btcturk/api/v2/{path}", params={"pairSymbol": "XRPTRY"})
            assert response.status_code == 400
        assert (await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": "XRPTRY"})).json()["data"] == []


async def test_a_halted_pair_stands_still_and_its_tickers_are_repeated() -> None:
    async with (
        simulated(change_probability=1, trades_per_minute=6000, snapshot_delay_ms=5) as simulator,
        http_of(simulator) as http,
        client_of(simulator) as client,
    ):
        await client.join("ticker", "BTCTRY")
        await fault(http, "halt", pair="BTCTRY", status="BREAK")
        assert (await statuses(http))["BTCTRY"] == "BREAK"

        async def still() -> bool:
            return len({await client.next_text(402) for _ in range(10)}) == 1

        await eventually(still)
        refused = await http.post("/control/faults", json={"fault": "trade", "pair": "BTCTRY"})
        assert (refused.status_code, refused.json()) == (422, {"error": "BTCTRY is halted"})
        await fault(http, "resume", pair="BTCTRY")
        assert (await statuses(http))["BTCTRY"] == "TRADING"
        assert len({await client.next_text(402) for _ in range(10)}) > 5


async def test_the_last_pair_cannot_be_delisted() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        for pair in ("BTCTRY", "ETHTRY", "XRPTRY"):
            await fault(http, "delist", pair=pair)
        response = await http.post("/control/faults", json={"fault": "delist", "pair": "USDTTRY"})
        assert response.status_code == 422
        assert list(await statuses(http)) == ["USDTTRY"]
