"""When a source that sends by itself is connected to: for the session and its delay, and for one look at a start."""

import pytest

from spark_ingest_bist.pushhours import PushHours
from spark_ingest_bist.schedule import Schedule
from spark_ingest_bist.times import Times
from support.skipping import SkippingClock
from unit.bist.days import DELAY, at, calendar


class Scene:
    def __init__(self, when: str, *, looked: bool = True, well: bool = True) -> None:
        self.clock = SkippingClock(at(when))
        self.schedule = Schedule(calendar(), DELAY)
        if looked:
            self.schedule.completed(at(when))
        self.well = well
        self.hours = PushHours(self.schedule, Times(self.clock, self.clock), lambda: self.well)

    async def open_for(self) -> float:
        """Return for how long (s) it stays open."""
        since = self.clock.monotonic()
        while self.hours.open():
            await self.clock.sleep(1)
        return self.clock.monotonic() - since


async def test_it_opens_with_the_session_and_closes_when_the_last_data_has_come() -> None:
    scene = Scene("2026-04-27 07:00")
    assert not scene.hours.open()

    await scene.hours.opened()

    assert scene.clock.now_ms() == pytest.approx(at("2026-04-27 10:00"), abs=1000)
    assert await scene.open_for() == pytest.approx(8 * 3600 + 25 * 60, abs=2)  # 18:10, and a quarter of an hour


async def test_after_the_close_one_look_is_taken() -> None:
    scene = Scene("2026-04-27 17:00")
    await scene.open_for()

    await scene.hours.opened()

    assert at("2026-04-27 18:25") < scene.clock.now_ms() < at("2026-04-27 18:30")
    assert await scene.open_for() == pytest.approx(30, abs=2)
    await scene.hours.opened()
    assert scene.clock.now_ms() == pytest.approx(at("2026-04-28 10:00"), abs=1000)


async def test_at_a_start_on_a_sunday_one_look_is_taken_and_no_other_before_monday() -> None:
    scene = Scene("2026-04-26 12:00", looked=False)

    assert await scene.open_for() == pytest.approx(30, abs=2)
    await scene.hours.opened()

    assert scene.clock.now_ms() == pytest.approx(at("2026-04-27 10:00"), abs=1000)


async def test_a_look_without_a_connection_is_taken_again() -> None:
    scene = Scene("2026-04-26 12:00", looked=False, well=False)

    await scene.open_for()
    await scene.hours.opened()
    first = scene.clock.now_ms()
    scene.well = True
    await scene.open_for()
    await scene.hours.opened()

    assert at("2026-04-26 12:00:30") <= first < at("2026-04-26 12:05")
    assert scene.clock.now_ms() == pytest.approx(at("2026-04-27 10:00"), abs=1000)


@pytest.mark.parametrize(
    ("when", "expected"),
    [("2026-04-27 10:10", False), ("2026-04-27 10:16", True), ("2026-04-27 18:14", True), ("2026-04-27 18:16", False)],
)
def test_data_is_expected_while_the_market_it_shows_trades(when: str, expected: bool) -> None:
    assert Scene(when).hours.expected() == expected
