"""Joins that are acknowledged, as any join is, and bring no beginning: no snapshot of a book, no list of trades."""

import pytest
from redis.asyncio import Redis

from faults.rig import WAIT_S, Rig, rigged
from faults.witnesses import SYMBOLS
from support.eventually import eventually

CLOSED = [(channel, symbol, "closed") for symbol in SYMBOLS for channel in ("ticker", "book")]
UNHEARD = [(channel, symbol, "unheard") for symbol in SYMBOLS for channel in ("ticker", "book")]


@pytest.mark.parametrize("live", [False, True], ids=["silent", "changes"])
async def test_a_book_without_a_snapshot(redis: Redis, monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    """Changes alone are no book: nothing of it is published until a second join brings the snapshot."""
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions.PROOF_S", 1.5)
    async with rigged(redis) as rig:
        await rig.venue.order("no_snapshot", seconds=1.2, channel="obdiff", pair="BTCTRY", live=live)
        await rig.order("cut")
        took_s = await rig.healed({"reconnects closed": 1}, 10)
        missing = await rig.check(counts={"reconnects closed": 1}, gaps=CLOSED)

    assert took_s > WAIT_S + 1.5
    assert (missing.books != []) is live
    assert (missing.tickers, missing.trades) == ([], [])


async def test_trades_without_a_list(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is held back for the list, not for ever: then it follows a gap, and the list fills that in late."""
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions.PROOF_S", 2.0)
    monkeypatch.setattr("spark_ingest_btcturk.tape.HOLD_S", 0.5)
    async with rigged(redis, trades_per_minute=0) as rig:
        await rig.venue.order("trade", pair="BTCTRY")
        await rig.venue.order("no_snapshot", seconds=1.8, channel="trade", pair="BTCTRY", live=True)
        await rig.order("cut")
        await rig.venue.order("trade", pair="BTCTRY", count=3)
        away = [row["id"] for row in await rig.venue.trades() if not row["sent"]]
        await eventually(lambda: rig.feed.unproven() == ["trade:BTC_TRY"], 5, "all but the list")
        held = (await rig.bus.trades("BTC_TRY"))[-1]
        await rig.venue.order("trade", pair="BTCTRY")
        await eventually(lambda: _told(rig, held), 5, "what was held back")
        counts = {"reconnects closed": 1, "anomalies trade late": len(away)}
        await rig.healed(counts, 10)
        await rig.check(counts=counts, gaps=[*CLOSED, ("trade", "BTC_TRY", "closed")], any_order=True)
        assert (await rig.bus.trades("BTC_TRY"))[-len(away) :] == away


async def _told(rig: Rig, before: str) -> bool:
    return (await rig.bus.trades("BTC_TRY"))[-1] != before


@pytest.mark.usefixtures("soon_proven")
@pytest.mark.parametrize("channel", ["obdiff", "trade"])
async def test_a_second_join_that_brings_nothing(redis: Redis, channel: str) -> None:
    """One more is tried, and then a new connection, which is the first join again."""
    async with rigged(redis) as rig:
        await rig.venue.order("no_snapshot", seconds=600, channel=channel, pair="BTCTRY", rejoins=True)
        if channel == "obdiff":
            await rig.order("drop", channel=channel, pair="BTCTRY")
            counts = {"resyncs book jump": 1, "reconnects unheard": 1}
            gaps = [*[gap for gap in UNHEARD if gap[:2] != ("book", "BTC_TRY")], ("book", "BTC_TRY", "jump")]
        else:
            await rig.order("bad_number", channel=channel, pair="BTCTRY")
            counts = {"malformed": 1, "resyncs trade malformed": 1, "reconnects unheard": 1}
            gaps = UNHEARD
        await rig.healed(counts, 15)
        missing = await rig.check(counts=counts, gaps=gaps)

    assert missing.trades == []
