"""The ledger: what was sent, to whom and when, so that a test can compare it with what arrived."""

import time
from collections import deque
from itertools import islice

import msgspec

from spark_simulator.frames import Frame

_MOST_ENTRIES = 100_000
_MOST_BYTES = 64 * 1024 * 1024
_MOST_BYTES_A_PAGE = 8 * 1024 * 1024


class Entry(msgspec.Struct, frozen=True):
    """One frame handed to one socket; ``at`` is ms since the epoch, read just before the write."""

    seq: int
    at: float
    connection: int
    type: int | str
    event: str | None
    frame: str


class Page(msgspec.Struct, frozen=True):
    """Some entries, oldest first, and what there is in all: numbers ``first`` to ``last``, older ones forgotten."""

    first: int
    last: int
    forgotten: int
    entries: list[Entry]


class Ledger:
    """The newest entries, bounded in number and in bytes, so that a simulator can run for weeks."""

    def __init__(self, most_entries: int = _MOST_ENTRIES, most_bytes: int = _MOST_BYTES) -> None:
        self._entries: deque[Entry] = deque()
        self._last = 0
        self._bytes = 0
        self._most_entries = most_entries
        self._most_bytes = most_bytes

    def write(self, connection: int, frame: Frame) -> None:
        """Note that ``frame`` goes to ``connection`` now."""
        self._last += 1
        self._entries.append(Entry(self._last, time.time() * 1000, connection, frame.type, frame.event, frame.text))
        self._bytes += len(frame.text)
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._bytes -= len(self._entries.popleft().frame)

    def page(self, after: int, limit: int) -> Page:
        """Return at most ``limit`` entries with numbers above ``after``; fewer when they are large."""
        first = self._last - len(self._entries) + 1
        start = max(0, after + 1 - first)
        entries: list[Entry] = []
        size = 0
        for entry in islice(self._entries, start, start + limit):
            size += len(entry.frame)
            if entries and size > _MOST_BYTES_A_PAGE:
                break
            entries.append(entry)
        return Page(first=first, last=self._last, forgotten=first - 1, entries=entries)
