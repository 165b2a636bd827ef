"""What the monitor has learned of a venue's rhythm, kept on the bus: a restart must not make it deaf for a week."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from redis.asyncio import Redis

from spark_bus import keys
from spark_monitor.gaps import Gaps, Packed
from spark_monitor.rhythm import Channel, Rate, Series
from spark_monitor.roster import Roster
from spark_monitor.standing import Mute

EVERY_S: Final = 60.0
_VERSION: Final = b"1"
_VERSION_FIELD: Final = b"version"
_MUTE_FIELD: Final = b"mute"
_MOST_FIELDS: Final = 20_000

logger = structlog.get_logger()


class _Whole(NamedTuple):
    """A channel: words and seconds, and the gaps of all of it as one, by phase."""

    rates: dict[str, tuple[float, float]]
    gaps: dict[str, Packed]


_GAPS = msgspec.msgpack.Decoder(dict[str, Packed])
_WHOLE = msgspec.msgpack.Decoder(_Whole)
_MUTES = msgspec.msgpack.Decoder(list[Mute])


class Memory:
    """One venue's: a hash of ``trade:XRP_TRY`` to its gaps, of ``trade`` to the channel's, and of what is mute."""

    def __init__(self, redis: Redis, venue: str) -> None:
        self._redis = redis
        self._venue = venue
        self._saved: dict[bytes, int] = {}
        self._saved_at: float | None = None
        self._of: Roster | None = None
        self._overwrite = False

    async def recall(self, roster: Roster, now: float) -> None:
        """Take over what is kept; what cannot be understood is learned anew. Redis errors go to the caller."""
        found: Any = await self._redis.hgetall(keys.rhythm(self._venue))
        self._saved_at, self._of = now, roster
        if not found:
            return
        if found.pop(_VERSION_FIELD, None) != _VERSION or len(found) > _MOST_FIELDS:
            logger.warning(
                "what was learned of the rhythm is of another version; it is learned anew", venue=self._venue
            )
            self._overwrite = True
            return
        lost = sum(not _restored(roster, name.decode(errors="replace"), packed, now) for name, packed in found.items())
        self._saved = dict.fromkeys(found, 0)
        if lost:
            logger.warning("a part of what was learned of the rhythm cannot be read", venue=self._venue, fields=lost)

    async def save(self, roster: Roster, now: float) -> None:
        """Keep what is new, once a minute at most. Redis errors go to the caller, and the next minute has it all."""
        if self._saved_at is not None and now - self._saved_at < EVERY_S:
            return
        self._saved_at = now
        if roster is not self._of:  # of other data: nothing of what was learned holds
            self._of, self._saved, self._overwrite = roster, {}, True
        roster.prune()
        learned = dict(_learned(roster))
        news = {name: learned[name] for name in learned if self._saved.get(name) != learned[name][0]}
        gone = [name for name in self._saved if name not in learned and name != _MUTE_FIELD]
        values: dict[Any, Any] = {name: _packed(of) for name, (_, of) in news.items()}
        values[_MUTE_FIELD] = msgspec.msgpack.encode(list(roster.mute.values()))
        values[_VERSION_FIELD] = _VERSION
        key = keys.rhythm(self._venue)
        async with self._redis.pipeline(transaction=True) as pipe:
            if self._overwrite:
                pipe.delete(key)
            pipe.hset(key, mapping=values)
            if gone:
                pipe.hdel(key, *gone)
            await pipe.execute()
        self._overwrite = False
        self._saved = {name: added for name, (added, _) in learned.items()}


def _learned(roster: Roster) -> Iterator[tuple[bytes, tuple[int, Channel | Series]]]:
    """Yield each field with how much went into it, and what it is of."""
    for channel in roster.channels.values():
        yield channel.name.encode(), (channel.words, channel)
        for series in channel.series.values():
            added = sum(gaps.added for gaps in series.gaps.values())
            if series.gaps:
                yield f"{channel.name}:{series.symbol}".encode(), (added, series)


def _packed(of: Channel | Series) -> bytes:
    if isinstance(of, Channel):
        rates = {phase: (round(rate.words, 2), round(rate.seconds, 2)) for phase, rate in of.rates.items()}
        return msgspec.msgpack.encode(_Whole(rates, _pack(of.whole)))
    return msgspec.msgpack.encode(_pack(of))


def _pack(series: Series) -> dict[str, Packed]:
    return {phase: gaps.pack() for phase, gaps in series.gaps.items()}


def _restored(roster: Roster, name: str, packed: bytes, now: float) -> bool:
    """Put a field back where it was taken from; returns whether it could be understood."""
    try:
        if name == _MUTE_FIELD.decode():
            roster.hold(_MUTES.decode(packed))
            return True
        channel_name, _, symbol = name.partition(":")
        channel = roster.channel(channel_name)
        if not symbol:
            whole = _WHOLE.decode(packed)
            channel.rates = {phase: _rate(words, seconds) for phase, (words, seconds) in whole.rates.items()}
            channel.whole.gaps = _unpack(whole.gaps)
        else:
            series = Series(symbol, now, channel.words)
            series.gaps = _unpack(_GAPS.decode(packed))
            channel.series[symbol] = series
    except (msgspec.MsgspecError, ValueError, UnicodeError):
        return False
    return True


def _unpack(gaps: Mapping[str, Packed]) -> dict[str, Gaps]:
    return {phase: Gaps.unpack(packed) for phase, packed in gaps.items()}


def _rate(words: float, seconds: float) -> Rate:
    if not (0 <= words < math.inf and 0 <= seconds < math.inf):
        raise ValueError(f"this is no rate: {words:g} words in {seconds:g} s")
    return Rate(words, seconds)
