"""What Redis holds, and what it may hold: where the two meet it must refuse to write, not evict what it has."""

import asyncio
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from spark_bus.connection import BUS_ERRORS, heeding
from spark_monitor.metrics import MonitorMetrics

_EVERY_S: Final = 10.0

logger = structlog.get_logger()


class Resources:
    """Asks once in ten seconds. Whether Redis answers at all is the watches' affair."""

    def __init__(self, redis: Redis, metrics: MonitorMetrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._evicts = False

    async def run(self) -> None:
        """Keep asking, until cancelled."""
        while True:
            heed = heeding()
            try:
                found: Any = await self._redis.info("memory")
                self._take(int(found["used_memory"]), int(found.get("maxmemory", 0)), found.get("maxmemory_policy", ""))
            except (*BUS_ERRORS, KeyError, ValueError) as exc:
                logger.debug("cannot ask redis for its memory", error=str(exc))
            heed()
            await asyncio.sleep(_EVERY_S)

    def _take(self, used: int, limit: int, policy: str) -> None:
        # The volatile ones may have what expires anyway: a verdict that is gone is UNKNOWN, and so told.
        evicts = limit > 0 and policy.startswith("allkeys")
        if evicts and not self._evicts:
            logger.error(
                "redis drops data in silence when it is full; set its maxmemory-policy to noeviction", policy=policy
            )
        self._evicts = evicts
        self._metrics.memory(used, limit, evicts=evicts)
