"""Each process killed in turn, as a crash or the kernel would: it heals by itself, and the count comes out right."""

import asyncio

import pytest

from support.audit import LIVELY, audited
from support.redis_server import Binary, binaries
from support.stack import Stack

REDISES = [pytest.param(binary, id=binary.name) for binary in binaries()]
DOWN_S = 1.0


async def test_a_killed_gateway_costs_nothing() -> None:
    """The clients come back with their Last-Event-ID, and go on from Redis as if nothing had been."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.gateway.kill()
        await asyncio.sleep(DOWN_S)
        audit.stack.gateway.start()
        await audit.healed("gateway killed")

        assert [client.connections for client in audit.clients] == [2, 2]
        await audit.check()


@pytest.mark.parametrize("binary", REDISES)
async def test_a_redis_that_comes_back_whole_costs_nothing(binary: Binary) -> None:
    """The ingest holds what came meanwhile; the epoch goes on."""
    async with audited(Stack(LIVELY, redis_binary=binary)) as audit:
        audit.stack.redis.kill()
        await asyncio.sleep(DOWN_S)
        await audit.stack.redis.start()
        await audit.healed("Redis killed, data kept")

        assert len(audit.bus.epochs) == 1
        await audit.check()


async def test_a_redis_that_lost_everything_costs_a_gap() -> None:
    """A new epoch: what was on the bus and unread is disclosed, and the current values are there again at once."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.redis.kill()
        audit.stack.redis.wipe()
        await asyncio.sleep(DOWN_S)
        await audit.stack.redis.start()
        await audit.healed("Redis killed, data lost")

        assert len(audit.bus.epochs) == 2
        await audit.check(causes=["epoch"], redis_lost=True)


@pytest.mark.parametrize("binary", REDISES)
async def test_a_redis_that_lost_its_tail_costs_a_gap(binary: Binary) -> None:
    """It comes back plausible, under the old epoch, and wrong: the ingest's batch numbers give it away."""
    async with audited(Stack(LIVELY, redis_binary=binary)) as audit:
        copy = audit.stack.redis.keep_copy()
        await asyncio.sleep(1.5)
        audit.stack.redis.kill()
        audit.stack.redis.restore(copy)
        await audit.stack.redis.start()
        await audit.healed("Redis killed, tail lost")

        assert len(audit.bus.epochs) == 2
        await audit.check(causes=["epoch"], redis_lost=True)


async def test_a_redis_and_a_gateway_that_die_together_with_the_tail() -> None:
    """The clients' cursors are ahead of everything that is left; the new epoch tells that they are worthless."""
    async with audited(Stack(LIVELY)) as audit:
        copy = audit.stack.redis.keep_copy()
        await asyncio.sleep(1.5)
        audit.stack.gateway.kill()
        audit.stack.redis.kill()
        audit.stack.redis.restore(copy)
        await audit.stack.redis.start()
        audit.stack.gateway.start()
        await audit.healed("Redis and gateway killed, tail lost")

        await audit.check(causes=["epoch"], redis_lost=True)


async def test_a_killed_ingest_costs_a_gap() -> None:
    """What it had received and not yet published is lost with it: from its last published tick to the first new one."""
    async with audited(Stack(LIVELY)) as audit:
        audit.stack.ingest.pause()  # so that there is something in its socket for certain
        await asyncio.sleep(0.3)
        audit.stack.ingest.restart()
        await audit.healed("ingest killed")

        assert len(audit.bus.epochs) == 1
        assert len(audit.each.of("gap")) == 1, "one for all: it was connected before the venue was its own"
        await audit.check(causes=["takeover"])


async def test_an_ingest_and_a_redis_that_die_together() -> None:
    """A starting ingest has no number that would show a lost tail: another Redis process is reason enough."""
    async with audited(Stack(LIVELY)) as audit:
        copy = audit.stack.redis.keep_copy()
        await asyncio.sleep(1.5)
        audit.stack.ingest.kill()
        audit.stack.redis.kill()
        audit.stack.redis.restore(copy)
        await audit.stack.redis.start()
        audit.stack.ingest.start()
        await audit.healed("Redis and ingest killed, tail lost")

        await audit.check(causes=["epoch", "takeover"], redis_lost=True)


async def test_a_killed_simulator_costs_a_gap_for_each_symbol() -> None:
    """The venue is gone and comes back: the ingest reconnects, and discloses from when to when it was deaf."""
    async with audited(Stack(LIVELY)) as audit:
        stack = audit.stack
        await audit.last_word_of_simulator()
        stack.simulator.kill()
        # With other prices, lest the same figures were sent twice.
        stack.services["simulator"] = stack.service("simulator", {"SPARK_SIMULATOR_SEED": "2"}, "-2")
        await asyncio.sleep(DOWN_S)
        stack.simulator.start()
        await audit.healed("simulator killed")

        assert len(audit.each.of("gap")) == 4
        await audit.check(causes=["closed"])
