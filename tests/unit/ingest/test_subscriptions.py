"""What a connection has joined: proven by data alone, asked for again, and given up for a new connection at last."""

import json
from itertools import pairwise

import pytest

from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.subscriptions import MUTE_AFTER_S, PROOF_S, Subscriptions, Unheard

BTC, ETH = Subscription("ticker", "BTCTRY"), Subscription("ticker", "ETHTRY")
TRADES, BOOK = Subscription("trade", "BTCTRY"), Subscription("book", "BTCTRY")


def spelled(frames: list[str]) -> list[str]:
    """Return frames as ``+ticker:BTCTRY`` for a join and ``-…`` for a leave."""
    bodies = [json.loads(frame)[1] for frame in frames]
    return [f"{'+' if body['join'] else '-'}{body['channel']}:{body['event']}" for body in bodies]


def opened(*wanted: Subscription, proven: bool = True) -> Subscriptions:
    subscriptions = Subscriptions()
    assert subscriptions.want(wanted, 0.0) == [], "there is nobody to tell yet"
    subscriptions.opened(0.0)
    for subscription in wanted if proven else ():
        subscriptions.heard(subscription, 0.0, proof=True)
    return subscriptions


def test_a_new_connection_joins_everything_with_the_venues_names() -> None:
    subscriptions = Subscriptions()
    subscriptions.want([BTC, TRADES, BOOK], 0.0)

    assert spelled(subscriptions.opened(0.0)) == ["+ticker:BTCTRY", "+trade:BTCTRY", "+obdiff:BTCTRY"]
    assert subscriptions.unproven() == [BTC, TRADES, BOOK]


def test_only_the_first_data_of_a_join_proves_it() -> None:
    """A change of a book proves nothing: it may belong to the join before."""
    subscriptions = opened(BOOK, proven=False)

    subscriptions.heard(BOOK, 1.0, proof=False)
    assert subscriptions.unproven() == [BOOK]
    subscriptions.heard(BOOK, 1.0, proof=True)
    assert subscriptions.unproven() == []


def test_a_join_that_has_just_been_sent_is_no_trouble_yet() -> None:
    """A book that is joined again for a moment must not make an operator look."""
    subscriptions = opened(BTC, BOOK)
    subscriptions.distrust(BOOK, 10.0)
    subscriptions.tend(10.0)

    assert subscriptions.unproven() == [BOOK]
    assert subscriptions.overdue(10.0 + PROOF_S) == []
    assert subscriptions.overdue(10.1 + PROOF_S) == [BOOK]
    subscriptions.tend(10.1 + PROOF_S)
    assert subscriptions.overdue(10.2 + PROOF_S) == [BOOK], "a second try does not make it better"
    subscriptions.heard(BOOK, 10.3 + PROOF_S, proof=True)
    assert subscriptions.overdue(10.3 + PROOF_S) == []


def test_what_stays_silent_after_its_join_is_left_and_joined_again_and_again_more_and_more_rarely() -> None:
    subscriptions = opened(BTC, TRADES, proven=False)
    subscriptions.heard(BTC, 0.1, proof=True)
    asked = []
    for tenth in range(10, 2_000):
        now = tenth / 10
        subscriptions.heard(BTC, now, proof=True)
        if frames := subscriptions.tend(now).frames:
            assert spelled(frames) == ["-trade:BTCTRY", "+trade:BTCTRY"]
            asked.append(now)

    assert asked == pytest.approx([5, 15, 35, 75, 135, 195])


def test_what_has_spoken_before_and_stays_silent_costs_the_connection() -> None:
    """After a reconnect the venue may leave some channels silent: only a new connection brings them back."""
    subscriptions = opened(BTC, TRADES)
    subscriptions.closed()
    subscriptions.opened(100.0)
    subscriptions.heard(BTC, 100.1, proof=True)

    assert subscriptions.tend(100.0 + PROOF_S).frames != []
    with pytest.raises(Unheard, match="trade:BTCTRY"):
        subscriptions.tend(100.0 + 3 * PROOF_S)


def test_one_that_stays_silent_does_not_cost_the_others_their_connection_over_and_over() -> None:
    subscriptions = opened(BTC, TRADES)
    given_up: list[int] = []
    now, since = 0, 0
    subscriptions.distrust(TRADES, 0.0)
    while now < 3_600:
        now += 1
        subscriptions.heard(BTC, now, proof=True)
        try:
            subscriptions.tend(now)
        except Unheard:
            given_up.append(now - since)
            since = now
            subscriptions.closed()
            subscriptions.opened(now)

    assert given_up[0] < 20
    assert all(later >= earlier for earlier, later in pairwise(given_up))
    assert 5 <= len(given_up) <= 12
    assert given_up[-1] >= 600


def test_what_is_silent_for_weeks_is_asked_for_as_before() -> None:
    """Waits that double are beyond any number by then: this ended the process, after 17 hours or after a week."""
    never, once = opened(BTC, BOOK, proven=False), opened(BTC, BOOK)
    once.distrust(BOOK, 0.0)
    asked = given_up = 0
    for now in range(0, 30 * 86_400, 30):
        never.heard(BTC, now, proof=True)
        asked += bool(never.tend(now).frames)
        try:
            once.tend(now)
        except Unheard:
            given_up += 1
            once.closed()
            once.opened(now)

    assert asked == pytest.approx(30 * 86_400 / 60, rel=0.01)
    assert 30 * 20 <= given_up <= 30 * 24 + 10, "about once an hour"


def test_a_probe_never_costs_the_others_their_connection() -> None:
    """There is nothing of it to lose: its pair's tickers come another way."""
    subscriptions = Subscriptions()
    subscriptions.want([ETH, TRADES, BOOK], 0.0, probe=ETH)
    subscriptions.opened(0.0)
    for subscription in (ETH, TRADES, BOOK):
        subscriptions.heard(subscription, 0.0, proof=True)

    mute = []
    for now in range(1, 7_200):
        subscriptions.heard(BOOK, now, proof=True)
        mute += subscriptions.tend(now).mute

    assert mute == [ETH]
    assert subscriptions.unproven() == [ETH]


def test_a_ticker_that_falls_silent_while_others_speak_is_joined_again() -> None:
    subscriptions = opened(BTC, ETH, TRADES)
    subscriptions.heard(BTC, MUTE_AFTER_S, proof=True)
    assert subscriptions.tend(MUTE_AFTER_S) == ([], [])

    frames, mute = subscriptions.tend(MUTE_AFTER_S + 0.1)

    assert mute == [ETH], "trades are silent for hours"
    assert spelled(frames) == ["-ticker:ETHTRY", "+ticker:ETHTRY"]
    assert subscriptions.unproven() == [ETH]
    subscriptions.heard(ETH, MUTE_AFTER_S + 1, proof=True)
    assert subscriptions.unproven() == []


def test_when_nobody_speaks_it_is_the_connection_that_is_dead() -> None:
    subscriptions = opened(BTC, ETH)

    assert subscriptions.tend(MUTE_AFTER_S + 5) == ([], [])


def test_what_does_not_fit_is_joined_again_at_once_and_what_was_under_way_proves_nothing() -> None:
    subscriptions = opened(BTC, BOOK)

    subscriptions.distrust(BOOK, 10.0)
    subscriptions.heard(BOOK, 10.0, proof=True)
    assert subscriptions.unproven() == [BOOK]
    assert spelled(subscriptions.tend(10.0).frames) == ["-obdiff:BTCTRY", "+obdiff:BTCTRY"]
    subscriptions.heard(BOOK, 10.3, proof=True)
    assert subscriptions.unproven() == []


def test_what_breaks_over_and_over_is_joined_again_more_and_more_rarely() -> None:
    """A venue that sends nonsense is not to be asked for it all the time."""
    subscriptions = opened(BTC, BOOK)
    asked = []
    for tenth in range(1, 6_000):
        now = tenth / 10
        subscriptions.heard(BTC, now, proof=True)
        subscriptions.distrust(BOOK, now)
        if subscriptions.tend(now).frames:
            asked.append(now)
            subscriptions.heard(BOOK, now, proof=True)

    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps[:6] == pytest.approx([1.1, 2.1, 4.1, 8.1, 16.1, 32.1], abs=0.11)
    assert gaps[6:] == pytest.approx([60.1] * len(gaps[6:]), abs=0.11)


def test_what_was_well_for_a_minute_after_its_repair_is_repaired_at_once_again() -> None:
    subscriptions = opened(BOOK)
    for _ in range(3):
        subscriptions.distrust(BOOK, 10.0)
        subscriptions.tend(20.0)

    assert subscriptions.distrust(BOOK, 100.0)
    assert not subscriptions.distrust(BOOK, 100.0), "it is about to be joined again already"
    assert subscriptions.tend(100.0).frames != []


def test_listings_are_joined_and_delistings_left_on_the_open_connection() -> None:
    subscriptions = opened(BTC, TRADES)

    frames = subscriptions.want([BTC, ETH], 5.0)

    assert spelled(frames) == ["-trade:BTCTRY", "+ticker:ETHTRY"]
    assert subscriptions.unproven() == [ETH]
    subscriptions.heard(TRADES, 5.1, proof=True)
    assert subscriptions.all() == [BTC, ETH]
