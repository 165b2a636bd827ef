"""Staleness: from the ages in the heartbeats and the monitor's own clock, never from two machines' clocks."""

import pytest

from spark_bus.feed import FeedState
from spark_market.instruments import Mode
from spark_market.messages import Heartbeat
from spark_monitor.hearing import Hearing

NOON = 1_766_404_800_000


def a_heartbeat(sent_at: int = NOON, *, mode: Mode = Mode.REAL, **ages: int | None) -> Heartbeat:
    return Heartbeat(venue="btcturk", mode=mode, sent_at=sent_at, connected=True, ages=dict(ages))


def test_a_venue_that_never_spoke_has_no_staleness() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=None), NOON, now=100.0)

    assert hearing.staleness_s(now=105.0) is None
    assert hearing.silence_s(now=105.0) == 5.0


def test_staleness_is_the_youngest_age_and_the_time_since_the_heartbeat() -> None:
    """It goes on growing when the ingest is dead."""
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=9_000, trade=2_000, book=None), NOON, now=100.0)

    assert hearing.staleness_s(now=100.0) == 2.0
    assert hearing.staleness_s(now=400.0) == 302.0


def test_the_clock_of_the_ingest_does_not_matter() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(sent_at=5, ticker=2_000), NOON, now=100.0)

    assert hearing.staleness_s(now=101.0) == 3.0


def test_a_new_ingest_that_has_heard_nothing_does_not_undo_the_last_word() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=1_000), NOON, now=100.0)
    hearing.take(a_heartbeat(NOON + 20_000, ticker=None), NOON + 20_000, now=120.0)

    assert hearing.staleness_s(now=120.0) == 21.0


def test_another_mode_forgets_the_last_word() -> None:
    """What the simulator said is not the venue's word."""
    hearing = Hearing()
    hearing.take(a_heartbeat(mode=Mode.MOCK, ticker=0), NOON, now=100.0)
    hearing.take(a_heartbeat(NOON + 1_000, mode=Mode.REAL, ticker=None), NOON + 1_000, now=101.0)

    assert hearing.staleness_s(now=101.0) is None


def test_a_heartbeat_that_took_longer_does_not_make_an_old_word_younger() -> None:
    """Nor does it move the time that people are told: the reason stays the same text while the status does."""
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=5_000), NOON, now=100.0)
    hearing.take(a_heartbeat(NOON + 1_003, ticker=6_001), NOON, now=101.7)
    state = hearing.state(101.7, watched_s=60, connected_since=None, feed=None)

    assert state.staleness_s == pytest.approx(6.7)
    assert state.last_word_at == NOON - 5_000


def test_heartbeats_read_late_are_dated_by_the_bus() -> None:
    """The monitor stood still for four minutes, the ingest died meanwhile: its heartbeat is not of this moment."""
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=500), NOON, now=340.0)
    hearing.compare(bus_now_ms=NOON + 240_000, now=340.0)

    assert hearing.silence_s(now=341.0) == 241.0
    assert hearing.staleness_s(now=341.0) == 241.5


def test_a_bus_whose_clock_was_set_back_changes_nothing() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=500), NOON, now=100.0)
    hearing.compare(bus_now_ms=NOON - 3_600_000, now=101.0)

    assert hearing.silence_s(now=101.0) == 1.0


def test_a_new_heartbeat_is_not_late_because_the_last_one_was() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=500), NOON, now=100.0)
    hearing.compare(bus_now_ms=NOON + 240_000, now=100.0)
    hearing.take(a_heartbeat(NOON + 240_000, ticker=500), NOON + 240_000, now=100.1)

    assert hearing.silence_s(now=100.1) == 0.0


def test_an_earlier_monitors_staleness_goes_on_growing() -> None:
    hearing = Hearing()
    hearing.recall(Mode.REAL, 12.0, now=100.0, now_ms=NOON)

    assert hearing.staleness_s(now=103.0) == 15.0
    assert hearing.mode is Mode.REAL


def test_what_the_ingest_says_beats_what_an_earlier_monitor_said() -> None:
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=500), NOON, now=100.0)
    hearing.recall(Mode.MOCK, 12.0, now=100.0, now_ms=NOON)

    assert hearing.staleness_s(now=100.0) == 0.5
    assert hearing.mode is Mode.REAL


def test_what_the_ingest_says_of_its_sockets_is_part_of_the_state() -> None:
    feed = FeedState(
        venue="btcturk", mode=Mode.REAL, connected=True, connected_since=NOON, subscriptions=3,
        unproven=["trade:XRP_TRY"], reconnects=0, malformed=0, queued=0, dropped=0, source="rest", sockets=0,
        sockets_wanted=8,
    )  # fmt: skip
    hearing = Hearing()
    hearing.take(a_heartbeat(ticker=500), NOON, now=100.0)
    state = hearing.state(100.0, watched_s=60, connected_since=NOON, feed=feed)

    assert (state.polled, state.sockets, state.unproven) == (True, (0, 8), ("trade:XRP_TRY",))
