"""REST that does not answer as it should, and what it says to bad questions."""

import asyncio

import httpx
import pytest

from integration.simulator.helpers import fault, http_of, simulated

TICKER = "/btcturk/api/v2/ticker"


@pytest.mark.parametrize("path", ["orderbook", "trades"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"pairSymbol": "NOPEUSDT"}, "Pair NOPEUSDT does not exists."),
        ({}, "INVALID_REQUEST_ERROR"),
        ({"pairSymbol": "BTCTRY", "limit": "x", "last": "x"}, "INVALID_REQUEST_ERROR"),
    ],
)
async def test_a_bad_question_is_answered_400_with_the_venues_code(
    path: str, query: dict[str, str], message: str
) -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        response = await http.get(f"/btcturk/api/v2/{path}", params=query)
    assert response.status_code == 400
    assert response.json() == {"success": False, "message": message, "code": 1037}


async def test_a_book_has_a_hundred_levels_a_side_at_most() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        for limit, expected in (("7", 7), ("100", 100), ("1000", 100)):
            query = {"pairSymbol": "BTCTRY", "limit": limit}
            data = (await http.get("/btcturk/api/v2/orderbook", params=query)).json()["data"]
            assert (len(data["bids"]), len(data["asks"])) == (expected, expected)


@pytest.mark.parametrize(
    ("how", "status", "success"), [("limit", 429, False), ("unavailable", 503, False), ("error", 200, False)]
)
async def test_rest_refuses_with_json(how: str, status: int, success: bool) -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "refuse_rest", how=how, seconds=600, retryAfter=7)
        response = await http.get(TICKER)
        assert (response.status_code, response.json()["success"]) == (status, success)
        assert response.headers["Retry-After"] == "7"
        await http.delete("/control/faults")
        assert (await http.get(TICKER)).json()["success"]


async def test_rest_refuses_with_a_page() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "refuse_rest", how="html", seconds=600)
        response = await http.get(TICKER)
        assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (503, "text/html")
        assert response.text.startswith("<!DOCTYPE html>")


async def test_one_path_is_refused_alone() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "refuse_rest", path="ticker", seconds=600)
        assert (await http.get(TICKER)).status_code == 503
        assert (await http.get("/btcturk/api/v2/server/exchangeinfo")).status_code == 200
        assert (await http.get("/control/state")).json()["faults"][0]["path"] == "ticker"


async def test_rest_can_let_one_wait() -> None:
    async with simulated() as simulator, http_of(simulator) as http:
        await fault(http, "refuse_rest", how="timeout", seconds=600)
        with pytest.raises(httpx.ReadTimeout):
            await http.get(TICKER, timeout=0.2)
        waiting = asyncio.create_task(http.get(TICKER))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        await http.delete("/control/faults")
        assert (await waiting).status_code == 200
