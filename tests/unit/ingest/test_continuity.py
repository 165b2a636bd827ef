"""Interruptions of the feed: each is disclosed once, per subscription, and none that was not."""

from spark_ingest_btcturk.continuity import Continuity
from spark_ingest_btcturk.protocol import ALL
from support.examples import NOON, a_gap


def test_the_first_start_of_all_discloses_nothing() -> None:
    """Nobody has published, so nobody can miss anything."""
    continuity = Continuity(["BTCTRY"], {})

    assert continuity.hear("BTCTRY", "BTC_TRY", NOON) is None


def test_a_start_after_another_writer_discloses_what_was_not_watched() -> None:
    continuity = Continuity(["BTCTRY", "ETHTRY"], {"BTCTRY": NOON - 5_000, "ETHTRY": NOON - 7_000})

    assert continuity.hear("BTCTRY", "BTC_TRY", NOON) == a_gap(NOON - 5_000, NOON, symbol="BTC_TRY", cause="start")
    assert continuity.hear("ETHTRY", "ETH_TRY", NOON + 9) == a_gap(
        NOON - 7_000, NOON + 9, symbol="ETH_TRY", cause="start"
    )
    assert continuity.hear("BTCTRY", "BTC_TRY", NOON + 10) is None


def test_a_break_is_disclosed_for_each_event_from_when_it_was_last_heard() -> None:
    continuity = Continuity(["BTCTRY", "ETHTRY"], {})
    continuity.hear("BTCTRY", "BTC_TRY", NOON)
    continuity.hear("ETHTRY", "ETH_TRY", NOON + 300)
    continuity.interrupted("closed")

    assert continuity.hear("ETHTRY", "ETH_TRY", NOON + 900) == a_gap(NOON + 300, NOON + 900, symbol="ETH_TRY")
    assert continuity.hear("BTCTRY", "BTC_TRY", NOON + 950) == a_gap(NOON, NOON + 950, symbol="BTC_TRY")


def test_a_second_break_before_any_data_leaves_the_first_ones_beginning_and_cause() -> None:
    continuity = Continuity(["BTCTRY"], {})
    continuity.hear("BTCTRY", "BTC_TRY", NOON)
    continuity.interrupted("silent")
    continuity.interrupted("refused_503")

    gap = continuity.hear("BTCTRY", "BTC_TRY", NOON + 60_000)
    assert gap == a_gap(NOON, NOON + 60_000, symbol="BTC_TRY", cause="silent")


def test_a_subscription_to_all_has_one_gap_for_all_symbols() -> None:
    continuity = Continuity([ALL], {})
    continuity.hear(ALL, "BTC_TRY", NOON)
    continuity.interrupted("closed")

    assert continuity.hear(ALL, "BTC_TRY", NOON + 1) == a_gap(NOON, NOON + 1, symbol=None)


def test_an_event_that_never_spoke_has_nothing_to_disclose() -> None:
    continuity = Continuity(["BTCTRY"], {})
    continuity.interrupted("closed")

    assert continuity.hear("BTCTRY", "BTC_TRY", NOON) is None


def test_a_clock_that_went_back_gives_no_gap_that_ends_before_it_begins() -> None:
    continuity = Continuity(["BTCTRY"], {"BTCTRY": NOON + 5_000})

    gap = continuity.hear("BTCTRY", "BTC_TRY", NOON)
    assert gap is not None
    assert gap.from_ <= gap.to


def test_unheard_are_those_without_data_since_they_were_last_joined() -> None:
    """An accepted join proves nothing; only data does."""
    continuity = Continuity(["BTCTRY", "NOPETRY"], {})
    assert continuity.unheard() == ["BTCTRY", "NOPETRY"]
    continuity.hear("BTCTRY", "BTC_TRY", NOON)
    assert continuity.unheard() == ["NOPETRY"]
    continuity.interrupted("closed")
    assert continuity.unheard() == ["BTCTRY", "NOPETRY"]


def test_an_event_that_falls_silent_while_others_speak_is_mute() -> None:
    continuity = Continuity(["BTCTRY", "ETHTRY", "NOPETRY"], {})
    continuity.hear("BTCTRY", "BTC_TRY", NOON)
    continuity.hear("ETHTRY", "ETH_TRY", NOON)
    continuity.hear("BTCTRY", "BTC_TRY", NOON + 15_001)

    assert continuity.mute(NOON + 15_000, after_ms=15_000) == []
    assert continuity.mute(NOON + 15_001, after_ms=15_000) == ["ETHTRY"]
    continuity.interrupted("silent")
    assert continuity.mute(NOON + 60_000, after_ms=15_000) == [], "what is being waited for is known to be missing"
