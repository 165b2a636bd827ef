"""The simulated exchange: what a real one would never do, it never does."""

from itertools import pairwise
from random import Random

import pytest

from spark_market.sessions import Phase, bist, read_overrides
from spark_simulator.bist.grid import above, below, limits, nearest, step
from spark_simulator.bist.market import BistMarket, Quote
from support.istanbul import MONDAY, at

CALENDAR = bist()
SOME = ("THYAO", "XU100", "GARAN", "VESTL", "ZOREN", "KONYA", "EGEEN")


@pytest.fixture(scope="module")
def market() -> BistMarket:
    return BistMarket(1, CALENDAR)


def quote(market: BistMarket, symbol: str, ms: int) -> Quote:
    found = market.quote(symbol, ms)
    assert found is not None
    return found


def thinnest(market: BistMarket) -> str:
    return list(market.instruments)[-1]


@pytest.mark.parametrize(
    ("price", "tick"),
    [(1, 1), (1999, 1), (2000, 2), (4998, 2), (5000, 5), (10_000, 10), (25_000, 25), (50_000, 50), (100_000, 100),
     (250_000, 250), (10_000_000, 250)],
)  # fmt: skip
def test_the_tick_follows_the_price(price: int, tick: int) -> None:
    assert step(price) == tick
    assert above(price) == price + tick
    assert below(above(price)) == price


def test_prices_are_rounded_to_the_grid_and_limits_inwards() -> None:
    assert [nearest(price) for price in (30_412, 0.2, 1999.6, 24_996)] == [30_400, 1, 2000, 25_000]
    assert limits(30_050) == (27_050, 33_050)  # 270.45 and 330.55
    assert limits(100) == (90, 110)


def test_there_are_600_and_those_that_people_know_come_first(market: BistMarket) -> None:
    symbols = list(market.instruments)
    assert len(symbols) == 600
    assert symbols[:3] == ["XU100", "XU030", "XU050"]
    assert symbols[10:14] == ["THYAO", "GARAN", "AKBNK", "ASELS"]
    assert all(symbol.isascii() and symbol.isupper() for symbol in symbols)
    assert all(each.name for each in market.instruments.values())


def test_the_state_is_a_function_of_seed_and_time() -> None:
    """Whoever was asked of before, and in whichever order: a restarted simulator goes on as if nothing had been."""
    times = [at(f"2026-0{month}-1{day} {hour}:07:31") for month in (2, 5, 9) for day in (3, 5) for hour in (11, 15, 22)]
    one, other, third = BistMarket(7, CALENDAR), BistMarket(7, CALENDAR), BistMarket(8, CALENDAR)
    seen = {(symbol, ms): one.quote(symbol, ms) for ms in times for symbol in SOME}
    backwards = {(symbol, ms): other.quote(symbol, ms) for ms in reversed(times) for symbol in reversed(SOME)}
    assert seen == backwards
    assert seen != {key: third.quote(*key) for key in seen}


def test_every_state_is_one_that_the_exchange_could_show(market: BistMarket) -> None:
    random = Random(3)
    for _ in range(3000):
        symbol = random.choice(list(market.instruments))
        ms = at("2025-01-02 00:00") + random.randrange(700 * 86_400_000)
        now = quote(market, symbol, ms)
        assert now.time <= ms
        assert CALENDAR.at(now.time) is not Phase.CLOSED, now
        assert now.low <= min(now.open, now.price) <= max(now.open, now.price) <= now.high
        if market.instruments[symbol].index:
            assert now.bid is now.ask is now.volume is now.upper is None
            continue
        assert now.bid is not None and now.ask is not None and now.lower is not None and now.upper is not None
        assert now.lower <= now.low <= now.high <= now.upper, now
        assert now.bid < now.ask <= above(above(now.bid))
        assert now.price in (now.bid, now.ask)
        assert {nearest(price) - price for price in (now.price, now.open, now.high, now.low, now.bid, now.ask)} == {0}
        assert now.volume and now.turnover and now.vwap
        assert now.low * 100 <= now.vwap <= now.high * 100


@pytest.mark.parametrize("symbol", SOME)
def test_a_day_goes_forward(market: BistMarket, symbol: str) -> None:
    opens = at(f"{MONDAY} 10:00")
    day = [quote(market, symbol, opens + second * 1000) for second in range(0, 8 * 3600, 7)]
    for earlier, later in pairwise(day):
        assert later.time >= earlier.time
        if later.time == earlier.time:
            assert later == earlier
        elif earlier.time >= at(f"{MONDAY} 09:55"):
            assert (later.volume or 0) >= (earlier.volume or 0)
            assert (later.turnover or 0) >= (earlier.turnover or 0)
            assert later.high == max(later.high, earlier.high, later.price)
            assert later.low == min(later.low, earlier.low, later.price)
            assert (later.open, later.previous_close) == (earlier.open, earlier.previous_close)


def test_a_busy_share_trades_all_the_time_and_a_thin_one_now_and_then(market: BistMarket) -> None:
    seconds = range(at(f"{MONDAY} 10:00"), at(f"{MONDAY} 18:00"), 1000)
    assert len({quote(market, "THYAO", ms).time for ms in seconds}) > 10_000
    assert 1 <= len({quote(market, thinnest(market), ms).time for ms in seconds}) < 10


def test_each_day_starts_from_the_last_close(market: BistMarket) -> None:
    friday = market.at(at("2026-04-24 23:00"))
    for symbol, monday in market.at(at(f"{MONDAY} 23:00")).items():
        assert monday.previous_close == friday[symbol].price, symbol
        assert monday.time > friday[symbol].time


STILL = [
    ("2026-04-24 18:10", "2026-04-27 09:54:59"),  # a weekend
    ("2026-04-27 18:10", "2026-04-28 09:54:59"),  # a night
    ("2026-04-22 18:10", "2026-04-24 09:54:59"),  # a holiday
    ("2026-10-28 12:40", "2026-10-30 09:54:59"),  # a half day's afternoon and a holiday
    ("2026-05-26 12:40", "2026-06-01 09:54:59"),  # a week of holidays
]


@pytest.mark.parametrize(("since", "until"), STILL)
def test_nothing_moves_while_the_market_is_closed(market: BistMarket, since: str, until: str) -> None:
    first, last = at(since), at(until)
    before = market.at(first)
    for nth in range(1, 6):
        assert market.at(first + (last - first) * nth // 5) == before


@pytest.mark.parametrize(("date", "closes", "ends"), [(MONDAY, "18:00", "18:10"), ("2026-10-28", "12:30", "12:40")])
def test_the_auctions_find_one_price_each(market: BistMarket, date: str, closes: str, ends: str) -> None:
    opening = {quote(market, "THYAO", ms).time for ms in range(at(f"{date} 09:40"), at(f"{date} 10:00"), 1000)}
    assert len({ms for ms in opening if ms >= at(f"{date} 09:55")}) == 1
    last = quote(market, "THYAO", at(f"{date} {closes}"))
    closing = [quote(market, "THYAO", ms) for ms in range(at(f"{date} {closes}"), at(f"{date} {ends}"), 1000)]
    prints = {one.time: one for one in closing}
    assert next(iter(prints)) == last.time and len(prints) == 2
    assert (prints[max(prints)].volume or 0) > (last.volume or 0)


def test_a_halt_stands_still_and_is_made_up_for_by_nobody() -> None:
    halted = BistMarket(1, bist(read_overrides(f"{MONDAY} halt 11:20-11:50")))
    before = halted.at(at(f"{MONDAY} 11:20"))
    for time in ("11:20:01", "11:35", "11:49:59"):
        assert halted.at(at(f"{MONDAY} {time}")) == before
    after = quote(halted, "THYAO", at(f"{MONDAY} 11:50:10"))
    assert after.time >= at(f"{MONDAY} 11:50")


def test_other_hours_are_kept() -> None:
    """A day that the exchange adds, a test environment that never closes, and a month without trading."""
    closed = "".join(f"2026-06-{day:02} closed\n" for day in range(1, 31))
    odd = BistMarket(1, bist(read_overrides(f"2026-11-21 open 10:00-16:00\n{closed}")))
    assert quote(odd, "THYAO", at("2026-11-21 12:00")).time > at("2026-11-21 11:59")
    assert quote(odd, "THYAO", at("2026-11-21 17:00")).time < at("2026-11-21 16:15")
    for symbol, now in odd.at(at("2026-07-01 20:00")).items():
        if now.lower is not None and now.upper is not None:
            assert now.lower <= now.low <= now.high <= now.upper, symbol
    always = BistMarket(1, bist(read_overrides("* open 00:00-24:00")))
    for hour in range(24):
        ms = at(f"2026-11-22 {hour:02}:30")
        assert ms - 60_000 < quote(always, "THYAO", ms).time <= ms


def test_what_is_unknown_is_not_there(market: BistMarket) -> None:
    assert market.quote("NOPE", at(f"{MONDAY} 11:00")) is None
