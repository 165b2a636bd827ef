"""Trades over a start and a takeover: the next ingest goes on after the last one that is on the bus."""

import pytest

from spark_ingest_btcturk.tape import NOTHING, Tape, ToPublish
from support.examples import NOON

from .tapes import a_mark, a_tape, gap, ids, row, rows


def test_a_start_goes_on_after_the_last_trade_on_the_bus() -> None:
    tape = a_tape()
    assert tape.resume(a_mark(row(3))) == NOTHING

    told = tape.listed(rows(1, 3, 4), NOON + 500)

    assert (told.gap, ids(told)) == (None, [4])


def test_a_start_too_long_after_the_last_trade_on_the_bus_leaves_a_gap() -> None:
    tape = a_tape()
    tape.interrupted("refused_503", NOON)
    tape.resume(a_mark(row(3)))

    assert tape.listed(rows(20, 21), NOON + 500).gap == gap(30, 200, "start")


def test_a_start_on_a_pair_that_the_venue_lists_nothing_of_leaves_a_gap_either_way_round() -> None:
    """Whether the list or the lease comes first."""
    before, after = a_tape(), a_tape()

    before.resume(a_mark(row(3)))
    assert before.listed([], NOON + 500) == ToPublish(gap(30, 500, "start"))
    after.listed([], NOON + 500)
    assert after.resume(a_mark(row(3))) == ToPublish(gap(30, 500, "start"))
    assert ids(after.traded(row(4), NOON)) == [4]


@pytest.mark.parametrize("mark", ["", "12", "12 ", "x 12", "1 2 3"])
def test_what_is_no_mark_is_refused(mark: str) -> None:
    with pytest.raises(ValueError, match="not the mark of a trade"):
        a_tape().resume(mark)


def test_one_that_stands_by_publishes_nothing_and_takes_over_after_the_last_trade_on_the_bus() -> None:
    tape = a_tape()
    assert tape.listed(rows(1, 2), NOON) == NOTHING
    assert tape.traded(row(3), NOON) == NOTHING
    assert tape.traded(row(4), NOON) == NOTHING

    told = tape.resume(a_mark(row(2)), "takeover")

    assert (told.gap, ids(told), told.live) == (None, [3, 4], False)
    assert ids(tape.traded(row(5), NOON)) == [5]
    tape.stand_by()
    assert tape.traded(row(6), NOON) == NOTHING
    assert ids(tape.resume(a_mark(row(5)), "takeover")) == [6]


def test_a_successor_of_nobody_tells_all_it_knows() -> None:
    tape = a_tape()
    tape.listed(rows(1, 2), NOON)

    assert ids(tape.resume(None, "takeover")) == [1, 2]


def test_a_successor_that_was_told_less_leaves_out_what_is_on_the_bus() -> None:
    tape = a_tape()
    tape.listed(rows(1, 2), NOON)

    assert tape.resume(a_mark(row(5)), "takeover") == NOTHING
    assert [ids(tape.traded(row(number), NOON)) for number in (3, 4, 5, 6)] == [[], [], [], [6]]
    tape.stand_by()
    assert ids(tape.resume(a_mark(row(5)), "takeover")) == [6]


def test_a_successor_that_no_longer_has_the_last_trade_on_the_bus_leaves_a_gap() -> None:
    tape = a_tape()
    tape.listed(rows(1), NOON)
    for number in range(2, 200, 2):
        tape.traded(row(number), NOON)

    told = tape.resume(a_mark(row(2)), "takeover")

    assert (told.gap, ids(told)) == (gap(20, 720, "takeover"), list(range(72, 200, 2)))


def test_a_successor_whose_list_began_after_the_last_trade_on_the_bus_leaves_a_gap() -> None:
    tape = a_tape()
    tape.listed(rows(10, 12), NOON)

    told = tape.resume(a_mark(row(3)), "takeover")

    assert (told.gap, ids(told)) == (gap(30, 100, "takeover"), [10, 12])


def test_a_successor_that_never_had_the_last_trade_on_the_bus_but_its_neighbours_leaves_no_gap() -> None:
    tape = a_tape()
    tape.listed(rows(2, 4, 6), NOON)

    told = tape.resume(a_mark(row(3)), "takeover")

    assert (told.gap, ids(told)) == (None, [4, 6])


def test_a_bus_that_went_back_to_before_a_takeover_leaves_a_gap_over_what_only_the_other_knew() -> None:
    tape = a_tape()
    tape.listed(rows(1, 2), NOON)
    tape.resume(a_mark(row(5)), "takeover")
    tape.traded(row(6), NOON)
    tape.stand_by()

    told = tape.resume(a_mark(row(2)), "start")

    assert (told.gap, ids(told)) == (gap(20, 50, "start"), [6])


def test_a_break_while_standing_by_is_told_if_it_is_after_the_last_trade_on_the_bus() -> None:
    def standing_by() -> Tape:
        tape = a_tape()
        tape.listed(rows(1, 2), NOON)
        tape.interrupted("closed", NOON + 100)
        tape.listed(rows(20, 21), NOON + 500)
        return tape

    before, after = standing_by().resume(a_mark(row(2))), standing_by().resume(a_mark(row(20)))

    assert (before.gap, ids(before)) == (gap(20, 200), [20, 21])
    assert (after.gap, ids(after)) == (None, [21])


def test_several_gaps_become_one_in_front() -> None:
    tape = a_tape()
    tape.listed(rows(1), NOON)
    for number in (20, 40):
        tape.interrupted(f"cause_{number}", NOON)
        tape.listed(rows(number), NOON)

    told = tape.resume(a_mark(row(1)))

    assert (told.gap, ids(told)) == (gap(10, 400, "cause_20"), [20, 40])


def test_a_successor_that_is_not_connected_goes_on_with_its_next_list() -> None:
    tape = a_tape()
    tape.listed(rows(1, 2), NOON)
    tape.interrupted("closed", NOON + 100)

    assert ids(tape.resume(a_mark(row(1)), "takeover")) == [2]
    told = tape.listed(rows(2, 5), NOON + 500)
    assert (told.gap, ids(told)) == (None, [5])
