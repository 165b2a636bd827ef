"""REST that limits, fails or does not answer; and a market that lists, delists and halts pairs meanwhile."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from faults.rig import Rig, rigged
from faults.witnesses import SYMBOLS, told
from spark_bus import keys
from support.eventually import eventually

EXCHANGEINFO = "/btcturk/api/v2/server/exchangeinfo"
HOWS = ["limit", "unavailable", "html", "error", "timeout"]


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the venue's REST a minute takes a second, and what it may take 10 s may take 0.3."""
    monkeypatch.setattr("spark_ingest_btcturk.exchangeinfo.LEAST_REFRESH_S", 0.05)
    monkeypatch.setattr("spark_ingest_btcturk.exchangeinfo.PATIENCE_S", 0.5)
    monkeypatch.setattr("spark_ingest_btcturk.polling.AFTER_S", 0.4)
    monkeypatch.setattr("spark_ingest_btcturk.polling.EVERY_S", 0.2)
    patient = httpx.Timeout
    monkeypatch.setattr(httpx, "Timeout", lambda seconds: patient(min(seconds, 0.3)))


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("how", HOWS)
async def test_a_start_without_the_venues_list(redis: Redis, tmp_path: Path, how: str) -> None:
    """Named symbols are not kept waiting for it; what it says of them follows, and breaks nothing off."""
    scenario = tmp_path / "scenario.jsonl"
    fault = {"at": 0, "fault": "refuse_rest", "seconds": 1.2, "how": how, "path": "exchangeinfo"}
    scenario.write_text(json.dumps(fault))
    async with rigged(redis, scenario=scenario) as rig:
        assert {item.status for item in rig.feed.directory.instruments.values()} == {None}
        await eventually(lambda: _statuses(rig) == {"TRADING"}, 10, "the venue's list")
        requests = (await rig.venue.state())["requests"][EXCHANGEINFO]
        missing = await rig.check(counts={"directory_errors": requests - 1}, gaps=[])

    assert requests > 1
    assert missing == ([], [], [])


def _statuses(rig: Rig) -> set[str | None]:
    return {item.status for item in rig.feed.directory.instruments.values()}


@pytest.mark.usefixtures("brisk")
async def test_a_list_that_cannot_be_had_any_more(redis: Redis) -> None:
    """What was known of the pairs stays."""
    async with rigged(redis, ingest={"SPARK_BTCTURK_REFRESH": "1"}) as rig:
        await rig.order("refuse_rest", seconds=600, path="exchangeinfo")
        await eventually(lambda: rig.counted().get("directory_errors", 0) >= 1, 5, "an attempt that fails")
        await rig.venue.clear()
        requests = (await rig.venue.state())["requests"][EXCHANGEINFO]
        await eventually(lambda: _asked(rig, requests + 2), 10, "attempts that succeed")
        missing = await rig.check(counts={"directory_errors": rig.counted()["directory_errors"]}, gaps=[])

    assert missing == ([], [], [])


async def _asked(rig: Rig, times: int) -> bool:
    return bool((await rig.venue.state())["requests"][EXCHANGEINFO] >= times)


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("how", [None, "limit", "timeout"])
async def test_tickers_by_rest_while_no_socket_can_be_had(redis: Redis, how: str | None) -> None:
    """Disclosed at both ends; and when REST fails as well, that is counted, and it is tried again."""
    async with rigged(redis) as rig:
        if how is not None:
            await rig.venue.order("refuse_rest", seconds=2, how=how, path="ticker")
        await rig.venue.order("refuse", seconds=2.8)
        await rig.order("cut")
        await eventually(lambda: rig.feed.by_rest, 10, "tickers by REST")
        await eventually(lambda: _feed_state(rig, "rest"), 5, "a feed that says so")
        assert rig.samples("spark_ingest_polling") == {(): 1}
        await rig.healed({"reconnects closed": 1}, 20)
        await eventually(lambda: _feed_state(rig, "websocket"), 5, "a feed that says so")
        assert rig.samples("spark_ingest_polling") == {(): 0}
        refused = (await rig.venue.state())["refused"]
        failed = rig.counted().get("poll_errors", 0)
        counts = {"reconnects closed": 1, "reconnects refused_503": refused, "poll_errors": failed}
        missing = await rig.check(
            counts={name: count for name, count in counts.items() if count},
            gaps=[
                *[(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS],
                *[("ticker", symbol, "polled") for symbol in SYMBOLS],
            ],
        )  # fmt: skip
        polled = [item for item in await rig.bus.tickers("BTC_TRY") if item.venue_time is not None]
        prices = {row["price"] for row in await rig.venue.trades("BTCTRY")}
        [closed] = [gap for gap in await rig.bus.gaps() if told(gap) == ("ticker", "BTC_TRY", "closed")]
        [back] = [gap for gap in await rig.bus.gaps() if told(gap) == ("ticker", "BTC_TRY", "polled")]

    assert (failed > 0) is (how is not None)
    assert closed.to == back.from_ == polled[0].received_at
    assert {str(ticker.price) for ticker in polled} <= prices
    assert missing.trades == []


async def _feed_state(rig: Rig, source: str) -> bool:
    state: Any = await rig.bus.redis.get(keys.feed("btcturk"))
    return bool(json.loads(state)["source"] == source)


@pytest.mark.usefixtures("brisk")
async def test_a_pair_that_is_listed(redis: Redis) -> None:
    """It is joined on the connection that there is, and begins without a gap: it has no past."""
    async with rigged(redis, ["*_TRY"], ingest={"SPARK_BTCTURK_REFRESH": "1"}) as rig:
        await rig.order("list", base="NEW", quote="TRY", price="12.5")
        await eventually(lambda: "NEW_TRY" in rig.pairs, 10, "a new pair")
        await rig.healed({}, 10)
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


@pytest.mark.usefixtures("brisk")
async def test_a_pair_that_is_delisted(redis: Redis) -> None:
    """Believed when two answers lack it; nothing of it is current any more, and the others do not notice."""
    async with rigged(redis, ingest={"SPARK_BTCTURK_REFRESH": "1"}) as rig:
        await rig.order("delist", pair="ETHTRY")
        await eventually(lambda: set(rig.pairs) == {"BTC_TRY"}, 10, "a pair less")
        await eventually(lambda: _current(rig, {"ticker:BTC_TRY", "book:BTC_TRY"}), 5, "nothing current of it")
        await rig.healed({}, 10)
        [connection] = (await rig.venue.state())["connections"]
        missing = await rig.check(counts={}, gaps=[])

    assert {join.partition(":")[2] for join in connection["joins"]} == {"BTCTRY"}
    assert missing == ([], [], [])


async def _current(rig: Rig, fields: set[str]) -> bool:
    found: Any = await rig.bus.redis.hkeys(keys.latest("btcturk"))
    return {field.decode() for field in found} == fields


@pytest.mark.usefixtures("brisk")
async def test_a_pair_that_is_halted_and_resumes(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tickers are repeated, so that it is no silence; its status is told."""
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions.MUTE_AFTER_S", 1.5)
    async with rigged(redis, ingest={"SPARK_BTCTURK_REFRESH": "1"}) as rig:
        await rig.order("halt", pair="BTCTRY", status="BREAK")
        await eventually(lambda: rig.feed.directory.instruments["BTC_TRY"].status == "BREAK", 10, "a halt")
        await eventually(lambda: rig.samples("spark_ingest_unchanged_total")[()] > 20, 10, "two seconds of repeats")
        await rig.venue.order("resume", pair="BTCTRY")
        await eventually(lambda: rig.feed.directory.instruments["BTC_TRY"].status == "TRADING", 10, "its end")
        await rig.healed({}, 10)
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])
