"""Reading a venue's stream backwards, a page at a time: each page is whole down to its last entry, or it is not had."""

from typing import Any

from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry, entries_of
from spark_market import wire
from spark_market.messages import InstrumentsChanged


async def look_back(redis: Redis, at: Cursor, count: int) -> list[Entry] | None:
    """Return the last ``count`` entries before the one at the cursor, newest first, without a hole.

    Fewer when the stream holds no more. They may reach into the epoch before: see `is_birth`. None when they cannot be
    had: the epoch is another, or the cursor's entry is gone while older ones are there. Trimming takes the oldest away,
    so what is left of a page is whole, and the next page, asked for from this one's last entry, shows whether it is.
    """
    async with redis.pipeline(transaction=False) as pipe:
        pipe.xrevrange(keys.messages(at.venue), max=str(at.entry), count=count + 1)
        pipe.get(keys.epoch(at.venue))  # after the read: what another epoch lost is none of this one's
        found, epoch = await pipe.execute()
    if epoch is None or epoch.decode() != at.epoch:
        return None
    if not found:
        return []
    return entries_of(found[1:]) if EntryId.parse(found[0][0]) == at.entry else None


def is_birth(entry: Entry) -> bool:
    """Return whether an epoch may begin with this entry: then nothing is known of how it joins with what is before."""
    if entry.kind != "instruments":
        return False
    try:
        message: Any = wire.decode(entry.data)
    except wire.MalformedMessage:
        return True
    return not isinstance(message, InstrumentsChanged) or message.epoch is not None
