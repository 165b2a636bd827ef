"""Alarms: one for each cause, with an id that stays, told once, and over only when the cause has been gone a while."""

from typing import Any

import pytest

from spark_market.messages import Alarm, Status
from spark_market.sessions import always_open, bist
from spark_monitor.alarms import Alarms, Cause
from spark_monitor.causes import KINDS, calendar_cause, causes, clock_cause, kind_of
from spark_monitor.judgement import Judgement, VenueState
from spark_monitor.standing import NOBODY, Mute, Standing

NOON = 1_766_404_800_000
STALE = Cause("stale", "critical", "nothing is said", NOON)


def settle(alarms: Alarms, now: float, *causes: Cause) -> list[tuple[str, str]]:
    news = alarms.news(causes, now)
    alarms.told(news, now)
    return [(alarm.state, alarm.id) for alarm in news]


def test_an_alarm_is_raised_once_and_cleared_when_its_cause_has_been_gone_for_a_while() -> None:
    alarms = Alarms("btcturk")

    assert settle(alarms, 0.0, STALE) == [("raised", "btcturk:stale")]
    assert settle(alarms, 1.0, STALE) == []
    assert settle(alarms, 10.0) == []
    assert settle(alarms, 12.0, STALE) == []
    assert settle(alarms, 27.0) == []
    assert settle(alarms, 27.5) == [("cleared", "btcturk:stale")]
    assert alarms.open == []


def test_what_changes_is_told_and_not_each_second() -> None:
    alarms = Alarms("btcturk")
    settle(alarms, 0.0, STALE)

    assert settle(alarms, 5.0, STALE._replace(reason="worse", since=NOON + 5_000)) == []
    assert settle(alarms, 10.0, STALE._replace(reason="worse", since=NOON + 9_000)) == [("changed", "btcturk:stale")]
    assert [(alarm.reason, alarm.since) for alarm in alarms.open] == [("worse", NOON)]
    assert settle(alarms, 11.0, STALE._replace(severity="warning")) == [("changed", "btcturk:stale")]


def test_what_could_not_be_told_is_told_again() -> None:
    alarms = Alarms("btcturk")

    assert alarms.news([STALE], 0.0) == alarms.news([STALE], 1.0) != []


def test_an_earlier_monitors_alarm_is_open_until_it_has_been_looked_for() -> None:
    alarms = Alarms("btcturk")
    earlier = Alarm(venue="btcturk", id="btcturk:stale", state="raised", severity="critical",
                    reason=STALE.reason, since=NOON - 1)  # fmt: skip
    alarms.recall([earlier], 0.0)

    assert settle(alarms, 1.0, STALE) == []
    assert alarms.open == [earlier]
    alarms = Alarms("btcturk")
    alarms.recall([earlier], 0.0)
    assert settle(alarms, 59.0) == []
    assert settle(alarms, 61.0) == [("cleared", "btcturk:stale")]


def test_who_has_just_begun_to_look_raises_nothing_and_clears_what_is_over() -> None:
    alarms = Alarms("btcturk")
    settle(alarms, 0.0, STALE)

    assert alarms.news([Cause("down", "critical", "x", NOON)], 1.0, raising=False) == []
    [over] = alarms.news([Cause("down", "critical", "x", NOON)], 16.0, raising=False)
    assert (over.id, over.state) == ("btcturk:stale", "cleared")


def test_open_alarms_are_counted_by_severity() -> None:
    alarms = Alarms("bist")
    settle(alarms, 0.0, STALE, Cause("clock", "warning", "x", NOON), Cause("polled", "warning", "y", NOON))

    assert alarms.counts() == {"critical": 1, "warning": 2}


def of(status: Status, standing: Standing = NOBODY, overdue: tuple[str, ...] = (), **state: Any) -> list[Cause]:
    return list(causes(Judgement(status, "why", standing, overdue), VenueState(watched_s=60, **state), NOON))


@pytest.mark.parametrize("status", [Status.UP, Status.MOCK, Status.CLOSED])
def test_what_is_well_or_closed_is_no_cause(status: Status) -> None:
    assert of(status) == []


@pytest.mark.parametrize(("status", "kind"), [(Status.DOWN, "down"), (Status.STALE, "stale")])
def test_a_venue_that_is_gone_has_one_cause_and_not_one_for_each_instrument(status: Status, kind: str) -> None:
    mute = tuple(Mute(f"ticker:S{n}", NOON, "x") for n in range(9))

    assert of(status, Standing(mute=mute)) == [Cause(kind, "critical", "why", NOON)]


def test_a_few_that_are_mute_are_alarms_of_their_own_and_more_are_one() -> None:
    mute = tuple(Mute(f"trade:S{n}", NOON - n, f"why {n}") for n in range(6))

    assert [cause.of for cause in of(Status.DEGRADED, Standing(mute=mute[:5]))] == [
        f"mute:trade:S{n}" for n in range(5)
    ]
    [one] = of(Status.DEGRADED, Standing(mute=mute))
    assert (one.of, one.severity, one.since) == ("mute", "critical", NOON - 5)
    assert one.reason == "6 are mute: trade:S0, trade:S1, trade:S2, trade:S3, trade:S4, trade:S5"


def test_everything_else_that_degrades_is_a_cause() -> None:
    standing = Standing(channels=(Mute("book", NOON, "all books"),))
    found = of(Status.DEGRADED, standing, ("trade:X",), polled=True, storm=True)

    assert [cause.of for cause in found] == ["polled", "reconnects", "unproven", "mute:book"]
    assert {cause.of.partition(":")[0] for cause in found} < set(KINDS)


def test_clocks_a_second_apart_are_a_cause() -> None:
    assert list(clock_cause(None, NOON)) == list(clock_cause(900.0, NOON)) == []
    [cause] = clock_cause(-3_600_000.0, NOON)
    assert cause.reason == "the venue's clock is more than a second behind ours"


def test_the_edge_of_the_calendar_is_a_cause_months_before() -> None:
    calendar = bist()
    edge = calendar.known_until_ms

    assert list(calendar_cause(calendar, edge - 91 * 86_400_000, NOON)) == []
    assert [cause.severity for cause in calendar_cause(calendar, edge - 89 * 86_400_000, NOON)] == ["warning"]
    assert [cause.severity for cause in calendar_cause(calendar, edge + 1, NOON)] == ["critical"]
    assert list(calendar_cause(always_open(), edge + 1, NOON)) == []


def test_metrics_know_an_alarm_by_its_kind() -> None:
    alarm = Alarm(venue="btcturk", id="btcturk:mute:trade:X", state="raised", severity="warning", reason="", since=1)
    assert kind_of(alarm) == "mute"
