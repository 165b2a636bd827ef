"""The file of an operator who knows better than the calendar: every form of a line, and every way to get one wrong."""

from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_market.sessions import NONE, BadOverrides, Overrides, Phase, TradingDay, bist, read_overrides
from support.docs import examples

MONDAY = date(2026, 5, 4)


def session(text: str, day: date = MONDAY) -> TradingDay | None:
    return bist(read_overrides(text)).day(day)


def spans(day: TradingDay | None) -> str:
    assert day is not None
    return " ".join(f"{clock(span.begins)}-{clock(span.ends)} {span.phase}" for span in day.spans)


def clock(ms: int) -> str:
    """Return Istanbul's hour and minute."""
    return f"{datetime.fromtimestamp(ms / 1000 + 3 * 3600, UTC):%H:%M}"


@pytest.mark.parametrize(
    "text", ["2026-05-04 closed", "\ufeff2026-05-04\tclosed  # mourning\r\n", "2026-05-04 closed#x"]
)
def test_closed(text: str) -> None:
    assert session(text) is None


def test_half() -> None:
    day = session("2026-05-04 half")
    assert day is not None and day.half
    assert spans(day) == "09:40-10:00 opening 10:00-12:30 continuous 12:30-12:40 closing"


def test_open_gives_a_full_days_hours() -> None:
    sunday = session("2026-05-03 open", date(2026, 5, 3))
    assert sunday is not None and not sunday.half
    assert spans(sunday) == "09:40-10:00 opening 10:00-18:00 continuous 18:00-18:10 closing"


def test_open_with_hours_moves_the_phases_around_them() -> None:
    assert (
        spans(session("2026-05-04 open 10:30-16:00"))
        == "10:10-10:30 opening 10:30-16:00 continuous 16:00-16:10 closing"
    )


def test_phases_stay_within_the_day() -> None:
    assert (
        spans(session("2026-05-04 open 00:05-23:55"))
        == "00:00-00:05 opening 00:05-23:55 continuous 23:55-00:00 closing"
    )


def test_a_halt_pauses_and_keeps_the_days_ends() -> None:
    day = session("2026-05-04 halt 11:20-11:50")
    assert spans(day) == (
        "09:40-10:00 opening 10:00-11:20 continuous 11:20-11:50 halted 11:50-18:00 continuous 18:00-18:10 closing"
    )
    assert day is not None and (clock(day.opens_at), clock(day.closes_at)) == ("10:00", "18:00")


def test_halts_add_up_and_may_overlap_one_another_and_the_phases() -> None:
    lines = "2026-05-04 halt 09:50-10:20\n2026-05-04 halt 11:00-11:10\n2026-05-04 halt 11:05-11:15\n"
    assert spans(session(lines + "2026-05-04 half\n2026-05-04 halt 12:00-13:00")) == (
        "09:40-09:50 opening 09:50-10:20 halted 10:20-11:00 continuous 11:00-11:05 halted 11:05-11:15 halted "
        "11:15-12:00 continuous 12:00-12:40 halted"
    )


def test_a_halt_outside_the_session_changes_nothing() -> None:
    assert session("2026-05-04 halt 19:00-20:00") == session("")
    assert session("2026-05-03 halt 11:00-12:00", date(2026, 5, 3)) is None


def test_a_halt_of_all_trading_is_a_closed_day() -> None:
    assert session("2026-05-04 halt 10:00-18:00") is None


def test_every_day_may_have_its_hours_and_a_date_of_its_own_beats_them() -> None:
    """A test environment trades on Sundays, and one may still try what a closed day does."""
    calendar = bist(read_overrides("* open 00:00-24:00\n2026-05-04 closed"))

    assert spans(calendar.day(date(2026, 5, 3))) == "00:00-00:00 continuous"
    assert calendar.day(MONDAY) is None
    midnight = int(datetime(2026, 5, 5, 21, tzinfo=UTC).timestamp() * 1000)
    assert calendar.at(midnight - 1) is calendar.at(midnight) is Phase.CONTINUOUS


@pytest.mark.parametrize("text", ["", "\n  \n# nothing\n   # more\n"])
def test_a_file_that_says_nothing(text: str) -> None:
    assert read_overrides(text) == NONE


def test_what_was_read_is_told_in_a_line() -> None:
    assert str(NONE) == "none"
    assert str(read_overrides("* open\n2026-05-04 half\n2026-05-04 halt 11:00-11:30")) == (
        "hours of 1 dates, halts on 1, and those of every day"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2026-05-04", "not spelled like"),
        ("2026-05-04 open 10:00-16:00 today", "not spelled like"),
        ("2026-05-04 shut", "'shut' is none of"),
        ("2026-5-4 closed", "not a date like"),
        ("20260504 closed", "not a date like"),
        ("٢٠٢٦-05-04 closed", "not a date like"),
        ("2026-02-30 closed", "there is no day 2026-02-30"),
        ("monday closed", "not a date like"),
        ("2026-05-04 closed 10:00-16:00", "closed takes no hours"),
        ("2026-05-04 half 10:00-16:00", "half takes no hours"),
        ("2026-05-04 halt", "halt takes hours"),
        ("2026-05-04 open 10:00–16:00", "not spelled like 10:00-16:00"),
        ("2026-05-04 open 10-16", "not spelled like 10:00-16:00"),
        ("2026-05-04 open 16:00-10:00", "ends before it begins"),
        ("2026-05-04 halt 11:00-11:00", "ends before it begins"),
        ("2026-05-04 open 10:00-24:01", "a time that no day has"),
        ("2026-05-04 open 10:60-16:00", "a time that no day has"),
        ("* closed", "* takes one line"),
        ("* halt 11:00-11:30", "* takes one line"),
        ("2026-05-05 half", "2026-05-05 was said before"),
    ],
)
def test_an_error_names_its_line(line: str, complaint: str) -> None:
    with pytest.raises(BadOverrides) as caught:
        read_overrides(f"# overrides\n\n2026-05-05 open\n{line}\n")

    assert str(caught.value).startswith("line 4: ")
    assert complaint in str(caught.value)


@given(
    st.lists(
        st.sampled_from(
            ["2026-05-04", "*", "closed", "half", "open", "halt", "10:00-16:00", "99:99-00:00", "#", "\n", "x"]
        )
        | st.text(max_size=5),
        max_size=12,
    ).map(" ".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadOverrides):
        assert isinstance(read_overrides(text), Overrides)


def test_every_day_is_said_once() -> None:
    with pytest.raises(BadOverrides, match=r"^line 2: "):
        read_overrides("* open\n* open 00:00-24:00\n")


def test_the_documented_file_can_be_used() -> None:
    [text] = examples("operations.md", "When the exchange trades", "text")

    overrides = read_overrides(text)

    assert str(overrides) == "hours of 4 dates, halts on 1, and those of every day"
