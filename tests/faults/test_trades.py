"""Trades that are lost, repeated, out of order or wrong: each is on the bus once, and what is not there disclosed."""

import asyncio
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from faults.rig import Rig, rigged
from faults.witnesses import SYMBOLS
from spark_ingest_btcturk import crosscheck
from spark_market.messages import Trade
from support.eventually import eventually

BTC = {"pair": "BTCTRY", "channel": "trade"}
NUMBERS = ["NaN", "1_000", "1e999999999", "١٢٣"]


@pytest.mark.usefixtures("soon_suspicious")
async def test_a_trade_that_is_not_sent(redis: Redis) -> None:
    """The volume in the tickers gives it away, and the list of a new join has it."""
    async with rigged(redis, trades_per_minute=0) as rig:
        await _quiet()
        await rig.venue.order("drop", **BTC, count=1000)
        await rig.order("trade", pair="BTCTRY", count=3)
        await rig.healed({"resyncs trade mute": 1}, 5)
        missing = await rig.check(counts={"resyncs trade mute": 1}, gaps=[])
        happened = await rig.venue.trades("BTCTRY")
        assert rig.samples("spark_ingest_backfilled_trades_total") == {(): 100 + len(happened)}

    assert [row["sent"] for row in happened] == [0] * len(happened)
    assert missing == ([], [], [])


async def _quiet() -> None:
    """Let the last trade be long enough ago that a ticker cannot mean that one."""
    await asyncio.sleep(crosscheck.TRADE_BEFORE_S + 0.1)


@pytest.mark.usefixtures("soon_suspicious")
async def test_a_trade_amid_others_that_is_not_sent(redis: Redis) -> None:
    """The others do not explain all of the volume; when no more come it is found, and published late."""
    counts = {"resyncs trade mute": 1, "anomalies trade late": 1}
    async with rigged(redis, trades_per_minute=0) as rig:
        await _quiet()
        await rig.venue.order("trade", pair="BTCTRY")
        await rig.venue.order("drop", **BTC)
        await rig.order("trade", pair="BTCTRY", count=4)
        happened = await rig.venue.trades("BTCTRY")
        dropped = [row["id"] for row in happened if row["faults"].get("drop")]
        await eventually(lambda: _has(rig, happened[-1]["id"]), 5, "the trade after it")
        assert not set(dropped) & set(await rig.bus.trades("BTC_TRY"))
        await rig.healed(counts, 5)
        await rig.check(counts=counts, gaps=[], any_order=True)
        on_bus = await rig.bus.trades("BTC_TRY")

    assert len(dropped) == 1
    assert on_bus[-1] == dropped[0]


async def test_a_trade_that_neither_price_nor_volume_betrays(redis: Redis) -> None:
    """A trade lost while others flow, too fast for the volume to show it: the next join brings it, after the others."""
    async with rigged(redis) as rig:
        await rig.venue.order("drop", **BTC)
        await eventually(lambda: _dropped(rig), 10, "a trade that is not sent")
        before = len(await rig.venue.trades("BTCTRY"))
        await eventually(lambda: _traded(rig, before + 1), 10, "a trade after it")
        await eventually(rig.is_current, 10)
        [dropped] = await _dropped(rig)
        assert dropped not in await rig.bus.trades("BTC_TRY")
        await rig.order("cut")
        await rig.healed({"reconnects closed": 1, "anomalies trade late": 1}, 5)
        await rig.check(
            counts={"reconnects closed": 1, "anomalies trade late": 1},
            gaps=[(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS],
            any_order=True,
        )
        assert dropped in await rig.bus.trades("BTC_TRY")


async def _dropped(rig: Rig) -> list[str]:
    return [row["id"] for row in await rig.venue.trades("BTCTRY") if row["faults"].get("drop")]


async def _has(rig: Rig, trade: str) -> bool:
    return trade in await rig.bus.trades("BTC_TRY")


@pytest.mark.usefixtures("soon_suspicious")
async def test_more_trades_than_a_list_holds_are_not_sent(redis: Redis) -> None:
    """The list brings the last 50, and the gap tells of the others, in the venue's time."""
    async with rigged(redis, trades_per_minute=0) as rig:
        await _quiet()
        await rig.venue.order("mute", **BTC, seconds=600, scope="subscription")
        await rig.order("trade", pair="BTCTRY", count=80)
        await rig.healed({"resyncs trade mute": 1}, 5)
        happened = await rig.venue.trades("BTCTRY")
        missing = await rig.check(counts={"resyncs trade mute": 1}, gaps=[("trade", "BTC_TRY", "mute")])

    assert [trade.id for trade in missing.trades] == [row["id"] for row in happened[:-50]]
    assert (missing.tickers, missing.books) == ([], [])


async def test_a_trade_that_comes_twice(redis: Redis) -> None:
    async with rigged(redis) as rig:
        await rig.order("duplicate", **BTC, count=3)
        await rig.healed({"anomalies trade duplicate": 3}, 10)
        missing = await rig.check(counts={"anomalies trade duplicate": 3}, gaps=[])

    assert missing == ([], [], [])


async def test_trades_out_of_order(redis: Redis) -> None:
    """Both are real. They are published as they came, and counted."""
    async with rigged(redis) as rig:
        await rig.order("reorder", **BTC, count=2)
        await rig.healed({"anomalies trade late": 2}, 10)
        await rig.check(counts={"anomalies trade late": 2}, gaps=[], any_order=True)
        sent = [frame for frame in await rig.venue.frames(422) if frame["event"] == "BTCTRY"]
        on_bus = await rig.bus.trades("BTC_TRY")

    ids = [_id(frame["frame"]) for frame in sent]
    assert on_bus[-len(ids) :] == ids


def _id(frame: str) -> str:
    return frame.partition('"I":"')[2].partition('"')[0]


@pytest.mark.parametrize("number", NUMBERS, ids=[*NUMBERS[:-1], "arabic"])
async def test_a_trade_that_cannot_be_read(redis: Redis, number: str) -> None:
    """Its frame is lost, the trade is not: it is taken from the list of a new join, and nothing is missing."""
    counts = {"malformed": 1, "resyncs trade malformed": 1}
    async with rigged(redis) as rig:
        await rig.order("bad_number", number=number, **BTC)
        await rig.healed(counts, 10)
        missing = await rig.check(counts=counts, gaps=[])

    assert missing == ([], [], [])


async def test_half_a_trade(redis: Redis) -> None:
    """The half that comes does not name the pair: every pair's trades are joined again, and nothing is missing."""
    counts = {"malformed": 1, "resyncs trade malformed": 2}
    async with rigged(redis) as rig:
        await rig.order("half", **BTC)
        await rig.healed(counts, 10)
        missing = await rig.check(counts=counts, gaps=[])

    assert missing == ([], [], [])


@pytest.mark.parametrize("meanwhile", [False, True], ids=["connected", "away"])
@pytest.mark.parametrize("to", ["lower", "higher"])
async def test_ids_that_begin_anew(redis: Redis, to: str, meanwhile: bool) -> None:
    """Below the last one that is a gap, for numbers cannot show what lies between; above it looks like any other step.

    Nothing is lost as long as the list of the next join reaches back.
    """
    counts, gaps = {}, []
    async with rigged(redis) as rig:
        if meanwhile:
            counts = {"reconnects closed": 1}
            gaps = [(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS]
            await rig.venue.order("cut")
        before = len(await rig.venue.trades("BTCTRY"))
        await rig.order("restart_ids", pair="BTCTRY", to=to)
        await eventually(lambda: _traded(rig, before + 2), 10, "trades with the new ids")
        await rig.healed(counts, 5)
        if to == "lower":
            gaps.append(("trade", "BTC_TRY", "id_restart"))
        missing = await rig.check(counts=counts, gaps=gaps)
        happened = await rig.venue.trades("BTCTRY")
        on_bus = [item for item in await rig.bus.read() if isinstance(item, Trade) and item.symbol == "BTC_TRY"]
        disclosed = [item for item in await rig.bus.gaps() if item.channel == "trade"]

    ids = [int(row["id"]) for row in happened]
    steps = [(new - old) for old, new in pairwise(ids) if abs(new - old) > 10**6]
    assert [step > 0 for step in steps] == [to == "higher"]
    assert missing.trades == []
    if to == "lower":
        [gap] = disclosed
        turn = next(nth for nth, trade in enumerate(on_bus) if nth and int(trade.id) < int(on_bus[nth - 1].id))
        assert (gap.from_, gap.to) == (on_bus[turn - 1].venue_time, on_bus[turn].venue_time)


async def _traded(rig: Rig, times: int) -> bool:
    return len(await rig.venue.trades("BTCTRY")) >= times


@pytest.mark.parametrize("ms", [3_600_000, -3_600_000], ids=["ahead", "behind"])
async def test_a_clock_that_jumps(redis: Redis, ms: int) -> None:
    """The venue's times are passed on as they are. Order is by the ids, so that nothing is lost or twice."""
    async with rigged(redis) as rig:
        await rig.order("shift_clock", ms=ms)
        before = len(await rig.venue.trades("BTCTRY"))
        await eventually(lambda: _traded(rig, before + 2), 10, "trades by the new clock")
        await rig.order("cut")
        await rig.healed({"reconnects closed": 1}, 5)
        missing = await rig.check(
            counts={"reconnects closed": 1},
            gaps=[(channel, symbol, "closed") for channel in ("ticker", "book") for symbol in SYMBOLS],
        )

    assert missing.trades == []


async def test_a_clock_that_is_put_right(redis: Redis) -> None:
    async with rigged(redis) as rig:
        await rig.order("shift_clock", ms=60_000)
        before = len(await rig.venue.trades("BTCTRY"))
        await eventually(lambda: _traded(rig, before + 2), 10, "trades by the wrong clock")
        await rig.order("shift_clock", ms=0)
        await eventually(lambda: _traded(rig, before + 5), 10, "trades by the right clock")
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])
