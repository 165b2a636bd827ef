"""A licensed source that is asked over HTTP, in the terms of its file: requests out, quotes in, no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from spark_ingest_bist.jsontext import find, said
from spark_ingest_bist.quotes import Answer, MalformedAnswer
from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.sources import Request
from spark_ingest_bist.vendormodel import KEY, Listing, Poll, Vendor
from spark_ingest_bist.vendorprotocol import VendorProtocol
from spark_ingest_bist.vendorrows import RowReader, rows_at, wanted

ROW = "@row"
"""In a list of symbols: the row itself is the symbol."""


class VendorPollProtocol(VendorProtocol):
    """A `PollProtocol` for one vendor's file. It learns nothing, so one serves for ever."""

    def __init__(self, vendor: Vendor, secrets: Secrets, base: str | None = None) -> None:
        """Raises ValueError for a file without poll."""
        super().__init__(vendor, secrets, base)
        if vendor.poll is None:
            raise ValueError("this vendor's file has no poll")
        self._poll: Poll = vendor.poll
        self._reader = RowReader(self._poll, vendor)

    @property
    def most_symbols(self) -> int:
        """How many symbols one request may name; more than there are, where an answer always holds all."""
        return self._poll.most_symbols

    def request(self, symbols: Sequence[str]) -> Request:
        """Return the request for up to ``most_symbols`` of our symbols; none for all, where the vendor has that."""
        return self._filler.request(self._poll, [self._spelling.theirs(symbol) for symbol in symbols])

    def read(self, status: int, body: bytes, asked: Sequence[str], received_at: int) -> Answer:
        """Return what an answer says of ``asked``; of all that is spelled like a share or an index, if that is empty.

        Raises MalformedAnswer and Refused.
        """
        reader, judge = self._reader, self._judge
        answer = self._read_rows(
            reader,
            self._checked(status, body),
            dict.fromkeys(asked),
            lambda symbol, row: judge.quote(symbol, reader.told(row), reader.time(row)),
        )
        told = {quote.symbol for quote in answer.quotes} | {each.symbol for each in answer.malformed}
        return replace(answer, absent=tuple(symbol for symbol in asked if symbol not in told))


class VendorListing(VendorProtocol):
    """Where a vendor lists its symbols."""

    def __init__(self, vendor: Vendor, secrets: Secrets, base: str | None = None) -> None:
        """Raises ValueError for a file without list."""
        super().__init__(vendor, secrets, base)
        if vendor.list is None:
            raise ValueError("this vendor's file has no list")
        self._list: Listing = vendor.list

    def request(self) -> Request:
        """Return the request for the list."""
        return self._filler.request(self._list, ())

    def read(self, status: int, body: bytes) -> Mapping[str, str | None]:
        """Return our symbols of shares and indices, and their names. Raises MalformedAnswer and Refused."""
        answer = self._checked(status, body)
        symbols: dict[str, str | None] = {}
        for key, row in rows_at(answer, self._list.rows, self._list.symbol == (KEY,)):
            if not wanted(row, self._list.only):
                continue
            theirs = key if self._list.symbol == (KEY,) else said(_within(row, self._list.symbol))
            symbol = self._spelling.ours(theirs or "")
            if symbol is not None:
                symbols[symbol] = None if self._list.name is None else said(find(row, self._list.name)) or None
        if not symbols:
            raise MalformedAnswer("shape", "a list without a single symbol")
        return symbols


def _within(row: Any, path: tuple[str, ...]) -> Any:
    return row if path == (ROW,) else find(row, path)
