"""Comparing channels: what one has and another lacks is a suspicion; silence alone is none."""

from decimal import Decimal

import msgspec
import pytest

from spark_ingest_btcturk.crosscheck import CrossCheck, SideCheck
from spark_market.instruments import Mode
from spark_market.messages import Side, Ticker, Trade
from support.examples import NOON, VENUE, a_ticker

SYMBOL = "BTC_TRY"


def ticker(price: int = 100, volume: int = 5, bid: int | None = 99, ask: int | None = 101) -> Ticker:
    return msgspec.structs.replace(
        a_ticker(price), volume=Decimal(volume),
        bid=None if bid is None else Decimal(bid), ask=None if ask is None else Decimal(ask),
    )  # fmt: skip


def book(check: CrossCheck, now: float, bid: int | None = 99, ask: int | None = 101) -> None:
    check.saw_book(SYMBOL, None if bid is None else Decimal(bid), None if ask is None else Decimal(ask), now)


def traded(check: CrossCheck, now: float) -> None:
    check.saw_trade(SYMBOL, Decimal(1), now)


@pytest.mark.parametrize("after", [ticker(price=101), ticker(volume=6)])
def test_a_ticker_that_tells_of_a_trade_that_does_not_come_makes_trades_suspicious_once(after: Ticker) -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    check.saw_ticker(after, 120.0)

    assert check.look(129.9) == []
    assert check.look(130.0) == [("trade", SYMBOL)]
    assert check.look(131.0) == []


@pytest.mark.parametrize("traded_at", [115.0, 120.0, 129.9])
@pytest.mark.parametrize("after", [ticker(price=101), ticker(volume=6)])
def test_a_trade_near_the_ticker_explains_it(after: Ticker, traded_at: float) -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    if traded_at <= 120.0:
        traded(check, traded_at)
    check.saw_ticker(after, 120.0)
    if traded_at > 120.0:
        traded(check, traded_at)

    assert check.look(140.0) == []


@pytest.mark.parametrize("after", [ticker(price=101), ticker(volume=6)])
def test_a_trade_from_long_before_explains_nothing(after: Ticker) -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    traded(check, 114.9)
    check.saw_ticker(after, 120.0)

    assert check.look(130.0) == [("trade", SYMBOL)]


def test_a_trade_that_is_missed_amid_others_is_found_when_no_more_come() -> None:
    """The volume has grown by 3, and the trades explain 2 of it."""
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    traded(check, 101.0)
    check.saw_ticker(ticker(volume=7), 102.0)
    traded(check, 105.0)
    check.saw_ticker(ticker(volume=8), 106.0)

    assert check.look(115.9) == []
    assert check.look(116.0) == [("trade", SYMBOL)]


def test_trades_that_come_after_their_tickers_explain_them() -> None:
    check = CrossCheck()
    for nth in range(10):
        check.saw_ticker(ticker(volume=5 + nth), 100.0 + nth)
        if nth:
            traded(check, 100.5 + nth)
        assert check.look(100.9 + nth) == []

    assert check.look(1_000.0) == []


def test_a_channel_that_is_mute_is_found_while_the_volume_grows_on() -> None:
    check = CrossCheck()
    for nth in range(10):
        check.saw_ticker(ticker(volume=5 + nth), 100.0 + nth)
        assert check.look(100.0 + nth) == []

    assert check.look(111.0) == [("trade", SYMBOL)]


def test_a_volume_that_fell_meanwhile_does_not_hide_a_trade_that_is_missed_later() -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    traded(check, 101.0)
    check.saw_ticker(ticker(volume=3), 101.0)
    check.saw_ticker(ticker(volume=4), 107.0)

    assert check.look(117.0) == [("trade", SYMBOL)]


def test_a_list_explains_what_was_and_what_tickers_are_about_to_tell() -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    check.saw_ticker(ticker(volume=6), 101.0)
    check.saw_trades(SYMBOL, 102.0)
    check.saw_ticker(ticker(volume=7), 103.0)
    assert check.look(1_000.0) == []

    check.saw_ticker(ticker(volume=8), 1_001.0)
    assert check.look(1_011.0) == [("trade", SYMBOL)]


def test_a_first_ticker_and_one_with_less_volume_tell_of_no_trade() -> None:
    """The volume covers 24 hours, so it falls as they pass."""
    check = CrossCheck()
    check.saw_ticker(ticker(), 100.0)
    check.saw_ticker(ticker(volume=4), 101.0)

    assert check.look(1_000.0) == []


def test_a_silent_book_with_another_top_than_the_ticker_is_suspicious_after_15_s() -> None:
    check = CrossCheck()
    book(check, 100.0)
    check.saw_ticker(ticker(bid=98), 101.0)
    check.saw_ticker(ticker(bid=97), 110.0)

    assert check.look(115.9) == []
    assert check.look(116.0) == [("book", SYMBOL)]


def test_a_book_that_speaks_is_not_suspicious() -> None:
    check = CrossCheck()
    book(check, 100.0)
    check.saw_ticker(ticker(bid=98), 101.0)
    book(check, 110.0)

    assert check.look(124.9) == []
    assert check.look(125.0) == [("book", SYMBOL)]


@pytest.mark.parametrize("later", [ticker(), ticker(bid=None), ticker(bid=0)])
def test_a_ticker_that_agrees_again_or_has_no_quote_is_no_suspicion(later: Ticker) -> None:
    check = CrossCheck()
    book(check, 100.0)
    check.saw_ticker(ticker(bid=98), 101.0)
    check.saw_ticker(later, 102.0)

    assert check.look(1_000.0) == []


def test_a_quote_against_an_empty_side_is_a_difference() -> None:
    check = CrossCheck()
    book(check, 100.0, bid=None)
    check.saw_ticker(ticker(), 101.0)

    assert check.look(116.0) == [("book", SYMBOL)]


def test_after_false_suspicions_the_next_waits_longer_up_to_an_hour() -> None:
    check = CrossCheck()
    now = 0.0
    waits = []
    for _ in range(9):
        book(check, now)
        check.saw_ticker(ticker(bid=98), now)
        asked = next(now + s for s in range(4_000) if check.look(now + s))
        waits.append(asked - now)
        check.cleared("book", SYMBOL, asked, useful=False)
        now = asked

    assert waits == [15, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]


def test_a_suspicion_that_was_right_is_held_against_nobody() -> None:
    check = CrossCheck()
    waits = []
    for now, useful in ((0.0, False), (1_000.0, True), (2_000.0, False), (2_015.0, False)):
        book(check, now)
        check.saw_ticker(ticker(bid=98), now)
        waits.append(next(s for s in range(4_000) if check.look(now + s)))
        check.cleared("book", SYMBOL, now + waits[-1], useful=useful)

    assert waits == [15, 15, 15, 60]


def test_what_is_found_while_a_suspicion_has_to_wait_is_not_forgotten() -> None:
    check = CrossCheck()
    check.saw_ticker(ticker(), 0.0)
    check.saw_ticker(ticker(price=101), 1.0)
    assert check.look(11.0) == [("trade", SYMBOL)]
    check.cleared("trade", SYMBOL, 12.0, useful=False)
    check.saw_ticker(ticker(price=102), 20.0)

    assert check.look(71.9) == []
    assert check.look(72.0) == [("trade", SYMBOL)]


def test_across_an_interruption_nothing_is_compared() -> None:
    """The trades in between come by the list of the next join; a price from before says nothing then."""
    check = CrossCheck()
    book(check, 100.0)
    check.saw_ticker(ticker(bid=98), 101.0)
    check.saw_ticker(ticker(price=101, bid=98), 102.0)
    for channel in ("ticker", "trade", "book"):
        check.interrupted(channel, SYMBOL)
    check.saw_ticker(ticker(price=102, bid=97), 110.0)

    assert check.look(1_000.0) == []


def test_a_ticker_that_was_interrupted_is_compared_with_the_book_that_was_not() -> None:
    """Otherwise nothing would ever show that the book of a pair has fallen mute together with its ticker."""
    check = CrossCheck()
    book(check, 100.0)
    check.interrupted("ticker", SYMBOL)
    check.saw_ticker(ticker(bid=97), 110.0)

    assert check.look(124.9) == []
    assert check.look(125.0) == [("book", SYMBOL)]


@pytest.mark.parametrize("channel", ["trade", "book"])
def test_what_is_being_joined_again_is_not_suspected_once_more_until_it_has_spoken(channel: str) -> None:
    """Each suspicion starts its repair anew, and that would then never come to a new connection."""
    check = CrossCheck()
    book(check, 100.0)
    check.saw_ticker(ticker(), 100.0)
    check.saw_ticker(ticker(price=101, bid=98), 101.0)
    assert (channel, SYMBOL) in check.look(120.0)
    check.interrupted(channel, SYMBOL)
    check.saw_ticker(ticker(price=102, bid=97), 130.0)
    assert (channel, SYMBOL) not in check.look(200.0)

    check.cleared(channel, SYMBOL, 200.0, useful=True)
    book(check, 200.0)
    check.saw_ticker(ticker(price=103, bid=96), 210.0)
    assert (channel, SYMBOL) in check.look(230.0)


def test_an_interruption_does_not_shorten_a_wait_but_forgetting_the_symbol_does() -> None:
    check = CrossCheck()
    for forgotten in (False, True):
        check.cleared("book", SYMBOL, 0.0, useful=False)
        check.forget(SYMBOL) if forgotten else check.interrupted("book", SYMBOL)
        book(check, 1.0)
        check.saw_ticker(ticker(bid=98), 1.0)
        assert check.look(30.0) == ([("book", SYMBOL)] if forgotten else [])


def a_trade(price: int, side: Side | None) -> Trade:
    return Trade(
        venue=VENUE, symbol=SYMBOL, mode=Mode.MOCK, id="1", price=Decimal(price), size=Decimal(1), side=side,
        venue_time=NOON, received_at=NOON,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("price", "side", "bid", "ask", "verdict"),
    [
        (101, Side.BUY, 99, 101, "agrees"),
        (102, Side.BUY, 99, 101, "agrees"),
        (99, Side.SELL, 99, 101, "agrees"),
        (101, Side.SELL, 99, 101, "contradicts"),
        (98, Side.BUY, 99, 101, "contradicts"),
        (100, Side.BUY, 99, 101, "undecided"),
        (101, None, 99, 101, "undecided"),
        (101, Side.BUY, None, 101, "undecided"),
        (101, Side.BUY, 99, None, "undecided"),
        (101, Side.BUY, 101, 101, "undecided"),
    ],
)
def test_a_buyer_takes_the_ask_and_a_seller_the_bid(
    price: int, side: Side | None, bid: int | None, ask: int | None, verdict: str
) -> None:
    check = SideCheck()

    check.saw(a_trade(price, side), None if bid is None else Decimal(bid), None if ask is None else Decimal(ask))

    assert {name for name, count in check.counts.items() if count} == {verdict}
    assert set(check.counts) == {"agrees", "contradicts", "undecided"}
