"""A status neither follows a twitch nor hides a disaster."""

import math
from dataclasses import replace

import pytest

from spark_market.messages import Status
from spark_monitor.hysteresis import Hysteresis
from spark_monitor.judgement import Judgement
from spark_monitor.standing import NOBODY, Heard, Standing
from spark_monitor.storm import Storm

UP = Judgement(Status.UP, "real data", NOBODY)
DEGRADED = Judgement(Status.DEGRADED, "mute: X", NOBODY)
STALE = Judgement(Status.STALE, "nothing", NOBODY)
DOWN = Judgement(Status.DOWN, "no ingest", NOBODY)
CLOSED = Judgement(Status.CLOSED, "closed", NOBODY)


def told(*found: Judgement, every_s: float = 1.0) -> list[Status]:
    hysteresis = Hysteresis()
    return [hysteresis.settle(each, n * every_s).status for n, each in enumerate(found)]


def test_the_first_judgement_is_told_at_once() -> None:
    assert told(DEGRADED) == [Status.DEGRADED]


def test_degraded_is_believed_the_second_time() -> None:
    assert told(UP, DEGRADED, UP, DEGRADED, DEGRADED) == [Status.UP] * 4 + [Status.DEGRADED]


@pytest.mark.parametrize("bad", [STALE, DOWN])
def test_stale_and_down_are_told_at_once(bad: Judgement) -> None:
    assert told(UP, bad) == [Status.UP, bad.status]
    assert told(DEGRADED, bad) == [Status.DEGRADED, bad.status]


@pytest.mark.parametrize("bad", [DEGRADED, STALE, DOWN])
def test_better_is_believed_after_five_seconds(bad: Judgement) -> None:
    assert told(UP, bad, bad, *[UP] * 6)[2:] == [bad.status] * 6 + [Status.UP]
    assert told(UP, bad, bad, UP, UP, UP, bad, UP, UP, UP, UP, UP)[2:] == [bad.status] * 10


def test_what_was_never_well_is_believed_at_once_when_it_is() -> None:
    """All of it has just been started, and the ingest is a second later than the monitor."""
    assert told(DOWN, UP, DOWN, UP) == [Status.DOWN, Status.UP, Status.DOWN, Status.DOWN]


def test_a_venue_that_closes_or_opens_does_so_by_the_clock() -> None:
    assert told(STALE, CLOSED, UP, CLOSED, DEGRADED) == [
        Status.STALE, Status.CLOSED, Status.UP, Status.CLOSED, Status.DEGRADED,
    ]  # fmt: skip


def test_what_holds_comes_with_what_is_counted_now() -> None:
    standing = Standing(instruments={Heard.FRESH: 2})
    hysteresis = Hysteresis()
    hysteresis.settle(UP, 0.0)
    hysteresis.settle(DOWN, 1.0)

    kept = replace(DOWN, standing=standing, patience_s=math.inf)
    assert hysteresis.settle(replace(UP, standing=standing), 2.0) == kept  # and is no cause for a new alarm


def test_an_earlier_monitors_word_holds_as_ones_own() -> None:
    hysteresis = Hysteresis()
    hysteresis.recall(DOWN)

    assert hysteresis.settle(UP, 0.0).status is Status.DOWN
    assert hysteresis.settle(UP, 5.0).status is Status.UP


def test_five_losses_within_five_minutes_are_a_storm_and_eight_sockets_at_once_are_one_loss() -> None:
    storm = Storm()
    storm.take(100, 0.0)
    storm.take(108, 1.0)
    storm.take(112, 4.0)
    assert not storm.rages(5.0)

    for n in range(1, 5):
        storm.take(112 + n, 10.0 + 16 * n)
    assert storm.rages(75.0)
    assert not storm.rages(302.0)


def test_a_new_ingest_counts_from_nothing() -> None:
    storm = Storm()
    for n, count in enumerate((50, 0, 50, 0, 50, 0, 50, 0)):
        storm.take(count, n * 20.0)

    assert not storm.rages(161.0)
