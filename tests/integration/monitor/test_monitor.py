"""The monitor as a process, on a real Redis: what it says of a venue while ingest, bus and itself come and go."""

import asyncio
import math
import shutil
import signal
import time

import pytest
from redis.asyncio import Redis

from integration.monitor.stage import (
    DEADLINE_S,
    VENUE,
    Monitor,
    ingesting,
    monitoring,
    now_ms,
    verdict,
    verdict_becomes,
)
from spark_bus import keys
from spark_bus.connection import BUS_ERRORS
from spark_bus.publisher import Outgoing, outgoing
from spark_market.instruments import Mode
from spark_market.messages import Status
from spark_market.venues import VENUES
from spark_monitor.latency import STAGES
from spark_monitor.standing import Heard
from spark_service.lifecycle import BAD_SETTINGS
from support.eventually import eventually
from support.examples import a_book, a_ticker, a_trade
from support.redis_server import RedisServer
from support.required import skip_or_fail

INF = float("inf")
HISTORICAL = {f"venue_staleness_{venue}_sec" for venue in VENUES}


async def test_an_ingest_that_dies_is_down_until_the_next_one_beats(bus: RedisServer, client: Redis) -> None:
    """Staleness goes on growing meanwhile, the series stay, and each change is logged once."""
    async with monitoring(bus.url) as monitor:
        async with ingesting(client):
            mock = await verdict_becomes(client, Status.MOCK)
            assert (mock.mode, mock.reason) == (Mode.MOCK, "simulated data")
            assert mock.staleness_sec is not None and mock.staleness_sec < 2
            await monitor.has(1, "spark_venue_status", "MOCK", VENUE)
            await monitor.has(2, "spark_instruments", VENUE, "fresh")

        down = await verdict_becomes(client, Status.DOWN)
        assert down.reason.startswith("no ingest: no heartbeat since 20")
        assert down.staleness_sec is not None and 5 <= down.staleness_sec < 12
        assert down.since > mock.since
        await monitor.has(1, "spark_venue_status", "DOWN", VENUE)
        samples = await monitor.metrics()
        assert samples["spark_venue_status", "MOCK", VENUE] == 0
        assert samples["venue_staleness_btcturk_sec",] >= 5
        assert samples["spark_instruments", VENUE, "fresh"] == 0
        assert samples["spark_instruments", VENUE, "quiet"] == 2
        assert abs(samples["spark_venue_last_message_timestamp_seconds", "ticker", VENUE] - time.time()) < 60

        async with ingesting(client):
            back = await verdict_becomes(client, Status.MOCK)
            assert back.since > down.since
        status, logged = await monitor.end()
        assert status == 0
        assert [line.count("status changed") for line in logged.splitlines()].count(1) == 3


async def test_real_data_is_up(bus: RedisServer, client: Redis) -> None:
    async with monitoring(bus.url), ingesting(client, Mode.REAL):
        up = await verdict_becomes(client, Status.UP)

    assert (up.mode, up.reason) == (Mode.REAL, "real data")


async def test_a_venue_goes_through_every_trouble_and_recovers(bus: RedisServer, client: Redis) -> None:
    """Never connected, one instrument mute, all of them mute: each is told apart, and each ends by itself."""
    async with monitoring(bus.url, SPARK_VENUE_STALENESS_TARGET="1.5") as monitor, ingesting(client) as ingest:
        ingest.connected = False
        assert "not connected" in (await verdict_becomes(client, Status.DOWN)).reason

        ingest.connected = True
        await verdict_becomes(client, Status.MOCK)

        ingest.mute = {"ETH_TRY"}
        degraded = await verdict_becomes(client, Status.DEGRADED)
        assert degraded.reason.startswith("mute: ticker:ETH_TRY since 20")
        await monitor.has(1, "spark_instruments", VENUE, "mute")

        ingest.mute = {"ETH_TRY", "BTC_TRY"}
        stale = await verdict_becomes(client, Status.STALE)
        assert stale.reason.startswith("connected, but the venue has said nothing since 20")
        assert stale.staleness_sec is not None and stale.staleness_sec > 1.5

        ingest.mute = set()
        ingest.unproven = ["trade:XRP_TRY"]
        unproven = await verdict_becomes(client, Status.DEGRADED)
        assert unproven.reason.endswith(": trade:XRP_TRY")

        ingest.unproven = []
        await verdict_becomes(client, Status.MOCK)

        ingest.source = "rest"
        polled = await verdict_becomes(client, Status.DEGRADED)
        assert polled.reason == "no WebSocket can be had (0 of 2): tickers are polled by REST"

        ingest.source = "websocket"
        await verdict_becomes(client, Status.MOCK)


async def test_a_dead_monitors_verdict_expires(bus: RedisServer, client: Redis) -> None:
    """Without a monitor nobody may go on believing its last word."""
    async with monitoring(bus.url) as monitor, ingesting(client):
        await verdict_becomes(client, Status.MOCK)
        await monitor.end(signal.SIGKILL)
        killed = time.monotonic()

        async def gone() -> bool:
            return await verdict(client) is None

        await eventually(gone, DEADLINE_S, "the verdict's end")
        assert 5 < time.monotonic() - killed < 15


async def test_a_restarted_monitor_knows_since_when(bus: RedisServer, client: Redis) -> None:
    """And it does not call a living venue DOWN just because it has not heard from it yet."""
    async with ingesting(client):
        async with monitoring(bus.url):
            before = await verdict_becomes(client, Status.MOCK)
        await client.persist(keys.verdict(VENUE))  # so that a change below is seen to be the next monitor's
        async with monitoring(bus.url) as monitor:
            await monitor.has(1, "spark_venue_status", "MOCK", VENUE)

            async def renewed() -> bool:
                return await client.pttl(keys.verdict(VENUE)) > 0

            await eventually(renewed, DEADLINE_S, "a verdict of the new monitor")
            after = await verdict(client)
            _, logged = await monitor.end()

    assert after is not None and (after.status, after.since) == (before.status, before.since)
    assert "status changed" not in logged


async def test_a_restarted_monitor_knows_how_stale_a_dead_venue_is(bus: RedisServer, client: Redis) -> None:
    """No heartbeat will tell it, so it goes on from what the verdict on the bus says."""
    async with monitoring(bus.url):
        async with ingesting(client):
            await verdict_becomes(client, Status.MOCK)
        before = await verdict_becomes(client, Status.DOWN)
    async with monitoring(bus.url) as monitor:
        await monitor.has(1, "spark_venue_status", "DOWN", VENUE)
        after = await verdict(client)

    assert before.staleness_sec is not None
    assert after is not None and after.staleness_sec is not None
    assert after.staleness_sec > before.staleness_sec + 4
    assert after.since == before.since


async def test_redis_goes_and_comes_back(bus: RedisServer, client: Redis) -> None:
    """No verdict while it is away, none that blames an ingest which could not beat either, and no restart."""
    async with monitoring(bus.url) as monitor, ingesting(client):
        before = await verdict_becomes(client, Status.MOCK)
        assert (await monitor.get("/readyz")).status_code == 200  # type: ignore[union-attr]

        bus.kill()
        await monitor.has(0, "spark_bus_up")
        await monitor.has(1, "spark_venue_status", "UNKNOWN", VENUE)
        assert (await monitor.get("/readyz")).status_code == 503  # type: ignore[union-attr]
        assert (await monitor.get("/livez")).status_code == 200  # type: ignore[union-attr]
        await asyncio.sleep(5)  # long enough that no heartbeat for so long would be DOWN
        bus.wipe()
        await bus.start()

        seen = set()

        async def believed() -> bool:
            try:
                found = await verdict(client)
            except BUS_ERRORS:
                return False
            if found is not None:
                seen.add(found.status)
            return found is not None and found.status is Status.MOCK

        await eventually(believed, DEADLINE_S, "MOCK again")
        await monitor.has(1, "spark_bus_up")
        assert seen == {Status.MOCK}
        after = await verdict(client)
        assert after is not None and after.since == before.since
        _, logged = await monitor.end()
        assert logged.count("cannot use redis") == logged.count("redis is back") == 1


async def test_a_monitor_that_stood_still_does_not_believe_what_is_old(bus: RedisServer, client: Redis) -> None:
    """The ingest died while the monitor was stopped: the heartbeats that it then reads are not of this moment."""
    async with monitoring(bus.url) as monitor:
        async with ingesting(client):
            await verdict_becomes(client, Status.MOCK)
            monitor.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(1)  # heartbeats to find
        await asyncio.sleep(3)
        await client.delete(keys.verdict(VENUE))
        monitor.process.send_signal(signal.SIGCONT)

        first = await eventually(lambda: verdict(client), DEADLINE_S, "a verdict")

    assert first.status is Status.DOWN
    assert first.staleness_sec > 5 + 3


async def test_every_series_is_there_from_the_start(bus: RedisServer, client: Redis) -> None:
    """Also for a venue that nobody watches, and while there is no ingest and no verdict yet."""
    bus.kill()
    async with monitoring(bus.url) as monitor:
        samples = await monitor.metrics()

    assert samples["venue_staleness_btcturk_sec",] == INF
    assert samples["venue_staleness_bist_sec",] == INF
    for channel in ("ticker", "trade", "book"):
        assert samples["spark_venue_last_message_timestamp_seconds", channel, VENUE] == 0
    assert {key[1]: value for key, value in samples.items() if key[0] == "spark_venue_status"} == {
        status.value: float(status is Status.UNKNOWN) for status in Status
    }
    assert samples["spark_market_open", VENUE] == 1
    assert ("spark_market_open", "bist") not in samples
    for kind in Heard:
        assert samples["spark_instruments", VENUE, kind] == 0
        assert samples["spark_subscriptions", "trade", VENUE, kind] == 0
    for severity in ("warning", "critical"):
        assert samples["spark_alarms", severity, VENUE] == 0
        assert samples["spark_alarms_total", "mute", severity, VENUE] == 0
    assert math.isnan(samples["spark_venue_clock_offset_seconds", VENUE])
    assert samples["spark_venue_staleness_target_seconds", VENUE] == 30
    for stage in STAGES:
        assert samples["spark_pipeline_latency_seconds_count", stage, VENUE] == 0
    assert samples["spark_bus_up",] == 0
    assert any(key[0] == "process_start_time_seconds" for key in samples)


async def test_a_venue_without_any_ingest_is_down_and_never_heard(bus: RedisServer, client: Redis) -> None:
    async with monitoring(bus.url, SPARK_VENUES="btcturk,bist") as monitor, ingesting(client):
        down = await verdict_becomes(client, Status.DOWN, "bist")
        other = await verdict_becomes(client, Status.MOCK)
        samples = await monitor.metrics()

    assert (down.staleness_sec, down.mode, other.mode) == (None, None, Mode.MOCK)
    assert samples["venue_staleness_bist_sec",] == INF


async def test_latency_is_measured_and_never_negative(bus: RedisServer, client: Redis) -> None:
    """Of every channel. A clock that runs ahead counts as no time at all; what cannot be read costs itself alone."""
    async with monitoring(bus.url) as monitor, ingesting(client) as ingest:
        await verdict_becomes(client, Status.MOCK)
        await ingest.publish(
            outgoing(a_ticker(1, received_at=now_ms() - 10_000)),
            Outgoing("ticker", "BTC_TRY", b'{"data":{}}', "", "", 0),
            outgoing(a_ticker(2, received_at=now_ms() + 60_000)),
            outgoing(a_trade(received_at=now_ms() - 10_000)),
            outgoing(a_book(received_at=now_ms() - 10_000)),
            outgoing(a_book(2, 1, received_at=now_ms() - 10_000)),
        )
        await monitor.has(5, "spark_pipeline_latency_seconds_count", "receive_to_bus", VENUE)
        samples = await monitor.metrics()

    assert 40 <= samples["spark_pipeline_latency_seconds_sum", "receive_to_bus", VENUE] < 50
    assert samples["spark_pipeline_latency_seconds_count", "bus_to_monitor", VENUE] > 3


async def test_promtool_finds_fault_only_with_the_two_historical_names(bus: RedisServer, client: Redis) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        skip_or_fail("no promtool: it comes with Prometheus")
    async with monitoring(bus.url, SPARK_VENUES="btcturk,bist") as monitor, ingesting(client):
        await verdict_becomes(client, Status.MOCK)
        text = await monitor.metrics_text()

    check = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    complaints, _ = await check.communicate(text.encode())

    assert {line.split()[0] for line in complaints.decode().splitlines()} == HISTORICAL, complaints.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPARK_REDIS_URL", "localhost"),
        ("SPARK_VENUES", "btcturk,nasdaq"),
        ("SPARK_VENUES", ","),
        ("SPARK_VENUE_STALENESS_TARGET", "0.9"),
        ("SPARK_VENUE_STALENESS_TARGET", "86401"),
        ("SPARK_VENUE_STALENESS_TARGET", "nan"),
        ("SPARK_MONITOR_PORT", "65536"),
        ("SPARK_MONITOR_PORTS", "9100"),
        ("SPARK_BIST_CLOCK", "tomorrow"),
        ("SPARK_BIST_CALENDAR", "/no/such/file"),
    ],
)
async def test_a_bad_setting_ends_it_with_one_line_that_names_it(name: str, value: str) -> None:
    monitor = Monitor("redis://127.0.0.1:1/0", **{name: value})
    await monitor.start()
    status, logged = await monitor.ended()

    assert status == BAD_SETTINGS
    assert len(logged.splitlines()) == 1
    assert name in logged


async def test_a_taken_port_ends_it_with_the_setting_to_change(bus: RedisServer, client: Redis) -> None:
    async with monitoring(bus.url) as first:
        await first.metrics_text()
        async with monitoring(bus.url, SPARK_MONITOR_PORT=str(first.port)) as second:
            status, logged = await second.ended()

    assert status == 3
    assert "SPARK_MONITOR_PORT" in logged.splitlines()[-1]
