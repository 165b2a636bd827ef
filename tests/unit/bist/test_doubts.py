"""Which symbol it is that makes a source refuse all that it is named with."""

import random
from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.doubts import Round
from spark_ingest_bist.roster import DAY_S, Roster

NAMES = [f"S{number:02}" for number in range(40)]


def ask(roster: Roster, bad: Collection[str]) -> tuple[list[str], int, bool]:
    """Let a source that refuses whatever names one of ``bad`` answer a round.

    Returns what is found unknown, how many requests it took, and whether the round came to its end.
    """
    asking, asked = Round(roster.batches(), roster.canary), 0
    found: list[str] = []
    while (batch := asking.next()) is not None:
        asked += 1
        if set(batch) & set(bad):
            if not asking.refused(batch):
                return found, asked, False
        else:
            found += asking.answered()
            roster.heard(batch)
    return found, asked, True


def test_one_unknown_symbol_is_found_within_a_few_requests() -> None:
    roster = Roster(NAMES, 20)

    found, asked, ended = ask(roster, {"S07"})

    assert (found, ended) == (["S07"], True)
    assert asked <= 2 + 12


def test_the_pulse_itself_may_be_what_the_source_does_not_have() -> None:
    """Before anything was heard nothing vouches for it: it must not take all the others with it, round after round."""
    roster = Roster(["XU100", *NAMES[:19]], 20, "XU100", random.Random(1).choice)

    found, asked, ended = ask(roster, {"XU100"})

    assert (found, ended) == (["XU100"], True)
    assert asked <= 1 + 12


def test_a_source_that_refuses_everything_from_the_start_is_left_alone_too() -> None:
    found, asked, ended = ask(Roster(NAMES, 20, "XU100"), [*NAMES, "XU100"])

    assert (found, ended) == ([], False)
    assert asked <= 8


def test_a_source_that_refuses_everything_has_no_unknown_symbols() -> None:
    """It is out of order: after a handful of requests it is left alone, and no symbol is given up."""
    roster = Roster(NAMES, 20, "XU100")
    roster.heard(NAMES)

    found, asked, ended = ask(roster, [*NAMES, "XU100"])

    assert (found, ended) == ([], False)
    assert asked <= 8


@given(st.sets(st.sampled_from(NAMES), max_size=6), st.integers(0, 1000))
def test_the_culprits_are_found_in_the_end_and_nobody_else(bad: set[str], seed: int) -> None:
    roster = Roster(NAMES, 20, "XU100", random.Random(seed).choice)
    unknown: set[str] = set()
    for _ in range(40):
        found, asked, _ = ask(roster, bad)
        assert asked <= 120
        assert set(found) <= bad
        unknown |= set(found)
        for symbol in found:
            roster.unknown(symbol, 0.0)
    assert unknown == bad


def test_batches_are_even_and_hold_the_pulse_once() -> None:
    batches = Roster(NAMES, 20, "XU100").batches()

    assert sorted(map(len, batches)) == [13, 14, 14]
    assert sorted(symbol for batch in batches for symbol in batch) == sorted([*NAMES, "XU100"])
    assert Roster(["THYAO", "XU100"], 20, "XU100").batches() == [("THYAO", "XU100")]


def test_an_unknown_symbol_is_told_of_once_and_retried_the_next_day() -> None:
    roster = Roster(["THYAO", "NOSUCH"], 20)
    roster.heard(["THYAO"])

    assert roster.unknown("NOSUCH", 100.0)
    assert roster.batches() == [("THYAO",)]
    assert (roster.retries(100 + DAY_S - 1), roster.retries(100 + DAY_S)) == ([], [("NOSUCH",)])
    assert not roster.unknown("NOSUCH", 100 + DAY_S)
    assert (roster.missing(), roster.never_had()) == (["NOSUCH"], {"NOSUCH"})
    assert roster.heard(["NOSUCH"]) == ["NOSUCH"]
    assert (roster.missing(), roster.batches()) == ([], [("THYAO", "NOSUCH")])


def test_one_that_was_there_is_asked_for_again_soon() -> None:
    """It may have come and gone; readers keep it in their directory."""
    roster = Roster(["THYAO", "SASA"], 20)
    roster.heard(["THYAO", "SASA"])
    roster.unknown("SASA", 0.0)

    assert roster.retries(300.0) == [("SASA",)]
    assert (roster.missing(), roster.never_had()) == (["SASA"], set())


def test_what_is_passed_over_three_times_is_told_of_and_still_asked_for() -> None:
    roster = Roster(["THYAO", "SASA"], 20)

    assert [roster.absent(["SASA"]) for _ in range(4)] == [[], [], ["SASA"], []]
    assert roster.missing() == ["SASA"]
    assert roster.batches() == [("THYAO", "SASA")]
    assert roster.heard(["SASA"]) == ["SASA"]
