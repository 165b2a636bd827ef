"""An account that is kept for a while and read page by page, bounded in number and in bytes."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Generic, Protocol, TypeVar

import msgspec

_MOST_BYTES_A_PAGE = 8 * 1024 * 1024


class Numbered(Protocol):
    """What an account holds: each entry knows its number, from 1 on without a hole."""

    @property
    def seq(self) -> int:
        """The entry's number."""
        ...


EntryT = TypeVar("EntryT", bound=Numbered)


class Page(msgspec.Struct, Generic[EntryT], frozen=True):
    """Some entries, oldest first, and what there is in all: numbers ``first`` to ``last``, older ones forgotten.

    ``read`` is the last number looked at, from which to read on.
    """

    first: int
    last: int
    forgotten: int
    read: int
    entries: list[EntryT]


class Pages(Generic[EntryT]):
    """The newest entries."""

    def __init__(self, most_entries: int, most_bytes: int) -> None:
        self._entries: deque[tuple[EntryT, int]] = deque()
        self._last = 0
        self._bytes = 0
        self._most_entries = most_entries
        self._most_bytes = most_bytes

    @property
    def next(self) -> int:
        """The number that the next entry has to carry."""
        return self._last + 1

    def add(self, entry: EntryT, size: int) -> None:
        """Append ``entry``, of about ``size`` bytes, and forget the oldest that are too many."""
        self._last += 1
        self._entries.append((entry, size))
        self._bytes += size
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._bytes -= self._entries.popleft()[1]

    def page(self, after: int, limit: int, wanted: Callable[[EntryT], bool] = lambda entry: True) -> Page[EntryT]:
        """Return at most ``limit`` entries with numbers above ``after``; fewer when they are large."""
        first = self._last - len(self._entries) + 1
        entries: list[EntryT] = []
        read = max(after, first - 1)
        size = 0
        for entry, its_size in islice(self._entries, max(0, after + 1 - first), None):
            if wanted(entry):
                size += its_size
                if len(entries) == limit or (entries and size > _MOST_BYTES_A_PAGE):
                    break
                entries.append(entry)
            read = entry.seq
        return Page(first=first, last=self._last, forgotten=first - 1, read=min(read, self._last), entries=entries)
