"""A market's hours as its source shows them: what is late, what is open, and what is only the night."""

from datetime import datetime

import pytest

from spark_market.sessions import bist, read_overrides
from spark_monitor.edge import Edge
from spark_monitor.hours import ALWAYS, Hours, Moment
from spark_service.clock import MarketClock
from support.printed import printed_logs

CALENDAR = bist()
ROUND_THE_CLOCK = bist(read_overrides("* open 00:00-24:00"))
QUARTER = 15 * 60_000
HOUR_S = 3600.0


def ms(text: str) -> int:
    """Return ms of a time of Istanbul's, such as 2026-11-20T10:15."""
    return int(datetime.fromisoformat(text + "+03:00").timestamp() * 1000)


def moment(text: str, delay_ms: int = QUARTER) -> Moment:
    return Moment(CALENDAR, ms(text), delay_ms)


@pytest.mark.parametrize(
    ("at", "is_open", "shows_closed"),
    [
        ("2026-11-20T09:59:59", False, True),
        ("2026-11-20T10:00:00", True, True),
        ("2026-11-20T10:14:59", True, True),
        ("2026-11-20T10:15:00", True, False),
        ("2026-11-20T18:09:59", True, False),
        ("2026-11-20T18:10:00", False, False),
        ("2026-11-20T18:24:59", False, False),
        ("2026-11-20T18:25:00", False, True),
        ("2026-11-21T12:00:00", False, True),
    ],
)
def test_a_late_source_shows_the_market_late(at: str, is_open: bool, shows_closed: bool) -> None:
    assert (moment(at).open, moment(at).shows_closed) == (is_open, shows_closed)


@pytest.mark.parametrize(
    ("at", "silence_s", "overdue_s"),
    [
        ("2026-11-20T12:00", 45.0, 45.0),
        ("2026-11-20T10:17", 16 * HOUR_S, 0.0),  # first prices may be late
        ("2026-11-20T10:18:20", 16 * HOUR_S, 20.0),
        ("2026-11-20T10:18:20", 10.0, 10.0),
        ("2026-11-20T10:18:20", 100.0, 20.0),
        ("2026-11-20T18:15:30", 60.0, 30.0),  # it had half a minute more to show
        ("2026-11-20T18:20", 600.0, 300.0),
        ("2026-11-20T18:20", 60.0, 0.0),
        ("2026-11-20T18:20", 20 * HOUR_S, 8 * HOUR_S - 180),
        ("2026-11-21T12:00", 20 * HOUR_S, 0.0),
    ],
)
def test_only_what_could_have_brought_data_is_overdue(at: str, silence_s: float, overdue_s: float) -> None:
    assert moment(at).overdue_s(silence_s) == pytest.approx(overdue_s)


@pytest.mark.parametrize("silence_s", [0.0, 0.7, 30.0, 30.001, 86_400.5])
def test_a_market_that_never_pauses_is_overdue_for_all_of_its_silence(silence_s: float) -> None:
    assert Moment(ALWAYS.calendar, ms("2026-11-20T00:00:10")).overdue_s(silence_s) == silence_s
    assert Moment(ROUND_THE_CLOCK, ms("2026-11-20T00:00:10")).overdue_s(silence_s) == silence_s
    assert (ALWAYS.open, ALWAYS.shows_closed) == (True, False)


def test_a_silence_beyond_all_reason_does_not_take_for_ever() -> None:
    assert Moment(ALWAYS.calendar, ms("2026-11-20T12:00")).overdue_s(1e15) == 366 * 86_400


def test_a_faster_clock_makes_its_hours_shorter() -> None:
    """Three minutes of a market at sixty times the pace are three seconds of silence."""
    fast = Moment(CALENDAR, ms("2026-11-20T10:21"), QUARTER, speed=60.0)

    assert fast.overdue_s(2.0) == pytest.approx(2.0)
    assert fast.overdue_s(600.0) == pytest.approx(3.0)


def test_the_clock_is_looked_at_for_each_moment() -> None:
    hours = Hours(CALENDAR, MarketClock(ms("2026-11-20T12:00"), 0, speed=2.0, wall_ms=lambda: 500))

    assert hours.look(QUARTER) == Moment(CALENDAR, ms("2026-11-20T12:00:01"), QUARTER, 2.0)


def test_the_next_opening_is_told_in_words() -> None:
    assert moment("2026-11-20T19:00").opening == "2026-11-23 10:15 +03:00 (with the source's delay)"
    assert moment("2026-11-20T19:00", delay_ms=0).opening == "2026-11-23 10:00 +03:00"
    assert Moment(CALENDAR, 10**18).opening == ""


@pytest.mark.parametrize(
    ("at", "warned"), [("2049-09-30T12:00", False), ("2049-11-01T12:00", True), ("2051-01-01T12:00", True)]
)
def test_the_calendars_end_is_warned_of_before_it_comes_once_a_day(at: str, warned: bool) -> None:
    edge = Edge("bist", CALENDAR)
    with printed_logs() as printed:
        for hour in range(3):
            edge.look(ms(at) + hour * 3_600_000)
        edge.look(ms(at) + 86_400_000)

    assert len(printed.warnings()) == (2 if warned else 0)


def test_a_calendar_without_an_end_warns_of_nothing() -> None:
    with printed_logs() as printed:
        Edge("btcturk", ALWAYS.calendar).look(ms("2026-11-20T12:00"))

    assert printed.warnings() == []
