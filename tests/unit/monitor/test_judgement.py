"""Every status, at its borders: the first that holds is the one that is said."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from spark_market.instruments import Mode
from spark_market.messages import Heartbeat, Status
from spark_market.sessions import bist
from spark_monitor.hours import Moment
from spark_monitor.judgement import Judgement, VenueState, judge
from spark_monitor.standing import Heard, Mute, Standing

NOON = 1_766_404_800_000  # 2025-12-22 12:00:00 UTC
TARGET_S = 30.0
BIST = bist()
LONG_AGO = NOON - 3_600_000


def a_heartbeat(mode: Mode = Mode.REAL, *, connected: bool = True) -> Heartbeat:
    return Heartbeat(venue="btcturk", mode=mode, sent_at=NOON, connected=connected, ages={"ticker": 400})


WELL = VenueState(
    watched_s=60,
    heartbeat=a_heartbeat(),
    heartbeat_at=NOON,
    silence_s=0.3,
    staleness_s=0.7,
    last_word_at=NOON - 400,
    connected_since=LONG_AGO,
    standing=Standing(instruments={Heard.FRESH: 2}),
)
MUTE = Mute("ticker:ETH_TRY", NOON - 60_000, "ticker:ETH_TRY since 2025-12-22 11:59:00 UTC")
NEVER_SPOKEN = replace(WELL, staleness_s=None, last_word_at=None, unproven=("ticker:BTC_TRY", "ticker:ETH_TRY"))


def judged(state: VenueState, target_s: float = TARGET_S) -> Judgement:
    judgement = judge(state, target_s)
    assert judgement is not None
    return judgement


def status(state: VenueState) -> Status:
    return judged(state).status


@pytest.mark.parametrize(
    ("mode", "expected", "reason"),
    [
        (Mode.REAL, Status.UP, "real data"),
        (Mode.DELAYED, Status.UP, "delayed data"),
        (Mode.MOCK, Status.MOCK, "simulated data"),
    ],
)
def test_a_venue_that_is_well_is_up_unless_simulated(mode: Mode, expected: Status, reason: str) -> None:
    judgement = judged(replace(WELL, heartbeat=a_heartbeat(mode)))

    assert (judgement.status, judgement.reason) == (expected, reason)


@pytest.mark.parametrize(("silence_s", "expected"), [(4.999, Status.UP), (5.0, Status.DOWN)])
def test_five_seconds_without_a_heartbeat_are_down(silence_s: float, expected: Status) -> None:
    assert status(replace(WELL, silence_s=silence_s)) is expected


def test_a_dead_ingest_is_named_with_the_time_of_its_last_heartbeat() -> None:
    judgement = judged(replace(WELL, silence_s=400.0, staleness_s=400.4))

    assert judgement.reason == "no ingest: no heartbeat since 2025-12-22 12:00:00 UTC"


def test_a_venue_without_any_heartbeat_is_down() -> None:
    judgement = judged(VenueState(watched_s=5.0))

    assert (judgement.status, judgement.reason) == (Status.DOWN, "no ingest: no heartbeat has come yet")


@pytest.mark.parametrize(("watched_s", "decided"), [(0.0, False), (4.999, False), (5.0, True)])
def test_a_monitor_that_has_just_begun_to_look_waits_for_a_heartbeat(watched_s: float, decided: bool) -> None:
    """Its restart would else make every venue DOWN for a moment."""
    assert (judge(VenueState(watched_s=watched_s), TARGET_S) is not None) is decided


@pytest.mark.parametrize(("watched_s", "decided"), [(0.5, False), (4.999, False), (5.0, True)])
def test_what_was_heard_before_the_bus_came_back_does_not_count(watched_s: float, decided: bool) -> None:
    """While Redis was away no ingest could beat, and none is to blame for it."""
    state = replace(WELL, silence_s=40.0, staleness_s=40.4, watched_s=watched_s)

    assert (judge(state, TARGET_S) is not None) is decided
    if decided:
        assert status(state) is Status.DOWN


def test_a_heartbeat_since_the_bus_came_back_decides_at_once() -> None:
    assert status(replace(WELL, silence_s=0.3, watched_s=0.3)) is Status.UP


def test_an_ingest_that_is_not_connected_is_down() -> None:
    judgement = judged(replace(WELL, heartbeat=a_heartbeat(connected=False)))

    assert judgement.status is Status.DOWN
    assert judgement.reason == ("not connected to the venue; the venue has said nothing since 2025-12-22 11:59:59 UTC")


def test_down_comes_before_stale() -> None:
    assert status(replace(WELL, heartbeat=a_heartbeat(connected=False), staleness_s=99.0)) is Status.DOWN


@pytest.mark.parametrize(("staleness_s", "expected"), [(30.0, Status.UP), (30.001, Status.STALE)])
def test_a_last_word_older_than_the_target_is_stale(staleness_s: float, expected: Status) -> None:
    assert status(replace(WELL, staleness_s=staleness_s)) is expected


def test_a_stale_venue_is_named_with_the_time_of_its_last_word() -> None:
    judgement = judged(replace(WELL, staleness_s=31.0, last_word_at=NOON - 31_000))

    assert judgement.reason == "connected, but the venue has said nothing since 2025-12-22 11:59:29 UTC"


@pytest.mark.parametrize(("connected_ms", "expected"), [(30_000, Status.DOWN), (30_001, Status.STALE)])
def test_a_venue_that_never_spoke_is_stale_after_the_target(connected_ms: int, expected: Status) -> None:
    """Until then it is no more than a connection that nothing has proved: not fresh, so neither UP nor MOCK."""
    judgement = judged(replace(NEVER_SPOKEN, connected_since=NOON - connected_ms))

    assert judgement.status is expected
    assert "the venue has not said anything yet" in judgement.reason


def test_a_venue_that_never_spoke_and_hides_since_when_it_is_connected_is_down() -> None:
    assert status(replace(NEVER_SPOKEN, connected_since=None)) is Status.DOWN


def test_stale_comes_before_degraded_and_mock() -> None:
    state = replace(WELL, heartbeat=a_heartbeat(Mode.MOCK), staleness_s=31.0, unproven=("ticker:XRP_TRY",))

    assert status(state) is Status.STALE


def test_a_trade_subscription_that_was_never_proven_is_degraded_though_its_ticker_is_well() -> None:
    judgement = judged(replace(WELL, unproven=("trade:ETH_TRY",)))

    assert judgement.status is Status.DEGRADED
    assert judgement.reason == "not heard since connecting at 2025-12-22 11:00:00 UTC: trade:ETH_TRY"


@pytest.mark.parametrize("mode", [Mode.REAL, Mode.MOCK])
def test_tickers_from_rest_are_degraded_and_the_reason_says_so(mode: Mode) -> None:
    judgement = judged(replace(WELL, heartbeat=a_heartbeat(mode), polled=True, sockets=(0, 8)))

    assert judgement.status is Status.DEGRADED
    assert judgement.reason == "no WebSocket can be had (0 of 8): tickers are polled by REST"


def test_polling_that_brings_nothing_is_stale() -> None:
    assert status(replace(WELL, polled=True, staleness_s=31.0)) is Status.STALE


@pytest.mark.parametrize(("connected_ms", "expected"), [(30_000, Status.UP), (30_001, Status.DEGRADED)])
def test_a_subscription_unproven_for_longer_than_the_target_is_degraded(connected_ms: int, expected: Status) -> None:
    judgement = judged(replace(WELL, connected_since=NOON - connected_ms, unproven=("ticker:XRP_TRY",)))

    assert judgement.status is expected
    assert judgement.overdue == (("ticker:XRP_TRY",) if expected is Status.DEGRADED else ())


def test_what_is_mute_makes_it_degraded_and_is_named() -> None:
    state = replace(WELL, standing=Standing(mute=(MUTE,)), unproven=("ticker:XRP_TRY",))
    judgement = judged(state)

    assert judgement.status is Status.DEGRADED
    assert judgement.reason == (
        "mute: ticker:ETH_TRY since 2025-12-22 11:59:00 UTC; "
        "not heard since connecting at 2025-12-22 11:00:00 UTC: ticker:XRP_TRY"
    )


def test_of_many_that_are_mute_a_few_are_named_and_channels_come_first() -> None:
    channel = Mute("trade", NOON, "all trades since noon, while others speak")
    judgement = judged(replace(WELL, standing=Standing(mute=(MUTE,) * 9, channels=(channel,))))

    assert judgement.reason.startswith("mute: all trades since noon, while others speak, ticker:ETH_TRY since")
    assert judgement.reason.endswith("and 5 more")


def test_connections_lost_again_and_again_are_degraded() -> None:
    judgement = judged(replace(WELL, storm=True))

    assert judgement.status is Status.DEGRADED
    assert judgement.reason == "connections are lost again and again: five times or more within five minutes"


def test_degraded_comes_before_mock() -> None:
    state = replace(WELL, heartbeat=a_heartbeat(Mode.MOCK), unproven=("ticker:XRP_TRY",))

    assert status(state) is Status.DEGRADED


def at(text: str, delay_ms: int = 900_000) -> Moment:
    """Return a moment of Borsa İstanbul's, such as 2025-12-22T15:00, which is NOON of UTC."""
    return Moment(BIST, int(datetime.fromisoformat(text + "+03:00").timestamp() * 1000), delay_ms)


DELAYED = replace(WELL, heartbeat=a_heartbeat(Mode.DELAYED), poll_interval_s=15.0, market=at("2025-12-22T15:00"))


def test_delayed_data_is_up_and_says_how_late_it_is() -> None:
    judgement = judged(DELAYED)

    assert judgement.status is Status.UP
    assert judgement.reason == "delayed data, 15 min late by the source's own word"


def test_a_source_that_wants_to_be_asked_has_three_intervals() -> None:
    """And it is not degraded for being asked."""
    slow = replace(DELAYED, poll_interval_s=60.0)

    assert status(replace(DELAYED, staleness_s=45.0)) is Status.UP
    assert status(replace(DELAYED, staleness_s=45.001)) is Status.STALE
    assert status(replace(slow, staleness_s=180.0)) is Status.UP
    assert judged(replace(slow, staleness_s=181.0)).reason == (
        "connected, but none of its prices has moved since 2025-12-22 11:59:59 UTC"
    )
    assert status(replace(DELAYED, poll_interval_s=1.0, staleness_s=30.0)) is Status.UP


def test_a_closed_market_is_closed_however_old_its_words_are() -> None:
    night = replace(DELAYED, market=at("2025-12-22T19:00"), staleness_s=9e4, unproven=("ticker:GARAN",))
    judgement = judged(replace(night, connected_since=NOON - 5_000_000))

    assert judgement.status is Status.CLOSED
    assert judgement.reason == "closed until 2025-12-23 10:15 +03:00 (with the source's delay)"


@pytest.mark.parametrize(
    "state", [{"silence_s": 6.0}, {"heartbeat": a_heartbeat(connected=False)}, {"heartbeat": None}]
)
def test_down_comes_before_closed(state: dict[str, Any]) -> None:
    """An ingest that is not there at night will not be there in the morning."""
    assert status(replace(DELAYED, market=at("2025-12-22T19:00"), **state)) is Status.DOWN


def test_simulated_data_of_a_closed_market_is_closed() -> None:
    assert status(replace(DELAYED, heartbeat=a_heartbeat(Mode.MOCK), market=at("2025-12-22T19:00"))) is Status.CLOSED


def test_a_guessed_opening_says_that_it_is_one() -> None:
    assert judged(replace(DELAYED, market=at("2050-01-03T19:00", 0))).reason == (
        "closed until 2050-01-04 10:00 +03:00; a guess, as the calendar does not reach so far"
    )


def test_an_ingest_whose_clock_is_mad_still_gets_a_verdict() -> None:
    judgement = judged(replace(WELL, staleness_s=31.0, last_word_at=10**18))

    assert judgement.reason.endswith("since 1000000000000000000 ms")
