"""The venue's clock against ours, told by the quickest messages: to within 20 ms, also after a step."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_monitor.offset import ClockOffset

NOON = 1_766_404_800_000


def taken(offset: ClockOffset, ahead_ms: int, seconds: int, rand: random.Random, since: int = NOON) -> int:
    """Let messages come, some a second, each a few to some hundred ms under way; returns the time after them."""
    for n in range(seconds * 3):
        now = since + n * 333
        offset.take(now + ahead_ms - 2 - int(rand.expovariate(1 / 40)), now)
    return since + seconds * 1000


@given(st.integers(-500, 500), st.integers(0, 1_000))
def test_an_offset_is_found_within_twenty_milliseconds(ahead_ms: int, seed: int) -> None:
    offset = ClockOffset()
    now = taken(offset, ahead_ms, 130, random.Random(seed))

    found = offset.offset_ms(now)
    assert found is not None
    assert abs(found - ahead_ms) <= 20


@pytest.mark.parametrize("step_ms", [500, -500, 3_600_000])
def test_a_step_is_found_within_two_minutes(step_ms: int) -> None:
    """Also one that makes messages look slower than before, which the least of all times would hide."""
    rand, offset = random.Random(1), ClockOffset()
    now = taken(offset, 0, 300, rand)
    now = taken(offset, step_ms, 120, rand, now)

    assert offset.offset_ms(now) == pytest.approx(step_ms, abs=20)


def test_too_little_is_not_guessed_from() -> None:
    offset = ClockOffset()
    assert offset.offset_ms(NOON) is None

    offset.take(NOON - 5, NOON)
    assert offset.offset_ms(NOON) is None


def test_after_minutes_without_a_message_nobody_knows() -> None:
    offset = ClockOffset()
    now = taken(offset, 100, 130, random.Random(1))

    assert offset.offset_ms(now + 60_000) is not None
    assert offset.offset_ms(now + 300_000) is None


def test_one_wrong_time_of_the_venue_changes_nothing() -> None:
    offset, rand = ClockOffset(), random.Random(1)
    now = taken(offset, 0, 60, rand)
    offset.take(now + 3_600_000, now)
    now = taken(offset, 0, 60, rand, now)

    assert offset.offset_ms(now) == pytest.approx(0, abs=20)


def test_trades_of_the_past_do_not_count() -> None:
    """A join brings the last fifty: some may be of yesterday."""
    offset, rand = ClockOffset(), random.Random(1)
    now = taken(offset, 0, 130, rand)
    for n in range(50):
        offset.take(now - n * 60_000, now)

    assert offset.offset_ms(now) == pytest.approx(0, abs=20)
    assert offset.taken_ms(now - 86_400_000, now, 0.0) is None
    assert offset.taken_ms(now - 30, now, -10.0) == 20


def test_a_market_that_hardly_trades_is_not_judged_by_what_was_traded_before_a_connection() -> None:
    """Each one brings the trades that were missed, and those may be all that comes in its ten seconds."""
    offset, rand = ClockOffset(), random.Random(1)
    now = taken(offset, 0, 40, rand)
    for _ in range(6):
        now += 20_000
        offset.take(now - 7_000, now + 300)  # of before, and there before it is known that the ingest connected
        offset.joined(now)
        offset.take(now - 4_000, now + 1_200)

    assert offset.offset_ms(now) == pytest.approx(0, abs=20)
    now = taken(offset, 500, 130, rand, now + 5_000)
    assert offset.offset_ms(now) == pytest.approx(500, abs=20)


def test_our_own_clock_set_back_begins_anew() -> None:
    offset, rand = ClockOffset(), random.Random(1)
    taken(offset, 0, 130, rand)
    now = taken(offset, 3_600_000, 60, rand, NOON - 3_600_000)

    assert offset.offset_ms(now) == pytest.approx(3_600_000, abs=20)
