"""Frames of an order book that are lost, repeated, out of order or wrong: that book alone begins anew, if it must."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from faults.rig import Rig, rigged
from spark_market.messages import Book
from support import account
from support.eventually import eventually

Tenth = Callable[..., None]
BTC = {"pair": "BTCTRY", "channel": "obdiff"}
NUMBERS = ["NaN", "1_000", "1e999999999", "١٢٣"]


def gap(cause: str) -> tuple[str, str | None, str]:
    return ("book", "BTC_TRY", cause)


@pytest.mark.parametrize("count", [1, 3])
async def test_a_change_set_that_is_not_sent(redis: Redis, count: int) -> None:
    """The next one shows it. The other book, the trades and the tickers do not notice."""
    async with rigged(redis) as rig:
        await rig.order("drop", **BTC, count=count)
        await rig.healed({"resyncs book jump": 1}, 5)
        missing = await rig.check(counts={"resyncs book jump": 1}, gaps=[gap("jump")])

    assert len(missing.books) >= 1, "the frame that showed it"
    assert (missing.tickers, missing.trades) == ([], [])


async def test_a_change_set_that_comes_twice(redis: Redis) -> None:
    """It is dropped, and the book goes on."""
    async with rigged(redis) as rig:
        await rig.order("duplicate", **BTC, count=3)
        await rig.healed({"anomalies book duplicate": 3}, 5)
        missing = await rig.check(counts={"anomalies book duplicate": 3}, gaps=[])

    assert missing == ([], [], [])


async def test_change_sets_out_of_order(redis: Redis) -> None:
    """Which of the two is to be believed cannot be known in time: neither is published."""
    async with rigged(redis) as rig:
        await rig.order("reorder", **BTC)
        await rig.healed({"resyncs book jump": 1}, 5)
        missing = await rig.check(counts={"resyncs book jump": 1}, gaps=[gap("jump")])
        frames = await rig.venue.frames(432)

    late = next(at for at, frame in enumerate(frames) if frame["fault"] == "reorder")
    assert frames[late]["event"] == "BTCTRY"
    numbers = [step.change_set for step in missing.books]
    assert numbers[:2] == sorted(numbers[:2], reverse=True)
    assert (missing.tickers, missing.trades) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [{"fault": "half"}, *({"fault": "bad_number", "number": number} for number in NUMBERS)],
    ids=["half", *NUMBERS[:-1], "arabic"],
)
async def test_a_change_set_that_cannot_be_read(redis: Redis, wrong: dict[str, Any]) -> None:
    """It costs the book's chain, and nothing else."""
    counts = {"malformed": 1, "resyncs book malformed": 1}
    async with rigged(redis) as rig:
        await rig.order(**wrong, **BTC)
        await rig.healed(counts, 5)
        missing = await rig.check(counts=counts, gaps=[gap("malformed")])

    assert (missing.tickers, missing.trades) == ([], [])


@pytest.mark.parametrize(
    ("kind", "counted"),
    [("delete_absent", "absent_delete"), ("insert_held", "held_insert"), ("update_absent", "absent_update")],
)
async def test_a_code_that_does_not_fit(redis: Redis, kind: str, counted: str) -> None:
    """Counted, and borne: the level says itself what it is to be."""
    async with rigged(redis) as rig:
        await rig.order("anomaly", pair="BTCTRY", kind=kind, count=3)
        await rig.healed({f"anomalies book {counted}": 3}, 5)
        missing = await rig.check(counts={f"anomalies book {counted}": 3}, gaps=[])

    assert missing == ([], [], [])


async def test_a_book_that_is_crossed_for_a_moment(redis: Redis) -> None:
    """It may be the venue's own doing; it is counted, frame by frame, and published as it is."""
    async with rigged(redis, interval_ms=300) as rig:
        await rig.order("cross", pair="BTCTRY", seconds=0.2)
        await rig.healed({"anomalies book crossed": await _crossed(rig)}, 5)
        missing = await rig.check(counts={"anomalies book crossed": await _crossed(rig)}, gaps=[])

    assert missing == ([], [], [])


async def _crossed(rig: Rig) -> int:
    """Return after how many of the frames sent the book is crossed, once it is no more."""

    async def told() -> list[Any]:
        frames = [frame for frame in await rig.venue.frames(432) if frame["event"] == "BTCTRY"]
        at = [nth for nth, frame in enumerate(frames) if frame["fault"] == "cross"]
        return frames[at[0] : at[1]] if len(at) == 2 else []

    return len(await eventually(told, 5, "a cross that is taken back"))


async def test_a_book_that_stays_crossed(redis: Redis) -> None:
    """After five frames it is wrong, and has been since the first of them: so the gap begins before that."""
    async with rigged(redis) as rig:
        await rig.order("cross", pair="BTCTRY")
        counts = {"anomalies book crossed": 5, "resyncs book crossed": 1}
        await rig.healed(counts, 5)
        missing = await rig.check(counts=counts, gaps=[gap("crossed")])
        books = await rig.bus.books("BTC_TRY")
        [disclosed] = await rig.bus.gaps()
        crossed = next(frame for frame in await rig.venue.frames(432) if frame["fault"] == "cross")

    first = next(
        nth
        for nth, book in enumerate(books)
        if book.sequence == str(account.steps_sent([crossed], "BTCTRY")[0].change_set)
    )
    assert disclosed.from_ == books[first - 1].received_at, "when the book was last well"
    assert [book.previous is None for book in books[first : first + 5]] == [False] * 4 + [True]
    assert len(missing.books) >= 1, "the fifth frame"


async def test_a_book_that_stays_crossed_and_says_nothing_more(redis: Redis, tenth: Tenth) -> None:
    """Time does what frames do not: after five seconds, here half a one, it is joined again."""
    tenth("bookkeeping.CROSSED_S")
    async with rigged(redis, trades_per_minute=0) as rig:
        await rig.venue.order("cross", pair="BTCTRY")
        await eventually(lambda: _altered(rig), 5, "a frame that crosses")
        await rig.order("halt", pair="BTCTRY")
        await eventually(lambda: rig.counted().get("resyncs book crossed") == 1, 5)
        await rig.venue.order("resume", pair="BTCTRY")
        await rig.healed({"resyncs book crossed": 1}, 5)
        counts = {"anomalies book crossed": rig.counted()["anomalies book crossed"], "resyncs book crossed": 1}
        await rig.check(counts=counts, gaps=[gap("crossed")])

    assert counts["anomalies book crossed"] < 5


async def _altered(rig: Rig) -> bool:
    return any(frame["fault"] == "cross" for frame in await rig.venue.frames(432))


async def test_both_books_at_once(redis: Redis) -> None:
    """Each is joined again by itself, on the connection that there is."""
    async with rigged(redis) as rig:
        await rig.venue.order("drop", pair="ETHTRY", channel="obdiff")
        await rig.order("half", **BTC)
        counts = {"malformed": 1, "resyncs book malformed": 1, "resyncs book jump": 1}
        await rig.healed(counts, 5)
        missing = await rig.check(counts=counts, gaps=[gap("malformed"), ("book", "ETH_TRY", "jump")])

    assert (missing.tickers, missing.trades) == ([], [])


@pytest.mark.parametrize("how", ["jump", "hidden", "conflated"])
async def test_a_book_that_is_mute_for_a_moment(redis: Redis, how: str) -> None:
    """Numbers show what is lost. Without them it is the window that does: levels that left it unsaid are too many."""
    async with rigged(redis, trades_per_minute=0) as rig:
        began = len(await rig.venue.change_sets())
        await rig.order("mute", **BTC, seconds=1, book=how)
        await eventually(lambda: _well(rig), 5)
        if how == "conflated":
            await rig.healed({}, 5)
            missing = await rig.check(counts={}, gaps=[])
            assert missing == ([], [], [])
            return
        cause = await eventually(lambda: _resynced(rig), 5, "a book that is joined again")
        await rig.healed({f"resyncs book {cause}": 1}, 5)
        counts = rig.counted()
        await rig.check(counts=counts, gaps=[gap(cause)])
        lost = [row for row in (await rig.venue.change_sets())[began:] if row["faults"].get("mute")]

    assert lost != []
    assert cause in {"jump": {"jump"}, "hidden": {"overfull", "crossed"}}[how]
    assert how == "hidden" or counts == {"resyncs book jump": 1}


async def _well(rig: Rig) -> bool:
    return not (await rig.venue.state())["faults"]


def _resynced(rig: Rig) -> str | None:
    return next((name.split()[-1] for name in rig.counted() if name.startswith("resyncs book")), None)


async def test_ten_seconds_of_random_faults(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of the frames: the book is right in the end, and no break of it was passed over."""
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions._LONGEST_PROOF_S", 0.5)  # else each repair waits longer
    rng = random.Random(3)
    async with rigged(redis, interval_ms=50) as rig:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            await rig.venue.order(**_any_fault(rng))
            seen = len(await rig.bus.books("BTC_TRY"))
            await eventually(lambda: _well(rig), 15, "a fault that is over")
            await eventually(lambda: _more_books(rig, seen + rng.randrange(1, 6)), 15, "changes")  # noqa: B023
        await rig.venue.clear()
        await eventually(lambda: not rig.feed.unproven(), 15, "a book that is whole")
        await rig.settle()
        counts = rig.counted()
        broken = {name.split()[-1]: count for name, count in counts.items() if name.startswith("resyncs book")}
        gaps = [gap(cause) for cause, count in broken.items() for _ in range(count)]
        missing = await rig.check(counts=counts, gaps=gaps)

    print(f"broken off {broken}, borne { ({name: n for name, n in counts.items() if name.startswith('anomalies')}) }")
    assert sum(broken.values()) >= 5
    assert (missing.tickers, missing.trades) == ([], [])


def _any_fault(rng: random.Random) -> dict[str, Any]:
    match rng.choice(["drop", "drop", "duplicate", "reorder", "half", "bad_number", "cross", "anomaly"]):
        case "cross":
            return {"fault": "cross", "pair": "BTCTRY", "seconds": 0.05}
        case "anomaly":
            kind = rng.choice(["delete_absent", "insert_held", "update_absent"])
            return {"fault": "anomaly", "pair": "BTCTRY", "kind": kind}
        case fault:
            return {"fault": fault, **BTC, "count": rng.randrange(1, 3)}


async def _more_books(rig: Rig, than: int) -> list[Book]:
    return (await rig.bus.books("BTC_TRY"))[than:]
