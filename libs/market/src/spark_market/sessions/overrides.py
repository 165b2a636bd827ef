"""Days at which the exchange departs from its calendar, as an operator writes them down: one a line.

    2026-03-20 closed               # moved holidays, mourning, an earthquake
    2026-10-28 half                 # ends as a half-day does
    2026-11-21 open                 # an extra session, with a full day's hours
    2026-05-04 open 10:00-16:00
    2026-05-04 halt 11:20-11:50     # a pause within the session
    * open 00:00-24:00              # every day: a test environment

Times are Istanbul's; what follows a # is a comment. A date's own line beats the one for every day.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from spark_market.sessions.phases import FULL, HALF, ROUND_THE_CLOCK, Hours

_LINE: Final = re.compile(r"(?P<day>\S+)\s+(?P<what>\S+)(?:\s+(?P<hours>\S+))?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOURS: Final = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_EVERY_DAY: Final = "*"
_FORMS: Final = "2026-03-20 closed, 2026-10-28 half, 2026-11-21 open [10:00-16:00] or 2026-05-04 halt 11:20-11:50"


class BadOverrides(ValueError):
    """A line cannot be used; the text names its number, counted from 1."""


@dataclass(frozen=True)
class Session:
    """When a day trades."""

    hours: Hours
    half: bool = False


@dataclass(frozen=True)
class Overrides:
    """What departs from the calendar: sessions of days (None: closed) and of every day, and halts within sessions."""

    days: Mapping[date, Session | None] = field(default_factory=dict)
    every_day: Session | None = None
    halts: Mapping[date, tuple[Hours, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.days and not self.halts and self.every_day is None:
            return "none"
        every = ", and those of every day" if self.every_day else ""
        return f"hours of {len(self.days)} dates, halts on {len(self.halts)}{every}"


NONE: Final = Overrides()


def read_overrides(text: str) -> Overrides:
    """Return what a file says. Raises BadOverrides with the number of the first line that cannot be used."""
    days: dict[date, Session | None] = {}
    halts: dict[date, tuple[Hours, ...]] = {}
    every_day: Session | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        try:
            match = _LINE.fullmatch(words)
            if match is None:
                raise ValueError(f"{words!r} is not spelled like {_FORMS}")
            what, hours = match["what"], _hours(match["hours"])
            if match["day"] == _EVERY_DAY:
                if what != "open" or every_day is not None:
                    raise ValueError("* takes one line, as in * open 00:00-24:00")
                every_day = _session(what, hours)
                continue
            day = _date(match["day"])
            if what == "halt":
                halts[day] = (*halts.get(day, ()), _halt(hours))
            elif day in days:
                raise ValueError(f"{day} was said before")
            else:
                days[day] = _session(what, hours)
        except ValueError as exc:
            raise BadOverrides(f"line {number}: {exc}") from None
    return Overrides(days, every_day, halts)


def _session(what: str, hours: Hours | None) -> Session | None:
    match what, hours:
        case "closed", None:
            return None
        case "half", None:
            return Session(HALF, half=True)
        case "open", None:
            return Session(FULL)
        case "open", Hours():
            return Session(hours)
        case (("closed" | "half"), _):
            raise ValueError(f"{what} takes no hours")
    raise ValueError(f"{what!r} is none of closed, half, open and halt")


def _halt(hours: Hours | None) -> Hours:
    if hours is None:
        raise ValueError("halt takes hours, as in 11:20-11:50")
    return hours


def _date(text: str) -> date:
    if _DATE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a date like 2026-03-20, or *")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no day {text}") from None


def _hours(text: str | None) -> Hours | None:
    if text is None:
        return None
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not spelled like 10:00-16:00")
    of_hour, of_minute, to_hour, to_minute = map(int, match.groups())
    hours = Hours(of_hour * 60 + of_minute, to_hour * 60 + to_minute)
    if max(of_minute, to_minute) > 59 or hours.closes > ROUND_THE_CLOCK.closes:
        raise ValueError(f"{text!r} has a time that no day has")
    if hours.opens >= hours.closes:
        raise ValueError(f"{text!r} ends before it begins")
    return hours
