"""When the source may be asked: by the exchange's days, half-days, nights and holidays, shifted by its delay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.schedule import Schedule, Window
from unit.bist.days import DELAY, MINUTE, at, calendar

MONDAY_OPENS, MONDAY_ENDS = at("2026-04-27 10:00"), at("2026-04-27 18:10")


def asked_at(when: str, schedule: Schedule | None = None) -> Schedule:
    """Return a schedule whose last whole round began then."""
    schedule = schedule or Schedule(calendar(), DELAY)
    schedule.completed(at(when))
    return schedule


@pytest.mark.parametrize(
    ("when", "window"),
    [
        ("2026-04-27 09:45", Window.SHUT),  # orders are collected: a source shows nothing of it
        ("2026-04-27 09:59:59", Window.SHUT),
        ("2026-04-27 10:00", Window.LIVE),
        ("2026-04-27 18:25", Window.LIVE),  # 18:10 and the delay
        ("2026-04-25 12:00", Window.SHUT),  # a Saturday
        ("2026-04-23 12:00", Window.SHUT),  # a holiday
        ("2026-05-26 12:54", Window.LIVE),  # a half-day
    ],
)
def test_the_source_is_asked_while_its_data_can_change(when: str, window: Window) -> None:
    schedule = asked_at("2026-04-22 18:27") if when < "2026-04-25" else asked_at("2026-04-24 18:27")
    if when > "2026-05":
        asked_at("2026-05-25 18:27", schedule)

    assert schedule.window(at(when)) is window


def test_one_round_is_owed_at_a_start_whatever_the_hour() -> None:
    schedule = Schedule(calendar(), DELAY)
    night = at("2026-04-26 03:00")

    assert schedule.window(night) is Window.OWED
    schedule.completed(night)
    assert schedule.window(night + MINUTE) is Window.SHUT
    assert schedule.window(MONDAY_OPENS) is Window.LIVE


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_one_round_follows_the_close_within_minutes(jitter: float) -> None:
    schedule = asked_at("2026-04-27 18:24:50", Schedule(calendar(), DELAY, jitter))
    ends = MONDAY_ENDS + DELAY

    due = schedule.next_ms(ends + 1)

    assert ends < due <= ends + 3 * MINUTE
    assert schedule.window(due - 1) is Window.SHUT
    assert schedule.window(due) is Window.OWED
    schedule.completed(due)
    assert schedule.next_ms(due + 1) == due + 1 + 60 * MINUTE  # looked at again, for a clock may be set
    assert schedule.window(at("2026-04-28 09:59")) is Window.SHUT
    assert schedule.next_ms(at("2026-04-28 09:50")) == at("2026-04-28 10:00")


def test_a_round_that_is_owed_and_fails_is_tried_again_ever_later() -> None:
    schedule = asked_at("2026-04-27 18:24:50")
    now = MONDAY_ENDS + DELAY + 10 * MINUTE
    waits = []
    for _ in range(8):
        assert schedule.window(now) is Window.OWED
        schedule.put_off(now)
        waits.append((schedule.next_ms(now + 1) - now) // 1000)
        now = schedule.next_ms(now + 1)

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert schedule.window(at("2026-04-28 10:00")) is Window.LIVE  # trading does not wait for it


def test_a_larger_delay_declared_after_the_close_owes_another_round() -> None:
    """What came in until then may not have been the end."""
    schedule = asked_at("2026-04-27 18:27")
    schedule.delay_ms = 20 * MINUTE

    assert schedule.window(at("2026-04-27 18:28")) is Window.LIVE
    assert schedule.window(at("2026-04-27 18:35")) is Window.OWED


@pytest.mark.parametrize(
    ("since", "until", "minutes"),
    [
        ("2026-04-27 10:00", "2026-04-27 10:10", 10),
        ("2026-04-26 03:00", "2026-04-26 09:00", 0),
        ("2026-04-24 18:20", "2026-04-27 10:01", 6),  # five of Friday, one of Monday
        ("2026-04-27 18:30", "2026-04-28 09:59", 0),
        ("2026-05-26 12:50", "2026-06-01 09:00", 5),  # a half-day before a week's holidays
    ],
)
def test_only_time_in_which_data_can_change_counts(since: str, until: str, minutes: int) -> None:
    assert Schedule(calendar(), DELAY).open_ms(at(since), at(until)) == minutes * MINUTE


@given(
    st.integers(at("2026-01-01 00:00"), at("2027-06-01 00:00")),
    st.lists(st.tuples(st.booleans(), st.integers(1, 40 * 60 * MINUTE)), max_size=30),
    st.integers(0, 60 * MINUTE),
)
def test_whatever_fails_the_next_time_is_never_shut_nor_past(
    start: int, rounds: list[tuple[bool, int]], delay_ms: int
) -> None:
    schedule = Schedule(calendar(), delay_ms)
    now = start
    for good, pause_ms in rounds:
        due = schedule.next_ms(now)
        assert due >= now
        day = calendar().last(due)
        live = day is not None and due <= day.ends_at + delay_ms
        assert (schedule.window(due) is Window.LIVE) == live
        if schedule.window(due) is not Window.SHUT:
            if good:
                schedule.completed(due)
            elif not live:
                schedule.put_off(due)
        now = due + pause_ms
