"""What Redis holds, and what it may hold: without eviction it refuses to write when the two meet."""

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

    async def run(self) -> None:
        """Keep asking, until cancelled."""
        while True:
            heed = heeding()
            try:
                found: Any = await self._redis.info("memory")
                self._metrics.memory(int(found["used_memory"]), int(found.get("maxmemory", 0)))
            except (*BUS_ERRORS, KeyError, ValueError) as exc:
                logger.debug("cannot ask redis for its memory", error=str(exc))
            heed()
            await asyncio.sleep(_EVERY_S)
