"""The REST interface: envelopes, spellings of a pair, and numbers that keep their digits."""

import json
import time
from decimal import Decimal

import httpx
import pytest

from integration.simulator.helpers import client_of, http_of, simulated


def exact(response: httpx.Response) -> dict[str, object]:
    body: dict[str, object] = json.loads(response.text, parse_float=Decimal)
    return body


async def test_exchangeinfo_lists_every_pair_with_every_key() -> None:
    async with simulated(pairs=379) as simulator, http_of(simulator) as http:
        response = await http.get("/btcturk/api/v2/server/exchangeinfo")

    body = response.json()
    assert response.headers["Content-Encoding"] == "gzip"
    assert (body["success"], body["code"], body["extensions"]) == (True, 0, None)
    data = body["data"]
    assert data.keys() == {"timeZone", "serverTime", "symbols", "currencies", "currencyOperationBlocks"}
    assert abs(data["serverTime"] - time.time() * 1000) < 5000
    assert len(data["symbols"]) == 379
    bitcoin = data["symbols"][0]
    assert bitcoin.keys() == {
        "id", "name", "nameNormalized", "status", "numerator", "denominator", "numeratorScale", "denominatorScale",
        "hasFraction", "filters", "orderMethods", "displayFormat", "commissionFromNumerator", "order", "priceRounding",
        "isNew", "marketPriceWarningThresholdPercentage", "maximumOrderAmount", "maximumLimitOrderPrice",
        "minimumLimitOrderPrice",
    }  # fmt: skip
    assert (bitcoin["id"], bitcoin["name"], bitcoin["nameNormalized"]) == (1, "BTCTRY", "BTC_TRY")
    assert bitcoin["filters"] == [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.0000000000001",
            "maxPrice": "10000000",
            "tickSize": "10",
            "minExchangeValue": "99.91",
            "minAmount": None,
            "maxAmount": None,
        }
    ]
    assert sum(len(symbol["orderMethods"]) == 2 for symbol in data["symbols"]) == 25
    assert data["currencies"][0]["currencyType"] == "FIAT"
    assert {"currencySymbol": "Btc", "withdrawalDisabled": False, "depositDisabled": False} in data[
        "currencyOperationBlocks"
    ]


@pytest.mark.parametrize("spelling", ["BTCTRY", "BTC_TRY", "btctry", "btc_try"])
async def test_a_ticker_is_found_however_the_pair_is_spelled(spelling: str) -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        body = (await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": spelling})).json()

    assert [row["pair"] for row in body["data"]] == ["BTCTRY"]
    assert body["data"][0].keys() == {
        "pair", "pairNormalized", "timestamp", "last", "high", "low", "bid", "ask", "open", "volume", "average",
        "daily", "dailyPercent", "denominatorSymbol", "numeratorSymbol", "order",
    }  # fmt: skip


async def test_an_unknown_pair_is_an_empty_list_and_no_error() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        response = await http.get("/btcturk/api/v2/ticker", params={"pairSymbol": "NOPETRY"})

    assert response.status_code == 200
    assert response.json() == {"data": [], "success": True, "message": None, "code": 0}


async def test_all_tickers_agree_with_the_feed_to_the_digit() -> None:
    async with simulated(pairs=40, change_probability=0, trades_per_minute=0) as simulator, http_of(simulator) as http:
        body = exact(await http.get("/btcturk/api/v2/ticker"))
        async with client_of(simulator) as client:
            await client.join("ticker", "all")
            items = {row["PS"]: row for row in (await client.next(401))["items"]}

    rows = body["data"]
    assert isinstance(rows, list)
    assert len(rows) == 40
    for row in rows:
        item = items[row["pair"]]
        for name, key in {"last": "LA", "bid": "B", "ask": "A", "volume": "V", "daily": "D"}.items():
            assert Decimal(row[name]) == Decimal(item[key])


async def test_time_and_ping_come_without_an_envelope() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        clock = (await http.get("/btcturk/api/v2/server/time")).json()
        assert clock.keys() == {"serverTime", "serverTime2"}
        assert (await http.get("/btcturk/api/v2/server/ping")).json() == {"pong": True}
        assert (await http.get("/livez")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/nope", "/btcturk/api/v2/nope", "/btcturk/wsx", "/control/nope"])
async def test_an_unknown_path_is_404_with_an_empty_body(path: str) -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        response = await http.get(path)
    assert (response.status_code, response.content) == (404, b"")
