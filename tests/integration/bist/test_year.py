"""A year of Borsa İstanbul's sessions in one process on virtual time: simulator, the ingest's feed, the monitor's word.

Nothing is asked for when nothing can have changed, nobody is alarmed by a market that opens, closes or rests, and
whatever goes wrong is found. One batch every five and a half minutes, so that it takes no more than half a minute;
`make soak-bist` does the same at the pace of a real ingest.
"""

from datetime import date
from random import Random

import pytest

from spark_ingest_bist.schedule import Schedule, Window
from spark_market.messages import Status
from spark_monitor.hours import Moment
from support.bist_days import at, trading_days
from support.bist_outages import HARMFUL, MIDDAY_ONLY, ROW_ONLY, Outage, outages
from support.bist_rig import Pacing
from support.bist_year import HOUR_MS, Report, Year

SEED = 20260101
SYMBOLS = ("THYAO", "GARAN", "ANTGA", "XU100")
"""The third trades every twelve minutes or so."""
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def told(report: Report) -> Report:
    """Print what happened, for whoever runs this with -s or looks at a failure."""
    print(*report.lines(), sep="\n")
    assert report.problems == []
    return report


def seldom(seed: int) -> Pacing:
    return Pacing(every_s=30, most_per_hour=12, batch=20, random=Random(seed))


def as_often_as_yahoo_is_asked(seed: int) -> Pacing:
    return Pacing(every_s=15, most_per_hour=1000, batch=2, random=Random(seed))


@pytest.mark.timeout(240)
def test_a_year() -> None:
    """Every open, close, half-day and holiday of 2026; an outage on nearly every second day; 20 restarts."""
    random = Random(SEED)
    days = list(trading_days(FIRST, LAST))
    picked = sorted(random.sample(days[1:], 130))
    wrong = outages(random, picked[:110])
    restarts = [random.randrange(day.asked_from, day.asked_from + 24 * HOUR_MS) for day in picked[110:]]

    report = told(Year(FIRST, LAST, SYMBOLS, seldom(SEED), wrong, restarts).run())

    assert set(report.found_after_s) == {*HARMFUL, *MIDDAY_ONLY, *ROW_ONLY}
    assert len(days) == 251
    assert report.looks[Status.CLOSED] > 3000 and report.looks[Status.UP] > 25_000
    assert report.ticks > 50_000


def test_days_around_a_half_day_and_a_holiday_as_often_as_yahoo_is_asked() -> None:
    """The half-day before the Republic's day, the day itself, and the one after it; two batches every 15 s."""
    first, last = date(2026, 10, 28), date(2026, 10, 30)

    report = told(Year(first, last, SYMBOLS, as_often_as_yahoo_is_asked(SEED), []).run())

    assert set(report.looks) == {Status.UP, Status.CLOSED}
    assert 480 <= report.busiest_hour <= 500


def test_a_storm_of_429_stays_within_the_budget_and_ends() -> None:
    """Without Retry-After, and with one: asked less the longer it lasts, and as often as before when it is over."""
    day = date(2026, 4, 27)
    [session] = trading_days(day, day)
    limited = HARMFUL["429"](3600)
    storm = Outage("429", at(day, 12), at(day, 13), limited, harmless=False)

    year = Year(day, day, SYMBOLS, as_often_as_yahoo_is_asked(SEED), [storm])
    told(year.run())

    assert len(year.asked(storm.begins, storm.ends)) <= 12
    assert len(year.asked(at(day, 14), at(day, 15))) >= 470
    assert len(year.asked(session.shows_until, at(day, 23))) == 2


def test_a_request_at_night_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The year is worth as much as what it can see."""
    monkeypatch.setattr(Schedule, "window", lambda *_: Window.LIVE)
    day = date(2026, 4, 27)

    report = Year(day, day, SYMBOLS, seldom(SEED), []).run()

    assert any("a request that should not have been" in problem for problem in report.problems)


def test_a_frozen_source_that_nobody_notices_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Moment, "overdue_s", lambda *_: 0.0)
    day = date(2026, 4, 27)
    frozen = Outage("frozen", at(day, 12), at(day, 13), HARMFUL["frozen"](3600), harmless=False)

    report = Year(day, day, SYMBOLS, seldom(SEED), [frozen]).run()

    assert [problem for problem in report.problems if "is not found" in problem]


def test_a_false_alarm_at_the_opening_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the source's delay in mind, a quarter of an hour of silence after the opening looks like an outage."""
    monkeypatch.setattr(Moment, "_shown_ms", property(lambda moment: moment.now_ms))
    day = date(2026, 4, 27)

    report = Year(day, day, SYMBOLS, as_often_as_yahoo_is_asked(SEED), []).run()

    assert any("not CLOSED" in problem for problem in report.problems)
