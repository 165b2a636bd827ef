"""What may go wrong at a source in a year, spread over its days at random."""

from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from typing import Final, NamedTuple

from spark_simulator.bist.commands import (
    BadNumber,
    CutAnswer,
    Duplicate,
    Empty,
    Foreign,
    Half,
    Html,
    Lasting,
    Limit,
    Nulls,
    Refuse,
    Slow,
    Stale,
    Vanish,
    VolumeFalls,
    WrongTime,
)
from support.bist_days import CLOSING_MS, Day

_MINUTE_MS: Final = 60_000
_HALF_MS: Final = 4 * 60 * _MINUTE_MS
ONE: Final = ("GARAN",)
HARMFUL: Final[dict[str, Callable[[float], Lasting]]] = {
    "429": lambda seconds: Limit(seconds=seconds),
    "429, Retry-After": lambda seconds: Limit(seconds=seconds, retry_after=120),
    "401": lambda seconds: Refuse(seconds=seconds, status=401),
    "403": lambda seconds: Refuse(seconds=seconds, status=403),
    "404": lambda seconds: Refuse(seconds=seconds, status=404),
    "503": lambda seconds: Refuse(seconds=seconds, status=503, retry_after=60),
    "page": lambda seconds: Html(seconds=seconds),
    "timeout": lambda seconds: Slow(seconds=seconds, delay=60),
    "cut": lambda seconds: CutAnswer(seconds=seconds),
    "half": lambda seconds: Half(seconds=seconds),
    "empty": lambda seconds: Empty(seconds=seconds),
    "frozen": lambda seconds: Stale(seconds=seconds),
    "all vanished": lambda seconds: Vanish(seconds=seconds),
    "one vanished": lambda seconds: Vanish(seconds=seconds, symbols=ONE),
    "nulls": lambda seconds: Nulls(seconds=seconds),
    "one null": lambda seconds: Nulls(seconds=seconds, symbols=ONE),
    "no number": lambda seconds: BadNumber(seconds=seconds),
    "future": lambda seconds: WrongTime(seconds=seconds),
    "another market": lambda seconds: Foreign(seconds=seconds),
}
MIDDAY_ONLY: Final[dict[str, Callable[[float], Lasting]]] = {
    # At an opening it could not be told: times go on, an hour behind, from yesterday's.
    "past": lambda seconds: WrongTime(seconds=seconds, ms=-3_600_000),
}
ROW_ONLY: Final[dict[str, Callable[[float], Lasting]]] = {
    # Told by the row's own rhythm, which takes longer than half a day has.
    "one frozen": lambda seconds: Stale(seconds=seconds, symbols=ONE),
}
HARMLESS: Final[dict[str, Callable[[float], Lasting]]] = {
    "twice": lambda seconds: Duplicate(seconds=seconds),
    "volume falls": lambda seconds: VolumeFalls(seconds=seconds),
    "nulls beside the price": lambda seconds: Nulls(seconds=seconds, fields="others"),
    "slow": lambda seconds: Slow(seconds=seconds, delay=2),
    "hiccup": lambda seconds: Refuse(seconds=20, status=503),
}


class Outage(NamedTuple):
    """Something that goes wrong for a while (ms UTC). ``harmless``: nobody should be alarmed."""

    name: str
    begins: int
    ends: int
    fault: Lasting
    harmless: bool


def outages(random: Random, days: Sequence[Day]) -> list[Outage]:
    """Return one for each of ``days``: each kind in turn, in the middle of a day, at its ends, or at night."""
    found = []
    kinds = cycle([*HARMFUL, *MIDDAY_ONLY, *ROW_ONLY, *HARMLESS, "night"])
    for day, kind in zip(days, kinds, strict=False):
        half = day.shows_until - day.shows_from < _HALF_MS
        name = "one vanished" if half and kind in ROW_ONLY else kind
        begins, ends = _place(random, day, name)
        made = {**HARMFUL, **MIDDAY_ONLY, **ROW_ONLY, **HARMLESS, "night": HARMFUL["429"]}[name]
        found.append(Outage(name, begins, ends, made((ends - begins) / 1000), name in HARMLESS or name == "night"))
    return found


def _place(random: Random, day: Day, name: str) -> tuple[int, int]:
    closes = day.shows_until - CLOSING_MS
    if name == "night":
        return day.shows_until + 30 * _MINUTE_MS, day.shows_until + 8 * 60 * _MINUTE_MS
    if name in ROW_ONLY:
        return day.shows_from + 30 * _MINUTE_MS, closes - 45 * _MINUTE_MS
    place = random.choice(["midday", "midday", "opening", "closing"]) if name in HARMFUL else "midday"
    match place:
        case "opening":
            return day.asked_from - 10 * _MINUTE_MS, day.shows_from + 45 * _MINUTE_MS
        case "closing":
            return closes - 45 * _MINUTE_MS, day.shows_until + 30 * _MINUTE_MS
        case _:
            begins = random.randrange(day.shows_from + 10 * _MINUTE_MS, closes - 60 * _MINUTE_MS)
            return begins, begins + random.randrange(35, 55) * _MINUTE_MS
