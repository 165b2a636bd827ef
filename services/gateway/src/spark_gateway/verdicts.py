"""What the monitor says of each venue, read once a second; UNKNOWN when it says nothing, or we get no messages."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import BUS_ERRORS
from spark_gateway.contact import BELIEVED_S, Contact
from spark_market import wire
from spark_market.messages import Status, VenueStatus
from spark_service.clock import now_ms

_POLL_S = 1.0

logger = structlog.get_logger()


class Verdicts:
    """The last verdict of every venue."""

    def __init__(self, redis: Redis, contacts: Mapping[str, Contact], changed: Callable[[str], None]) -> None:
        """``changed`` is called with the venue whose status, mode, reason or delay is another than before."""
        self._redis = redis
        self._contacts = contacts
        self._changed = changed
        self._read_at = 0.0
        self._of = {venue: _unknown(venue, "no verdict yet") for venue in contacts}
        self._changes = dict.fromkeys(contacts, 0)

    def of(self, venue: str) -> VenueStatus:
        """Return what holds now."""
        return self._of[venue]

    def changes(self, venue: str) -> int:
        """Return how often the venue's status, mode, reason or delay has changed: whether there is news to tell."""
        return self._changes[venue]

    async def run(self) -> None:
        """Keep reading, until cancelled."""
        while True:
            try:
                found: list[Any] = await self._redis.mget([keys.verdict(venue) for venue in self._of])
            except BUS_ERRORS:
                if time.monotonic() - self._read_at > BELIEVED_S:
                    self._take([None] * len(self._of), "the bus does not answer")
            else:
                self._read_at = time.monotonic()
                self._take(found, "no verdict: the monitor is away")
            await asyncio.sleep(_POLL_S)

    def _take(self, found: Sequence[bytes | None], absent: str) -> None:
        for venue, text in zip(list(self._of), found, strict=True):
            before = self._of[venue]
            if text is None:
                now = _unknown(venue, absent)
            elif self._contacts[venue].is_lost:
                now = _unknown(venue, "this gateway cannot read the venue's messages")
            else:
                now = _read(venue, text)
            if now.status is Status.UNKNOWN and before.status is Status.UNKNOWN:
                now = msgspec.structs.replace(now, since=before.since)
            self._of[venue] = now
            if _told(now) != _told(before):
                if now.status is not before.status:
                    logger.info("venue status", venue=venue, status=now.status.value, reason=now.reason)
                self._changes[venue] += 1
                self._changed(venue)


def _told(verdict: VenueStatus) -> tuple[object, ...]:
    return verdict.status, verdict.mode, verdict.reason, verdict.delay_ms


def _read(venue: str, text: bytes) -> VenueStatus:
    try:
        message = wire.decode(text)
    except wire.MalformedMessage as exc:
        logger.error("verdict not understood", venue=venue, error=str(exc))
        return _unknown(venue, "the verdict on the bus is not understood")
    if isinstance(message, VenueStatus):
        return message
    return _unknown(venue, "the verdict on the bus is not understood")


def _unknown(venue: str, reason: str) -> VenueStatus:
    return VenueStatus(
        venue=venue,
        status=Status.UNKNOWN,
        staleness_sec=None,
        mode=None,
        reason=reason,
        since=now_ms(),
    )
