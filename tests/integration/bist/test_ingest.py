"""The BIST ingest between a real HTTP server and a real Redis: what its source does to it, what readers are told."""

from pathlib import Path

import pytest
from aiohttp import web
from redis.asyncio import Redis

from integration.bist.ingesting import (
    Process,
    directory,
    fast_clock,
    gaps,
    ingesting,
    messages,
    state,
    tickers,
)
from integration.bist.source import FakeSource, cut, fixed, refusing, slow
from spark_bus import keys
from spark_bus.connection import connect
from spark_bus.feed import FeedState
from spark_market.messages import Gap
from support.eventually import eventually
from support.redis_server import RedisServer


def rate(source: FakeSource) -> float:
    """Return requests an hour of the market's, from the first to the last."""
    times = [at for at, _ in source.asked]
    return (len(times) - 1) / ((times[-1] - times[0]) * 60 / 3600)


async def test_prices_reach_the_bus_with_all_that_readers_need(redis: Redis, redis_url: str) -> None:
    clock = fast_clock()
    async with FakeSource(clock) as source, ingesting(redis_url, source, clock):
        await eventually(lambda: tickers(redis), what="a ticker")

        async def connected() -> FeedState | None:
            now = await state(redis)
            return now if now is not None and now.connected else None

        found = await eventually(connected, what="the feed's state")
        listed = await eventually(lambda: directory(redis), what="the directory")
        heard = await eventually(lambda: redis.hgetall(keys.heard("bist")), what="what was heard")

    told = await messages(redis)
    assert not any(isinstance(message, Gap) for message in told)  # nobody wrote before
    assert (told[0].mode, told[0].symbol, told[0].change) == ("mock", "THYAO", told[0].price - told[0].previous_close)
    assert (found.source, found.delay_ms, found.poll_interval_ms) == ("poll", 900_000, 250)
    assert listed["THYAO"]["venueSymbol"] == "THYAO.IS"
    assert (listed["THYAO"]["quote"], listed["THYAO"]["statisticsWindow"]) == ("TRY", "session")
    assert listed["THYAO"]["session"]["closesAt"] > listed["THYAO"]["session"]["opensAt"]
    assert set(heard) == {b"ticker:THYAO", b"ticker:SASA"}


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "20"}])
async def test_a_storm_of_429_is_borne_and_over_when_it_is_over(
    redis: Redis, redis_url: str, headers: dict[str, str]
) -> None:
    clock = fast_clock()
    async with FakeSource(clock) as source, ingesting(redis_url, source, clock) as ingest:
        await eventually(lambda: tickers(redis))
        source.behave = refusing(429, **headers)
        await eventually(lambda: ingest.counted("requests_total", outcome="limited") >= 3, what="three refusals")
        assert ingest.counted("backoff_active") == 1
        assert rate(source) < 1000
        source.behave = None
        before = len(await tickers(redis))

        async def flows() -> bool:
            return len(await tickers(redis)) > before + 4

        await eventually(flows, 20, "tickers again")
        assert ingest.counted("backoff_active") == 0
        [gap] = await gaps(redis)
        assert (gap.cause, gap.channel, gap.symbol) == ("limited", "ticker", None)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(refusing(200, "<html>busy</html>"), "malformed"), (refusing(503), "unavailable"), (cut, "network")],
    ids=["html", "503", "cut"],
)
async def test_answers_that_are_none_are_counted_and_disclosed(
    redis: Redis, redis_url: str, behaviour: object, outcome: str
) -> None:
    clock = fast_clock()
    async with FakeSource(clock) as source, ingesting(redis_url, source, clock) as ingest:
        await eventually(lambda: tickers(redis))
        source.behave = behaviour  # type: ignore[assignment]
        await eventually(lambda: ingest.counted("requests_total", outcome=outcome) >= 3, what="three failures")
        source.behave = None
        await eventually(lambda: gaps(redis), 20, "the gap")

    cause = "html" if outcome == "malformed" else outcome
    assert [gap.cause for gap in await gaps(redis)] == [cause]


async def test_an_answer_that_does_not_come_is_given_up(redis: Redis, redis_url: str) -> None:
    """Not on the market's clock but on the wall's: a network is no faster for a fast market."""
    clock = fast_clock()
    async with FakeSource(clock) as source:
        source.behave = slow
        async with ingesting(redis_url, source, clock) as ingest:
            await eventually(lambda: ingest.counted("requests_total", outcome="timeout") == 1, 20, "a timeout")
            found = await eventually(lambda: state(redis))
            assert not found.connected


async def test_an_unknown_symbol_harms_nobody(redis: Redis, redis_url: str) -> None:
    clock = fast_clock()
    symbols = [f"S{number:02}" for number in range(12)]
    async with FakeSource(clock) as source:
        source.unknown = {"S07"}
        async with ingesting(redis_url, source, clock, symbols):

            async def others_flow() -> bool:
                return {each.symbol for each in await tickers(redis)} == set(symbols) - {"S07"}

            await eventually(others_flow, 20, "all others")

            async def told() -> bool:
                found = await state(redis)
                return found is not None and found.unknown == ["S07"] and "S07" not in await directory(redis)

            await eventually(told, what="the unknown one, told of")
    assert await gaps(redis) == []


async def test_a_symbol_that_vanishes_for_a_while_has_a_hole_of_its_own(redis: Redis, redis_url: str) -> None:
    """The source answers all the time, so nothing else would tell what is missing of this one."""
    clock = fast_clock()
    async with FakeSource(clock) as source, ingesting(redis_url, source, clock) as ingest:
        await eventually(lambda: tickers(redis))

        async def without_sasa(request: web.Request, symbols: list[str]) -> web.StreamResponse:
            return source.prices([symbol for symbol in symbols if symbol != "SASA"])

        source.behave = without_sasa
        await eventually(lambda: ingest.counted("rows_total", reason="absent") >= 6, what="six answers without it")
        source.behave = None

        async def told() -> list[Gap]:
            return [gap for gap in await gaps(redis) if gap.symbol is not None]

        [gap] = await eventually(told, what="the gap")
    assert (gap.symbol, gap.cause) == ("SASA", "absent")


async def test_redis_goes_and_comes_back(server: RedisServer) -> None:
    """With its data: what came meanwhile follows, and there is no gap."""
    clock = fast_clock()
    redis = connect(server.url)
    async with FakeSource(clock) as source, ingesting(server.url, source, clock) as ingest:
        await eventually(lambda: tickers(redis))
        server.kill()
        await eventually(lambda: ingest.counted("bus_errors_total") > 0)
        asked = len(source.asked)
        await eventually(lambda: len(source.asked) > asked + 3, what="the source, asked all the while")
        await server.start()
        await eventually(lambda: ingest.counted("queued_messages") == 0)
        before = len(await tickers(redis))

        async def flows() -> bool:
            return len(await tickers(redis)) > before

        await eventually(flows)
        assert await gaps(redis) == []
    await redis.aclose()


async def test_one_that_is_killed_and_started_again_discloses_the_hole(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    clock = fast_clock()
    async with FakeSource(clock) as source:
        first = Process(redis_url, source, clock, tmp_path)
        try:
            await eventually(lambda: tickers(redis), 30, "tickers")
            await eventually(lambda: redis.hgetall(keys.heard("bist")), what="a heartbeat")
        finally:
            first.kill()
        last = (await tickers(redis))[-1]
        second = Process(redis_url, source, clock, tmp_path)
        try:
            [gap] = await eventually(lambda: gaps(redis), 30, "the gap")
        finally:
            status = second.stop()

    assert status == 0
    assert gap.cause in ("start", "takeover")
    assert gap.from_ <= last.received_at < gap.to
    after = [each for each in await messages(redis) if not isinstance(each, Gap) and each.received_at >= gap.to]
    assert after


async def test_only_the_writer_asks_and_another_takes_over(redis: Redis, redis_url: str) -> None:
    """The budget is that of an address: two who ask would each have half of it."""
    clock = fast_clock()
    async with FakeSource(clock) as source, FakeSource(clock) as other, ingesting(redis_url, source, clock) as first:
        await eventually(lambda: first.counted("lease_held") == 1)
        await eventually(lambda: tickers(redis))
        async with ingesting(redis_url, other, clock) as second:
            asked = len(source.asked)
            await eventually(lambda: len(source.asked) > asked + 6)
            assert (other.asked, second.counted("lease_held")) == ([], 0)
            await redis.hset(keys.writer("bist"), mapping={"owner": "", "until": "0"})  # as if it had long been silent
            await eventually(lambda: second.counted("lease_held") + first.counted("lease_held") == 1, 15, "one writer")

            async def told() -> bool:
                return "takeover" in [gap.cause for gap in await gaps(redis)]

            await eventually(told, 15, "the gap")


async def test_without_bist_among_the_venues_it_idles(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    clock = fast_clock()
    async with FakeSource(clock) as source:
        process = Process(redis_url, source, clock, tmp_path, SPARK_VENUES="btcturk")
        try:
            await eventually(lambda: "nothing is asked" in (tmp_path / "log").read_text(), 20, "its one line")
        finally:
            status = process.stop()
    assert (status, source.asked, await redis.keys("*")) == (0, [], [])


async def test_a_restart_repeats_nothing_and_a_new_epoch_has_it_all(redis: Redis, redis_url: str) -> None:
    """What is current is on the bus: it is no news after a restart, and older rows do not roll it back."""
    clock = fast_clock()
    async with FakeSource(clock) as source:
        async with ingesting(redis_url, source, clock):
            await eventually(lambda: redis.hlen(keys.latest("bist")), what="a current value")

            async def whole() -> bool:
                return await redis.hlen(keys.latest("bist")) == 2

            await eventually(whole, what="both current values")
        before = await tickers(redis)
        newest = max(each.venue_time for each in before if each.venue_time is not None)
        source.behave = fixed(newest // 1000 - 60, 1)
        async with ingesting(redis_url, source, clock) as second:
            await eventually(lambda: second.counted("rows_total", reason="late") >= 4, what="late rows")
            assert await tickers(redis) == before
            age = second.feed.beat(0, 0).heartbeat.ages["ticker"]
            assert age is not None  # of the last word that is known, not "never"
            await redis.delete(keys.epoch("bist"))
            await eventually(lambda: second.counted("epochs_total") == 1, what="a new epoch")
            await eventually(whole, what="both, again")
            assert len(await tickers(redis)) == len(before) + 2
