"""Weeks of trading with incidents injected at random moments, for the tests and for the long run."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from incidents.injected import CRYPTO, PUSHED_SHARES, SHARES
from incidents.trial import Account, crypto, pushed_shares, shares
from spark_market.sessions import Calendar, always_open, bist
from spark_market.sessions.phases import ISTANBUL

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000


def ms(day: date, hour: int = 0) -> int:
    return round(datetime(day.year, day.month, day.day, hour, tzinfo=ISTANBUL).timestamp() * 1000)


def crypto_days(first: date, days: int, seed: int, *, pairs: int = 12, step_s: float = 8.0) -> Account:
    """A day and a half to learn in, then an incident every two hours or so."""
    rand = random.Random(seed)
    trial = crypto(always_open(), ms(first), pairs, seed)
    trial.quiet_until(trial.start_ms + _DAY_MS * 3 // 2, step_s)
    until = trial.start_ms + days * _DAY_MS
    while trial.now_ms < until:
        trial.quiet_until(min(until, trial.now_ms + int(rand.expovariate(1 / (2 * _HOUR_MS)))), step_s)
        rand.choice(CRYPTO)(trial, rand)
    return trial.account


def quiet_days(days: Sequence[date], seed: int) -> Account:
    """Days one after the other at which nothing goes wrong."""
    return share_days(days, seed, symbols=12, incidents=False)


def share_days(
    days: Sequence[date], seed: int, *, symbols: int = 20, incidents: bool = True, pushed: bool = False
) -> Account:
    """Days one after the other, however far apart, with incidents at random moments of the last two thirds.

    The source is asked, or sends by itself when ``pushed``.
    """
    rand = random.Random(seed)
    calendar = bist()
    trial = (pushed_shares if pushed else shares)(calendar, ms(days[0], 6), symbols, seed)
    for number, day in enumerate(days):
        if ms(day, 6) > trial.now_ms + _DAY_MS:
            trial.skip_to(ms(day, 6))
        session = calendar.day(day)
        if incidents and session is not None and number > len(days) / 3 and rand.random() < 0.8:
            first, last = session.opens_at + trial.venue_delay_ms + 30 * 60_000, session.closes_at - 45 * 60_000
            trial.quiet_until(rand.randrange(first, last), 10.0)
            rand.choice(PUSHED_SHARES if pushed else SHARES)(trial, rand)
        trial.quiet_until(ms(day + timedelta(days=1), 6), 10.0)
    return trial.account


def around_holidays(calendar: Calendar, first: date, last: date, *, half_only: bool = False) -> list[date]:
    """Return each half-day and, unless ``half_only``, weekday that does not trade; and two days on either side."""
    found: set[date] = set()
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        session = calendar.day(day)
        off = session is None and day.weekday() < 5 and not half_only
        if off or (session is not None and session.half):
            found |= {day + timedelta(days=near) for near in range(-2, 3)}
    return sorted(found)
