"""The simulated Borsa İstanbul over real sockets: its clock, its control API, and what can happen on the way."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.simulator.bist_helpers import exchange, fault
from integration.simulator.helpers import DEADLINE_S, simulated
from spark_service.settings import SettingsError, load
from spark_simulator import server
from spark_simulator.settings import Settings
from support.eventually import eventually
from support.istanbul import MONDAY, at

SPARK = "/bist/yahoo/v7/finance/spark?symbols=THYAO.IS,XU100.IS"


async def spark(http: httpx.AsyncClient) -> Any:
    response = await http.get(SPARK)
    assert response.status_code == 200, response.text
    return response.json()["spark"]["result"]


async def test_prices_move_with_the_clock_and_stand_with_the_market() -> None:
    async with exchange() as (_, http, clock):
        seen = [await spark(http)]
        for time in (f"{MONDAY} 11:35", f"{MONDAY} 19:00", "2026-04-28 03:00", "2026-04-28 10:09", "2026-04-28 10:20"):
            clock.ms = at(time)
            seen.append(await spark(http))
    assert seen[0] != seen[1] != seen[2] == seen[3] == seen[4] != seen[5]


async def test_a_restart_with_the_same_seed_shows_the_same() -> None:
    answers = []
    for _ in range(2):
        async with exchange() as (_, http, _clock):
            answers.append([(await http.get(path)).content for path in (SPARK, "/bist/oneendeks?endeks=THYAO,ZOREN")])
    assert answers[0] == answers[1]


async def test_the_clock_can_be_set_and_sped_up() -> None:
    async with simulated() as simulator, httpx.AsyncClient(base_url=simulator.http_url) as http:
        told = (await http.post("/control/bist/clock", json={"now": "2026-10-28T12:29:00+03:00", "speed": 600})).json()
        assert (told["phase"], told["speed"], told["session"]["half"]) == ("continuous", 600, True)

        async def closed() -> bool:
            return bool((await http.get("/control/bist/clock")).json()["phase"] == "closed")

        await eventually(closed, DEADLINE_S, "the half day's end, eleven minutes later")
        stands = (await http.post("/control/bist/clock", json={"now": at(f"{MONDAY} 10:30"), "speed": 1})).json()
        assert stands["local"].startswith("2026-04-27T10:30:00")
        for wrong in ({"now": "noon"}, {"now": "2026-04-27T10:30"}, {"speed": 0}, {"nwo": 1}, {"now": -1}):
            refused = await http.post("/control/bist/clock", json=wrong)
            assert refused.status_code == 422 and refused.json()["error"]
    async with exchange() as (_, http, _clock):
        assert (await http.post("/control/bist/clock", json={"speed": 2})).status_code == 422


async def test_settings_give_the_clock_and_the_calendar(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar"
    calendar.write_text("# a test environment\n2026-04-27 halt 11:20-11:50\n")
    environ = {
        "SPARK_SIMULATOR_PORT": "0",
        "SPARK_BIST_CLOCK": "2026-04-27T11:30+03:00",
        "SPARK_BIST_CALENDAR": str(calendar),
    }
    async with (
        server.running(load(Settings, environ)) as simulator,
        httpx.AsyncClient(base_url=simulator.http_url) as http,
    ):
        told = (await http.get("/control/bist/clock")).json()
        assert (told["phase"], told["local"][:16]) == ("halted", "2026-04-27T11:30")
        truth = (await http.get("/control/bist/truth?symbol=THYAO")).json()
        assert at(f"{MONDAY} 11:19") < truth["time"] < at(f"{MONDAY} 11:20")
    calendar.write_text("2026-04-27 shut\n")
    with pytest.raises(SettingsError, match=r"SPARK_BIST_CALENDAR.*line 1"):
        load(Settings, environ)


async def test_the_truth_of_any_time_can_be_asked() -> None:
    async with exchange() as (simulator, http, _):
        then = simulator.bist.market.quote("GARAN", at(f"{MONDAY} 10:15"))
        assert then is not None
        for when in (f"{MONDAY}T10:15:00+03:00", str(at(f"{MONDAY} 10:15"))):
            told = (await http.get("/control/bist/truth", params={"symbol": "GARAN", "at": when})).json()
            assert (told["time"], told["price"]) == (then.time, f"{then.price / 100:.2f}")
        assert (await http.get("/control/bist/truth?symbol=NOPE")).status_code == 422
        assert (await http.get("/control/bist/truth?symbol=GARAN&at=noon")).status_code == 422


async def test_a_source_can_be_put_behind_the_market() -> None:
    async with exchange() as (_, http, _clock):
        path = "/bist/ideal/SembolVeri/SembolVeri1?Sembol=THYAO&api_key=simulated-key"
        live = (await http.get(path)).json()[0]["b"]
        told = await http.post("/control/bist/delay", json={"source": "ideal", "seconds": 900})
        assert told.json()["delays"]["ideal"] == 900
        assert (await http.get(path)).json()[0]["b"] < "111501" <= live
        assert (await http.post("/control/bist/delay", json={"source": "x", "seconds": 1})).status_code == 422


async def test_faults_are_ordered_told_and_cleared() -> None:
    async with exchange() as (_, http, clock):
        assert await fault(http, "limit", retryAfter=12, source="yahoo", seconds=60)
        refused = await http.get(SPARK)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "12")
        assert (await http.get("/control/bist/faults")).json()["faults"][0]["fault"] == "limit"
        clock.ms += 60_000
        assert (await http.get("/control/bist/faults")).json()["faults"] == []
        await fault(http, "refuse", status=502)
        assert (await http.get(SPARK)).status_code == 502
        await http.delete("/control/bist/faults")
        await spark(http)
        wrong = await http.post("/control/bist/faults", json={"fault": "nope"})
        assert wrong.status_code == 422 and "quota" in wrong.json()["error"]


async def test_answers_are_slow_and_break_off() -> None:
    async with exchange() as (_, http, _clock):
        await fault(http, "slow", delay=30, source="yahoo")
        with pytest.raises(httpx.ReadTimeout):
            await http.get(SPARK, timeout=0.2)
        await http.delete("/control/bist/faults")
        await fault(http, "cut_answer")
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(SPARK)
        await http.delete("/control/bist/faults")
        await fault(http, "half")
        with pytest.raises(json.JSONDecodeError):
            (await http.get(SPARK)).json()
        await http.delete("/control/bist/faults")
        await spark(http)


async def test_the_ledger_tells_who_asked_when_and_what_was_shown() -> None:
    async with exchange() as (_, http, clock):
        await spark(http)
        clock.ms = at("2026-04-28 04:00")
        await spark(http)
        await http.get("/bist/ideal/SembolVeri/SembolVeri1?Sembol=THYAO&api_key=secret-of-somebody")
        page = (await http.get("/control/bist/ledger?source=yahoo")).json()
        assert [(one["path"], one["symbols"], one["phase"]) for one in page["entries"]] == [
            ("v7/finance/spark", 2, "continuous"), ("v7/finance/spark", 2, "closed"),
        ]  # fmt: skip
        everything = await http.get("/control/bist/ledger?after=0&limit=10")
        assert everything.json()["last"] == 3 and "secret-of-somebody" not in everything.text
        shown = (await http.get("/control/bist/shown?symbol=THYAO")).json()["entries"]
        assert [one["marketTime"] for one in shown] == [at(f"{MONDAY} 11:30"), clock.ms]
        assert (await http.get("/control/bist/ledger?after=x")).status_code == 422
        assert (await http.get("/control/bist/state")).json()["requests"] == 3


async def test_btcturk_goes_on_beside_it() -> None:
    async with exchange() as (_, http, _clock):
        await fault(http, "refuse", status=503)
        tickers, _ = await asyncio.gather(http.get("/btcturk/api/v2/ticker"), http.get(SPARK))
        assert tickers.json()["success"] is True
        assert (await http.get("/bist/nothing/here")).status_code == 404
