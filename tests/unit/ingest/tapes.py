"""Tapes to test with, and trades that are told apart by a small number."""

from collections import Counter
from decimal import Decimal

from spark_ingest_btcturk.received import TradeRow
from spark_ingest_btcturk.tape import Tape, ToPublish
from spark_market.instruments import Mode
from spark_market.messages import Gap, Side
from support.examples import NOON, a_gap

FIRST_ID = 100_163_842_129_199_000


def nothing_counted() -> Counter[str]:
    return Counter()


def a_tape(counts: Counter[str] | None = None, zero_is: Side = Side.BUY) -> Tape:
    return Tape("BTC_TRY", mode=Mode.MOCK, counts=nothing_counted() if counts is None else counts, zero_is=zero_is)


def a_leader(counts: Counter[str] | None = None) -> Tape:
    tape = a_tape(counts)
    tape.resume(None)
    return tape


def row(number: int, time: int | None = None, code: int | None = 0) -> TradeRow:
    """A trade at ``time`` ms after noon, by default the later the higher its number."""
    at = NOON + (10 * number if time is None else time)
    return TradeRow(str(FIRST_ID + number), FIRST_ID + number, Decimal(100), Decimal(1), code, at)


def rows(*numbers: int) -> list[TradeRow]:
    return [row(number) for number in numbers]


def a_mark(of: TradeRow) -> str:
    return f"{of.id} {of.venue_time}"


def ids(told: ToPublish) -> list[int]:
    return [int(trade.id) - FIRST_ID for trade in told.trades]


def gap(from_: int, to: int, cause: str = "closed") -> Gap:
    """A gap from ``from_`` to ``to``, ms after noon."""
    return a_gap(NOON + from_, NOON + to, channel="trade", symbol="BTC_TRY", cause=cause)
