"""A licensed source that sends over a WebSocket, in the terms of its file: frames out, frames in, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from spark_ingest_bist.jsontext import decode, find, said
from spark_ingest_bist.quotes import Answer, MalformedAnswer
from spark_ingest_bist.secretvalues import Secrets
from spark_ingest_bist.sources import Endpoint
from spark_ingest_bist.vendormodel import Vendor, Ws
from spark_ingest_bist.vendorprotocol import Quoted, VendorProtocol
from spark_ingest_bist.vendorrows import BadRow, RowReader, Told

_ISTANBUL_MS: Final = 3 * 3_600_000
_DAY_MS: Final = 86_400_000
_MOST_SYMBOLS: Final = 20_000


@dataclass
class _Known:
    """What the frames of one symbol have said on one day, put together."""

    day: int | None = None
    told: Told = field(default_factory=dict)
    newest: dict[str | None, int] = field(default_factory=dict)
    """By type of frame, the latest time."""

    def with_more(self, told: Told, at: int | None) -> "_Known":
        """Return what is known with a frame of time ``at``; of another day no more than that is."""
        day = self.day if at is None else _day(at)
        if self.day not in (None, day):
            return _Known(day, told)
        return _Known(day, self.told | told, self.newest)

    def older(self, kind: str | None, at: int | None) -> bool:
        """Return whether a frame of this type and time comes late: after a newer one of the type, or a day."""
        return at is not None and (at < self.newest.get(kind, 0) or (self.day is not None and _day(at) < self.day))


def _day(at: int) -> int:
    return (at + _ISTANBUL_MS) // _DAY_MS


class VendorPushProtocol(VendorProtocol):
    """A `PushProtocol` for one vendor's file. Make a new one for every connection.

    One type of frame may bring the price and another the best bid and ask: a quote is all that was said so far.
    """

    def __init__(self, vendor: Vendor, secrets: Secrets, base: str | None = None) -> None:
        """Raises ValueError for a file without ws."""
        super().__init__(vendor, secrets, base)
        if vendor.ws is None:
            raise ValueError("this vendor's file has no ws")
        self._ws: Ws = vendor.ws
        self._readers: Mapping[str | None, RowReader | None] = {
            kind: None if shape is None else RowReader(shape, vendor) for kind, shape in self._ws.shapes.items()
        }
        self._asked: frozenset[str] = frozenset()
        self._known: dict[str, _Known] = {}

    def endpoint(self) -> Endpoint:
        """Return where to connect."""
        headers = self._filler.headers(self._ws.headers, self._ws.basic)
        label = self._filler.shown(self._ws.url)
        return Endpoint(self._filler.address(self._ws.url), label, headers, self._secrets.scrubbed)

    def opening(self, symbols: Sequence[str]) -> list[str]:
        """Return the frames that ask for our symbols; for none of them, those that ask for everything."""
        self._asked = frozenset(symbols)
        if not symbols and self._ws.all is None and self._ws.names_symbols:
            return []
        theirs = [self._spelling.theirs(symbol) for symbol in symbols] or [self._ws.all or ""]
        if self._ws.all is not None and len(theirs) > self._ws.batch:
            theirs = [self._ws.all]
        batches = [theirs[at : at + self._ws.batch] for at in range(0, len(theirs), self._ws.batch)]
        if not self._ws.names_symbols:
            batches = batches[:1]
        frames = [self._filler.frame(frame, batch) for batch in batches for frame in self._ws.subscribe]
        return list(dict.fromkeys(frames))  # what names no symbol is said once

    def keepalive(self) -> tuple[float, str] | None:
        """Return how often (s) to send what, None for never."""
        beat = self._ws.heartbeat
        return None if beat is None else (beat.every, self._filler.frame(beat.send, ()))

    def receive(self, frame: bytes, received_at: int) -> Answer:
        """Return what a frame says. Raises MalformedAnswer and Refused."""
        answer = decode(frame, self._secrets.scrubbed)
        self._refusals.check(answer, flagged=False)
        kind = None
        if self._ws.type is not None:
            kind = said(find(answer, self._ws.type))
            if kind is None:
                raise MalformedAnswer("shape", f"a frame without a type at {'.'.join(self._ws.type)}")
        reader = self._readers.get(kind)
        if reader is None:
            return Answer(ignored=1)
        return self._read_rows(
            reader,
            answer,
            self._asked,
            # None where the other type of frame will bring the price
            lambda symbol, row: self._merged(symbol, kind, reader.told(row), reader.time(row)),
        )

    def _merged(self, symbol: str, kind: str | None, told: Told, at: int | None) -> Quoted | None:
        """Return the quote of all that is known of a symbol; what a frame says late is in it, but is not kept.

        Its time is the newest of what is in it: the types of frames run ahead of one another, and none of them is late
        for that. Raises BadRow, and then keeps nothing of it either.
        """
        if "price" in told and told["price"] is None:
            raise BadRow("no_price", "there is none, or it is 0")
        known = self._known.get(symbol) or _Known()
        more, late = known.with_more(told, at), known.older(kind, at)
        newest = at if late or at is None else max([at, *more.newest.values()])
        result = self._judge.quote(symbol, more.told, newest) if "price" in more.told else None
        if not late and (symbol in self._known or len(self._known) < _MOST_SYMBOLS):
            if at is not None:
                more.newest[kind] = at
            self._known[symbol] = more
        return result
