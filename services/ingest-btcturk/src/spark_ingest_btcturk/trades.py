"""Trades: a 421 has the last ones of a pair, a 422 has one."""

from itertools import pairwise
from operator import attrgetter
from typing import Final

from spark_ingest_btcturk.figures import milliseconds, positive
from spark_ingest_btcturk.frames import BROKEN, FrameReader, ListReader, Model, expect_channel, pair_of, reason
from spark_ingest_btcturk.received import TradeList, TradeRow, TradeSingle

_CHANNEL: Final = "trade"
_LONGEST_ID: Final = 20
_ORDER: Final = attrgetter("venue_time", "number")


class _Row(Model):
    """``I`` is the id, ``D`` the time, as text or as a number; ``S``, the side, is absent in frames of 2020."""

    I: str  # noqa: E741, the venue's name
    D: str | int
    P: str
    A: str
    S: int | None = None


class _Single(_Row):
    PS: str | None = None
    event: str | None = None
    channel: str | None = None


_LIST: Final = ListReader(_Row)
_SINGLE: Final = FrameReader(_Single)


def read_list(frame: bytes) -> TradeList:
    """Read a 421. Raises one of `frames.BROKEN`."""
    body, rows, malformed = _LIST.read(frame)
    expect_channel(body.channel, _CHANNEL)
    pair = pair_of(body.event, body.symbol)
    trades = []
    for row in rows:
        try:
            trades.append(_trade(row))
        except BROKEN as exc:
            malformed.append(reason(exc))
    return TradeList(pair, _oldest_first(trades), tuple(malformed))


def _oldest_first(trades: list[TradeRow]) -> tuple[TradeRow, ...]:
    """Keep the venue's order, which it was seen to list both ways round; sort what is in neither.

    Neither numbers nor times alone would do: after a restart of the ids, or of the venue's clock, one of them falls
    once while the other rises. So most of the steps decide.
    """
    steps = list(pairwise(trades))
    rises = sum(_falls(b, a) for a, b in steps)
    falls = sum(_falls(a, b) for a, b in steps)
    if falls > rises or (trades and falls == rises and _ORDER(trades[0]) > _ORDER(trades[-1])):
        trades.reverse()
        falls = rises
    if falls:
        trades.sort(key=_ORDER)
    return tuple(trades)


def _falls(a: TradeRow, b: TradeRow) -> bool:
    return b.number < a.number and b.venue_time <= a.venue_time


def read_single(frame: bytes) -> TradeSingle:
    """Read a 422. Raises one of `frames.BROKEN`."""
    row = _SINGLE.read(frame)
    expect_channel(row.channel, _CHANNEL)
    return TradeSingle(pair_of(row.event, row.PS), _trade(row))


def _trade(row: _Row) -> TradeRow:
    price, size = positive((row.P, row.A))
    return TradeRow(row.I, trade_number(row.I), price, size, row.S, milliseconds(row.D))


def trade_number(text: str) -> int:
    """Return an id as a number to compare by: it grows within a pair. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise ValueError(f"not a trade's id: {text[:40]!r}")
    return int(text)
