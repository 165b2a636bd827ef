"""For how long the bus has been readable: the measure of what silence can mean."""

import pytest

from spark_monitor.bus import Bus, Readings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_watched_from_the_first_answer_on() -> None:
    clock = Clock()
    readings = Readings(Bus("here", told=lambda up: None), "reader", clock)

    assert readings.watched_s(100.0) is None
    readings.bus_reached()
    assert readings.watched_s(101.0) == 1.0


def test_an_error_begins_it_anew() -> None:
    clock = Clock()
    readings = Readings(Bus("here", told=lambda up: None), "reader", clock)
    readings.bus_reached()
    readings.bus_lost(OSError("gone"), 0.1)

    assert readings.watched_s(100.1) is None
    clock.now = 101.0
    readings.bus_reached()
    assert readings.watched_s(101.5) == 0.5


@pytest.mark.parametrize(("pause_s", "watched_s"), [(2.0, 2.0), (2.1, 0.0)])
def test_a_pause_without_an_error_begins_it_anew_too(pause_s: float, watched_s: float) -> None:
    """Redis, or this process, had stood still: what comes now may be old."""
    clock = Clock()
    readings = Readings(Bus("here", told=lambda up: None), "reader", clock)
    readings.bus_reached()
    clock.now += pause_s
    assert (readings.watched_s(clock.now) is None) is (pause_s > 2)
    readings.bus_reached()

    assert readings.watched_s(clock.now) == watched_s


def test_it_is_up_only_while_nobody_is_in_trouble() -> None:
    told: list[bool] = []
    bus = Bus("here", told=told.append)

    bus.reached("a")
    bus.lost("a", OSError("gone"))
    bus.reached("b")
    bus.reached("a")

    assert told == [True, False, False, True]
    assert bus.up
