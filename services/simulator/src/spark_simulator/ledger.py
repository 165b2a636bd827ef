"""The ledger: what was sent, to whom and when, so that a test can compare it with what arrived."""

import time
from collections.abc import Callable

import msgspec

from spark_simulator.frames import Frame
from spark_simulator.ledger_file import LedgerFile
from spark_simulator.pages import Page, Pages
from spark_simulator.totals import Totals

_MOST_ENTRIES = 100_000
_MOST_BYTES = 64 * 1024 * 1024


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One frame handed to one socket; ``at`` is ms since the epoch, read just before the write.

    ``fault`` names what altered the frame; None for one that is as it should be.
    """

    seq: int
    at: float
    connection: int
    type: int | str
    event: str | None
    frame: str
    fault: str | None


class Ledger:
    """The newest frames, the totals of all, and, if asked for, a file of all that are of some types."""

    def __init__(
        self, file: LedgerFile | None = None, most_entries: int = _MOST_ENTRIES, most_bytes: int = _MOST_BYTES
    ) -> None:
        self.totals = Totals()
        self.file = file
        self._pages: Pages[Entry] = Pages(most_entries, most_bytes)

    def write(self, connection: int, frame: Frame) -> None:
        """Note that ``frame`` goes to ``connection`` now."""
        pages, text = self._pages, frame.text
        entry = Entry(pages.next, time.time() * 1000, connection, frame.type, frame.event, text, frame.fault)
        pages.add(entry, len(text))
        self.totals.count(connection, frame)
        if self.file is not None and frame.type in self.file.types:
            self.file.write(entry)

    def close(self) -> None:
        """Let the file, if there is one, have all that is its."""
        if self.file is not None:
            self.file.close()

    def page(self, after: int, limit: int, wanted: Callable[[Entry], bool] = lambda entry: True) -> Page[Entry]:
        """Return at most ``limit`` entries with numbers above ``after``; fewer when they are large."""
        return self._pages.page(after, limit, wanted)
