"""The outbox: it may drop, but never in silence, and never the wrong end."""

import time

from spark_bus.outbox import Outbox
from spark_bus.publisher import Outgoing, outgoing
from spark_market import wire
from spark_market.messages import Gap
from support import stream
from support.examples import NOON, VENUE, a_gap, a_ticker, tickers


def opened(taken: list[Outgoing]) -> list[int | Gap]:
    """Return what was taken: tickers as their prices, gaps as they are."""
    found: list[int | Gap] = []
    for message in taken:
        decoded = wire.decode(message.data)
        found.append(decoded if isinstance(decoded, Gap) else stream.price_of(message.data))
    return found


def overflow(from_: int, to: int, lost: int) -> Gap:
    return a_gap(from_, to, cause="overflow", lost=lost)


async def test_messages_come_out_in_the_order_they_went_in() -> None:
    outbox = Outbox(VENUE)
    outbox.put(tickers(1, 2))
    outbox.put([outgoing(a_gap())])
    outbox.put(tickers(3))

    assert opened(outbox.take(2)) == [1, 2]
    assert opened(outbox.take(10)) == [a_gap(), 3]
    assert outbox.take(10) == []
    assert outbox.dropped == 0


async def test_when_full_the_oldest_go_and_one_gap_before_the_rest_says_so() -> None:
    """Readers learn of the hole before they see what is on its far side."""
    outbox = Outbox(VENUE, most_messages=3)
    outbox.put(tickers(1, 2, 3, 4, 5))

    assert len(outbox) == 3
    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 2, 2), 3, 4, 5]
    assert outbox.dropped == 2


async def test_the_newest_value_of_a_quiet_symbol_survives() -> None:
    """Its repeats are no ticks: without it readers would hold an older value for as long as it stays the same."""
    outbox = Outbox(VENUE, most_messages=2)
    outbox.put([*tickers(1, 2, symbol="ETH_TRY"), *tickers(3, 4, 5, 6)])

    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 4, 3), 2, 5, 6]
    assert outbox.dropped == 3


async def test_a_hole_that_grows_is_still_one_gap() -> None:
    outbox = Outbox(VENUE, most_messages=2)
    for price in range(1, 101):
        outbox.put(tickers(price))

    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 98, 98), 99, 100]


async def test_a_hole_is_told_of_once() -> None:
    outbox = Outbox(VENUE, most_messages=1)
    outbox.put(tickers(1, 2))
    outbox.take(10)
    outbox.put(tickers(3))

    assert opened(outbox.take(10)) == [3]


async def test_a_gap_that_is_dropped_is_kept_as_a_hole() -> None:
    """It was its readers' only notice of an earlier loss."""
    outbox = Outbox(VENUE, most_messages=2)
    outbox.put([outgoing(a_gap(symbol="ETH_TRY")), *tickers(1, 2)])

    assert opened(outbox.take(10)) == [a_gap(symbol="ETH_TRY"), 1, 2]
    assert outbox.dropped == 0


async def test_holes_of_one_channel_are_merged_and_an_unknown_loss_stays_unknown() -> None:
    outbox = Outbox(VENUE, most_messages=1)
    outbox.put([outgoing(a_gap(NOON - 50, NOON - 40, cause="closed")), *tickers(1, 2)])

    [gap, price] = opened(outbox.take(10))
    assert price == 2
    assert isinstance(gap, Gap)
    assert (gap.from_, gap.to, gap.lost) == (NOON - 50, NOON + 1, None)


async def test_what_is_too_old_to_be_kept_by_the_stream_is_dropped() -> None:
    outbox = Outbox(VENUE, most_age_ms=1_000)
    outbox.put(outgoing(a_ticker(price, received_at=NOON + at)) for price, at in ((1, 0), (2, 500), (3, 1_400)))

    assert opened(outbox.take(10)) == [overflow(NOON, NOON, 1), 2, 3]


async def test_a_gap_at_the_front_does_not_shelter_what_is_too_old_behind_it() -> None:
    """Otherwise ticks of an hour ago would be published as if they were new."""
    outbox = Outbox(VENUE, most_age_ms=1_000)
    outbox.put([outgoing(a_gap(NOON - 9, NOON, symbol="ETH_TRY")), outgoing(a_ticker(1, received_at=NOON + 1))])
    outbox.put([outgoing(a_ticker(2, received_at=NOON + 60_000))])

    assert opened(outbox.take(10)) == [a_gap(NOON - 9, NOON, symbol="ETH_TRY"), overflow(NOON + 1, NOON + 1, 1), 2]


async def test_waiting_ends_when_something_comes_and_when_nothing_does() -> None:
    outbox = Outbox(VENUE)
    started = time.monotonic()
    await outbox.wait(0.05)
    assert time.monotonic() - started >= 0.04

    outbox.put(tickers(1))
    await outbox.wait(60)
    outbox.take(1)
    started = time.monotonic()
    await outbox.wait(0.05)
    assert time.monotonic() - started >= 0.04
