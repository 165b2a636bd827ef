"""Borsa İstanbul's calendar: exchange-calendars' days, an operator's overrides, and an assumption where both end."""

import warnings
from datetime import date, datetime
from typing import Final

from spark_market.sessions.calendar import Calendar
from spark_market.sessions.overrides import NONE, Overrides, Session
from spark_market.sessions.phases import FULL, ISTANBUL, Hours, TradingDay, trading_day

_FIRST: Final = date(2017, 1, 1)
"""The first year without a lunch break."""
_LAST: Final = date(2049, 12, 31)
"""The library lists religious holidays no further, and would take later ones for trading days without a word."""
_SATURDAY: Final = 5


def bist(overrides: Overrides = NONE) -> Calendar:
    """Return the equity market's calendar. It takes a tenth of a second, and half a second more the first time.

    Beyond what the library knows every weekday is assumed to trade from 10:00 to 18:00.
    """
    sessions, first, last = _library()

    def session_of(day: date) -> TradingDay | None:
        if day in overrides.days:
            session = overrides.days[day]
        elif overrides.every_day is not None:
            session = overrides.every_day
        elif first <= day <= last:
            session = sessions.get(day)
        else:
            session = Session(FULL) if day.weekday() < _SATURDAY else None
        if session is None:
            return None
        return trading_day(day, session.hours, half=session.half, halts=overrides.halts.get(day, ()))

    return Calendar(session_of, first, last)


def _library() -> tuple[dict[date, Session], date, date]:
    """Return the library's sessions, and the first and last day that it can speak of."""
    # Imported here: it brings pandas, 35 MB of memory and half a second, which who watches another venue does without.
    from exchange_calendars.exchange_calendar_xist import XISTExchangeCalendar

    bounds = (XISTExchangeCalendar.bound_min(), XISTExchangeCalendar.bound_max())
    first = _FIRST if bounds[0] is None else max(_FIRST, bounds[0].date())
    last = _LAST if bounds[1] is None else min(_LAST, bounds[1].date())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it speaks to pandas as before pandas 3.1
        xist = XISTExchangeCalendar(start=first.isoformat(), end=last.isoformat())
        hours = zip(xist.opens, xist.closes, strict=True)
        return dict(_session(opens.to_pydatetime(), closes.to_pydatetime()) for opens, closes in hours), first, last


def _session(opens: datetime, closes: datetime) -> tuple[date, Session]:
    """Return a day and its session; one that closes before 18:00 is a half-day."""
    opens, closes = opens.astimezone(ISTANBUL), closes.astimezone(ISTANBUL)
    hours = Hours(opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute)
    return opens.date(), Session(hours, half=hours.closes < FULL.closes)
