"""Borsa İstanbul's calendar: its published holidays and half-days, its phases, and the edge of what is known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from spark_market.sessions import Calendar, Phase, TradingDay, bist, read_overrides

CLOSURES = {
    2025: "01-01 03-31 04-01 04-23 05-01 05-19 06-06 06-09 07-15 10-29",
    2026: "01-01 03-20 04-23 05-01 05-19 05-27 05-28 05-29 07-15 10-29",
    2027: "01-01 03-09 03-10 03-11 04-23 05-17 05-18 05-19 07-15 08-30 10-29",
}
HALF_DAYS = {2024: "04-09 10-28", 2025: "06-05 10-28", 2026: "03-19 05-26 10-28", 2027: "03-08 10-28"}
FRIDAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return bist()


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(n) for n in range((date(year + 1, 1, 1) - first).days)]


def utc(text: str) -> int:
    """Return ms of a time of the UTC zone, such as 2026-11-20T07:00:00."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def in_utc(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def told(day: TradingDay | None) -> list[tuple[Phase, str, str]]:
    """Return a day's spans, in hours of the UTC zone."""
    assert day is not None
    return [(span.phase, in_utc(span.begins)[11:16], in_utc(span.ends)[11:16]) for span in day.spans]


@pytest.mark.parametrize("year", CLOSURES)
def test_the_weekday_closures_are_the_published_ones(calendar: Calendar, year: int) -> None:
    closed = [day for day in days_of(year) if day.weekday() < 5 and calendar.day(day) is None]

    assert " ".join(f"{day:%m-%d}" for day in closed) == CLOSURES[year]
    assert [day for day in days_of(year) if day.weekday() >= 5 and calendar.day(day) is not None] == []


@pytest.mark.parametrize("year", HALF_DAYS)
def test_the_half_days_are_the_published_ones(calendar: Calendar, year: int) -> None:
    sessions = [day for day in map(calendar.day, days_of(year)) if day is not None]

    assert " ".join(f"{day.date:%m-%d}" for day in sessions if day.half) == HALF_DAYS[year]


def test_a_full_day_has_its_phases(calendar: Calendar) -> None:
    """Istanbul is three hours ahead of UTC, in summer and in winter."""
    full = [(Phase.OPENING, "06:40", "07:00"), (Phase.CONTINUOUS, "07:00", "15:00"), (Phase.CLOSING, "15:00", "15:10")]

    assert told(calendar.day(FRIDAY)) == full
    assert told(calendar.day(date(2026, 7, 17))) == full


def test_a_half_day_ends_at_noon(calendar: Calendar) -> None:
    day = calendar.day(date(2026, 10, 28))

    assert day is not None and day.half
    assert told(day) == [
        (Phase.OPENING, "06:40", "07:00"),
        (Phase.CONTINUOUS, "07:00", "09:30"),
        (Phase.CLOSING, "09:30", "09:40"),
    ]
    assert [in_utc(ms)[11:] for ms in (day.opens_at, day.closes_at, day.ends_at)] == [
        "07:00:00",
        "09:30:00",
        "09:40:00",
    ]


@pytest.mark.parametrize(
    ("time", "phase"),
    [
        ("06:39:59.999", Phase.CLOSED),
        ("06:40:00", Phase.OPENING),
        ("06:59:59.999", Phase.OPENING),
        ("07:00:00", Phase.CONTINUOUS),
        ("14:59:59.999", Phase.CONTINUOUS),
        ("15:00:00", Phase.CLOSING),
        ("15:09:59.999", Phase.CLOSING),
        ("15:10:00", Phase.CLOSED),
        ("20:59:59.999", Phase.CLOSED),  # Istanbul's midnight follows
        ("21:00:00", Phase.CLOSED),
    ],
)
def test_a_phase_holds_until_before_its_end(calendar: Calendar, time: str, phase: Phase) -> None:
    assert calendar.at(utc(f"2026-11-20T{time}")) is phase


@pytest.mark.parametrize(
    ("at", "session", "last"),
    [
        ("2026-11-20T06:39:59", "11-20", "11-19"),
        ("2026-11-20T06:59:59", "11-20", "11-19"),
        ("2026-11-20T07:00:00", "11-20", "11-20"),
        ("2026-11-20T15:09:59", "11-20", "11-20"),
        ("2026-11-20T15:10:00", "11-23", "11-20"),  # a Friday evening
        ("2026-11-22T12:00:00", "11-23", "11-20"),
        ("2026-11-22T22:00:00", "11-23", "11-20"),  # Istanbul's Monday has begun
        ("2026-05-26T12:00:00", "06-01", "05-26"),  # a half-day, a feast of three days and a weekend
    ],
)
def test_a_time_has_a_session_that_runs_or_comes_and_a_last_one(
    calendar: Calendar, at: str, session: str, last: str
) -> None:
    found, before = calendar.session(utc(at)), calendar.last(utc(at))

    assert found is not None and before is not None
    assert (f"{found.date:%m-%d}", f"{before.date:%m-%d}") == (session, last)


def test_only_continuous_trading_counts(calendar: Calendar) -> None:
    hour = 3_600_000

    assert calendar.trading_ms(utc("2026-11-20T06:00:00"), utc("2026-11-20T16:00:00")) == 8 * hour
    assert calendar.trading_ms(utc("2026-11-20T14:59:00"), utc("2026-11-23T07:01:00")) == 120_000
    assert calendar.trading_ms(utc("2026-10-27T21:00:00"), utc("2026-10-29T21:00:00")) == 2.5 * hour
    assert calendar.trading_ms(utc("2026-11-20T10:00:00"), utc("2026-11-20T09:00:00")) == 0


def test_the_edge_of_the_calendar_is_told_and_weekdays_are_assumed_beyond(calendar: Calendar) -> None:
    """A service that nobody has updated must go on, and say that it is guessing."""
    assert calendar.known_until == date(2049, 12, 31)
    assert in_utc(calendar.known_until_ms) == "2049-12-31 21:00:00"
    assert calendar.knows(calendar.known_until_ms - 1)
    assert not calendar.knows(calendar.known_until_ms)
    assert calendar.knows(utc("2017-01-01T00:00:00"))
    assert not calendar.knows(utc("2016-12-31T12:00:00"))

    assert told(calendar.day(date(2050, 1, 3)))[1] == (Phase.CONTINUOUS, "07:00", "15:00")  # a Monday
    assert calendar.day(date(2050, 1, 1)) is None  # a Saturday
    assert calendar.at(utc("2050-10-28T12:00:00")) is Phase.CONTINUOUS  # a half-day that it knows nothing of
    over_the_edge = calendar.session(utc("2049-12-31T16:00:00"))
    assert over_the_edge is not None and over_the_edge.date == date(2050, 1, 3)


@pytest.mark.parametrize("ms", [-(10**18), -62_135_596_800_000, 253_402_300_800_000, 10**18])
def test_a_time_that_no_date_can_hold_finds_it_closed(calendar: Calendar, ms: int) -> None:
    """A clock gone mad must not take its reader with it."""
    assert calendar.at(ms) is Phase.CLOSED
    assert not calendar.knows(ms)
    assert calendar.session(10**18) is None
    assert calendar.last(-(10**18)) is None


def test_an_override_beats_calendar_and_assumption() -> None:
    calendar = bist(read_overrides("2026-11-20 closed\n2026-11-21 open\n2026-10-29 half\n2050-01-03 closed"))

    assert calendar.day(FRIDAY) is None
    assert told(calendar.day(date(2026, 11, 21)))[1] == (Phase.CONTINUOUS, "07:00", "15:00")
    holiday = calendar.day(date(2026, 10, 29))
    assert holiday is not None and holiday.half
    assert calendar.day(date(2050, 1, 3)) is None
