"""Alarms on the bus: a bounded stream of what happened, and a hash of what is open, changed in one step."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.cursor import EntryId
from spark_market import wire
from spark_market.messages import Alarm

MOST_ALARMS = 1_000
"""So many are kept in the stream, give or take a few: what is open is kept besides."""
BEGINNING = EntryId(0, 0)


class Told(NamedTuple):
    """An alarm as the stream has it. Its id is also when it was told, by the bus's clock (ms)."""

    id: EntryId
    data: bytes
    alarm: Alarm


class Page(NamedTuple):
    """What was told after a position, oldest first, and all that is open now, by id."""

    told: list[Told]
    open: dict[str, Told]


async def tell(redis: Redis, news: Sequence[Alarm]) -> None:
    """Append alarms, and keep what is open up to date. Redis errors go to the caller, who may tell it again."""
    async with redis.pipeline(transaction=True) as pipe:
        for alarm in news:
            data = wire.encode(alarm)
            pipe.xadd(keys.ALARMS, {"d": data}, maxlen=MOST_ALARMS, approximate=True)
            if alarm.state == "cleared":
                pipe.hdel(keys.OPEN_ALARMS, alarm.id)
            else:
                pipe.hset(keys.OPEN_ALARMS, alarm.id, data)
        await pipe.execute()


async def read_open(redis: Redis, venue: str) -> list[Alarm]:
    """Return a venue's open alarms."""
    found: Any = await redis.hgetall(keys.OPEN_ALARMS)
    return [told.alarm for told in _open(found).values() if told.alarm.venue == venue]


async def read(redis: Redis, after: EntryId = BEGINNING, count: int = MOST_ALARMS) -> Page:
    """Return at most the last ``count`` alarms told after a position, and what is open."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xrevrange(keys.ALARMS, min=f"({after}", count=count)
        pipe.hgetall(keys.OPEN_ALARMS)
        found, opened = await pipe.execute()
    return Page(list(_told(reversed(found))), _open(opened))


def _told(found: Iterable[Any]) -> Iterable[Told]:
    for entry_id, fields in found:
        data = fields.get(b"d", b"")
        alarm = _alarm(data)
        if alarm is not None:
            yield Told(EntryId.parse(entry_id), data, alarm)


def _open(found: dict[bytes, bytes]) -> dict[str, Told]:
    alarms = {data: _alarm(data) for data in found.values()}
    return {alarm.id: Told(BEGINNING, data, alarm) for data, alarm in alarms.items() if alarm is not None}


def _alarm(data: bytes) -> Alarm | None:
    """Return the alarm; None for what a later version may have written."""
    try:
        message = wire.decode(data)
    except wire.MalformedMessage:
        return None
    return message if isinstance(message, Alarm) else None
