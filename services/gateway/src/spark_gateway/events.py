"""Server-Sent Events: how a message is written into a stream.

Events are unnamed, so a plain ``EventSource.onmessage`` sees every type. Only an event with an ``id`` moves the
browser's ``Last-Event-ID``.
"""

from typing import NamedTuple

import msgspec

from spark_bus.cursor import Cursor, EntryId
from spark_bus.reader import Entry
from spark_gateway.subscription import CHANNELS
from spark_market import wire
from spark_market.messages import Gap, Message


class Frame(NamedTuple):
    """An entry of the bus as every stream gets it: encoded once. ``channel`` is empty for all channels."""

    entry: EntryId
    kind: str
    channel: str
    symbol: str
    data: bytes
    event: bytes


class _Times(msgspec.Struct):
    receivedAt: int | None = None  # noqa: N815, the wire's name


class _Stamped(msgspec.Struct):
    data: _Times


_ID = b"id: "
_STAMPED = msgspec.json.Decoder(_Stamped)


def frame(venue: str, epoch: str, entry: Entry) -> Frame | None:
    """Return the frame of an entry, or None for what is the platform's own affair."""
    channel = entry.kind
    if channel not in CHANNELS:
        if channel != "gap":
            return None
        entry, channel = _gap(venue, entry)
    event = data_event(entry.data, str(Cursor(venue, epoch, entry.id)))
    return Frame(entry.id, entry.kind, channel, entry.symbol, entry.data, event)


def gap_frame(gap: Gap, position: Cursor) -> Frame:
    """Return a gap of the gateway's own as the frame of an entry."""
    data = wire.encode(gap)
    return Frame(position.entry, "gap", gap.channel or "", gap.symbol or "", data, data_event(data, str(position)))


def _gap(venue: str, entry: Entry) -> tuple[Entry, str]:
    """Return a gap and the channel it touches. One that cannot be read is not kept back: it becomes one of all."""
    try:
        gap = wire.decode(entry.data)
    except wire.MalformedMessage:
        gap = None
    if isinstance(gap, Gap):
        return entry, gap.channel or ""
    unread = Gap(venue=venue, channel=None, symbol=None, from_=0, to=entry.id.ms, cause="unreadable")
    return entry._replace(symbol="", data=wire.encode(unread)), ""


def event(message: Message, position: str = "") -> bytes:
    """Return a message of the gateway's own as an event; with a position it moves the reader's cursor there."""
    return data_event(wire.encode(message), position)


def data_event(data: bytes, position: str = "") -> bytes:
    """Return encoded JSON as an event."""
    if not position:
        return b"data: %b\n\n" % data
    return b"id: %b\ndata: %b\n\n" % (position.encode(), data)


def among(event: bytes, before: bytes, after: bytes) -> bytes:
    """Return an event of one venue for a stream of several: its id, if it has one, amid the others' positions."""
    if not event.startswith(_ID):
        return event
    end = event.index(b"\n")
    return b"%b%b%b%b%b" % (_ID, before, event[len(_ID) : end], after, event[end:])


def received_at(data: bytes) -> int | None:
    """Return when the ingest received what this message tells of, ms UTC; None when it does not say."""
    try:
        return _STAMPED.decode(data).data.receivedAt
    except (msgspec.MsgspecError, UnicodeError):
        return None
