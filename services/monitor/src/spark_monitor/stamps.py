"""The two times of a message, found at its end: the rest of it is not looked at."""

import re
from typing import Final, NamedTuple

import msgspec

_LONGEST: Final = 80
_TAIL: Final = re.compile(rb'"venueTime":(?:null|([0-9]{1,15})),"receivedAt":([0-9]{1,15})\}\}\Z').search


class Stamps(NamedTuple):
    """When the venue says that it was (None when it says nothing), and when the ingest received it; ms UTC."""

    venue_time: int | None
    received_at: int


class _Times(msgspec.Struct, rename="camel"):
    received_at: int
    venue_time: int | None = None


class _Data(msgspec.Struct):
    """Of market data only this: the rest is skipped, not decoded."""

    data: _Times


_DATA = msgspec.json.Decoder(_Data)


def stamps(message: bytes) -> Stamps:
    """Return the times of a ticker, trade or book. Raises msgspec.MsgspecError, UnicodeError.

    They are written last, a twentieth of the cost of skipping a book's levels; anywhere else they are found as well.
    No text of a message can pass for its end: quotes within one are escaped.
    """
    found = _TAIL(message, max(0, len(message) - _LONGEST))
    if found is not None:
        venue_time, received_at = found.groups()
        return Stamps(None if venue_time is None else int(venue_time), int(received_at))
    times = _DATA.decode(message).data
    return Stamps(times.venue_time, times.received_at)
