"""Connections that break at the worst moment, with both ends alive."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from support.audit import LIVELY, Audit, audited
from support.eventually import eventually
from support.redis_server import free_port
from support.stack import Stack
from support.tcp_proxy import TcpProxy

TIMES = 6


@asynccontextmanager
async def ingest_by_proxy() -> AsyncIterator[tuple[Audit, TcpProxy]]:
    """Audit a stack whose ingest reaches Redis through a proxy."""
    stack = Stack(LIVELY)
    async with TcpProxy(stack.redis.port) as proxy:
        way = {"SPARK_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}
        stack.services["ingest_btcturk"] = stack.service("ingest_btcturk", way)
        async with audited(stack) as audit:
            yield audit, proxy


async def test_a_lost_publish_reply_costs_nothing() -> None:
    """The batch is on the bus, but the ingest cannot know: it sends it again, and Redis does not repeat it."""
    async with ingest_by_proxy() as (audit, proxy):
        for nth in range(TIMES):  # most calls of a lively ingest are batches, a few are heartbeats
            proxy.drop_next_reply()
            await eventually(partial(_dropped_more_than, proxy, nth), what="a reply to drop")
            await audit.flowing(time.time() * 1000)
        await audit.healed("publish replies lost")

        assert len(audit.bus.epochs) == 1
        await audit.check()


async def test_a_cut_between_client_and_gateway_costs_nothing() -> None:
    """A browser on a train: it comes back with its Last-Event-ID, and goes on from memory."""
    stack = Stack(LIVELY)
    async with TcpProxy(stack.gateway_port) as proxy, audited(stack, port=proxy.port) as audit:
        for _ in range(TIMES):
            proxy.cut()
            await audit.flowing(time.time() * 1000)
        await audit.healed("clients cut off")

        assert [client.connections for client in audit.clients] == [TIMES + 1] * 2
        await audit.check()


async def test_a_cut_between_ingest_and_redis_costs_nothing() -> None:
    """All that Redis does not acknowledge is kept and sent again, once."""
    async with ingest_by_proxy() as (audit, proxy):
        for _ in range(TIMES):
            assert proxy.cut(), "the ingest does not come this way"
            await audit.flowing(time.time() * 1000)
        await audit.healed("ingest cut off from Redis")

        await audit.check()


async def test_a_cut_between_venue_and_ingest_costs_a_gap_for_each_symbol() -> None:
    """What the venue had sent into the broken connection is lost."""
    async with audited(Stack(LIVELY)) as audit:
        await audit.stack.control("POST", "/faults", json={"fault": "cut"})
        await audit.healed("venue's connection cut")

        assert len(audit.each.of("gap")) == 4
        await audit.check(causes=["closed"])


async def test_a_client_goes_on_at_another_gateway() -> None:
    """A cursor is good on every replica: here on one that stands still when the cursor arrives, and so is behind it."""
    async with audited(Stack(LIVELY)) as audit:
        stack = audit.stack
        stack.services["other"] = other = stack.service(
            "gateway", {"SPARK_GATEWAY_PORT": str(port := free_port())}, "-2"
        )
        other.start()
        stack.gateway_port = port
        await stack.ready()
        other.pause()
        audit.turn_to(port)
        await asyncio.sleep(0.5)
        stack.gateway.kill()
        await asyncio.sleep(1)
        other.resume()
        await audit.healed("clients moved to another gateway")

        assert [client.connections for client in audit.clients] == [2, 2]
        await audit.check()


def _dropped_more_than(proxy: TcpProxy, replies: int) -> bool:
    return proxy.replies_dropped > replies
