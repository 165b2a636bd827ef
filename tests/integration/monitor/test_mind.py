"""What the monitor keeps on the bus: alarms, and what it has learned; both are there for the next monitor."""

import asyncio

import pytest
from redis.asyncio import Redis

from integration.monitor.stage import DEADLINE_S, VENUE, ingesting, monitoring, now_ms, verdict_becomes
from spark_bus import alarms, keys
from spark_bus.publisher import outgoing
from spark_market.messages import Alarm, Status, VenueStatus
from spark_monitor.gaps import Gaps
from spark_monitor.memory import EVERY_S, Memory
from spark_monitor.mind import SETTLED_S
from spark_monitor.rhythm import Rate, Series
from spark_monitor.roster import Roster
from spark_monitor.standing import Mute
from support.eventually import eventually
from support.examples import a_trade
from support.redis_server import RedisServer

QUICK = {"SPARK_VENUE_STALENESS_TARGET": "1.5"}


async def told(client: Redis) -> list[tuple[str, str]]:
    return [(told.alarm.id, told.alarm.state) for told in (await alarms.read(client)).told]


async def becomes(client: Redis, *events: tuple[str, str]) -> None:
    async def there() -> bool:
        return await told(client) == list(events)

    try:
        await eventually(there, DEADLINE_S + 15, str(events))
    except AssertionError:
        assert await told(client) == list(events)


async def opened(client: Redis) -> list[Alarm]:
    return await alarms.read_open(client, VENUE)


async def test_an_alarm_is_raised_and_cleared_with_what_it_is_about(bus: RedisServer, client: Redis) -> None:
    async with monitoring(bus.url, **QUICK) as monitor, ingesting(client) as ingest:
        await verdict_becomes(client, Status.MOCK)
        assert await told(client) == []

        ingest.mute = {"ETH_TRY"}
        mute = ("btcturk:mute:ticker:ETH_TRY", "raised")
        await becomes(client, mute)
        await monitor.has(1, "spark_alarms", "warning", VENUE)
        await monitor.has(1, "spark_alarms_total", "mute", "warning", VENUE)
        [alarm] = await opened(client)
        assert (alarm.severity, alarm.venue) == ("warning", VENUE)
        assert alarm.reason.startswith("ticker:ETH_TRY since 20")
        assert alarm.since <= now_ms()

        ingest.mute = set()
        await becomes(client, mute, ("btcturk:mute:ticker:ETH_TRY", "cleared"))
        assert await opened(client) == []
        await monitor.has(0, "spark_alarms", "warning", VENUE)
        _, logged = await monitor.end()
    assert logged.count("alarm raised") == logged.count("alarm cleared") == 1


async def test_a_routine_reconnect_is_down_and_no_alarm_and_one_that_lasts_is_both(
    bus: RedisServer, client: Redis
) -> None:
    """Readers hear of either at once; who is called hears of the second, and since when it has been so."""
    async with monitoring(bus.url), ingesting(client) as ingest:

        async def lost_for(seconds: float) -> VenueStatus:
            ingest.connected = False
            down = await verdict_becomes(client, Status.DOWN)
            await asyncio.sleep(seconds)
            ingest.connected = True
            await verdict_becomes(client, Status.MOCK)
            return down

        await verdict_becomes(client, Status.MOCK)
        await asyncio.sleep(SETTLED_S)  # from now on alarms are raised

        await lost_for(2)
        assert await told(client) == []
        down = await lost_for(8)
        [(raised, _, alarm)] = (await alarms.read(client)).told
        assert (alarm.id, alarm.state, alarm.severity) == ("btcturk:down", "raised", "critical")
        assert 0 <= alarm.since - down.since < 1_000
        assert 5_000 <= raised.ms - alarm.since < 8_000
        await becomes(client, ("btcturk:down", "raised"), ("btcturk:down", "cleared"))


async def test_an_open_alarm_is_the_next_monitors_too(bus: RedisServer, client: Redis) -> None:
    """It is not raised a second time, and cleared by whoever sees its end."""
    async with monitoring(bus.url) as monitor:
        await verdict_becomes(client, Status.DOWN)
        await becomes(client, ("btcturk:down", "raised"))
        before = await opened(client)
        await monitor.end()
    async with monitoring(bus.url) as monitor:
        await monitor.has(1, "spark_alarms", "critical", VENUE)
        await monitor.has(1, "spark_venue_status", "DOWN", VENUE)
        await asyncio.sleep(2)  # some judgements more
        assert await opened(client) == before
        assert await told(client) == [("btcturk:down", "raised")]
        await monitor.has(0, "spark_alarms_total", "down", "critical", VENUE)
        async with ingesting(client):
            await becomes(client, ("btcturk:down", "raised"), ("btcturk:down", "cleared"))


async def test_the_bus_and_the_venues_clock_are_measured(bus: RedisServer, client: Redis) -> None:
    """A venue whose clock is half a second ahead, told by its trades."""
    async with monitoring(bus.url) as monitor, ingesting(client) as ingest:
        await verdict_becomes(client, Status.MOCK)

        async def offset() -> bool:
            at = now_ms()
            await ingest.publish(outgoing(a_trade(received_at=at, venue_time=at + 500 - 3)))
            return abs((await monitor.metrics())["spark_venue_clock_offset_seconds", VENUE] - 0.5) <= 0.02

        await eventually(offset, 40, "the offset")
        samples = await monitor.metrics()

    assert samples["spark_redis_memory_bytes",] > 100_000
    assert samples["spark_redis_memory_limit_bytes",] == 0
    assert samples["spark_bus_retention_seconds", VENUE] > 5
    assert samples["spark_venue_staleness_target_seconds", VENUE] == 30


async def test_a_redis_that_would_drop_data_in_silence_is_told_of(bus: RedisServer, client: Redis) -> None:
    async def evicts(limit: str, policy: str) -> tuple[float, int]:
        """Return what the metric says of such a Redis, and how often the log did."""
        await client.config_set("maxmemory", limit)
        await client.config_set("maxmemory-policy", policy)
        async with monitoring(bus.url) as monitor:

            async def asked() -> dict[tuple[str, ...], float] | None:
                samples = await monitor.metrics()
                return samples if samples["spark_redis_memory_bytes",] else None

            says = (await eventually(asked, DEADLINE_S))["spark_redis_evicts",]
            _, logged = await monitor.end()
        return says, logged.count("set its maxmemory-policy to noeviction")

    assert await evicts("1000000000", "noeviction") == (0, 0)
    assert await evicts("1000000000", "allkeys-lru") == (1, 1)
    assert await evicts("1000000000", "volatile-ttl") == (0, 0)
    assert await evicts("0", "allkeys-lru") == (0, 0)


def a_roster() -> Roster:
    roster = Roster(30.0, {"ticker": 0.76})
    for name in ("trade", "book"):
        channel = roster.channel(name)
        channel.rates["continuous"] = Rate(5_000.0, 90_000.0)
        for symbol in ("A", "B"):
            series = channel.series[symbol] = Series(symbol, 0.0, 0)
            gaps = series.gaps["continuous"] = Gaps()
            for n in range(300):
                gaps.add(1.0 + n % 20)
    roster.hold([Mute("trade:A", 5, "why")])
    return roster


async def test_what_was_learned_survives_a_restart(redis: Redis) -> None:
    before, after = a_roster(), Roster(30.0, {"ticker": 0.76})
    await Memory(redis, VENUE).save(before, 0.0)
    await Memory(redis, VENUE).recall(after, 0.0)

    for name in ("trade", "book"):
        channel, was = after.channels[name], before.channels[name]
        assert channel.rates["continuous"].per_s == pytest.approx(was.rates["continuous"].per_s)
        for symbol in ("A", "B"):
            expected_s = channel.expected_s(channel.series[symbol], "continuous")
            assert expected_s == pytest.approx(was.expected_s(was.series[symbol], "continuous"), rel=0.2)
    assert list(after.mute.values()) == [Mute("trade:A", 5, "why")]


async def test_it_is_written_once_a_minute_and_only_what_is_new(redis: Redis) -> None:
    roster, memory = a_roster(), Memory(redis, VENUE)
    await memory.save(roster, 0.0)
    key = keys.rhythm(VENUE)
    await redis.delete(key)

    await memory.save(roster, EVERY_S - 1)
    assert not await redis.exists(key)
    roster.channels["trade"].series["A"].learn(3.0, "continuous")
    await memory.save(roster, EVERY_S + 1)

    assert set(await redis.hkeys(key)) == {b"trade:A", b"mute", b"version"}
    assert 0 < len(await redis.hget(key, "trade:A") or b"") < 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", b"0"),
        ("trade:A", b"\xff\xff"),
        ("trade", b"nonsense"),
        ("mute", b""),
        ("", b"\x80"),
        ("trade:B", b"\x81"),
    ],
)
async def test_what_cannot_be_understood_is_learned_anew(redis: Redis, field: str, value: bytes) -> None:
    await Memory(redis, VENUE).save(a_roster(), 0.0)
    await redis.hset(keys.rhythm(VENUE), field, value)
    roster, memory = Roster(30.0), Memory(redis, VENUE)
    await memory.recall(roster, 0.0)
    await memory.save(roster, EVERY_S + 1)

    found = await redis.hgetall(keys.rhythm(VENUE))
    assert found[b"version"] == b"1"
    if field == "version":
        assert set(found) <= {b"version", b"mute"}
    else:
        assert "book" in roster.channels


async def test_what_was_learned_of_other_data_is_dropped(redis: Redis) -> None:
    memory = Memory(redis, VENUE)
    await memory.save(a_roster(), 0.0)
    await memory.save(Roster(30.0), EVERY_S + 1)

    assert set(await redis.hkeys(keys.rhythm(VENUE))) == {b"mute", b"version"}


async def test_a_monitor_goes_on_with_what_it_had_learned(bus: RedisServer, client: Redis) -> None:
    """As a process: what is on the bus is taken up, and the mute of before the restart is mute at once."""
    async with ingesting(client) as ingest:
        ingest.mute = {"ETH_TRY"}
        spoke = now_ms()
        ingest._heard["ticker:ETH_TRY"] = spoke
        roster = Roster(30.0)
        roster.hold([Mute("ticker:ETH_TRY", spoke, "ticker:ETH_TRY since before")])
        await Memory(client, VENUE).save(roster, 0.0)
        async with monitoring(bus.url):
            degraded = await verdict_becomes(client, Status.DEGRADED)

    assert degraded.reason == "mute: ticker:ETH_TRY since before"
