"""What is wrong with the venues: the monitor's alarms, read from the bus once a second, by one reader for all."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog
from redis.asyncio import Redis

from spark_bus import alarms
from spark_bus.alarms import BEGINNING, MOST_ALARMS, Told
from spark_bus.connection import BUS_ERRORS, heeding
from spark_bus.cursor import EntryId
from spark_gateway.events import data_event

_POLL_S: Final = 1.0
_LATELY_MS: Final = 600_000
"""A reader who could not be told that an alarm is over hears it when it is brought back, if it is no longer ago."""

logger = structlog.get_logger()


class Alarms:
    """All that is open, and the last that happened."""

    def __init__(self, redis: Redis, venues: Collection[str], news: Callable[[str, bytes], None]) -> None:
        """``news`` gets the venue and the events of what is told; with the first reading, what there is already."""
        self._redis = redis
        self._venues = venues
        self._news = news
        self._recent: deque[Told] = deque(maxlen=MOST_ALARMS)
        self._open: dict[str, Told] = {}
        self._loaded = False
        self.position: EntryId = BEGINNING
        """How far the stream of alarms has been read."""

    async def run(self) -> None:
        """Keep reading, until cancelled; what was read last holds while Redis does not answer."""
        while True:
            heed = heeding()
            try:
                page = await alarms.read(self._redis, self.position)
            except BUS_ERRORS as exc:
                logger.debug("cannot read alarms", error=str(exc))
            else:
                self._take(page)
            heed()
            await asyncio.sleep(_POLL_S)

    def _take(self, page: alarms.Page) -> None:
        before, self._open = self._open, {n: told for n, told in page.open.items() if told.alarm.venue in self._venues}
        if self._loaded and not page.told and before != self._open:
            self._begin_anew()
            return
        told_now = [told for told in page.told if told.alarm.venue in self._venues]
        self._recent.extend(told_now)
        if page.told:
            self.position = page.told[-1].id
        if self._loaded:
            for told in told_now:
                self._news(told.alarm.venue, data_event(told.data))
        else:  # streams may be open already, if Redis answered their readers first
            for venue in self._venues:
                if text := self.event(venue):
                    self._news(venue, text)
        self._loaded = True

    def _begin_anew(self) -> None:
        """Read everything again: what is open has changed and the stream said nothing of it after our position.

        So that is another stream's, of a Redis that lost its data, or its tail, and whose clock is behind.
        """
        logger.warning("the alarms have begun anew", position=str(self.position))
        self._recent.clear()
        self.position = BEGINNING
        self._loaded = False

    def open(self, venues: Collection[str]) -> list[bytes]:
        """Return the messages of what is open, newest first."""
        found = [told for told in self._open.values() if told.alarm.venue in venues]
        return [told.data for told in sorted(found, key=lambda told: (-told.alarm.since, told.alarm.id))]

    def recent(self, venues: Collection[str], most: int) -> list[Told]:
        """Return the last ``most`` that were told, newest first."""
        return [told for told in reversed(self._recent) if told.alarm.venue in venues][:most]

    def event(self, venue: str) -> bytes:
        """Return events for one who has just come, or come back: what is open, and what is over since lately."""
        ids = {told.alarm.id for told in self._open.values()}
        since_ms = self.position.ms - _LATELY_MS
        over = {
            told.alarm.id: told.data
            for told in self._recent
            if told.alarm.venue == venue
            and told.alarm.state == "cleared"
            and told.id.ms >= since_ms
            and told.alarm.id not in ids
        }
        return _events([*over.values(), *reversed(self.open((venue,)))])

    def after(self, venues: Collection[str], position: EntryId) -> bytes:
        """Return events of what was told after a position."""
        return _events([told.data for told in self._recent if told.id > position and told.alarm.venue in venues])


def _events(messages: Sequence[bytes]) -> bytes:
    return b"".join([data_event(message) for message in messages])
