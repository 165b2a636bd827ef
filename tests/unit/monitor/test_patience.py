"""A routine reconnect is told to readers at once and calls nobody; what lasts or comes again and again does."""

import pytest

from incidents.trial import Trial, crypto
from spark_market.messages import Alarm, Status
from spark_market.sessions import always_open

NOON = 1_766_404_800_000
DOWN, UNPROVEN, STORM = "btcturk:down", "btcturk:unproven", "btcturk:reconnects"


def a_venue_that_is_well() -> Trial:
    trial = crypto(always_open(), NOON, pairs=4, seed=1)
    for _ in range(60):
        assert trial.step(1.0) == []
    assert trial.is_well()
    return trial


def lost_for(trial: Trial, seconds: int) -> list[tuple[int, Alarm]]:
    """Lose the connection for so long; return what is told of alarms, with when."""
    trial.venue.ingest.lose()
    told = passed(trial, seconds)
    trial.venue.connect(trial.now_ms)
    return told


def passed(trial: Trial, seconds: int) -> list[tuple[int, Alarm]]:
    return [(trial.now_ms, alarm) for _ in range(seconds) for alarm in trial.step(1.0)]


def states(told: list[tuple[int, Alarm]]) -> list[tuple[str, str]]:
    return [(alarm.id, alarm.state) for _, alarm in told]


@pytest.mark.parametrize("seconds", [1, 2, 3, 5])
def test_a_routine_reconnect_is_down_at_once_and_no_alarm(seconds: int) -> None:
    """Nor is the while for which the status stays DOWN to see whether the connection holds."""
    trial = a_venue_that_is_well()
    trial.venue.ingest.lose()
    for _ in range(seconds):
        assert trial.step(1.0) == []
        assert trial.status is Status.DOWN
    trial.venue.connect(trial.now_ms)

    assert passed(trial, 5) == []
    assert trial.status is Status.DOWN
    assert passed(trial, 60) == []
    assert trial.is_well()


@pytest.mark.parametrize("seconds", [6, 8, 600])
def test_a_connection_that_does_not_come_back_is_an_alarm_of_the_moment_it_was_lost(seconds: int) -> None:
    trial = a_venue_that_is_well()
    lost_at = trial.now_ms + 1_000

    [(raised_at, alarm)] = lost_for(trial, seconds)
    assert (alarm.id, alarm.state, alarm.severity, alarm.since) == (DOWN, "raised", "critical", lost_at)
    assert raised_at == lost_at + 5_000
    assert states(passed(trial, 60)) == [(DOWN, "cleared")]


@pytest.mark.parametrize("down_s", [1, 3, 5])
@pytest.mark.parametrize("up_s", [1, 4, 5, 6, 13, 50])
def test_a_connection_that_is_lost_again_and_again_is_always_told(down_s: int, up_s: int) -> None:
    """As not connected while it never holds, else as connections that are lost often; and there is no pause in it."""
    trial = a_venue_that_is_well()
    began = trial.now_ms
    told: list[tuple[int, Alarm]] = []
    while trial.now_ms < began + 900_000:
        told += lost_for(trial, down_s) + passed(trial, up_s)

    assert (told[0][0] - began) / 1000 <= max(90, 4 * (down_s + up_s) + down_s + 6)
    assert {alarm.id for _, alarm in told} <= {DOWN, STORM}
    assert "cleared" not in {alarm.state for _, alarm in told}


def test_an_ingest_that_starts_anew_in_time_is_no_alarm_and_one_that_is_gone_is_at_once() -> None:
    """Without a heartbeat the status itself has waited."""
    trial = a_venue_that_is_well()
    ingest = trial.venue.ingest
    ingest.alive = False
    assert passed(trial, 3) == []
    ingest.alive = True
    assert lost_for(trial, 2) + passed(trial, 60) == []

    ingest.alive = False
    while trial.status is not Status.DOWN:
        told = passed(trial, 1)
    assert states(told) == [(DOWN, "raised")]


def test_an_ingest_that_dies_while_it_reconnects_is_told_since_it_lost_the_venue() -> None:
    trial = a_venue_that_is_well()
    lost_at = trial.now_ms + 1_000
    assert lost_for(trial, 2) == []
    trial.venue.ingest.alive = False

    [(_, alarm)] = passed(trial, 8)
    assert (alarm.id, alarm.since) == (DOWN, lost_at)


def test_one_of_several_sockets_that_reconnects_is_degraded_and_no_alarm() -> None:
    """What it carried counts as unproven from the moment that it is lost, for the others stand."""
    trial = a_venue_that_is_well()
    ingest = trial.venue.ingest
    ingest.sockets_wanted = 2
    ingest.unproven = ["trade:C003_TRY"]
    assert passed(trial, 3) == []
    assert trial.status is Status.DEGRADED
    ingest.sockets, ingest.unproven = 2, []
    assert passed(trial, 60) == []
    assert trial.is_well()

    ingest.sockets, ingest.unproven = 1, ["trade:C003_TRY"]
    told_at = trial.now_ms + 2_000
    [(raised_at, alarm)] = passed(trial, 8)
    assert (alarm.id, alarm.since, raised_at) == (UNPROVEN, told_at, told_at + 5_000)


def test_what_brings_nothing_while_all_sockets_stand_is_an_alarm_as_soon_as_it_is_told() -> None:
    """The ingest has waited for it."""
    trial = a_venue_that_is_well()
    trial.venue.ingest.unproven = ["trade:C003_TRY"]

    [(_, alarm)] = passed(trial, 2)
    assert (alarm.id, trial.status) == (UNPROVEN, Status.DEGRADED)


def test_who_has_just_begun_to_look_waits_no_longer_for_that() -> None:
    """What was found at the start has waited when alarms begin, after 15 s; and it is of then."""
    trial = crypto(always_open(), NOON, pairs=4, seed=1)
    told = lost_for(trial, 30)

    assert [(at - NOON, alarm.since - NOON, alarm.id) for at, alarm in told] == [(15_000, 1_000, DOWN)]


def test_who_could_not_look_waits_no_longer_for_that() -> None:
    trial = a_venue_that_is_well()
    lost_at = trial.now_ms + 1_000
    assert lost_for(trial, 2) == []
    trial.venue.ingest.lose()
    trial.bus_away = True
    assert passed(trial, 60) == []
    trial.bus_away = False
    back_at = trial.now_ms

    [(raised_at, alarm)] = passed(trial, 30)
    assert (raised_at - back_at, alarm.since) == (15_000, lost_at)


def test_what_is_better_already_when_alarms_begin_is_none() -> None:
    trial = crypto(always_open(), NOON, pairs=4, seed=1)
    passed(trial, 3)
    assert lost_for(trial, 10) == []
    assert trial.status is Status.DOWN

    assert passed(trial, 60) == []
    assert trial.is_well()
