"""Connecting: every form of address that the settings accept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from spark_bus.connection import connect, connect_alone
from support.redis_server import RedisServer


@pytest.mark.parametrize("make", [connect, connect_alone])
async def test_a_redis_on_a_socket_of_this_machine_is_reached(
    make: Callable[[str], Redis], server: RedisServer, tmp_path: Path
) -> None:
    path = tmp_path / "redis.sock"
    async with RedisServer(server.binary, "--unixsocket", str(path)):
        client = make(f"unix://{path}?db=1")
        assert await client.ping()
        await client.aclose()
