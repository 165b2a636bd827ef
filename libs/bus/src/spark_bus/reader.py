"""Reading a venue's stream with a cursor of one's own: follow it live, or replay a part of it.

Plain ``XREAD``, no consumer groups. Redis answers a read of trimmed or lost entries with what is left, and no error:
so each read also asks for the epoch, and each replay for the first entry that is still there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import msgspec
from redis.asyncio import Redis

from spark_bus import keys
from spark_bus.connection import BUS_ERRORS, heeding
from spark_bus.cursor import Cursor, EntryId

BLOCK_MS = 500
"""How long a read waits for news. Also how late an epoch change on a silent stream is seen."""
BATCH = 1_000
_ABSENT_WAIT_S = 0.25
_LOOK_BACK = 200
_STAMPED_KINDS = frozenset({"ticker", "trade"})  # in order; a book that replaces what was dropped comes early


class _Times(msgspec.Struct):
    receivedAt: int  # noqa: N815, the wire's name


class _Stamped(msgspec.Struct):
    data: _Times


_STAMPED = msgspec.json.Decoder(_Stamped)


class Entry(NamedTuple):
    """One message of the stream. ``symbol`` is empty when the message is about the whole venue."""

    id: EntryId
    kind: str
    symbol: str
    data: bytes


@dataclass(frozen=True)
class Snapshot:
    """All that holds at one position of one epoch: where a reader starts, or starts again.

    ``latest`` maps fields such as ``ticker:BTC_TRY`` to the entry that brought the value, and the message. ``recent``
    are the last entries up to the position, oldest first, as many as were asked for and are there.
    """

    position: Cursor
    latest: Mapping[str, tuple[EntryId, bytes]]
    instruments: Mapping[str, bytes]
    recent: Sequence[Entry] = ()


class Watcher(Protocol):
    """Who wants to know how reading goes."""

    def bus_reached(self) -> None:
        """Redis answered."""

    def bus_lost(self, error: Exception, wait_s: float) -> None:
        """A call failed; the next try is in ``wait_s``."""


class Reader:
    """Follows one venue, through every loss of Redis, for ever."""

    def __init__(
        self, redis: Redis, venue: str, waits: Callable[[], Iterator[float]], watcher: Watcher, *, recent: int = 0
    ) -> None:
        """``recent`` is how many of the last entries a snapshot is to bring along."""
        self._redis = redis
        self._venue = venue
        self._recent = recent
        self._new_waits = waits
        self._watcher = watcher
        self._position: Cursor | None = None
        self._saw_nothing = False

    async def follow(self) -> AsyncIterator[Snapshot | list[Entry]]:
        """Yield a snapshot, then entries as they come, in order, each once.

        A snapshot amid entries says that the epoch changed, or that this reader fell behind what the stream keeps:
        something is missing, forget what came before it. Until the venue's first ingest has started there is nothing,
        and nothing is yielded.
        """
        waits = self._new_waits()
        while True:
            heed = heeding()
            try:
                news = await self._next()
                heed()
            except BUS_ERRORS as exc:
                wait_s = next(waits)
                self._watcher.bus_lost(exc, wait_s)
                self._saw_nothing = False  # what we find next may have been there for long
                await asyncio.sleep(wait_s)
                continue
            waits = self._new_waits()
            self._watcher.bus_reached()
            if news:
                yield news
            elif self._position is None:
                await asyncio.sleep(_ABSENT_WAIT_S)

    async def _next(self) -> Snapshot | list[Entry] | None:
        if self._position is None:
            snapshot = await take_snapshot(self._redis, self._venue, self._recent)
            if snapshot is not None and self._saw_nothing:
                snapshot = await self._at_birth(snapshot)
            self._saw_nothing = snapshot is None
            self._position = snapshot.position if snapshot else None
            return snapshot
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xread({keys.messages(self._venue): str(self._position.entry)}, count=BATCH, block=BLOCK_MS)
            pipe.xrange(keys.messages(self._venue), count=1)  # after the read, so that no trimming is missed
            pipe.get(keys.epoch(self._venue))
            answer, first, epoch = await pipe.execute()
        if epoch is None:  # Redis lost its data and no ingest has written since: what we hold is the best there is
            return None
        if epoch.decode() != self._position.epoch:
            self._position = None
            return await self._next()
        entries = entries_of(answer[0][1]) if answer else []
        if entries:
            if first and EntryId.parse(first[0][0]) > self._position.entry:  # trimmed before we came to it
                self._position = None
                return await self._next()
            self._position = self._position._replace(entry=entries[-1].id)
        return entries

    async def _at_birth(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot of a stream that was not there a moment ago as of its first entry, its birth."""
        found: Any = await self._redis.xrange(keys.messages(self._venue), count=1)
        first = entries_of(found)
        if not first or first[0].kind != "instruments":
            return snapshot
        return replace(snapshot, position=snapshot.position._replace(entry=first[0].id), latest={}, recent=())


async def take_snapshot(redis: Redis, venue: str, recent: int = 0) -> Snapshot | None:
    """Read everything that holds now, in one transaction; None while the venue has no stream."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.get(keys.epoch(venue))
        pipe.hgetall(keys.latest(venue))
        pipe.xrevrange(keys.messages(venue), count=max(1, recent))
        pipe.hgetall(keys.instruments(venue))
        epoch, latest, last, instruments = await pipe.execute()
    if epoch is None or not last:
        return None
    return Snapshot(
        position=Cursor(venue, epoch.decode(), EntryId.parse(last[0][0])),
        latest={field.decode(): _as_of(value) for field, value in latest.items()},
        instruments=_by_symbol(instruments),
        recent=entries_of(last[::-1]) if recent else (),
    )


async def read_instruments(redis: Redis, venue: str) -> dict[str, bytes]:
    """Return the venue's directory as it is now."""
    found: Any = await redis.hgetall(keys.instruments(venue))
    return _by_symbol(found)


async def read_epoch(redis: Redis, venue: str) -> str | None:
    """Return the venue's epoch as it is now."""
    found: Any = await redis.get(keys.epoch(venue))
    return None if found is None else found.decode()


async def first_entry(redis: Redis, venue: str) -> EntryId | None:
    """Return the oldest entry that the venue's stream holds; None while it has none."""
    found: Any = await redis.xrange(keys.messages(venue), count=1)
    return EntryId.parse(found[0][0]) if found else None


async def replay(redis: Redis, after: Cursor, count: int) -> list[Entry] | None:
    """Return up to ``count`` entries after a cursor, without a hole; none when it is at the end.

    None when that cannot be had: the epoch is another, or something after the cursor has been trimmed.
    """
    key = keys.messages(after.venue)
    async with redis.pipeline(transaction=False) as pipe:
        pipe.xrange(key, min=f"({after.entry}", count=count)
        pipe.xrange(key, count=1)  # after the read: what is trimmed in between counts as lost
        pipe.get(keys.epoch(after.venue))
        found, first, epoch = await pipe.execute()
    whole = (
        epoch is not None
        and epoch.decode() == after.epoch
        and bool(first)
        and EntryId.parse(first[0][0]) <= after.entry
    )
    return entries_of(found) if whole else None


async def last_received_at(redis: Redis, at: Cursor) -> int | None:
    """Return the ``receivedAt`` of the last tick up to a position, whatever epoch it was of; None without any.

    An ingest stamps in order: nothing that came onto the bus later can have been received before that.
    """
    found: Any = await redis.xrevrange(keys.messages(at.venue), max=str(at.entry), count=_LOOK_BACK)
    for entry in entries_of(found):
        if entry.kind in _STAMPED_KINDS:
            with suppress(msgspec.MsgspecError, UnicodeError):  # the one before it will do
                return _STAMPED.decode(entry.data).data.receivedAt
    return None


def entries_of(found: list[Any]) -> list[Entry]:
    """Return the entries; one that lacks a field is of no type, and so of no interest to anyone."""
    return [
        Entry(EntryId.parse(entry_id), get(b"k", b"").decode(), get(b"s", b"").decode(), get(b"d", b""))
        for entry_id, get in ((entry_id, fields.get) for entry_id, fields in found)
    ]


def _by_symbol(found: Mapping[bytes, bytes]) -> dict[str, bytes]:
    return {symbol.decode(): value for symbol, value in found.items()}


def _as_of(value: bytes) -> tuple[EntryId, bytes]:
    entry_id, _, message = value.partition(b" ")
    return EntryId.parse(entry_id), message
