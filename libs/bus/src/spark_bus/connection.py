"""How every service connects to Redis: no silent retry, and a deadline on everything."""

import asyncio
from collections.abc import Callable
from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

BUS_ERRORS = (RedisError, OSError)
"""What any call on the bus may raise while Redis is away, loading, full or failing over. redis-py's own connection
errors are no OSErrors; a TimeoutError is one."""

CALL_TIMEOUT_S = 5.0
"""No reply for this long is a lost connection; blocking reads wait less than this."""


def connect(url: str, most_connections: int = 8, call_timeout_s: float = CALL_TIMEOUT_S) -> "Redis":
    """Return a client for ``url``; it connects on first use. A call that finds all connections busy waits for one.

    Each wait, for a connection, for its handshake and for the reply, lasts ``call_timeout_s`` at most.

    redis-py's retry is off: it would send a batch again under the same call after a timeout, and what to do then
    is for the publisher to decide.
    """
    return Redis.from_pool(_pool(url, most_connections, call_timeout_s))


def connect_alone(url: str) -> "Redis":
    """Return a client for one who makes one call after the other: it keeps its one connection in hand.

    To fetch the connection for each call, look at it and put it back is two fifths of what a call costs. What is lost
    with that is a look for an answer that nobody read: the answers must show by themselves what they are to.
    """
    client = Redis(connection_pool=_pool(url, 1, CALL_TIMEOUT_S), single_connection_client=True)
    client.auto_close_connection_pool = True  # as `Redis.from_pool` has it
    return client


def _pool(url: str, most_connections: int, call_timeout_s: float) -> BlockingConnectionPool:
    pool = BlockingConnectionPool.from_url(
        url,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        socket_timeout=call_timeout_s,
        socket_connect_timeout=min(2.0, call_timeout_s),
        health_check_interval=0,
        max_connections=most_connections,
        timeout=call_timeout_s,
    )
    pool.connection_class = type("PackedConnection", (_Packed, pool.connection_class), {})
    return pool


class _Packed:
    """Requests put together by hiredis: redis-py's own packing, in Python, is most of the cost of a large batch."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return the request; a command of two words comes as one argument, and goes out as two."""
        command, *rest = args
        return [hiredis.pack_command((*command.split(), *rest))]


def heeding() -> Callable[[], None]:
    """Return a check that raises CancelledError if this task was cancelled since, and nobody noticed.

    redis-py sends under `asyncio.wait_for`, which on Python 3.11 loses a cancellation that comes as the send ends: a
    loop of calls that does not check goes on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0

    def heed() -> None:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError

    return heed
