"""A Redis that has reached its `maxmemory`, and evicts nothing: it refuses to write until something goes."""

from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from support import stream
from support.eventually import eventually
from support.redis_server import RedisServer

from .line import Line, carrying

pytestmark = pytest.mark.usefixtures("brisk_heartbeats")

MANY = 10_000


async def let_it_be_full(redis: Redis) -> None:
    """Set the limit below what it uses, by more than what comes and goes with its clients."""
    found: Any = await redis.info("memory")
    await redis.config_set("maxmemory", int(found["used_memory"] * 0.9))


async def test_the_oldest_entries_make_room_for_the_newest(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """A shorter past, in the same epoch and without a hole, rather than no present."""
    line, reading = Line(writers()), clients()
    async with carrying(line):
        line.put(*range(MANY))
        await line.carried(MANY)
        await let_it_be_full(reading)
        for price in range(MANY, 2 * MANY):
            line.put(price)
        await line.carried(2 * MANY)

    kept = await stream.prices(reading)
    assert line.notes.lost, "it was full"
    assert kept == list(range(2 * MANY - len(kept), 2 * MANY))
    assert MANY // 2 < len(kept) < 2 * MANY
    assert len(line.notes.epochs) == 1
    assert line.outbox.dropped == 0


async def test_an_ingest_that_starts_at_a_full_redis_makes_room_too(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    """Nobody else would: the writer is the one that trims."""
    first, second, reading = Line(writers(), lease_ms=200), Line(writers()), clients()
    async with carrying(first):
        first.put(*range(MANY))
        await first.carried(MANY)
    await let_it_be_full(reading)

    async with carrying(second):
        second.put(MANY)
        await second.carried(1)

    assert second.notes.lost, "it was full"
    assert second.notes.epochs == []
    assert (await stream.prices(reading))[-2:] == [MANY - 1, MANY]


async def test_a_refusal_for_another_reason_costs_nothing(
    server: RedisServer, clients: Callable[[], Redis], writers: Callable[[], Redis]
) -> None:
    line, reading = Line(writers()), clients()
    async with carrying(line):
        line.put(*range(MANY))
        await line.carried(MANY)
        await reading.acl_setuser("default", enabled=True, commands=["-hset"])
        line.put(MANY)
        await eventually(lambda: len(line.notes.lost) > 2, 20, "refusals")
        await reading.acl_setuser("default", enabled=True, commands=["+hset"])
        await line.carried(MANY + 1)

    assert await stream.prices(reading) == list(range(MANY + 1))
