"""The verdict on the bus: the venue's ``status`` message, which expires when nobody renews it."""

from typing import NamedTuple

import structlog
from redis.asyncio import Redis

from spark_bus import keys
from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Status, VenueStatus
from spark_monitor.judgement import Judgement
from spark_service.clock import now_ms

EXPIRES_AFTER_MS = 10_000
_ORDINARY = {Status.UP, Status.MOCK, Status.CLOSED}

logger = structlog.get_logger()


class Earlier(NamedTuple):
    """A verdict found on the bus, with the staleness that it has come to by now."""

    status: Status
    reason: str
    mode: Mode | None
    staleness_s: float | None


class Verdict:
    """One venue's. It remembers since when its status is what it is, over a restart of the monitor too."""

    def __init__(self, redis: Redis, venue: str) -> None:
        self._redis = redis
        self._venue = venue
        self._status: Status | None = None
        self._since = 0

    async def recall(self) -> Earlier | None:
        """Take over the status of an earlier monitor, if its last verdict still stands."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(keys.verdict(self._venue))
            pipe.pttl(keys.verdict(self._venue))
            text, left_ms = await pipe.execute()
        if text is None:
            return None
        try:
            found = wire.decode(text)
        except wire.MalformedMessage as exc:
            logger.warning("the verdict on the bus cannot be read", venue=self._venue, error=str(exc))
            return None
        if not isinstance(found, VenueStatus):
            return None
        self._status, self._since = found.status, found.since
        staleness_s = (
            None if found.staleness_sec is None else found.staleness_sec + max(0, EXPIRES_AFTER_MS - left_ms) / 1000
        )
        return Earlier(found.status, found.reason, found.mode, staleness_s)

    async def write(
        self, judgement: Judgement, staleness_s: float | None, mode: Mode | None, delay_ms: int = 0
    ) -> None:
        """Say it, for the next ten seconds. Redis errors go to the caller."""
        if judgement.status is not self._status:
            log = logger.info if judgement.status in _ORDINARY else logger.warning
            log(
                "status changed",
                venue=self._venue,
                status=judgement.status.value,
                before=self._status.value if self._status else None,
                reason=judgement.reason,
            )
            self._status = judgement.status
            self._since = now_ms()
        message = VenueStatus(
            venue=self._venue,
            status=judgement.status,
            staleness_sec=None if staleness_s is None else round(staleness_s, 3),
            mode=mode,
            reason=judgement.reason,
            since=self._since,
            delay_ms=delay_ms,
        )
        await self._redis.set(keys.verdict(self._venue), wire.encode(message), px=EXPIRES_AFTER_MS)
