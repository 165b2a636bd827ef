"""Trades: each once and in order across reconnects and restarts of ids, and a gap where that cannot be shown."""

from decimal import Decimal

import pytest

from spark_ingest_btcturk.tape import HOLD_S, NOTHING, ToPublish
from spark_market.instruments import Mode
from spark_market.messages import Side, Trade
from support.examples import NOON, VENUE

from .tapes import a_leader, a_mark, a_tape, gap, ids, nothing_counted, row, rows


def test_a_single_trade_is_told_at_once() -> None:
    tape = a_leader()
    tape.listed([], NOON)

    told = tape.traded(row(1), NOON + 15)

    trade = Trade(
        venue=VENUE, symbol="BTC_TRY", mode=Mode.MOCK, id="100163842129199001", price=Decimal(100), size=Decimal(1),
        side=Side.BUY, venue_time=NOON + 10, received_at=NOON + 15,
    )  # fmt: skip
    assert told == ToPublish(None, (trade,), live=True)


@pytest.mark.parametrize(
    ("zero_is", "code", "side"),
    [
        (Side.BUY, 0, Side.BUY),
        (Side.BUY, 1, Side.SELL),
        (Side.SELL, 0, Side.SELL),
        (Side.SELL, 1, Side.BUY),
        (Side.BUY, None, None),
        (Side.BUY, 2, None),
    ],
)
def test_what_side_0_means_is_a_setting(zero_is: Side, code: int | None, side: Side | None) -> None:
    tape = a_tape(zero_is=zero_is)
    tape.resume(None)
    tape.listed([], NOON)

    assert [trade.side for trade in tape.traded(row(1, code=code), NOON).trades] == [side]


def test_the_list_of_a_first_start_is_history_without_a_gap() -> None:
    tape = a_leader(counts := nothing_counted())
    tape.interrupted("refused_503", NOON)

    told = tape.listed(rows(*range(1, 100, 2)), NOON + 50)

    assert (told.gap, ids(told), told.live) == (None, list(range(1, 100, 2)), False)
    assert {trade.received_at for trade in told.trades} == {NOON + 50}
    assert counts == {"backfilled": 50}


def test_a_list_that_has_the_last_trade_fills_what_was_missed() -> None:
    """Steps of more than 1 between ids are normal, and no sign of a loss."""
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1, 3), NOON)
    tape.traded(row(7), NOON)
    tape.interrupted("closed", NOON + 100)

    told = tape.listed(rows(3, 7, 9, 14), NOON + 500)

    assert (told.gap, ids(told), told.live) == (None, [9, 14], False)
    assert counts == {"backfilled": 4}
    assert ids(tape.traded(row(15), NOON + 501)) == [15]


def test_a_list_that_begins_after_the_last_trade_leaves_a_gap_between_the_two() -> None:
    tape = a_leader()
    tape.listed(rows(1, 3), NOON)
    tape.interrupted("closed", NOON + 100)

    told = tape.listed(rows(20, 21), NOON + 500)

    assert (told.gap, ids(told)) == (gap(30, 200), [20, 21])


def test_a_list_that_begins_with_the_very_next_id_leaves_no_gap() -> None:
    """Ids are whole numbers and grow: there is no room for a trade in between."""
    tape = a_leader()
    tape.listed(rows(1, 3), NOON)
    tape.interrupted("closed", NOON + 100)

    told = tape.listed(rows(4, 9), NOON + 500)

    assert (told.gap, ids(told)) == (None, [4, 9])


def test_a_list_that_is_behind_what_is_known_tells_nothing_new_and_loses_nothing() -> None:
    """It reaches back to known trades, and the singles that follow it repeat the rest."""
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1, 3, 5), NOON)
    tape.interrupted("closed", NOON + 100)

    assert tape.listed(rows(1, 3), NOON + 500) == NOTHING
    assert tape.traded(row(5), NOON + 501) == NOTHING
    assert ids(tape.traded(row(6), NOON + 502)) == [6]
    assert counts["duplicate"] == 1


def test_an_empty_list_after_trades_leaves_a_gap_until_it_came() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("closed", NOON + 100)

    assert tape.listed([], NOON + 500) == ToPublish(gap(10, 500))
    assert tape.traded(row(2), NOON + 510).gap is None


def test_a_pair_that_never_traded_loses_nothing_to_a_list_that_is_not_full() -> None:
    tape = a_leader()
    tape.listed([], NOON)
    tape.interrupted("closed", NOON + 100)

    told = tape.listed(rows(*range(30, 79)), NOON + 900)

    assert (told.gap, len(told.trades)) == (None, 49)


def test_a_pair_that_never_traded_may_have_lost_what_a_full_list_has_no_room_for() -> None:
    tape = a_leader()
    tape.listed([], NOON)
    tape.interrupted("closed", NOON + 100)

    told = tape.listed(rows(*range(30, 80)), NOON + 900)

    assert (told.gap, len(told.trades)) == (gap(100, 300), 50)


def test_a_second_break_before_any_list_leaves_the_first_ones_cause() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("silent", NOON + 100)
    tape.interrupted("refused_503", NOON + 200)

    assert tape.listed(rows(20), NOON + 500).gap == gap(10, 200, "silent")


def test_a_list_that_nobody_asked_for_must_join_too() -> None:
    tape = a_leader()
    tape.listed(rows(1, 2), NOON)

    assert tape.listed(rows(1, 2, 3), NOON).gap is None
    assert tape.listed(rows(20), NOON).gap == gap(30, 200, "missed")


def test_a_trade_between_two_known_ones_that_only_the_list_has_is_late() -> None:
    """Lost on the way, and found again: it is told, though out of its place."""
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1), NOON)
    tape.traded(row(2), NOON)
    tape.traded(row(4), NOON)

    told = tape.listed(rows(1, 2, 3, 4, 5), NOON + 100)

    assert (told.gap, ids(told)) == (None, [3, 5])
    assert counts == {"backfilled": 3, "late": 1}


def test_a_repeated_trade_is_dropped() -> None:
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1, 2), NOON)

    assert tape.traded(row(2), NOON) == NOTHING
    assert counts["duplicate"] == 1


def test_a_late_trade_is_told_once_out_of_its_place() -> None:
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1, 4), NOON)

    assert ids(tape.traded(row(2), NOON)) == [2]
    assert tape.traded(row(2), NOON) == NOTHING
    assert ids(tape.traded(row(5), NOON)) == [5]
    assert (counts["late"], counts["duplicate"]) == (1, 1)


def test_a_trade_from_before_all_that_is_known_is_dropped_as_stale() -> None:
    """It may have been told by whoever wrote before us."""
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(50, 51), NOON)

    assert tape.traded(row(49), NOON) == NOTHING
    assert counts["stale"] == 1


def test_what_is_forgotten_is_stale_and_what_is_remembered_a_duplicate() -> None:
    """At least the last 200 ids are remembered, and no more than a bounded number."""
    tape = a_leader(counts := nothing_counted())
    tape.listed([], NOON)
    for number in range(0, 1_200, 2):
        tape.traded(row(number), NOON)

    for number in (0, 1, 800, 1_198):
        tape.traded(row(number), NOON)
    assert (counts["stale"], counts["duplicate"]) == (2, 2)
    assert ids(tape.traded(row(801), NOON)) == [801]


def test_ids_that_begin_anew_leave_a_gap_and_go_on() -> None:
    tape = a_leader()
    tape.listed(rows(1_000, 1_001), NOON)

    told = tape.traded(row(5, time=10_050), NOON + 10_060)

    assert (told.gap, ids(told)) == (gap(10_010, 10_050, "id_restart"), [5])
    assert ids(tape.traded(row(6, time=10_051), NOON + 10_061)) == [6]


def test_an_id_that_comes_again_with_a_later_time_is_another_trade() -> None:
    """After a restart ids may repeat, however recent the first of the name was."""
    tape = a_leader()
    tape.listed(rows(1_000, 1_001), NOON)

    told = tape.traded(row(1_000, time=10_050), NOON + 10_060)

    assert (told.gap, ids(told)) == (gap(10_010, 10_050, "id_restart"), [1_000])


def test_ids_that_began_anew_during_a_break_leave_a_gap() -> None:
    tape = a_leader()
    tape.listed(rows(1_000, 1_001), NOON)
    tape.interrupted("closed", NOON + 10_020)

    told = tape.listed([row(5, time=20_000), row(6, time=20_001)], NOON + 20_500)

    assert (told.gap, ids(told)) == (gap(10_010, 20_000, "id_restart"), [5, 6])


def test_ids_that_began_anew_within_the_list_leave_a_gap_from_the_last_old_one() -> None:
    tape = a_leader()
    tape.listed(rows(1_000, 1_001), NOON)
    tape.interrupted("closed", NOON + 10_020)

    told = tape.listed([row(1_001), row(1_003), row(5, time=20_000), row(6, time=20_001)], NOON + 20_500)

    assert (told.gap, ids(told)) == (gap(10_030, 20_000, "id_restart"), [1_003, 5, 6])


def test_a_list_with_ids_from_before_a_restart_tells_them_no_second_time() -> None:
    tape = a_tape()
    tape.resume(a_mark(row(5, time=20_000)))

    told = tape.listed([row(1_001), row(1_003), row(5, time=20_000), row(6, time=20_001)], NOON + 20_500)

    assert (told.gap, ids(told)) == (None, [6])


def test_a_trade_from_before_a_restart_that_only_the_list_has_does_not_undo_the_restart() -> None:
    tape = a_leader()
    tape.listed(rows(1_001), NOON)
    tape.traded(row(5, time=20_000), NOON + 20_000)

    told = tape.listed([row(1_001), row(1_003), row(5, time=20_000), row(6, time=20_001)], NOON + 20_500)

    assert (told.gap, ids(told)) == (None, [1_003, 6])


def test_after_a_restart_late_trades_are_told_by_the_new_ids() -> None:
    """Also when those from before it are forgotten, one by one."""
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(*range(1_000, 1_050)), NOON)
    for number in range(0, 500, 2):
        tape.traded(row(number, time=20_000 + number), NOON + 30_000)

    assert ids(tape.traded(row(1, time=20_001), NOON + 30_000)) == [1]
    assert ids(tape.traded(row(301, time=20_301), NOON + 30_000)) == [301]
    assert (counts["late"], counts["stale"]) == (2, 0)


def test_a_clock_that_goes_back_changes_no_order_and_makes_no_gap() -> None:
    """Numbers order; only a lower number at a later time is a restart."""
    tape = a_leader()
    tape.listed([row(1, time=5_000), row(2, time=5_010)], NOON)

    assert ids(tape.traded(row(3, time=20), NOON)) == [3]
    tape.interrupted("closed", NOON)
    told = tape.listed([row(1, time=5_000), row(2, time=5_010), row(3, time=20), row(4, time=30)], NOON)
    assert (told.gap, ids(told)) == (None, [4])


def test_a_gap_over_a_clock_that_went_back_does_not_end_before_it_begins() -> None:
    tape = a_leader()
    tape.listed([row(1, time=5_000)], NOON)
    tape.interrupted("closed", NOON)

    assert tape.listed([row(20, time=30)], NOON).gap == gap(30, 30)


def test_trades_that_outrun_the_list_of_their_join_wait_for_it() -> None:
    tape = a_leader()
    tape.listed(rows(1, 2), NOON)
    tape.interrupted("closed", NOON + 100)
    assert tape.traded(row(8), NOON + 480) == NOTHING
    assert tape.traded(row(9), NOON + 490) == NOTHING

    told = tape.listed(rows(2, 5, 8), NOON + 500)

    assert (told.gap, ids(told), told.live) == (None, [5, 8, 9], False)
    assert [trade.received_at - NOON for trade in told.trades] == [500, 500, 490]


def test_a_trade_that_waited_is_put_where_its_id_belongs() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("closed", NOON + 100)
    tape.traded(row(6), NOON + 480)
    tape.traded(row(9), NOON + 490)

    assert ids(tape.listed(rows(1, 5, 8), NOON + 500)) == [5, 6, 8, 9]


def test_a_trade_that_waited_and_is_late_is_told_although_the_list_does_not_reach_back_to_it() -> None:
    tape = a_leader(counts := nothing_counted())
    tape.listed(rows(1, 5), NOON)
    tape.interrupted("closed", NOON + 100)
    tape.traded(row(3), NOON + 480)

    told = tape.listed(rows(5, 6), NOON + 500)

    assert (told.gap, ids(told)) == (None, [3, 6])
    assert counts == {"backfilled": 3, "late": 1}


def test_a_trade_that_waited_and_has_a_new_beginning_of_ids_comes_last() -> None:
    tape = a_leader()
    tape.listed(rows(1_000), NOON)
    tape.interrupted("closed", NOON + 100)
    tape.traded(row(5, time=20_000), NOON + 20_010)

    told = tape.listed(rows(1_000, 1_001), NOON + 20_020)

    assert (told.gap, ids(told)) == (gap(10_010, 20_000, "id_restart"), [1_001, 5])


def test_a_list_that_never_comes_costs_a_pair_that_never_traded_a_gap_too() -> None:
    tape = a_leader()
    tape.listed([], NOON)
    tape.interrupted("closed", NOON + 100)
    tape.traded(row(30), NOON + 480)

    tape.overdue(70.0)
    told = tape.overdue(70.0 + HOLD_S)

    assert (told.gap, ids(told)) == (gap(100, 300), [30])


def test_a_list_that_never_comes_costs_a_first_start_nothing() -> None:
    """Nobody has published, so nobody can miss anything."""
    tape = a_leader()
    tape.interrupted("refused_503", NOON)
    tape.traded(row(30), NOON + 480)

    tape.overdue(70.0)
    told = tape.overdue(70.0 + HOLD_S)

    assert (told.gap, ids(told)) == (None, [30])


def test_a_list_that_never_comes_costs_a_gap_after_five_seconds() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("closed", NOON + 100)
    tape.traded(row(8), NOON + 480)

    assert tape.overdue(70.0) == NOTHING
    assert tape.overdue(70.0 + HOLD_S - 0.1) == NOTHING
    told = tape.overdue(70.0 + HOLD_S)

    assert (told.gap, ids(told), told.live) == (gap(10, 80), [8], False)
    assert tape.overdue(90.0) == NOTHING
    assert ids(tape.traded(row(9), NOON + 500)) == [9]


def test_what_waits_is_bounded() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("closed", NOON + 100)

    told = next(told for told in (tape.traded(row(number), NOON) for number in range(10, 1_010)) if told != NOTHING)

    assert (told.gap, ids(told)) == (gap(10, 100), list(range(10, 266)))


def test_what_waits_on_a_connection_that_dies_is_told() -> None:
    tape = a_leader()
    tape.listed(rows(1), NOON)
    tape.interrupted("silent", NOON + 100)
    tape.traded(row(8), NOON + 480)

    told = tape.interrupted("closed", NOON + 490)

    assert (told.gap, ids(told)) == (gap(10, 80, "silent"), [8])
    assert tape.listed(rows(20), NOON + 900).gap == gap(80, 200, "closed")
