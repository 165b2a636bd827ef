"""A Redis in a container, where a Docker engine answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

IMAGE = "redis:8"

# Tests end what they start themselves, and containers are reached through ports of the host.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")


@cache
def engine_answers() -> bool:
    """Return whether containers can be run here."""
    from testcontainers.core.docker_client import DockerClient

    try:
        return bool(DockerClient(timeout=5).client.ping())
    except Exception:  # no socket, no rights, no answer, a broken context: whatever it is, there is no engine
        return False


@contextmanager
def redis_container() -> Iterator[str]:
    """Run one while the context lasts; yields its address."""
    from testcontainers.community.redis import RedisContainer

    with RedisContainer(IMAGE) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
