"""Channels and pairs that fall mute on a connection that is well otherwise: found, and joined again."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from faults.rig import Rig, rigged
from faults.witnesses import SYMBOLS
from spark_bus import feed, keys
from spark_ingest_btcturk import crosscheck
from spark_service.clock import now_ms
from support.eventually import eventually

Tenth = Callable[..., None]
FOR_LONG = 600
BROKEN_OFF = [(channel, symbol, "unheard") for symbol in SYMBOLS for channel in ("ticker", "book")]


@pytest.mark.parametrize("pair", ["BTCTRY", None], ids=["pair", "all"])
async def test_mute_tickers(redis: Redis, tenth: Tenth, pair: str | None) -> None:
    """The venue repeats a ticker all the time, so that its silence means something: after 15 s, here 1.5."""
    tenth("subscriptions.MUTE_AFTER_S")
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="subscription", **_of("ticker", pair))
        counts = {"resyncs ticker mute": 1 if pair else 2}
        await rig.healed(counts, 10)
        missing = await rig.check(
            counts=counts, gaps=[("ticker", symbol, "mute") for symbol in SYMBOLS[: 1 if pair else 2]]
        )

    assert missing == ([], [], [])


async def test_a_mute_ticker_that_speaks_again_by_itself(redis: Redis, tenth: Tenth) -> None:
    """Joined again in vain, and then it is well: no connection is given up for it."""
    tenth("subscriptions.MUTE_AFTER_S")
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=2.5, **_of("ticker", "BTCTRY"))
        await rig.healed({"resyncs ticker mute": 1}, 10)
        await rig.check(counts={"resyncs ticker mute": 1}, gaps=[("ticker", "BTC_TRY", "mute")])


@pytest.mark.usefixtures("soon_proven")
async def test_a_ticker_that_stays_mute_on_its_connection(redis: Redis, tenth: Tenth) -> None:
    """Two joins do not help; another connection does, and breaks off what was well."""
    tenth("subscriptions.MUTE_AFTER_S")
    counts = {"resyncs ticker mute": 1, "reconnects unheard": 1}
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="connection", **_of("ticker", "BTCTRY"))
        await rig.healed(counts, 15)
        missing = await rig.check(counts=counts, gaps=[("ticker", "BTC_TRY", "mute"), *BROKEN_OFF[1:]])

    assert missing.trades == []


@pytest.mark.usefixtures("soon_suspicious")
@pytest.mark.parametrize("pair", ["BTCTRY", None], ids=["pair", "all"])
async def test_mute_trades(redis: Redis, pair: str | None) -> None:
    """The tickers' volume tells of trades that do not come; the list of a new join has them all."""
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="subscription", **_of("trade", pair))
        counts = {"resyncs trade mute": 1 if pair else 2}
        await rig.healed(counts, 15)
        missing = await rig.check(counts=counts, gaps=[])
        muted = [row for row in await rig.venue.trades() if row["faults"].get("mute")]

    assert muted != []
    assert missing == ([], [], [])


@pytest.mark.usefixtures("soon_suspicious")
async def test_trades_that_are_mute_for_a_moment(redis: Redis) -> None:
    """They come again before anything is done about it; what was lost is found all the same, when they pause."""
    async with rigged(redis, trades_per_minute=0) as rig:
        await asyncio.sleep(crosscheck.TRADE_BEFORE_S + 0.1)  # a ticker cannot mean a trade of the list any more
        await rig.venue.order("mute", seconds=0.5, **_of("trade", "BTCTRY"))
        await rig.venue.order("trade", pair="BTCTRY", count=3)
        lost = [row["id"] for row in await rig.venue.trades()]
        await eventually(lambda: _well(rig), 5, "the end of it")
        await rig.order("trade", pair="BTCTRY", count=3)
        counts = {"resyncs trade mute": 1, "anomalies trade late": len(lost)}
        await rig.healed(counts, 5)
        await rig.check(counts=counts, gaps=[], any_order=True)
        assert (await rig.bus.trades("BTC_TRY"))[-len(lost) :] == lost


async def _well(rig: Rig) -> bool:
    return not (await rig.venue.state())["faults"]


@pytest.mark.usefixtures("soon_suspicious")
@pytest.mark.parametrize("pair", ["BTCTRY", None], ids=["pair", "all"])
async def test_mute_books(redis: Redis, pair: str | None) -> None:
    """The tickers' quotes tell that the book has moved, and it says nothing for 15 s, here 1.5."""
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="subscription", **_of("obdiff", pair))
        counts = {"resyncs book mute": 1 if pair else 2}
        await rig.healed(counts, 15)
        missing = await rig.check(
            counts=counts, gaps=[("book", symbol, "mute") for symbol in SYMBOLS[: 1 if pair else 2]]
        )

    assert missing == ([], [], [])


@pytest.mark.usefixtures("soon_suspicious")
async def test_a_mute_pair(redis: Redis, tenth: Tenth) -> None:
    """Nothing of it comes by any channel. First its ticker is joined again, and that shows what else is silent."""
    tenth("subscriptions.MUTE_AFTER_S")
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="subscription", pair="BTCTRY")
        counts = {"resyncs ticker mute": 1, "resyncs trade mute": 1, "resyncs book mute": 1}
        await rig.healed(counts, 20)
        missing = await rig.check(counts=counts, gaps=[("ticker", "BTC_TRY", "mute"), ("book", "BTC_TRY", "mute")])

    assert missing == ([], [], [])


@pytest.mark.usefixtures("soon_proven", "soon_suspicious")
@pytest.mark.parametrize("channel", ["trade", "obdiff"])
async def test_a_channel_that_stays_mute_on_its_connection(redis: Redis, channel: str) -> None:
    """Here, too, a new connection follows when joins do not help, however much the tickers go on to tell."""
    ours = {"trade": "trade", "obdiff": "book"}[channel]
    counts = {f"resyncs {ours} mute": 1, "reconnects unheard": 1}
    gaps = [gap for gap in BROKEN_OFF if gap[:2] != (ours, "BTC_TRY")]
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="connection", **_of(channel, "BTCTRY"))
        await rig.healed(counts, 15)
        missing = await rig.check(counts=counts, gaps=gaps if ours == "trade" else [*gaps, ("book", "BTC_TRY", "mute")])

    assert missing.trades == []


@pytest.mark.usefixtures("soon_proven")
async def test_a_pair_that_stays_mute_on_its_connection(redis: Redis, tenth: Tenth) -> None:
    tenth("subscriptions.MUTE_AFTER_S")
    counts = {"resyncs ticker mute": 1, "reconnects unheard": 1}
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, scope="connection", pair="BTCTRY")
        await rig.healed(counts, 15)
        missing = await rig.check(counts=counts, gaps=[("ticker", "BTC_TRY", "mute"), *BROKEN_OFF[1:]])

    assert missing.trades == []


async def test_a_mute_channel_and_then_a_lost_connection(redis: Redis, tenth: Tenth) -> None:
    """Two at once: what the mute hid of the trades is in the list of the next connection, and in no gap."""
    tenth("subscriptions.MUTE_AFTER_S")
    async with rigged(redis) as rig:
        await rig.venue.order("mute", seconds=FOR_LONG, scope="connection", **_of("trade", None))
        before = len(await rig.venue.trades())
        await eventually(lambda: _happened(rig, before + 5), 10, "trades that nobody hears of")
        await rig.order("cut")
        await rig.healed({"reconnects closed": 1}, 10)
        missing = await rig.check(
            counts={"reconnects closed": 1},
            gaps=[(channel, symbol, "closed") for symbol in SYMBOLS for channel in ("ticker", "book")],
        )

    assert missing.trades == []


async def _happened(rig: Rig, times: int) -> bool:
    return len(await rig.venue.trades()) >= times


def _of(channel: str, pair: str | None) -> dict[str, Any]:
    return {"channel": channel} if pair is None else {"channel": channel, "pair": pair}


async def test_a_mute_ticker_is_seen_although_the_clock_was_set_back(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monitor goes by when each was last heard: by the old clock, that would be in an hour."""
    back_ms = 3_600_000
    async with rigged(redis) as rig:
        await rig.order("mute", seconds=FOR_LONG, **_of("ticker", "BTCTRY"))
        monkeypatch.setattr(
            "spark_service.clock.time", SimpleNamespace(time_ns=lambda: time.time_ns() - back_ms * 1_000_000)
        )

        async def told() -> tuple[int, dict[str, int]] | None:
            state: Any = await rig.bus.redis.get(keys.feed("btcturk"))
            heard: Any = await rig.bus.redis.hgetall(keys.heard("btcturk"))
            connected_since = feed.decode(state).connected_since or 0
            times = {field.decode(): int(at) for field, at in heard.items()}
            new = "ticker:BTC_TRY" in times and max(connected_since, *times.values()) <= now_ms()
            return (connected_since, times) if new else None

        await eventually(told, 5, "times by the new clock")
        since = now_ms()
        connected_since, times = await eventually(lambda: _speaks(told, since), 5, "the other ticker")
        monkeypatch.undo()

    assert connected_since <= times["ticker:BTC_TRY"] < since < times["ticker:ETH_TRY"]


async def _speaks(told: Callable[[], Any], since: int) -> Any:
    answer = await told()
    return answer if answer is not None and answer[1]["ticker:ETH_TRY"] > since + 500 else None
