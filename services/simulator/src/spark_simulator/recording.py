"""A recording: frames of the venue, one JSON object a line, every number kept as the text that it was."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec

from spark_service.lifecycle import CannotStart
from spark_simulator import frames, pairs
from spark_simulator.frames import Frame
from spark_simulator.pairs import Pair
from spark_simulator.row import Row, number

_DEFAULT_SPACING_S = 0.1
_TICKER_PAIR, _TICKER_ALL = 402, 401
_PRICES = ("B", "A", "H", "L", "LA", "O")
_SIZES = ("BA", "AA", "V")
_ENVELOPE = frozenset({"channel", "event", "type", "Ord"})  # what 401 and 402 do not have in common


class _Line(msgspec.Struct):
    payload: msgspec.Raw
    kind: str = "ws"
    direction: str = "in"
    at: float | None = None  # ms


class _Event(msgspec.Struct):
    event: str | None = None


class _All(msgspec.Struct):
    items: list[msgspec.Raw] = []


_Word = Annotated[str, msgspec.Meta(min_length=1)]


class _Name(msgspec.Struct):
    """What a row must have to name a pair and its price."""

    symbol: _Word = msgspec.field(name="PS")
    base: _Word = msgspec.field(name="NS")
    quote: _Word = msgspec.field(name="DS")
    id: int = msgspec.field(name="PId")
    last: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)?$")] = msgspec.field(name="LA")


@dataclass(frozen=True)
class Moment:
    """One recorded frame and when it came, in seconds after the first."""

    offset_s: float
    frame: Frame


class Recording:
    """What was recorded, and the pairs it tells of with the last ticker of each."""

    def __init__(self, path: Path) -> None:
        """Read the file at ``path``. Raises CannotStart, naming the file and the line."""
        self.moments: list[Moment] = []
        self._rows: dict[str, Row] = {}
        self._tickers: dict[str, Frame] = {}
        timeline = _Timeline()
        for place, line in _lines(path):
            try:
                told = msgspec.json.decode(line.decode(), type=_Line)
                if (told.kind, told.direction) != ("ws", "in"):
                    continue
                frame, rows = _frame(bytes(told.payload).decode())
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
                raise CannotStart(f"{place} is not a recorded frame ({exc}); correct SPARK_SIMULATOR_REPLAY") from exc
            self.moments.append(Moment(timeline.offset_s(told.at), frame))
            for symbol, row in rows.items():
                self._note(symbol, row, frame)
        if not self.moments:
            raise CannotStart(f"{path} holds no recorded frame; correct SPARK_SIMULATOR_REPLAY")
        self.pairs = _pairs(self._rows)
        self.last_all = frames.all_tickers(self._rows.values())

    def row(self, symbol: str) -> Row:
        """Return the last recorded row of a pair."""
        return self._rows[symbol]

    def status(self, symbol: str) -> str:
        """Return that the pair trades: a recording does not tell."""
        return "TRADING"

    def last_ticker(self, symbol: str) -> Frame | None:
        """Return a 402 with the last recorded row of a pair, None for a pair that was not recorded."""
        if symbol in self._rows and symbol not in self._tickers:  # a 401 was the last to tell of it
            self._tickers[symbol] = frames.ticker(symbol, self._rows[symbol])
        return self._tickers.get(symbol)

    def _note(self, symbol: str, row: Row, frame: Frame) -> None:
        self._rows[symbol] = row
        if frame.type == _TICKER_PAIR and frame.event == symbol:
            self._tickers[symbol] = frame  # repeated as it was, to the byte
        else:
            self._tickers.pop(symbol, None)


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each line that is not blank, after the name of its place."""
    try:
        with path.open("rb") as file:
            for nth, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path} line {nth}", line
    except OSError as exc:
        raise CannotStart(f"cannot read {path} ({exc.strerror}); correct SPARK_SIMULATOR_REPLAY") from exc


class _Timeline:
    """Turns recorded times into offsets that never go back; a line without a time follows the one before."""

    def __init__(self) -> None:
        self._now_s: float | None = None
        self._zero_s: float | None = None

    def offset_s(self, at_ms: float | None) -> float:
        after = 0.0 if self._now_s is None else self._now_s + _DEFAULT_SPACING_S
        if at_ms is not None and self._zero_s is None:
            self._zero_s = at_ms / 1000 - after
        if at_ms is not None and self._zero_s is not None:
            after = max(self._now_s or 0.0, at_ms / 1000 - self._zero_s)
        self._now_s = after
        return after


def _frame(text: str) -> tuple[Frame, dict[str, Row]]:
    """Return the frame in ``text``, and the rows of the pairs that it tells of."""
    frame_type, body = msgspec.json.decode(text, type=tuple[int, msgspec.Raw])
    rows: list[msgspec.Raw] = []
    if frame_type == _TICKER_PAIR:
        rows = [body]
    elif frame_type == _TICKER_ALL:
        rows = msgspec.json.decode(body, type=_All).items
    event = msgspec.json.decode(body, type=_Event).event
    return Frame(frame_type, event, text), dict(_named(rows))


def _named(rows: Iterable[msgspec.Raw]) -> Iterator[tuple[str, Row]]:
    """Yield the rows that name a pair. Others are played like all that was recorded, but list nothing."""
    for raw in rows:
        with contextlib.suppress(msgspec.ValidationError):
            name = msgspec.json.decode(raw, type=_Name)
            members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            yield name.symbol, {key: bytes(text).decode() for key, text in members.items() if key not in _ENVELOPE}


def _pairs(rows: dict[str, Row]) -> list[Pair]:
    """Return the recorded pairs, with scales as fine as their figures."""
    listed: Counter[str] = Counter()
    found = []
    for row in rows.values():
        quote = number(row["DS"])
        price_scale = _scale(row, _PRICES)
        found.append(
            Pair(
                id=int(row["PId"]),
                base=number(row["NS"]),
                quote=quote,
                price_scale=price_scale,
                size_scale=_scale(row, _SIZES),
                tick=pairs.tick(price_scale),
                order=pairs.rank(quote, listed[quote]),
                reference_price=Decimal(number(row["LA"])),
            )
        )
        listed[quote] += 1
    return found


def _scale(row: Row, keys: Iterable[str]) -> int:
    """Return the most decimals among the figures under ``keys``; a recording may lack some of them."""
    return max((len(number(row[key]).partition(".")[2]) for key in keys if key in row), default=0)
