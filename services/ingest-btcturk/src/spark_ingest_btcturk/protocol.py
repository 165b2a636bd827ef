"""BtcTurk's WebSocket protocol: frames in, what they say out.

A frame is ``[type, body]``. Every quirk of it is in this package's ``frames``, ``tickers``, ``trades`` and ``books``;
none of them knows of sockets, clocks or Redis. Facts are from the vendor's manual and from published recordings of the
live feed; field names are the venue's.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from spark_ingest_btcturk import books, trades
from spark_ingest_btcturk.frames import (
    BROKEN,
    VENUE,
    FrameReader,
    MalformedFrame,
    join,
    label,
    leave,
    malformed,
    type_of,
)
from spark_ingest_btcturk.received import Ignored, Received, Result, Tickers
from spark_ingest_btcturk.tickers import TickerReader
from spark_market.instruments import Instrument, Mode

__all__ = ["VENUE", "BtcTurkProtocol", "MalformedFrame", "join", "leave"]


class _Result(msgspec.Struct):
    ok: bool
    message: str


_RESULT: Final = FrameReader(_Result)
_IGNORED: Final = Ignored()


class BtcTurkProtocol:
    """Reads the frames of a connection; a ticker is told when it differs from the one before."""

    def __init__(self, mode: Mode, pairs: Mapping[str, Instrument]) -> None:
        """``pairs`` are the instruments that are wanted, by the venue's spelling, as they are when a frame is read."""
        # Whether a ticker is new is a question to its own subscription: what comes by another may not be published.
        self._of_pairs, self._of_all, self._of_rest = (TickerReader(mode, pairs) for _ in range(3))

    def receive(self, frame: bytes, received_at: int) -> Received:
        """Return what the frame says; ``received_at`` is ms UTC. Raises MalformedFrame."""
        try:
            match type_of(frame):
                case 402:
                    return Received("402", self._of_pairs.read_pair(frame, received_at))
                case 432:
                    return Received("432", books.read_difference(frame))
                case 422:
                    return Received("422", trades.read_single(frame))
                case 401:
                    return Received("401", self._of_all.read_all(frame, received_at))
                case 421:
                    return Received("421", trades.read_list(frame))
                case 431:
                    return Received("431", books.read_full(frame))
                case 100:
                    body = _RESULT.read(frame)
                    return Received("100", Result(body.ok, body.message))
                case other:
                    return Received(label(other), _IGNORED)
        except BROKEN as exc:
            raise malformed(frame, exc) from exc

    def read_rest_tickers(self, answer: bytes, received_at: int) -> Tickers:
        """Return what ``GET /api/v2/ticker`` answered. Raises rest.MalformedAnswer."""
        return self._of_rest.read_rest(answer, received_at)
