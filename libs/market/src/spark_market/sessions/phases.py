"""What a trading day is made of: phases one after the other, and the pauses that a halt puts between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, NamedTuple

ISTANBUL: Final = timezone(timedelta(hours=3))
"""All year since 2016: no summer time."""
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
_OFFSET_MS: Final = 3 * 3_600_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_OPENING_MIN: Final = 20
_CLOSING_MIN: Final = 10


class Phase(StrEnum):
    """What the market does. In ``OPENING`` orders are collected and uncrossed, ``CLOSING`` is the closing auction
    and trading at the closing price; only ``CONTINUOUS`` brings prices all the time."""

    CLOSED = "closed"
    OPENING = "opening"
    CONTINUOUS = "continuous"
    CLOSING = "closing"
    HALTED = "halted"


class Span(NamedTuple):
    """One phase of a day, from ``begins`` until before ``ends``, ms UTC."""

    phase: Phase
    begins: int
    ends: int


class Hours(NamedTuple):
    """Continuous trading, in minutes after Istanbul's midnight."""

    opens: int
    closes: int


FULL: Final = Hours(10 * 60, 18 * 60)
HALF: Final = Hours(10 * 60, 12 * 60 + 30)
ROUND_THE_CLOCK: Final = Hours(0, 24 * 60)


@dataclass(frozen=True)
class TradingDay:
    """One day's session: ``spans`` follow one another without a hole. ``half`` is an early close by calendar."""

    date: date
    half: bool
    spans: tuple[Span, ...]

    @property
    def opens_at(self) -> int:
        """When continuous trading begins, ms UTC."""
        return next(span.begins for span in self.spans if span.phase is Phase.CONTINUOUS)

    @property
    def closes_at(self) -> int:
        """When continuous trading ends, ms UTC; a halt in between does not end it."""
        return next(span.ends for span in reversed(self.spans) if span.phase is Phase.CONTINUOUS)

    @property
    def ends_at(self) -> int:
        """When trading at the closing price ends, ms UTC."""
        return self.spans[-1].ends


def day_number(ms: int) -> int:
    """Return the ordinal of Istanbul's date at ``ms``; it may lie outside what a date can be."""
    return _EPOCH + (ms + _OFFSET_MS) // DAY_MS


def midnight(number: int) -> int:
    """Return when a day begins in Istanbul, ms UTC."""
    return (number - _EPOCH) * DAY_MS - _OFFSET_MS


def datetime_at(ms: int) -> datetime:
    """Return Istanbul's time at ``ms`` UTC."""
    return datetime.fromtimestamp(ms / 1000, ISTANBUL)


def trading_day(day: date, hours: Hours, *, half: bool, halts: Iterable[Hours] = ()) -> TradingDay | None:
    """Return the day's session; None when halts leave nothing of its continuous trading.

    The phases around continuous trading stay within the day, so that one day's session never runs into the next.
    """
    begins = max(0, hours.opens - _OPENING_MIN)
    ends = min(ROUND_THE_CLOCK.closes, hours.closes + _CLOSING_MIN)
    spans = [
        (Phase.OPENING, begins, hours.opens),
        (Phase.CONTINUOUS, hours.opens, hours.closes),
        (Phase.CLOSING, hours.closes, ends),
    ]
    for halt in halts:
        spans = _halted(spans, Hours(max(begins, halt.opens), min(ends, halt.closes)))
    zero = midnight(day.toordinal())
    made = tuple(Span(phase, zero + of * MINUTE_MS, zero + to * MINUTE_MS) for phase, of, to in spans if of < to)
    return TradingDay(day, half, made) if any(span.phase is Phase.CONTINUOUS for span in made) else None


def _halted(spans: list[tuple[Phase, int, int]], halt: Hours) -> list[tuple[Phase, int, int]]:
    """Return ``spans`` with the halt cut out of them and put in their place."""
    if halt.opens >= halt.closes:
        return spans
    before = [(phase, of, min(to, halt.opens)) for phase, of, to in spans if of < halt.opens]
    after = [(phase, max(of, halt.closes), to) for phase, of, to in spans if to > halt.closes]
    return [*before, (Phase.HALTED, *halt), *after]
