"""How often a source is asked: evenly, within its budget, and less once it objects."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.pace import Budget, Holds, Pace


@pytest.mark.parametrize(("batches", "interval_s"), [(1, 15.0), (2, 15.0), (3, 15.0), (4, 16.0), (30, 120.0)])
def test_the_interval_grows_with_what_the_budget_does_not_allow(batches: int, interval_s: float) -> None:
    """600 symbols are 30 requests: each of them is seen every two minutes."""
    assert Pace(15, 1000).interval_s(batches) == interval_s


def test_a_vendor_without_a_budget_is_asked_at_its_interval() -> None:
    assert Pace(10, None).interval_s(30) == 10
    assert Budget(None).wait_s(5) == 0


@given(st.integers(1, 40), st.floats(0, 1))
def test_requests_of_a_round_are_spread_over_it(requests: int, chance: float) -> None:
    pace = Pace(15, 1000, lambda: chance)
    slots = [pace.slot_s(number, requests) for number in range(requests)]

    assert slots == sorted(slots)
    assert all(0 <= slot < pace.interval_s(requests) for slot in slots)
    assert all(b - a >= pace.apart_s(requests) for a, b in pairwise(slots))


@given(st.lists(st.floats(0, 600), max_size=300), st.integers(1, 20))
def test_no_hour_has_more_than_the_budget(pauses: list[float], most: int) -> None:
    budget, now, sent = Budget(most), 0.0, []
    for pause_s in pauses:
        now += pause_s
        while (wait_s := budget.wait_s(now)) > 0:
            now += wait_s
        budget.spend(now)
        sent.append(now)
        assert sum(now - 3600 <= each for each in sent) <= most
        assert 0 <= budget.used(now) <= 1


def test_back_off_doubles_to_a_quarter_of_an_hour_and_comes_down_step_by_step() -> None:
    """A source that answers every other time is not asked as before after each answer."""
    holds = Holds(lambda: 0.0)

    assert [holds.failed("limited", 0) for _ in range(8)] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert holds.active
    holds.succeeded()
    assert (holds.until, holds.active) == (0.0, False)
    assert holds.failed("limited", 1000) == 900
    for _ in range(3):
        holds.succeeded()
    assert holds.failed("limited", 2000) == 240
    for _ in range(20):
        holds.succeeded()
    assert holds.failed("limited", 3000) == 30


def test_what_the_source_asks_for_is_waited_but_not_for_ever() -> None:
    assert Holds(lambda: 0.0).failed("limited", 0, 90) == 90
    assert Holds(lambda: 0.0).failed("limited", 0, 5) == 30
    assert Holds(lambda: 0.0).failed("limited", 0, 1e9) == 900


def test_who_may_not_asks_seldom_and_a_lost_answer_costs_little() -> None:
    assert Holds(lambda: 0.0).failed("forbidden", 0) == 300
    assert Holds(lambda: 0.0).failed("timeout", 0) == 10


@given(st.lists(st.sampled_from(["limited", "forbidden", "network", "ok"]), max_size=60), st.floats(0, 1))
def test_a_hold_is_never_longer_than_an_hour(outcomes: list[str], chance: float) -> None:
    holds = Holds(lambda: chance)
    for outcome in outcomes:
        if outcome == "ok":
            holds.succeeded()
        else:
            assert 0 < holds.failed(outcome, 0.0) <= 3600
            assert holds.until <= 3600
