"""Borsa İstanbul over days on a virtual clock: never an alarm for a closed market, always one for a frozen source."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from integration.monitor.watched import TARGET_S, Source, Watched, moments
from spark_market.messages import Status
from spark_market.sessions import Calendar, TradingDay, bist, read_overrides
from spark_monitor.hours import GRACE_MS

MINUTE = 60_000
FRIDAY = date(2026, 11, 20)
PACES = [(0, 10_000), (15 * MINUTE, 15_000), (15 * MINUTE, 60_000), (20 * MINUTE, 300_000)]
"""Delay and poll interval, ms."""


def days_from(calendar: Calendar, first: date, number: int) -> Iterator[TradingDay]:
    for n in range(number):
        day = calendar.day(first + timedelta(n))
        if day is not None:
            yield day


def session(calendar: Calendar, day: date = FRIDAY) -> TradingDay:
    found = calendar.day(day)
    assert found is not None
    return found


def watch(
    calendar: Calendar,
    delay: int = 15 * MINUTE,
    interval: int = 15_000,
    first_prints: int = 150_000,
    day: date = FRIDAY,
) -> tuple[Watched, Source]:
    """Return a source on a day before its opening, well so far, and its judge."""
    source = Source(calendar, delay, interval, first_prints)
    start = session(calendar, day).opens_at - 60 * MINUTE
    source.moved_at = start - 14 * 3_600_000
    watched = Watched(calendar, source, start)
    watched.look(start)
    return watched, source


def check_whole_days(calendar: Calendar, first: date, number: int, delay: int, interval: int) -> None:
    days = list(days_from(calendar, first, number))
    watched, _ = watch(calendar, delay, interval, day=days[0].date)
    seen = set()
    for now in moments(iter(days), delay):
        judgement = watched.look(now)
        day = calendar.session(now - delay)
        assert day is not None
        closed = now < day.opens_at + delay
        assert judgement.status is (Status.CLOSED if closed else Status.UP), (now, day, judgement.reason)
        assert watched.staleness_s is not None and watched.staleness_s <= max(TARGET_S, 3 * interval / 1000)
        assert not closed or watched.staleness_s == 0
        assert judgement.standing.mute == ()
        seen.add(judgement.status)
    assert seen == {Status.CLOSED, Status.UP}


def test_a_year_without_a_false_alarm() -> None:
    """Every opening, close, half-day, feast and weekend of 2026, with first prices that come 150 s late."""
    check_whole_days(bist(), date(2026, 1, 1), 365, 15 * MINUTE, 15_000)


@pytest.mark.parametrize(("delay", "interval"), PACES)
def test_two_feasts_without_a_false_alarm_at_any_pace(delay: int, interval: int) -> None:
    check_whole_days(bist(), date(2026, 3, 16), 14, delay, interval)
    check_whole_days(bist(), date(2026, 5, 18), 18, delay, interval)


def test_halts_and_other_hours_raise_no_alarm() -> None:
    """Nobody trades during a halt, and an extra session on a Saturday is a session like any other."""
    calendar = bist(
        read_overrides(
            "2026-11-18 halt 11:20-11:50\n2026-11-18 halt 17:30-18:10\n2026-11-19 open 10:30-16:00\n"
            "2026-11-20 closed\n2026-11-21 open\n2026-11-23 half\n2026-11-24 halt 09:50-10:30"
        )
    )
    for delay, interval in PACES:
        check_whole_days(calendar, date(2026, 11, 16), 14, delay, interval)


def test_years_after_the_calendars_end_go_on_without_an_alarm() -> None:
    check_whole_days(bist(), date(2049, 12, 27), 20, 15 * MINUTE, 15_000)


@pytest.mark.parametrize(("delay", "interval"), PACES)
@pytest.mark.parametrize("minutes", [5, 60, 240, 440])
def test_a_source_that_freezes_is_stale_within_the_target(delay: int, interval: int, minutes: int) -> None:
    """A back end that answers, always the same: so many minutes after it had shown the day's opening."""
    calendar = bist()
    watched, source = watch(calendar, delay, interval)
    frozen = session(calendar).opens_at + delay + minutes * MINUTE
    while watched.now < frozen:
        assert watched.look(watched.now + 1000).status in {Status.CLOSED, Status.UP}
    source.frozen = True
    assert source.moved_at is not None
    target_ms = max(int(TARGET_S * 1000), 3 * interval)

    found = watched.until(Status.STALE, not_after=source.moved_at + target_ms + 2000)

    assert target_ms < found - source.moved_at <= target_ms + 1000
    source.frozen = False
    watched.until(Status.UP, not_after=watched.now + interval + 1000)


def test_a_source_that_froze_overnight_is_stale_a_little_after_the_opening_and_not_at_it() -> None:
    """The night's silence is nobody's fault, and the first prices may be late: then it counts."""
    calendar = bist()
    watched, source = watch(calendar)
    source.frozen = True
    opening = session(calendar).opens_at + source.delay_ms
    target_ms = max(int(TARGET_S * 1000), 3 * source.interval_ms)

    while watched.now < opening + GRACE_MS + target_ms:
        judgement = watched.look(watched.now + 1000)
        assert judgement.status is (Status.CLOSED if watched.now < opening else Status.UP)

    watched.until(Status.STALE, not_after=opening + GRACE_MS + target_ms + 2000)


def test_a_source_frozen_to_the_close_is_stale_until_it_is_closed_and_not_at_night() -> None:
    calendar = bist()
    day = session(calendar)
    watched, source = watch(calendar)
    while watched.now < day.closes_at:
        watched.look(watched.now + 10_000)
    source.frozen = True
    watched.until(Status.STALE, not_after=day.closes_at + 2 * MINUTE)

    closed = watched.until(Status.CLOSED, not_after=day.ends_at + source.delay_ms + 1000)

    assert closed == day.ends_at + source.delay_ms
    assert watched.look(closed + 60 * MINUTE).reason == (
        "closed until 2026-11-23 10:15 +03:00 (with the source's delay)"
    )
    assert watched.staleness_s == 0


def test_a_source_that_freezes_just_before_the_close_raises_no_alarm() -> None:
    """Nothing tells it from one that had no more trades; the next opening will."""
    calendar = bist()
    day = session(calendar)
    watched, source = watch(calendar)
    while watched.now < day.closes_at + source.delay_ms - 10_000:
        watched.look(watched.now + 10_000)
    source.frozen = True

    while watched.now < day.ends_at + source.delay_ms:
        assert watched.look(watched.now + 1000).status in {Status.UP, Status.CLOSED}


@pytest.mark.parametrize(("delay", "interval"), PACES)
def test_a_symbol_that_vanishes_is_mute_within_the_target_by_day_and_not_at_night(delay: int, interval: int) -> None:
    calendar = bist()
    day = session(calendar)
    watched, source = watch(calendar, delay, interval)
    while watched.now < day.opens_at + delay + 30 * MINUTE:
        watched.look(watched.now + 10_000)
    source.vanished = {"GARAN"}
    target_ms = max(int(TARGET_S * 1000), 3 * interval)

    watched.until(Status.DEGRADED, not_after=source.heard["ticker:GARAN"] + target_ms + 1000)

    judgement = watched.look(watched.now + 1000)
    assert [mute.subscription for mute in judgement.standing.mute] == ["ticker:GARAN"]
    assert judgement.reason.startswith("mute: ticker:GARAN since 2026-11-20")
    night = watched.look(day.ends_at + delay)
    assert (night.status, night.standing.mute) == (Status.CLOSED, ())
    monday = session(calendar, date(2026, 11, 23)).opens_at + delay
    assert watched.look(monday + MINUTE).status is Status.UP
    watched.until(Status.DEGRADED, not_after=monday + GRACE_MS + target_ms + 2000)


@pytest.mark.parametrize("connected", [True, False])
def test_an_ingest_without_connection_is_down_at_night_too(connected: bool) -> None:
    watched, _ = watch(bist())
    watched.connected = connected

    assert watched.look(watched.now + 1000).status is (Status.CLOSED if connected else Status.DOWN)


def test_a_monitor_that_starts_by_night_or_day_raises_no_alarm() -> None:
    calendar = bist()
    day = session(calendar)
    watched, source = watch(calendar)
    for at in (day.opens_at - 10 * MINUTE, day.opens_at + source.delay_ms + MINUTE, day.closes_at):
        while watched.now < at:
            watched.look(watched.now + 10_000)
        watched.restart()
        assert watched.look(at + 1000).status in {Status.CLOSED, Status.UP}


def test_a_source_that_never_spoke_is_down_at_first_and_stale_when_it_should_have_spoken() -> None:
    calendar = bist()
    watched, source = watch(calendar)
    source.moved_at = None
    source.frozen = True
    watched.restart()
    opening = session(calendar).opens_at + source.delay_ms

    assert watched.look(watched.now + 1000).status is Status.CLOSED
    assert watched.staleness_s is None
    watched.until(Status.DOWN, not_after=opening + 1000)
    assert watched.until(Status.STALE, not_after=opening + 5 * MINUTE) > opening + GRACE_MS + 45_000
