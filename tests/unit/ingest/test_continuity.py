"""Interruptions of the feed: each is disclosed once, per subscription, and none that was not."""

from spark_ingest_btcturk.channels import Subscription
from spark_ingest_btcturk.continuity import Break, Continuity
from support.examples import NOON

BTC, ETH = Subscription("ticker", "BTCTRY"), Subscription("ticker", "ETHTRY")


def test_what_was_never_heard_has_nothing_to_disclose() -> None:
    continuity = Continuity()
    continuity.interrupted([BTC], "closed")

    assert continuity.hear(BTC, NOON) is None


def test_a_break_reaches_from_when_each_was_last_heard() -> None:
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.hear(ETH, NOON + 300)
    continuity.interrupted([BTC, ETH], "closed")

    assert continuity.hear(ETH, NOON + 900) == Break(NOON + 300, "closed")
    assert continuity.hear(BTC, NOON + 950) == Break(NOON, "closed")
    assert continuity.hear(BTC, NOON + 960) is None


def test_a_break_of_one_does_not_touch_another() -> None:
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.hear(ETH, NOON)
    continuity.interrupted([BTC], "mute")

    assert continuity.hear(ETH, NOON + 1) is None
    assert continuity.hear(BTC, NOON + 1) == Break(NOON, "mute")


def test_a_second_break_before_any_data_leaves_the_first_ones_beginning_and_cause() -> None:
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.interrupted([BTC], "silent")
    continuity.interrupted([BTC], "refused_503")

    assert continuity.hear(BTC, NOON + 60_000) == Break(NOON, "silent")


def test_what_another_published_decides_where_a_takeover_begins() -> None:
    """What this process heard while it stood by was not published."""
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.hear(ETH, NOON)
    continuity.interrupted([BTC, ETH], "closed")

    continuity.rebase("ticker", "takeover", {BTC: NOON - 5_000}.get)

    assert continuity.hear(BTC, NOON + 1) == Break(NOON - 5_000, "takeover")
    assert continuity.hear(ETH, NOON + 1) == Break(NOON, "closed"), "nobody knows better"


def test_values_of_moments_end_a_break_and_begin_another() -> None:
    """Read over REST now and then: between two readings nothing is known."""
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.hear(ETH, NOON - 300)
    continuity.interrupted([BTC, ETH], "closed")

    assert continuity.polled(NOON + 60_000) == {BTC: Break(NOON, "closed"), ETH: Break(NOON - 300, "closed")}
    assert continuity.polled(NOON + 62_000) == {}
    assert continuity.hear(BTC, NOON + 70_000) == Break(NOON + 60_000, "polled")
    assert continuity.polled(NOON + 72_000) == {}


def test_what_comes_back_was_missing_for_as_long_as_it_was_not_wanted() -> None:
    continuity = Continuity()
    continuity.hear(BTC, NOON)
    continuity.interrupted([BTC], "closed")
    continuity.forget(BTC)
    continuity.interrupted([BTC], "silent")

    assert continuity.polled(NOON + 500) == {}, "no reading over REST has anything of it"
    assert continuity.hear(BTC, NOON + 1_000) == Break(NOON, "delisted")
    assert continuity.hear(BTC, NOON + 2_000) is None


def test_what_was_never_heard_is_not_missed_after_a_time_of_not_being_wanted_either() -> None:
    continuity = Continuity()
    continuity.forget(BTC)

    assert not continuity.knows(BTC)
    assert continuity.hear(BTC, NOON) is None
