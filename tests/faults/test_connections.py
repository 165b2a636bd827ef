"""Connections that end, are refused, are slow, or bring nothing: new ones are made, and the hole is disclosed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from faults.rig import WAIT_S, rigged
from faults.witnesses import SYMBOLS
from spark_service.backoff import backoff

Tenth = Callable[..., None]


def broken_off(cause: str) -> list[tuple[str, str | None, str]]:
    """The gaps of a lost connection: trades are filled in from the list of the new join, and so have none."""
    return [(channel, symbol, cause) for symbol in SYMBOLS for channel in ("ticker", "book")]


@pytest.mark.parametrize(
    "end",
    [{"fault": "cut"}, {"fault": "close"}, {"fault": "close", "code": 1012, "reason": "restarting"}],
    ids=["cut", "close-1000", "close-1012"],
)
async def test_a_connection_that_ends(redis: Redis, end: dict[str, Any]) -> None:
    """Back after the shortest wait, with every trade of the meantime."""
    async with rigged(redis, waits=backoff) as rig:
        before = len(await rig.venue.trades("BTCTRY"))
        await rig.order(**end)
        await rig.healed({"reconnects closed": 1}, 5)
        assert len(await rig.venue.trades("BTCTRY")) > before
        missing = await rig.check(counts={"reconnects closed": 1}, gaps=broken_off("closed"))

    assert missing.trades == []


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_venue_that_refuses(redis: Redis, status: int) -> None:
    """Each refusal is counted by its status; the gap's cause is that which began it."""
    async with rigged(redis) as rig:
        await rig.venue.order("refuse", seconds=0.8, status=status)
        await rig.order("cut")
        await rig.healed({"reconnects closed": 1}, 10)
        refused = (await rig.venue.state())["refused"]
        missing = await rig.check(
            counts={"reconnects closed": 1, f"reconnects refused_{status}": refused}, gaps=broken_off("closed")
        )

    assert refused >= 1
    assert missing.trades == []


async def test_a_venue_that_says_when_to_come_back(redis: Redis) -> None:
    """Nobody tries before that, and then it is well again."""
    async with rigged(redis) as rig:
        await rig.venue.order("refuse", seconds=1, status=429, retryAfter=2)
        await rig.order("cut")
        took_s = await rig.healed({"reconnects closed": 1, "reconnects refused_429": 1}, 10)
        assert (await rig.venue.state())["refused"] == 1
        missing = await rig.check(
            counts={"reconnects closed": 1, "reconnects refused_429": 1}, gaps=broken_off("closed")
        )

    assert took_s > WAIT_S + 2
    assert missing.trades == []


async def test_more_trades_missed_than_a_list_holds(redis: Redis) -> None:
    """The hole is disclosed by the venue's clock, for that pair alone: the 50 newest are there, the ones before not."""
    async with rigged(redis, trades_per_minute=0) as rig:
        await rig.venue.order("refuse", seconds=1.5)
        await rig.order("cut")
        for _ in range(8):
            await rig.venue.order("trade", pair="BTCTRY", count=10)
            await asyncio.sleep(0.01)  # apart by the venue's clock
        await rig.venue.order("trade", pair="ETHTRY", count=10)
        await rig.healed({"reconnects closed": 1}, 5)
        happened = await rig.venue.trades("BTCTRY")
        refused = (await rig.venue.state())["refused"]
        missing = await rig.check(
            counts={"reconnects closed": 1, "reconnects refused_503": refused},
            gaps=[*broken_off("closed"), ("trade", "BTC_TRY", "closed")],
        )

    assert [trade.id for trade in missing.trades] == [row["id"] for row in happened[:-50]]
    assert missing.trades != []


async def test_an_upgrade_that_is_answered_late(redis: Redis) -> None:
    async with rigged(redis) as rig:
        await rig.venue.order("slow_upgrade", seconds=30, delay=1)
        await rig.order("cut")
        took_s = await rig.healed({"reconnects closed": 1}, 10)
        missing = await rig.check(counts={"reconnects closed": 1}, gaps=broken_off("closed"))

    assert took_s > WAIT_S + 1
    assert missing.trades == []


async def test_an_upgrade_that_is_never_answered(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given up, and tried again; the wait is ten seconds in earnest."""
    monkeypatch.setattr("spark_ingest.websocket._OPEN_S", 0.5)
    async with rigged(redis) as rig:
        await rig.venue.order("slow_upgrade", seconds=0.7, delay=60)
        await rig.order("cut")
        await rig.healed({"reconnects closed": 1, "reconnects timeout": 1}, 10)
        await rig.check(counts={"reconnects closed": 1, "reconnects timeout": 1}, gaps=broken_off("closed"))


async def test_a_short_freeze_costs_nothing(redis: Redis) -> None:
    """All of it comes late, and all of it comes."""
    async with rigged(redis) as rig:
        await rig.order("freeze", seconds=1)
        await rig.healed({}, 5)
        missing = await rig.check(counts={}, gaps=[])

    assert missing == ([], [], [])


async def test_a_long_freeze(redis: Redis, tenth: Tenth) -> None:
    """A connection that brings nothing is given up; what it held back is never published."""
    tenth("session.SILENT_AFTER_S")
    async with rigged(redis) as rig:
        await rig.order("freeze", seconds=600)
        await rig.healed({"reconnects silent": 1}, 10)
        missing = await rig.check(counts={"reconnects silent": 1}, gaps=broken_off("silent"))

    assert missing.tickers != []
    assert missing.trades == []
    assert missing.books != []


async def test_a_silence(redis: Redis) -> None:
    """The connection stands and the venue skips what happens meanwhile: its books show that, and nothing else does."""
    async with rigged(redis, trades_per_minute=0) as rig:
        await rig.order("silence", seconds=1)
        await rig.healed({"resyncs book jump": 2}, 5)
        missing = await rig.check(
            counts={"resyncs book jump": 2}, gaps=[("book", symbol, "jump") for symbol in SYMBOLS]
        )

    assert len(missing.books) >= 2, "the frames that showed it"
    assert (missing.tickers, missing.trades) == ([], [])


async def test_a_long_silence(redis: Redis, tenth: Tenth) -> None:
    """A new connection, and another, until the venue speaks."""
    tenth("session.SILENT_AFTER_S")
    async with rigged(redis) as rig:
        await rig.order("silence", seconds=1.6)
        await rig.healed({"reconnects silent": 1}, 10)
        missing = await rig.check(counts={"reconnects silent": 1}, gaps=broken_off("silent"))

    assert missing.trades == []


async def test_a_connection_that_dies_slowly(redis: Redis, tenth: Tenth, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pair falls silent, then another, then there is nothing left to hear."""
    tenth("subscriptions.MUTE_AFTER_S")
    monkeypatch.setattr("spark_ingest_btcturk.session.SILENT_AFTER_S", 1.0)  # else it is a tie which is seen first
    async with rigged(redis) as rig:
        await rig.order("fade", seconds=6)  # BTCTRY at once, ETHTRY after a quarter of that
        counts = {"resyncs ticker mute": 1, "reconnects silent": 1}
        await rig.healed(counts, 10)
        missing = await rig.check(
            counts=counts,
            gaps=[
                ("ticker", "BTC_TRY", "mute"), ("book", "BTC_TRY", "silent"),
                ("ticker", "ETH_TRY", "silent"), ("book", "ETH_TRY", "silent"),
            ],
        )  # fmt: skip

    assert missing.trades == []


@pytest.mark.usefixtures("soon_proven")
@pytest.mark.parametrize(
    ("stall", "again"),
    [
        ({"channel": "ticker"}, [("book", symbol, "unheard") for symbol in SYMBOLS]),
        ({"channel": "obdiff"}, [("ticker", symbol, "unheard") for symbol in SYMBOLS]),
        ({"channel": "trade"}, broken_off("unheard")),
        ({"pairs": ["BTCTRY"]}, [("ticker", "ETH_TRY", "unheard"), ("book", "ETH_TRY", "unheard")]),
    ],
    ids=["ticker", "obdiff", "trade", "pair"],
)
async def test_a_new_connection_on_which_something_is_missing(
    redis: Redis, stall: dict[str, Any], again: list[tuple[str, str | None, str]]
) -> None:
    """It is joined once more, then only another connection can help, and what had spoken is broken off ``again``."""
    counts = {"reconnects closed": 1, "reconnects unheard": 1}
    async with rigged(redis) as rig:
        await rig.venue.order("stall", seconds=600, connections=1, **stall)
        await rig.order("cut")
        await rig.healed(counts, 10)
        missing = await rig.check(counts=counts, gaps=[*broken_off("closed"), *again])

    assert missing.trades == []


async def test_connections_lost_again_and_again_while_trades_flow(redis: Redis) -> None:
    """Each trade is on the bus once, whichever connection brought it."""
    async with rigged(redis, trades_per_minute=2000) as rig:
        for times in range(1, 6):
            await rig.order("cut")
            await rig.healed({"reconnects closed": times}, 5)
        trades = len(await rig.venue.trades("BTCTRY"))
        missing = await rig.check(counts={"reconnects closed": 5}, gaps=broken_off("closed") * 5)

    assert trades > 50
    assert missing.trades == []


async def test_more_sockets_than_may_connect_at_once(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's limit holds over all of them, and each comes back. Tickers of all pairs come by one of them."""
    monkeypatch.setattr("spark_ingest_btcturk.limiter.WINDOW_S", 3.0)
    async with rigged(
        redis, ["*"], pairs=10, ingest={"SPARK_BTCTURK_PAIRS_PER_SOCKET": "1"}, trades_per_minute=60
    ) as rig:
        await rig.order("cut")
        await rig.healed({"reconnects closed": 10}, 20)
        missing = await rig.check(
            counts={"reconnects closed": 10},
            gaps=[("ticker", None, "closed"), *[("book", symbol, "closed") for symbol in rig.pairs]],
        )
        greeted = [frame["at"] for frame in await rig.venue.frames(991)]

    assert len(greeted) == 20
    assert greeted[15] - greeted[0] >= 2_900
    assert missing.trades == []
