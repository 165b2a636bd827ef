"""Positions: where in which epoch of which venue's stream a reader is.

Written ``venue.epoch.entry``, joined by commas for several venues: the ``id`` of a Server-Sent Event.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

_MOST_VENUES = 16
_CURSOR = re.compile(r"([a-z][a-z0-9]{0,31})\.([0-9a-f]{1,32})\.([0-9]{1,16})-([0-9]{1,16})")


class BadCursor(ValueError):
    """This text is not a cursor of ours."""


class EntryId(NamedTuple):
    """The id of a stream entry: Redis's clock in ms, and a number within that millisecond. Ordered."""

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str | bytes) -> "EntryId":
        """Read Redis's own spelling, ``1766400000123-0``."""
        ms, _, seq = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(ms), int(seq))

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


class Cursor(NamedTuple):
    """One venue's position: every entry up to and including ``entry`` has been taken."""

    venue: str
    epoch: str
    entry: EntryId

    def __str__(self) -> str:
        return f"{self.venue}.{self.epoch}.{self.entry}"


Positions: TypeAlias = Mapping[str, Cursor]
"""Where a reader of several venues is in each of them."""


def spell(positions: Positions) -> str:
    """Return the positions as one text, ordered by venue; empty for none."""
    return ",".join([str(positions[venue]) for venue in sorted(positions)])


def parse(text: str) -> dict[str, Cursor]:
    """Return the cursors in ``text`` by venue. Raises BadCursor."""
    parts = text.split(",")
    if len(parts) > _MOST_VENUES:
        raise BadCursor(f"a cursor names at most {_MOST_VENUES} venues")
    cursors: dict[str, Cursor] = {}
    for part in parts:
        match = _CURSOR.fullmatch(part.strip())
        if match is None:
            raise BadCursor(f"not a cursor: {part[:80]!r}")
        venue, epoch, ms, seq = match.groups()
        cursors[venue] = Cursor(venue, epoch, EntryId(int(ms), int(seq)))
    return cursors
