"""What must be disclosed when a source speaks again: time in which data could change, and nobody was heard."""

from spark_ingest_bist.holes import Hole, Holes, Moment
from spark_ingest_bist.schedule import Schedule
from unit.bist.days import DELAY, at, calendar

FEW_MS = 45_000
SHIFT_MS = 1_000_000  # the wall's clock shows another time than the market's


def moment(when: str) -> Moment:
    return Moment(at(when) + SHIFT_MS, at(when), at(when) / 1000)


def holes(**more: object) -> Holes:
    return Holes(Schedule(calendar(), DELAY).open_ms, **more)  # type: ignore[arg-type]


def test_a_missed_answer_or_two_is_no_hole() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-27 11:00"), FEW_MS)
    told.failed(["A"], "timeout")

    assert told.answered(["A"], moment("2026-04-27 11:00:45"), FEW_MS) == []


def test_an_outage_is_one_hole_for_all_from_the_first_of_them_that_was_last_answered() -> None:
    """Each is asked for in its turn: what was answered first in the last round is what has been unheard the longest."""
    told = holes()
    told.answered(["A"], moment("2026-04-27 11:00"), FEW_MS)
    told.answered(["B"], moment("2026-04-27 11:00:07"), FEW_MS)
    told.failed(["A"], "limited")
    told.failed(["B"], "timeout")

    [hole] = told.answered(["A"], moment("2026-04-27 11:02"), FEW_MS)
    assert hole == Hole(None, moment("2026-04-27 11:00").wall_ms, "limited")
    assert told.answered(["B"], moment("2026-04-27 11:02:07"), FEW_MS) == []


def test_symbols_that_were_missed_while_others_were_heard_have_holes_of_their_own() -> None:
    told = holes()
    told.answered(["A", "B"], moment("2026-04-27 11:00"), FEW_MS)
    told.failed(["A"], "malformed")
    for second in range(15, 60, 15):
        told.answered(["B"], moment(f"2026-04-27 11:00:{second}"), FEW_MS)

    assert told.answered(["A"], moment("2026-04-27 11:01"), FEW_MS) == [
        Hole("A", moment("2026-04-27 11:00").wall_ms, "malformed")
    ]


def test_a_process_that_stood_still_says_so() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-27 11:00"), FEW_MS)

    [hole] = told.answered(["A"], moment("2026-04-27 11:05"), FEW_MS)
    assert hole.cause == "stalled"


def test_an_outage_does_not_swallow_the_longer_hole_of_one_symbol() -> None:
    told = holes()
    told.answered(["A", "B"], moment("2026-04-27 11:00"), FEW_MS)
    told.lacking(["B"], "absent")
    for second in range(15, 60, 15):
        told.answered(["A"], moment(f"2026-04-27 11:00:{second}"), FEW_MS)
    told.answered(["A"], moment("2026-04-27 11:01"), FEW_MS)

    assert told.answered(["A"], moment("2026-04-27 11:05"), FEW_MS) == [
        Hole(None, moment("2026-04-27 11:01").wall_ms, "stalled")
    ]
    assert told.answered(["B"], moment("2026-04-27 11:05:07"), FEW_MS) == [
        Hole("B", moment("2026-04-27 11:00").wall_ms, "absent")
    ]


def test_a_symbol_that_the_source_lacks_explains_no_hole_of_the_others() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-27 11:00"), FEW_MS)
    told.lacking(["B"], "unknown")

    [hole] = told.answered(["A"], moment("2026-04-27 11:05"), FEW_MS)
    assert hole.cause == "stalled"


def test_a_night_a_weekend_and_an_outage_over_them_are_no_holes() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-24 18:27"), FEW_MS)  # Friday's last round
    told.failed(["A"], "network")

    assert told.answered(["A"], moment("2026-04-27 10:00:05"), FEW_MS) == []


def test_a_close_that_was_missed_is_a_hole_the_next_morning() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-24 18:20"), FEW_MS)
    told.failed(["A"], "network")

    assert len(told.answered(["A"], moment("2026-04-27 10:00:05"), FEW_MS)) == 1


def test_a_start_discloses_any_open_time_and_nothing_else() -> None:
    def begun(last: str) -> Holes:
        return holes(since=Hole(None, moment(last).wall_ms, "start"), at=moment(last))

    assert begun("2026-04-27 11:00").answered(["A"], moment("2026-04-27 11:00:05"), FEW_MS) == [
        Hole(None, moment("2026-04-27 11:00").wall_ms, "start")
    ]
    assert begun("2026-04-26 18:27").answered(["A"], moment("2026-04-26 19:00"), FEW_MS) == []


def test_a_connection_that_breaks_misses_what_comes_meanwhile_however_little() -> None:
    told = holes()
    told.answered(["A"], moment("2026-04-27 11:00"), float("inf"))
    told.interrupted("closed")

    assert told.answered(["A"], moment("2026-04-27 11:00:01"), float("inf")) == [
        Hole(None, moment("2026-04-27 11:00").wall_ms, "closed")
    ]
    assert told.answered(["A"], moment("2026-04-27 12:00"), float("inf")) == []
