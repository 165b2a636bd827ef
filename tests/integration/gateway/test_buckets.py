"""Token buckets on a real Redis: one bucket for all replicas, few calls, and nobody waits for Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from spark_bus.connection import connect
from spark_gateway.access import Client, RateClass, client_of
from spark_gateway.accessmetrics import AccessMetrics
from spark_gateway.buckets import CALL_TIMEOUT_S, CONNECTIONS, LIFE_S, PATIENCE_S, Buckets, lot_size
from support.eventually import eventually
from support.redis_server import RedisServer
from support.tcp_proxy import TcpProxy


def a_client(per_second: float, burst: int, name: str = "192.0.2.7") -> Client:
    """A client has one class: each name belongs to one."""
    return client_of(name, RateClass(requests_per_second=per_second, burst=burst, streams=1))


SLOW = a_client(0.001, 60, "key:slow")  # a bucket that does not fill while a test lasts


class Replica:
    """The buckets of one process, and a clock that moves when told."""

    def __init__(self, url: str, most_clients: int = 100, patience_s: float = 10, timeout_s: float = 10) -> None:
        self.registry = CollectorRegistry()
        self.redis: Redis = connect(url, CONNECTIONS, timeout_s)
        self.ahead_s = 0.0
        self.buckets = Buckets(
            self.redis,
            AccessMetrics(self.registry),
            clock=lambda: time.monotonic() + self.ahead_s,
            most_clients=most_clients,
            patience_s=patience_s,
        )

    async def ask(self, client: Client) -> float:
        """Ask as the guard does."""
        wait_s = self.buckets.spend(client)
        return await self.buckets.ask(client) if wait_s is None else wait_s

    async def allowed(self, client: Client, tries: int) -> int:
        return sum([not await self.ask(client) for _ in range(tries)])

    def shares(self) -> bool:
        return self.registry.get_sample_value("spark_gateway_limits_shared") == 1

    async def close(self) -> None:
        await self.buckets.close()
        await self.redis.aclose()


@pytest.fixture
async def replicas() -> AsyncIterator[Callable[..., Replica]]:
    made: list[Replica] = []

    def replica(url: str, **more: Any) -> Replica:
        made.append(Replica(url, **more))
        return made[-1]

    yield replica
    for each in made:
        await each.close()


async def calls(redis: Redis) -> int:
    """How often the script was run."""
    stats = await redis.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))


async def test_replicas_spend_one_bucket(redis: Redis, redis_url: str, replicas: Callable[..., Replica]) -> None:
    one, other = replicas(redis_url), replicas(redis_url)
    before = await calls(redis)

    taken = 0
    for _ in range(100):
        taken += await one.allowed(SLOW, 1) + await other.allowed(SLOW, 1)

    assert 60 - 2 * lot_size(SLOW.rate) <= taken <= 60
    assert one.shares() and other.shares()
    assert await calls(redis) - before <= 2 * 60


async def test_a_lot_saves_most_of_the_calls(redis: Redis, redis_url: str, replicas: Callable[..., Replica]) -> None:
    """And while a client is over its limit Redis is not asked at all."""
    one, client = replicas(redis_url), a_client(1_000, 1_000, "key:fast")
    await redis.config_resetstat()

    assert await one.allowed(client, 500) == 500

    assert 8 <= await calls(redis) <= 20
    assert lot_size(client.rate) == 50
    assert await one.allowed(SLOW, 100) == 60
    await redis.config_resetstat()
    assert await one.allowed(SLOW, 1_000) == 0
    assert await calls(redis) == 0


async def test_one_who_asks_seldom_costs_no_call(
    redis: Redis, redis_url: str, replicas: Callable[..., Replica]
) -> None:
    one, client = replicas(redis_url), a_client(100, 200)
    before = await calls(redis)

    for _ in range(20):
        assert await one.allowed(client, 4) == 4
        one.ahead_s += LIFE_S

    assert await calls(redis) == before
    assert await one.allowed(client, 8) == 8
    await asyncio.wait(list(one.buckets._calls))
    assert await calls(redis) > before


async def test_a_burst_of_strangers_all_get_an_answer_of_redis_or_of_the_process(
    redis: Redis, redis_url: str, replicas: Callable[..., Replica]
) -> None:
    one = replicas(redis_url)

    waits = await asyncio.gather(*[one.ask(a_client(1, 5, f"192.0.2.{each}")) for each in range(200) for _ in range(2)])

    assert not any(waits)
    assert one.shares()


async def test_tokens_come_back_at_the_rate(redis: Redis, redis_url: str, replicas: Callable[..., Replica]) -> None:
    one, client = replicas(redis_url), a_client(20, 5)

    assert await one.allowed(client, 50) in (5, 6)
    wait_s = await one.ask(client)
    assert 0 < wait_s <= 0.05
    assert await eventually(lambda: _ask_again(one, client))


async def _ask_again(replica: Replica, client: Client) -> bool:
    return not await replica.ask(client)


async def test_replicas_together_keep_to_the_rate(
    redis: Redis, redis_url: str, replicas: Callable[..., Replica]
) -> None:
    """Asked by both without a pause: what is let through is the burst, and the rate for as long as it went on."""
    both, client = (replicas(redis_url), replicas(redis_url)), a_client(200, 100)
    began = time.monotonic()
    taken = 0

    while taken < 200:
        for replica in both:
            taken += await replica.allowed(client, 3)
        await asyncio.sleep(0)

    assert taken <= 100 + 200 * (time.monotonic() - began) + 2


async def test_a_lot_that_is_not_spent_lapses(redis: Redis, redis_url: str, replicas: Callable[..., Replica]) -> None:
    one, other, client = replicas(redis_url), replicas(redis_url), a_client(40, 200)
    assert await one.allowed(client, 1) == 1  # a lot of 10, 9 of them left

    one.ahead_s = LIFE_S + 1

    assert one.buckets.spend(client) is None
    assert await other.allowed(client, 1) == 1


async def test_without_redis_each_limits_by_itself_and_comes_back(
    server: RedisServer, replicas: Callable[..., Replica]
) -> None:
    one, other = replicas(server.url), replicas(server.url)
    assert [await replica.allowed(SLOW, 5) for replica in (one, other)] == [5, 5]
    server.kill()
    for replica in (one, other):
        replica.ahead_s = LIFE_S + 1  # what was in hand is no more

    assert [await replica.allowed(SLOW, 100) for replica in (one, other)] == [60, 60]
    assert not one.shares() and not other.shares()
    wait_s = await one.ask(SLOW)
    assert wait_s > 100

    await server.restart()
    fresh = a_client(1_000, 1_000, "key:fresh")
    for replica in (one, other):
        replica.ahead_s += 100  # past any wait
        await replica.allowed(fresh, 60)
        await eventually(replica.shares)


async def test_a_redis_that_hangs_holds_nobody(server: RedisServer, replicas: Callable[..., Replica]) -> None:
    """Its connections are open and it says nothing: the first to ask waits a twentieth of a second, then nobody."""
    async with TcpProxy(server.port) as proxy:
        one = replicas(f"redis://127.0.0.1:{proxy.port}/0", patience_s=PATIENCE_S, timeout_s=CALL_TIMEOUT_S)
        assert await one.allowed(SLOW, 3) == 3
        proxy.pause()
        began = time.monotonic()

        allowed = [await one.allowed(a_client(1, 5, f"192.0.2.{each}"), 3) for each in range(200)]

        assert allowed == [3] * 200
        assert time.monotonic() - began < 100 * PATIENCE_S  # had each waited it were twice that
        await eventually(lambda: not one.shares())


async def test_few_clients_are_remembered(redis: Redis, redis_url: str, replicas: Callable[..., Replica]) -> None:
    one = replicas(redis_url, most_clients=10)

    for each in range(50):
        await one.allowed(a_client(1, 5, f"192.0.2.{each}"), 2)

    assert len(one.buckets._lots) == 10
    names = [key async for key in redis.scan_iter(match="spark:limits:*")]
    assert len(names) == 50
    assert all([0 < await redis.ttl(name) <= 5 for name in names])
