"""Order books: a 431 has all levels, a 432 those that changed."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from spark_ingest_btcturk.figures import figures, positive
from spark_ingest_btcturk.frames import FrameReader, Model, expect_channel, pair_of
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Change
from spark_market.orderbook import Level

_CHANNELS: Final = ("obdiff", "orderbook")
_DELETED: Final = 3
_CODES: Final = frozenset({0, 1, _DELETED})  # 0 is updated, 1 new
_MOST_LEVELS: Final = 1_000  # the venue's window is 100 a side

_ChangeSet = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Level(Model):
    P: str
    A: str


class _Change(Model):
    CP: int
    P: str
    A: str | None = None


class _Full(Model):
    """A side without levels may be empty, null or not there: which, is not known."""

    CS: _ChangeSet
    channel: str
    AO: list[_Level] | None = None
    BO: list[_Level] | None = None
    PS: str | None = None
    event: str | None = None


class _Difference(Model):
    CS: _ChangeSet
    AO: list[_Change] | None = None
    BO: list[_Change] | None = None
    PS: str | None = None
    event: str | None = None
    channel: str | None = None


_FULL: Final = FrameReader(_Full)
_DIFFERENCE: Final = FrameReader(_Difference)


def read_full(frame: bytes) -> BookSnapshot:
    """Read a 431. Raises one of `frames.BROKEN`."""
    body = _FULL.read(frame)
    if body.channel not in _CHANNELS:
        raise ValueError(f"it came by the channel {body.channel[:40]!r}")
    pair = pair_of(body.event, body.PS)
    return BookSnapshot(body.channel, pair, body.CS, _levels(body.BO), _levels(body.AO))


def _levels(rows: Sequence[_Level] | None) -> tuple[Level, ...]:
    if not rows:
        return ()
    _expect_few(rows)
    prices = positive([row.P for row in rows])
    levels = tuple(zip(prices, positive([row.A for row in rows]), strict=True))
    if len(set(prices)) != len(prices):
        raise ValueError("a price is there twice")
    return levels


def read_difference(frame: bytes) -> BookChanges:
    """Read a 432. Raises one of `frames.BROKEN`."""
    body = _DIFFERENCE.read(frame)
    expect_channel(body.channel, "obdiff")
    bids, asks = body.BO or [], body.AO or []
    changes = _changes(bids + asks)
    return BookChanges(pair_of(body.event, body.PS), body.CS, changes[: len(bids)], changes[len(bids) :])


def _changes(rows: Sequence[_Change]) -> tuple[Change, ...]:
    _expect_few(rows)
    codes = [row.CP for row in rows]
    if not _CODES.issuperset(codes):
        raise ValueError("a change of an unknown kind")
    # A deleted level has some old amount beside it, or none. All at once is cheapest.
    numbers = figures([row.P for row in rows] + ["0" if row.CP == _DELETED else row.A or "" for row in rows])
    prices, sizes = numbers[: len(rows)], numbers[len(rows) :]
    if not all(prices):
        raise ValueError("a price of 0")
    return tuple(zip(codes, prices, sizes, strict=True))


def _expect_few(rows: Sequence[object]) -> None:
    if len(rows) > _MOST_LEVELS:
        raise ValueError(f"{len(rows)} levels")
