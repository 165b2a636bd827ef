"""Writing to a venue's stream: fenced by a lease, once each, in order.

A batch carries its writer's random id and a number that grows by one, so that a lost reply, a wiped Redis, a lost tail
and an old writer that wakes up each come out right. The rules run inside Redis, in ``lua/``.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from spark_bus import feed, keys
from spark_bus.cursor import EntryId
from spark_market import wire
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Book, Gap, Heartbeat, InstrumentsChanged, Ticker, Trade

LEASE_MS = 3_000
"""How long after its last word a writer still holds the venue: a crashed one is replaced within this."""
RETENTION_MS = 15 * 60 * 1000
MOST_ENTRIES = 1_000_000
"""Ceiling by count, about 400 MB of tickers, should a venue send more than retention by age can hold."""

_Args = list[str | bytes | int]
_NO_ENTRY = "0-0"


class Fenced(Exception):
    """Another writer owns this venue, or Redis has forgotten that we do: claim before writing again."""


class Outgoing(msgspec.Struct, frozen=True):
    """A message encoded for the bus.

    ``field`` is its place in `latest`, empty when it has none; ``channel`` is empty, and ``gap`` set, when it is no
    data but the notice of a hole. An empty ``kind`` makes no entry: it sets its field of `latest`, as of the entry
    before it. ``mark`` is a field and value of the writer's hash, set in the same step as the entry is appended.
    """

    kind: str
    symbol: str
    data: bytes
    field: str
    channel: str
    received_at: int
    gap: Gap | None = None
    mark: tuple[str, str] | None = None


def outgoing(message: Ticker | Trade | Book | Gap) -> Outgoing:
    """Encode a message, once for all its readers."""
    data = wire.encode(message)
    symbol = message.symbol or ""
    match message:
        case Ticker():
            return Outgoing("ticker", symbol, data, f"ticker:{symbol}", "ticker", message.received_at)
        case Trade():
            time = "" if message.venue_time is None else f" {message.venue_time}"
            mark = f"trade:{symbol}", f"{message.id}{time}"
            return Outgoing("trade", symbol, data, "", "trade", message.received_at, mark=mark)
        case Book():
            field = f"book:{symbol}" if message.previous is None else ""
            return Outgoing("book", symbol, data, field, "book", message.received_at)
        case Gap():
            return Outgoing("gap", symbol, data, "", "", 0, message)


def refreshed(book: Book) -> Outgoing:
    """Encode a full book for `latest` alone: as it is after all that goes before it, for those who start there."""
    return Outgoing("", book.symbol, wire.encode(book), f"book:{book.symbol}", "", book.received_at)


@dataclass(frozen=True)
class Claim:
    """The venue is ours, and this is how far it came.

    ``last`` is, per channel, the ``received_at`` of what was last published, by whomever; ``heard``, by
    ``channel:symbol``, when each was last heard; ``marks``, by ``trade:SYMBOL``, the id of the last trade published,
    and after a space its venue time if it has one. All three are empty when ``mode_changed``: simulated data says
    nothing of real data.
    """

    epoch: str
    born: bool
    last: dict[str, int]
    heard: dict[str, int]
    marks: dict[str, str]
    mode_changed: bool = False
    tickers: Mapping[str, Ticker] = field(default_factory=dict)
    """The current ones by symbol, where they were asked for."""


@dataclass(frozen=True)
class Held:
    """Another writer's lease runs for ``wait_ms`` more."""

    wait_ms: int


@dataclass(frozen=True)
class Appended:
    """The answer to a batch. When an epoch was ``born`` nothing was appended: write the current values first."""

    epoch: str
    born: bool


class Publisher:
    """One writer of one venue. Redis errors go to the caller, who calls again with the same arguments."""

    def __init__(
        self,
        redis: Redis,
        venue: str,
        mode: Mode,
        *,
        lease_ms: int = LEASE_MS,
        retention_ms: int = RETENTION_MS,
        most_entries: int = MOST_ENTRIES,
    ) -> None:
        self._redis = redis
        self._venue = venue
        self._mode = mode
        self._lease_ms = lease_ms
        self._retention_ms = retention_ms
        self._most_entries = most_entries
        self._owner = secrets.token_hex(8)
        self._granted = False
        self._number = 1
        self._last_entry = _NO_ENTRY
        self._claim = redis.register_script(_lua("claim"))
        self._append = redis.register_script(_lua("append"))
        self._beat = redis.register_script(_lua("beat"))
        self._write_directory = redis.register_script(_lua("directory"))
        self._release = redis.register_script(_lua("release"))
        self._keys = [keys.messages(venue), keys.latest(venue), keys.epoch(venue), keys.writer(venue)]
        self._beat_keys = [
            keys.messages(venue), keys.epoch(venue), keys.writer(venue), keys.heard(venue), keys.feed(venue),
        ]  # fmt: skip

    async def claim(self) -> Claim | Held:
        """Ask to be the venue's writer. A Redis that was restarted in between, or another mode, starts an epoch."""
        if self._granted:  # a new life as the writer: what was numbered in the last one is not to be mistaken for ours
            self._owner, self._granted = secrets.token_hex(8), False
        args: _Args = [self._owner, self._lease_ms, self._mode.value, *self._newborn()]
        reply = await self._claim(keys=[*self._keys, keys.heard(self._venue)], args=args)
        if not reply[0]:
            return Held(int(reply[1]))
        self._granted = True
        self._number, self._last_entry = 1, _NO_ENTRY
        _, epoch, birth, fields, heard = reply
        writer = _pairs(fields)
        return Claim(
            epoch=epoch.decode(),
            born=birth != b"",
            last={name.removeprefix("last:"): int(at) for name, at in writer.items() if name.startswith("last:")},
            heard={name: int(at) for name, at in _pairs(heard).items()},
            marks={name: mark.decode() for name, mark in writer.items() if name.startswith("trade:")},
            mode_changed=birth == b"mode",
        )

    async def current_tickers(self) -> dict[str, Ticker]:
        """Return the current tickers of the epoch, by symbol; one that cannot be read is left out."""
        found: dict[str, Ticker] = {}
        values: Any = await self._redis.hgetall(keys.latest(self._venue))
        for name, value in values.items():
            if name.startswith(b"ticker:"):
                with suppress(wire.MalformedMessage):
                    message = wire.decode(value.partition(b" ")[2])
                    if isinstance(message, Ticker):
                        found[message.symbol] = message
        return found

    async def append(self, batch: Sequence[Outgoing]) -> Appended:
        """Append ``batch`` in order, once, in one round trip; an empty one only asks whether all is well.

        After an error call again with the same batch: it keeps its number, and is answered, not repeated.
        Raises Fenced.
        """
        last: dict[str, int] = {}
        marks: dict[str, str] = {}
        entries: _Args = []
        for message in batch:
            channel = message.channel
            if channel and message.received_at > last.get(channel, -1):  # current values written anew are older
                last[channel] = message.received_at
            if message.mark is not None:
                field, value = message.mark
                marks[field] = value
            entries += (message.kind, message.symbol, message.data, message.field)
        args: _Args = [
            self._owner, self._number, self._lease_ms, self._most_entries, self._last_entry, *self._newborn(),
            2 * (len(last) + len(marks)),
        ]  # fmt: skip
        for channel, received_at in last.items():
            args += (f"last:{channel}", received_at)
        for mark in marks.items():
            args += mark
        args += entries
        reply: bytes = await self._append(keys=self._keys, args=args)
        if reply == b"fenced":
            raise Fenced(self._venue)
        match reply.decode().split():
            case ["appended", epoch, entry, number] if int(number) == self._number:
                self._last_entry = entry
                appended = Appended(epoch, born=False)
            case ["born", epoch, number] if int(number) == self._number:
                self._last_entry = _NO_ENTRY
                appended = Appended(epoch, born=True)
            case _:
                raise ResponseError(f"append answered {reply!r} to batch {self._number}")
        self._number += 1  # only now
        return appended

    async def beat(self, heartbeat: Heartbeat, heard: Mapping[str, int], state: feed.FeedState) -> EntryId | None:
        """Publish a heartbeat, what was heard since the last one, and the feed's state; trim by age.

        Returns the first entry that the stream still holds, or None when Redis lacks something that it had
        acknowledged: append the next batch, even an empty one, to start an epoch. Raises Fenced.
        """
        args: _Args = [
            self._owner, self._number - 1, self._lease_ms, self._last_entry, self._retention_ms,
            wire.encode(heartbeat), feed.encode(state),
        ]  # fmt: skip
        for item in heard.items():
            args += item
        reply: list[bytes] = await self._beat(keys=self._beat_keys, args=args)
        match reply:
            case [b"ok", first, entry]:
                self._last_entry = entry.decode()
                return EntryId.parse(first)
            case [b"behind"]:
                return None
            case _:
                raise Fenced(self._venue)

    async def write_instruments(self, instruments: Mapping[str, Instrument]) -> None:
        """Replace the venue's directory; of what is not in it nothing is current or heard. Raises Fenced."""
        args: _Args = [self._owner]
        for symbol, instrument in instruments.items():
            args += (symbol, msgspec.json.encode(instrument))
        keys_ = [
            keys.writer(self._venue), keys.instruments(self._venue), keys.latest(self._venue), keys.heard(self._venue),
        ]  # fmt: skip
        if await self._write_directory(keys=keys_, args=args) == b"fenced":
            raise Fenced(self._venue)

    async def reconnect(self) -> None:
        """Let go of every connection: behind the same address there may be another Redis now."""
        await self._redis.connection_pool.disconnect()

    def directory_changed(self) -> Outgoing:
        """Return the notice that the directory was written anew."""
        return Outgoing("instruments", "", wire.encode(InstrumentsChanged(venue=self._venue)), "", "", 0)

    def _newborn(self) -> tuple[str, bytes]:
        """Return the id of an epoch that may have to begin, and the entry it then begins with."""
        epoch = secrets.token_hex(6)
        return epoch, wire.encode(InstrumentsChanged(venue=self._venue, epoch=epoch))

    async def release(self) -> None:
        """Give the lease back, so that the next writer need not wait for its end."""
        await self._release(keys=[keys.writer(self._venue)], args=[self._owner])


def _pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}


def _lua(name: str) -> str:
    folder = resources.files("spark_bus").joinpath("lua")
    return "".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name))
