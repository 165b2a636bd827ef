"""A wall clock that is set back, and the times that were taken by it before."""

import pytest

from spark_ingest.setback import SetBack, redated
from support.examples import NOON

HOUR_MS = 3_600_000


def test_a_clock_that_goes_with_the_monotonic_one_was_not_set_back() -> None:
    clock = SetBack(NOON, 100.0)

    assert [clock.by_ms(NOON + 1_000 * nth, 100.0 + nth) for nth in range(5)] == [0] * 5


def test_a_clock_that_is_set_back_is_noticed_once() -> None:
    clock = SetBack(NOON, 100.0)

    assert clock.by_ms(NOON - HOUR_MS + 2_000, 102.0) == HOUR_MS
    assert clock.by_ms(NOON - HOUR_MS + 3_000, 103.0) == 0


@pytest.mark.parametrize("step_ms", [HOUR_MS, 60, -60, -900], ids=str)
def test_a_clock_that_is_set_forward_or_slowed_down_is_none(step_ms: int) -> None:
    clock = SetBack(NOON, 100.0)

    assert clock.by_ms(NOON + step_ms + 1_000, 101.0) == 0


def test_only_what_lies_in_the_future_is_dated_anew() -> None:
    """What the new clock has dated is right already."""
    now_ms = NOON - HOUR_MS

    assert redated(NOON - 5_000, HOUR_MS, now_ms) == now_ms - 5_000
    assert redated(now_ms - 300, HOUR_MS, now_ms) == now_ms - 300
