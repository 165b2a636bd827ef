"""A source asked through whole market days, in no time: when, how often, and what its failures cost."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_bus.publisher import Claim
from spark_ingest_bist.quotes import Answer, Quote
from spark_ingest_bist.times import Times
from spark_market.messages import Ticker
from unit.bist.days import DELAY, MINUTE, at, calendar
from unit.bist.polled import Played


class Crash(Exception):
    """What nobody expects."""


def crash(symbols: list[str]) -> httpx.Response:
    raise Crash


MORNING = at("2026-04-27 10:00")


def within(asked_ms: int) -> bool:
    """Return whether the day's data can change then."""
    day = calendar().last(asked_ms)
    return day is not None and asked_ms <= day.ends_at + DELAY


def most_in_an_hour(times: list[int]) -> int:
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= 3_600_000:
            first += 1
        most = max(most, last - first + 1)
    return most


async def test_a_week_is_asked_by_the_calendar() -> None:
    """One round at the start, a Sunday; then four days, one of them a holiday's eve; one round after each close."""
    played = Played(at("2026-05-24 12:00"), every_s=120)

    await played.run(at("2026-05-31 12:00"))

    times = [time for time, _ in played.asked]
    outside = [time for time in times if not within(time)]
    assert outside[0] - at("2026-05-24 12:00") < MINUTE
    closes = [at("2026-05-25 18:25"), at("2026-05-26 12:55")]  # a full day, a half-day, then holidays
    assert len(outside) == 1 + len(closes)
    assert all(0 < time - close < 3 * MINUTE for time, close in zip(outside[1:], closes, strict=True))
    assert sum(within(time) for time in times) == pytest.approx((505 + 175) / 2, abs=2)
    assert played.gaps() == []
    assert played.feed.session.connected_since is not None


async def test_requests_are_even_and_within_the_budget() -> None:
    symbols = [f"S{number:03}" for number in range(600)]
    played = Played(MORNING, symbols)

    await played.run(MORNING + 2 * 3_600_000)

    times = [time for time, _ in played.asked]
    assert 850 <= most_in_an_hour(times) <= 1000
    assert min(b - a for a, b in pairwise(times)) >= 2_000
    assert played.counted("poll_interval_seconds") == 120


async def test_one_that_is_started_again_and_again_stays_within_the_budget() -> None:
    """Each start owes a round, and none knows what the one before had sent."""
    times: list[int] = []
    now_ms = MORNING
    while now_ms < MORNING + 60 * MINUTE:
        played = Played(now_ms, [f"S{number:03}" for number in range(600)])
        played.answer = crash
        with suppress(Crash):
            await played.run(now_ms + MINUTE)
        times += [time for time, _ in played.asked]
        now_ms = played.clock.now_ms() + 100

    assert len(times) > 100
    assert most_in_an_hour(times) <= 1000


async def test_the_pulse_is_asked_for_and_not_published() -> None:
    played = Played(MORNING, ["THYAO"], pulse="XU100")

    await played.run(MORNING + MINUTE)

    assert played.asked[0][1] == ["THYAO", "XU100"]
    assert {message.symbol for message in played.published} == {"THYAO"}
    assert set(played.feed.market.heard) == {"ticker:THYAO"}


async def test_rows_that_stop_moving_are_heard_and_age() -> None:
    """A frozen back end answers 200: that is what the monitor has to see."""
    frozen = (MORNING - DELAY) // 1000
    played = Played(MORNING)
    played.answer = lambda symbols: played.prices(symbols, regularMarketTime=frozen, regularMarketPrice=300)

    await played.run(MORNING + 10 * MINUTE)

    beat = played.feed.beat(0, 0)
    age = beat.heartbeat.ages["ticker"]
    assert age is not None and age > 9 * MINUTE
    assert played.clock.now_ms() - beat.heard["ticker:THYAO"] < MINUTE
    assert beat.heartbeat.connected
    assert (beat.state.source, beat.state.poll_interval_ms, beat.state.delay_ms) == ("poll", 15_000, DELAY)
    assert len(played.published) == 1


async def test_a_start_in_front_of_a_frozen_source_knows_its_age() -> None:
    played = Played(MORNING + 60 * MINUTE)
    played.answer = lambda symbols: played.prices(symbols, regularMarketTime=MORNING // 1000, regularMarketPrice=300)

    await played.run(MORNING + 61 * MINUTE)

    age = played.feed.beat(0, 0).heartbeat.ages["ticker"]
    assert age == pytest.approx(46 * MINUTE, abs=2_000)


async def test_an_outage_is_disclosed_once_with_its_cause() -> None:
    played = Played(MORNING, ["THYAO", "SASA"])
    await played.run(MORNING + MINUTE)
    last = max(time for time, _ in played.asked)
    played.answer = lambda symbols: httpx.Response(503)
    await played.run(MORNING + 6 * MINUTE)
    assert played.feed.session.connected_since is None
    assert not played.feed.beat(0, 0).heartbeat.connected
    played.answer = played.prices
    await played.run(MORNING + 12 * MINUTE)

    [gap] = played.gaps()
    assert (gap.symbol, gap.channel, gap.cause, gap.from_) == (None, "ticker", "unavailable", last)
    assert played.feed.session.connected_since is not None
    assert not any(message.kind == "gap" for message in played.published[-10:])


async def test_a_short_trouble_costs_no_gap() -> None:
    played = Played(MORNING)
    await played.run(MORNING + MINUTE)
    failing = iter([httpx.Response(200, content=b"<html>"), httpx.Response(200, content=b"{")])
    played.answer = lambda symbols: next(failing, None) or played.prices(symbols)
    await played.run(MORNING + 3 * MINUTE)

    assert played.gaps() == []
    assert played.counted("malformed_total", error="html") == 1
    assert played.counted("malformed_total", error="not_json") == 1
    assert played.counted("requests_total", outcome="malformed") == 2


async def test_an_unknown_symbol_does_not_harm_its_batch() -> None:
    """Everything that it is named with is refused; a few minutes later all others flow, and it is out of the list."""
    symbols = [f"S{number:02}" for number in range(30)]
    played = Played(MORNING, symbols, pulse="XU100")
    played.answer = lambda asked: httpx.Response(404) if "S13" in asked else played.prices(asked)

    await played.run(MORNING + 5 * MINUTE)

    assert {message.symbol for message in played.published} == set(symbols) - {"S13"}
    beat = played.feed.beat(0, 0)
    assert (beat.state.unknown, beat.state.unproven) == (["S13"], [])
    played.feed._bring_up_to_date()
    assert set(played.feed.instruments()) == set(symbols) - {"S13"}
    assert sum("S13" in asked for _, asked in played.asked) <= 8
    assert played.gaps() == []
    played.answer = played.prices  # it is listed the next day
    await played.run(MORNING + 25 * 60 * MINUTE)
    assert played.feed.beat(0, 0).state.unknown == []


async def test_a_source_that_refuses_everything_gives_no_symbol_up() -> None:
    played = Played(MORNING, [f"S{number:02}" for number in range(30)], pulse="XU100")
    await played.run(MORNING + MINUTE)
    played.answer = lambda asked: httpx.Response(404)
    before = len(played.asked)
    await played.run(MORNING + 31 * MINUTE)

    assert played.feed.session.missing() == []
    assert len(played.asked) - before < 60  # it is out of order, and asked ever less
    played.answer = played.prices
    await played.run(MORNING + 50 * MINUTE)
    assert len(played.gaps()) == 1


@pytest.mark.parametrize("retry_after", [None, "120", "Mon, 27 Apr 2026 08:02:00 GMT"])
async def test_a_storm_of_429_slows_down_and_recovers(retry_after: str | None) -> None:
    played = Played(MORNING, ["THYAO"])
    headers = {"Date": "Mon, 27 Apr 2026 08:00:00 GMT"} | ({} if retry_after is None else {"Retry-After": retry_after})
    played.answer = lambda asked: httpx.Response(429, headers=headers)
    await played.run(MORNING + 60 * MINUTE)
    times = [time for time, _ in played.asked]
    pauses = [b - a for a, b in pairwise(times)]
    assert len(times) <= 12
    assert max(pauses) <= 15.5 * MINUTE
    assert pauses[0] >= (120_000 if retry_after else 22_000)
    assert played.counted("backoff_active") == 1

    played.answer = played.prices
    await played.run(MORNING + 90 * MINUTE)
    assert len([time for time, _ in played.asked if time > MORNING + 80 * MINUTE]) >= 35
    assert played.counted("backoff_active") == 0


async def test_who_may_not_is_told_and_hardly_asks() -> None:
    played = Played(MORNING, ["THYAO"])
    played.answer = lambda asked: httpx.Response(403)

    await played.run(MORNING + 60 * MINUTE)

    assert 3 <= len(played.asked) <= 6
    assert played.counted("forbidden") == 1


async def test_a_last_round_that_fails_is_tried_again_until_it_is_whole() -> None:
    played = Played(at("2026-04-27 18:20"), [f"S{number:02}" for number in range(30)])
    await played.run(at("2026-04-27 18:25"))
    played.answer = lambda asked: httpx.Response(503)
    await played.run(at("2026-04-27 19:25"))
    tried = len(played.asked)
    played.answer = played.prices
    await played.run(at("2026-04-28 09:59"))

    assert 2 <= len(played.asked) - tried <= 3  # the two batches, once
    assert not any(at("2026-04-27 19:45") < time for time, _ in played.asked)


def began(heard: str) -> Claim:
    return Claim("epoch", False, {"ticker": at(heard) - 1_000}, {"ticker:THYAO": at(heard)}, {})


@pytest.mark.parametrize(
    ("heard", "start", "gaps"),
    [("2026-04-27 11:00", "2026-04-27 11:00:10", 1), ("2026-04-26 18:27", "2026-04-26 20:00", 0),
     ("2026-04-24 18:27", "2026-04-27 09:30", 0), ("2026-04-24 18:20", "2026-04-27 09:30", 1)],
)  # fmt: skip
async def test_a_start_discloses_what_may_have_been_missed_and_no_closed_market(
    heard: str, start: str, gaps: int
) -> None:
    played = Played(at(start), claim=began(heard))
    await played.run(at(start) + 3 * MINUTE)

    assert [gap.cause for gap in played.gaps()] == ["start"] * gaps
    if gaps:
        assert played.published[0].kind == "gap"
        assert played.gaps()[0].from_ == at(heard) - 1_000


async def test_a_restart_before_an_opening_knows_when_a_row_last_moved() -> None:
    """Nothing is new at night; had it no word at all to tell of, the monitor would call the morning an outage."""
    first = Played(at("2026-04-26 20:00"))
    friday = at("2026-04-24 18:05") // 1000
    first.answer = lambda symbols: first.prices(symbols, regularMarketTime=friday, regularMarketPrice=300)
    await first.run(at("2026-04-26 20:05"))
    [ticker] = first.messages()
    claim = replace(began("2026-04-26 20:00"), tickers={"THYAO": ticker})
    again = Played(at("2026-04-26 21:00"), claim=claim)
    again.answer = first.answer

    await again.run(at("2026-04-27 09:59"))

    assert again.published == []
    assert again.counted("rows_total", reason="unchanged") == 1
    age = again.feed.beat(0, 0).heartbeat.ages["ticker"]
    assert age == pytest.approx(again.clock.now_ms() - friday * 1000 - DELAY, abs=10)


async def test_what_a_clock_since_set_back_had_published_is_not_held_against_its_rows() -> None:
    first = Played(MORNING + 120 * MINUTE)
    await first.run(MORNING + 121 * MINUTE)
    ticker = first.messages()[-1]
    long_ago = replace(began("2026-04-27 09:00"), tickers={"THYAO": replace_time(ticker, MORNING - 60 * MINUTE)})
    again = Played(MORNING, claim=long_ago)

    await again.run(MORNING + MINUTE)

    assert again.counted("rows_total", reason="late") == 0
    assert len(again.published) >= 3


async def test_a_row_without_a_time_before_the_first_prices_is_yesterday_s() -> None:
    """Its volume is a whole day's: taken for today's it would stand, as the highest, until the evening."""
    played = Played(MORNING)
    friday = at("2026-04-24 18:08") // 1000
    played.answer = lambda symbols: played.prices(
        symbols, regularMarketTime=None if len(played.asked) % 3 == 2 else friday, regularMarketVolume=50_000_000,
        regularMarketPrice=300,
    )  # fmt: skip
    await played.run(MORNING + 14 * MINUTE)
    played.answer = lambda symbols: played.prices(symbols, regularMarketVolume=1000)
    await played.run(MORNING + 20 * MINUTE)

    assert played.messages()[-1].volume == 1000
    assert played.counted("rows_total", reason="late") == 0


async def test_an_outage_is_found_though_the_clock_was_set_back() -> None:
    played = Played(MORNING)
    await played.run(MORNING + 62 * MINUTE)
    played.clock.set_back(30 * MINUTE)
    played.feed.clock_set_back(30 * MINUTE, played.clock.now_ms())
    since = max(time for time, _ in played.asked) - 30 * MINUTE
    played.answer = lambda symbols: httpx.Response(503)

    await played.run(MORNING + 37 * MINUTE)
    assert played.feed.session.connected_since is None
    played.answer = played.prices
    await played.run(MORNING + 41 * MINUTE)

    [gap] = played.gaps()
    assert (gap.cause, gap.from_) == ("unavailable", since)


def replace_time(ticker: Ticker, received_at: int) -> Ticker:
    return msgspec.structs.replace(ticker, received_at=received_at)


OUTCOMES = st.sampled_from(["ok", "ok", "ok", "429", "503", "404", "403", "html", "cut", "stale", "empty"])


@settings(max_examples=20, deadline=None)
@given(st.lists(OUTCOMES, min_size=1, max_size=40), st.integers(1, 60), st.integers(0, 36))
async def test_whatever_is_answered_no_request_leaves_the_windows_or_the_budget(
    outcomes: list[str], symbols: int, hours: int
) -> None:
    played = Played(
        at("2026-05-25 06:00") + hours * 60 * MINUTE, [f"S{n:02}" for n in range(symbols)], most_per_hour=90
    )
    owed: list[bool] = []

    def answer(asked: list[str]) -> httpx.Response:
        outcome = outcomes[len(played.asked) % len(outcomes)]
        owed.append(within(played.clock.now_ms()) or played.feed.schedule.window(played.clock.now_ms()) != "shut")
        match outcome:
            case "ok":
                return played.prices(asked)
            case "html":
                return httpx.Response(200, content=b"<html>busy</html>")
            case "cut":
                raise httpx.RemoteProtocolError("peer closed connection")
            case "stale":
                return played.prices(asked, regularMarketTime=at("2026-05-22 18:00") // 1000)
            case "empty":
                return httpx.Response(200, content=b'{"spark":{"result":[],"error":null}}')
            case status:
                return httpx.Response(int(status), headers={"Retry-After": "40"})

    played.answer = answer
    await played.run(played.clock.now_ms() + 9 * 60 * MINUTE)

    assert all(owed)
    times = [time for time, _ in played.asked]
    assert most_in_an_hour(times) <= 90
    assert all(played.clock.now_ms() >= time for time in times)


async def test_the_longest_delay_that_any_row_declares_counts() -> None:
    """By a shorter one the last quarter of an hour would never be asked for, and be called fresher than it is."""
    symbols = [f"S{number:02}" for number in range(21)]  # one request more than a batch takes
    played = Played(at("2026-04-27 17:55"), symbols)
    played.answer = lambda asked: played.prices(asked, exchangeDataDelayedBy=0 if "S00" in asked else 15)

    await played.run(at("2026-04-27 18:24"))

    assert played.feed.beat(0, 0).state.delay_ms == DELAY
    assert at("2026-04-27 18:23") < played.asked[-1][0]


async def test_a_delay_that_all_rows_declare_anew_is_taken_over() -> None:
    played = Played(MORNING, ["THYAO", "SASA"])
    played.answer = lambda asked: played.prices(asked, exchangeDataDelayedBy=20)
    await played.run(MORNING + MINUTE)
    assert played.feed.beat(0, 0).state.delay_ms == 20 * MINUTE
    played.answer = lambda asked: played.prices(asked, exchangeDataDelayedBy=10)

    await played.run(MORNING + 2 * MINUTE)

    assert played.feed.beat(0, 0).state.delay_ms == 10 * MINUTE


async def test_a_stream_far_ahead_of_the_answers_leaves_no_holes_in_them() -> None:
    """Whether Yahoo's is as late as its answers nobody has established: what it does changes nothing else."""
    played = Played(MORNING + 60 * MINUTE, ["THYAO", "SASA"])

    def answer(symbols: list[str]) -> httpx.Response:
        if len(played.asked) % 6 == 0:  # a thin share: every minute and a half
            now_ms = played.clock.now_ms()
            quote = Quote(symbol="THYAO", price=Decimal(300 + len(played.asked)), venue_time=now_ms)
            moment = Times(played.clock, played.clock).now()
            played.feed.market.take(Answer(quotes=(quote,)), {"THYAO"}, moment, sooner=True)
        return played.prices(symbols)

    played.answer = answer
    await played.run(MORNING + 80 * MINUTE)

    assert played.gaps() == []
    assert played.counted("rows_total", reason="late") == 0
    assert played.clock.now_ms() - played.feed.market.heard["ticker:THYAO"] < MINUTE
    times = [told.venue_time for told in played.messages() if told.symbol == "THYAO"]
    assert times == sorted(times), "no answer rolled a price back"
