"""The monitor as a process in front of Borsa İstanbul: a market that closes, beside one that does not."""

import json
from pathlib import Path

from redis.asyncio import Redis

from integration.monitor.stage import DEADLINE_S, VENUE, Ingest, Monitor, ingesting, monitoring, verdict_becomes
from spark_market.instruments import Mode
from spark_market.messages import Status
from spark_service.lifecycle import BAD_SETTINGS
from support.eventually import eventually
from support.redis_server import RedisServer

SUNDAY = "2026-11-22T12:00+03:00"
JUST_BEFORE_IT_OPENS = "2026-11-23T10:14:57+03:00"
ALWAYS_OPEN = "* open 00:00-24:00\n"
BIST = "bist"


def as_polled(ingest: Ingest) -> None:
    ingest.source = "poll"
    ingest.delay_ms = 900_000
    ingest.poll_interval_ms = 500


async def test_a_closed_market_is_closed_and_nothing_is_overdue(bus: RedisServer, client: Redis) -> None:
    """A Sunday: the ingest lives, its venue is silent, and only its death would be news."""
    both = {"SPARK_VENUES": "bist,btcturk", "SPARK_BIST_CLOCK": SUNDAY, "SPARK_VENUE_STALENESS_TARGET": "1"}
    async with monitoring(bus.url, **both) as monitor:
        async with ingesting(client, venue=BIST) as ingest, ingesting(client):
            as_polled(ingest)
            closed = await verdict_becomes(client, Status.CLOSED, BIST)
            assert closed.reason == "closed until 2026-11-23 10:15 +03:00 (with the source's delay)"
            assert closed.mode is Mode.MOCK
            await verdict_becomes(client, Status.MOCK, VENUE)

            ingest.mute = {"BTC_TRY", "ETH_TRY"}
            await monitor.has(0, "venue_staleness_bist_sec")
            await monitor.has(0, "spark_market_open", BIST)
            await monitor.has(1, "spark_market_open", VENUE)
            await monitor.has(1, "spark_venue_status", "CLOSED", BIST)
            await monitor.has(2, "spark_instruments", BIST, "closed")
            edge = (await monitor.metrics())["spark_calendar_known_until_timestamp_seconds", BIST]
            assert edge > 2_000_000_000
            assert (await verdict_becomes(client, Status.CLOSED, BIST)).staleness_sec == 0

        down = await verdict_becomes(client, Status.DOWN, BIST)
        assert down.reason.startswith("no ingest")
        _, logged = await monitor.end()
    told = [line for line in map(json.loads, logged.splitlines()) if line.get("status") == "CLOSED"]
    assert [line["level"] for line in told] == ["info"]


async def test_the_market_opens_by_its_clock_and_delayed_data_is_up(bus: RedisServer, client: Redis) -> None:
    async with (
        monitoring(bus.url, SPARK_VENUES=BIST, SPARK_BIST_CLOCK=JUST_BEFORE_IT_OPENS) as monitor,
        ingesting(client, Mode.DELAYED, BIST) as ingest,
    ):
        as_polled(ingest)
        up = await verdict_becomes(client, Status.UP, BIST)
        assert up.reason == "delayed data, 15 min late by the source's own word"
        await monitor.has(1, "spark_market_open", BIST)


async def test_rows_that_stop_moving_and_rows_that_vanish_are_found(
    bus: RedisServer, client: Redis, tmp_path: Path
) -> None:
    """In a market that an override keeps open, whatever day the test runs on."""
    file = tmp_path / "days"
    file.write_text(ALWAYS_OPEN, encoding="utf-8")
    settings = {"SPARK_VENUES": BIST, "SPARK_BIST_CALENDAR": str(file), "SPARK_VENUE_STALENESS_TARGET": "1"}
    async with monitoring(bus.url, **settings), ingesting(client, Mode.DELAYED, BIST) as ingest:
        as_polled(ingest)
        await verdict_becomes(client, Status.UP, BIST)

        ingest.mute = {"ETH_TRY"}
        assert (await verdict_becomes(client, Status.DEGRADED, BIST)).reason.startswith("mute: ticker:ETH_TRY since")

        ingest.mute = {"ETH_TRY", "BTC_TRY"}
        stale = await verdict_becomes(client, Status.STALE, BIST)
        assert stale.reason.startswith("connected, but none of its prices has moved since 20")
        assert stale.staleness_sec is not None and stale.staleness_sec > 1.5

        ingest.mute = set()
        await verdict_becomes(client, Status.UP, BIST)


async def test_the_calendars_end_is_logged(bus: RedisServer) -> None:
    async with monitoring(bus.url, SPARK_VENUES=BIST, SPARK_BIST_CLOCK="2049-12-31T12:00Z") as monitor:

        async def watching() -> bool:
            return ("spark_market_open", BIST) in await monitor.metrics()

        await eventually(watching, DEADLINE_S, "the monitor's metrics")
        await monitor.has(1, "spark_bus_up")
        _, logged = await monitor.end()
    assert sum("the trading calendar ends" in line for line in logged.splitlines()) == 1


async def test_a_bad_line_of_the_calendars_file_ends_it(tmp_path: Path) -> None:
    file = tmp_path / "days"
    file.write_text("2026-11-23 closed\n2026-11-24 shut\n", encoding="utf-8")
    monitor = Monitor("redis://127.0.0.1:1/0", SPARK_BIST_CALENDAR=str(file))
    await monitor.start()
    status, logged = await monitor.ended()

    assert status == BAD_SETTINGS
    assert len(logged.splitlines()) == 1
    assert "SPARK_BIST_CALENDAR" in logged and str(file) in logged and "line 2: 'shut'" in logged


async def test_another_time_is_refused_with_real_data() -> None:
    monitor = Monitor("redis://127.0.0.1:1/0", SPARK_BIST_CLOCK=SUNDAY, SPARK_REAL_DATA="1")
    await monitor.start()
    status, logged = await monitor.ended()

    assert status == BAD_SETTINGS
    assert len(logged.splitlines()) == 1 and "SPARK_BIST_CLOCK" in logged
