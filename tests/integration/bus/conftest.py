"""What the tests of the carrier share."""

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from spark_bus.connection import connect, connect_alone
from support.redis_server import RedisServer


@pytest.fixture
def brisk_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of these tests wait for one; how often they come is one test's subject."""
    monkeypatch.setattr("spark_bus.carrier.BEAT_S", 0.1)


@pytest.fixture
async def clients(server: RedisServer) -> AsyncIterator[Callable[[], Redis]]:
    """Clients of a server that the test will crash."""
    made: list[Redis] = []

    def client() -> Redis:
        made.append(connect(server.url))
        return made[-1]

    yield client
    for one in made:
        await one.aclose()


@pytest.fixture
async def writers(server: RedisServer) -> AsyncIterator[Callable[[], Redis]]:
    """Clients of the same, as an ingest makes them."""
    made: list[Redis] = []

    def client() -> Redis:
        made.append(connect_alone(server.url))
        return made[-1]

    yield client
    for one in made:
        await one.aclose()
