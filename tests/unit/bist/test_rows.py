"""Which rows of a symbol are ticks, and what the tick says."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.quotes import Quote
from spark_ingest_bist.rows import Rows, Verdict
from spark_market.instruments import Mode
from unit.bist.days import at, quote

NOW = at("2026-04-27 10:20")


def take(rows: Rows, row: Quote, now: int = NOW) -> Verdict:
    return rows.take(row, now, now)


def rows() -> Rows:
    return Rows(Mode.DELAYED)


def test_a_row_becomes_a_tick_with_its_change_from_the_close_before() -> None:
    known = rows()

    assert take(known, quote("304.25", previous_close="300.5", open="303", volume="1000")) is Verdict.CHANGED
    tick = known.ticker
    assert tick is not None
    assert (tick.change, tick.change_pct) == (Decimal("3.75"), Decimal("1.25"))
    assert (tick.mode, tick.venue_time, tick.received_at) == (Mode.DELAYED, at("2026-04-27 10:05"), NOW)


def test_without_a_close_before_the_source_s_own_word_counts_and_then_the_opening() -> None:
    known = rows()
    take(known, quote("304", change_pct="1.5", open="300"))
    assert known.ticker is not None
    assert (known.ticker.change, known.ticker.change_pct) == (None, Decimal("1.5"))
    opened = rows()
    take(opened, quote("303", open="300"))
    assert opened.ticker is not None
    assert (opened.ticker.change, opened.ticker.change_pct) == (Decimal(3), Decimal(1))


def test_repeated_late_and_future_rows_are_no_ticks() -> None:
    known = rows()
    take(known, quote("304"))

    assert take(known, quote("304"), NOW + 15_000) is Verdict.UNCHANGED
    assert take(known, quote("303", venue_time=at("2026-04-27 10:04"))) is Verdict.LATE
    assert take(known, quote("305", venue_time=NOW + 2_001)) is Verdict.FUTURE
    assert take(known, quote("305", venue_time=NOW + 2_000)) is Verdict.CHANGED


def test_a_move_in_time_alone_is_a_tick() -> None:
    """Somebody traded at the same price."""
    known = rows()
    take(known, quote("304"))
    assert take(known, quote("304", venue_time=at("2026-04-27 10:06"))) is Verdict.CHANGED


def test_the_day_s_volume_never_falls_and_begins_anew_the_next_day() -> None:
    known = rows()
    take(known, quote("304", volume="1000"))

    assert take(known, quote("305", volume="900", venue_time=at("2026-04-27 10:06"))) is Verdict.CHANGED
    assert known.fell
    assert known.ticker is not None and known.ticker.volume == 1000
    assert take(known, quote("305", venue_time=at("2026-04-27 10:06"))) is Verdict.UNCHANGED  # none told, none lost
    tomorrow = at("2026-04-28 10:20")
    assert take(known, quote("306", volume="5", venue_time=at("2026-04-28 10:05")), tomorrow) is Verdict.CHANGED
    assert known.ticker.volume == 5
    assert take(known, quote("304", volume="1000"), tomorrow) is Verdict.LATE


def test_what_holds_for_the_day_is_kept_until_it_is_over() -> None:
    known = rows()
    take(known, quote("304", previous_close="300", open="301"))
    take(known, quote("306"))
    assert known.ticker is not None
    told = known.ticker
    assert (told.previous_close, told.open, told.change) == (Decimal(300), Decimal(301), Decimal(6))
    take(known, quote("307", venue_time=at("2026-04-28 10:05")), at("2026-04-28 10:20"))
    assert (known.ticker.previous_close, known.ticker.change) == (None, None)


def test_a_price_beyond_a_day_s_limits_is_flagged_and_published() -> None:
    """A new listing or a capital action may be the reason."""
    known = rows()
    assert take(known, quote("340", previous_close="300")) is Verdict.CHANGED
    assert known.far


prices = st.decimals("0.01", "999", places=2).map(str)
numbers = st.none() | st.integers(0, 10**9).map(str)


@given(st.lists(st.tuples(prices, st.none() | st.integers(-3_000, 3_000), numbers, numbers), max_size=40))
def test_whatever_comes_sums_never_fall_within_a_day_and_time_never_goes_back(
    told: list[tuple[str, int | None, str | None, str | None]],
) -> None:
    known = rows()
    before = None
    now = at("2026-04-27 17:59")
    for price, offset_min, volume, turnover in told:
        now += 15_000
        time = None if offset_min is None else now + offset_min * 60_000
        verdict = take(known, quote(price, venue_time=time, volume=volume, turnover=turnover), now)
        tick = known.ticker
        if verdict is not Verdict.CHANGED:
            assert tick is before
            continue
        assert tick is not None
        assert tick.venue_time is None or tick.venue_time <= now + 2_000
        if before is not None and before.venue_time is not None and tick.venue_time is not None:
            assert tick.venue_time >= before.venue_time
            if (tick.venue_time + 10_800_000) // 86_400_000 == (before.venue_time + 10_800_000) // 86_400_000:
                assert (tick.volume or 0) >= (before.volume or 0)
                assert (tick.turnover or 0) >= (before.turnover or 0)
        before = tick


@given(st.lists(prices, min_size=1, max_size=20), st.data())
def test_a_row_that_comes_again_or_late_never_ticks(told: list[str], data: st.DataObject) -> None:
    known = rows()
    history = [quote(price, venue_time=at("2026-04-27 10:05") + at_s * 1000) for at_s, price in enumerate(told)]
    for row in history:
        take(known, row)
        again = data.draw(st.sampled_from(history[: history.index(row) + 1]))
        assert take(known, again) in (Verdict.UNCHANGED, Verdict.LATE)


def test_a_row_without_a_time_does_not_let_an_older_one_pass() -> None:
    known = rows()
    take(known, quote("304", venue_time=at("2026-04-27 10:05")))
    assert take(known, quote("305", venue_time=None)) is Verdict.CHANGED

    assert take(known, quote("299", venue_time=at("2026-04-27 10:04"))) is Verdict.LATE


def test_a_restart_goes_on_from_what_was_published() -> None:
    """Repeats are no ticks, late rows stay late, sums do not fall, and what held for the day holds."""
    before = rows()
    take(before, quote("304", volume="1000", open="301", previous_close="300"))
    assert before.ticker is not None
    known = rows()
    known.recall(before.ticker, 0)

    assert take(known, quote("304", volume="1000"), NOW + 60_000) is Verdict.UNCHANGED
    assert take(known, quote("299", venue_time=at("2026-04-27 10:04"))) is Verdict.LATE
    assert take(known, quote("305", volume="900", venue_time=at("2026-04-27 10:06"))) is Verdict.CHANGED
    assert known.ticker is not None
    assert [known.ticker.volume, known.ticker.open, known.ticker.previous_close] == [1000, 301, 300]
