"""What holds of every calendar and at every time."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from spark_market.sessions import Calendar, Phase, always_open, bist, read_overrides

DAY_MS = 86_400_000
YEAR_2016 = 1_451_606_400_000
YEAR_2052 = 2_587_680_000_000
TIMES = st.integers(YEAR_2016, YEAR_2052)
DAYS = st.dates(date(2016, 1, 1), date(2052, 1, 1))
OFTEN_HALTED = "\n".join(
    f"2026-{month:02}-{day:02} halt {hours}"
    for month in range(1, 13)
    for day in range(1, 29)
    for hours in ("09:45-10:30", "15:00-15:30")
)
CALENDARS = st.sampled_from(
    [
        bist(),
        always_open(),
        bist(read_overrides("* open 00:00-24:00\n2026-05-04 closed")),
        bist(read_overrides(OFTEN_HALTED)),
    ]
)


@given(CALENDARS, DAYS)
def test_spans_follow_one_another_within_their_day(calendar: Calendar, day: date) -> None:
    session = calendar.day(day)
    if session is None:
        return
    assert all(span.begins < span.ends for span in session.spans)
    assert all(one.ends == next_one.begins for one, next_one in pairwise(session.spans))
    assert session.spans[0].begins <= session.opens_at < session.closes_at <= session.ends_at
    tomorrow = calendar.day(day + timedelta(1))
    assert tomorrow is None or session.ends_at <= tomorrow.spans[0].begins


@given(CALENDARS, TIMES)
def test_the_phase_is_that_of_the_span_around_it(calendar: Calendar, ms: int) -> None:
    session = calendar.session(ms)
    assert session is not None and ms < session.ends_at
    around = [span.phase for span in session.spans if span.begins <= ms < span.ends]
    assert calendar.at(ms) is (around[0] if around else Phase.CLOSED)


@given(CALENDARS, DAYS)
def test_each_end_of_a_span_changes_the_phase_in_that_millisecond(calendar: Calendar, day: date) -> None:
    session = calendar.day(day)
    for span in session.spans if session else ():
        assert calendar.at(span.begins) is calendar.at(span.ends - 1) is span.phase


@given(CALENDARS, TIMES)
def test_the_last_session_had_begun_and_no_later_one_has(calendar: Calendar, ms: int) -> None:
    last = calendar.last(ms)
    assert last is not None and last.opens_at <= ms
    following = calendar.session(last.ends_at)
    assert following is not None and following.opens_at > ms


@given(CALENDARS, TIMES, st.lists(st.integers(0, 20 * DAY_MS), min_size=2, max_size=2))
def test_trading_time_adds_up(calendar: Calendar, since: int, steps: list[int]) -> None:
    between, until = since + steps[0], since + sum(steps)
    whole = calendar.trading_ms(since, until)

    assert whole == calendar.trading_ms(since, between) + calendar.trading_ms(between, until)
    assert 0 <= whole <= until - since


@given(TIMES, st.integers(0, 20 * DAY_MS))
def test_a_market_that_never_pauses_trades_all_the_time(since: int, passed: int) -> None:
    assert always_open().trading_ms(since, since + passed) == passed
    assert always_open().at(since) is Phase.CONTINUOUS
    assert always_open().knows(since)
