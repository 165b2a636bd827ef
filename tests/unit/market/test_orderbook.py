"""An order book: levels are set, replaced and removed, and come out best first."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from spark_market.orderbook import Level, OrderBook


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def test_the_best_comes_first_on_each_side() -> None:
    book = OrderBook(levels(("1", "5"), ("3", "1"), ("2", "4")), levels(("6", "1"), ("4", "2"), ("5", "3")))

    assert book.bids.levels() == levels(("3", "1"), ("2", "4"), ("1", "5"))
    assert book.asks.levels() == levels(("4", "2"), ("5", "3"), ("6", "1"))
    assert (book.bids.best, book.asks.best) == (levels(("3", "1"))[0], levels(("4", "2"))[0])
    assert book.bids.levels(2) == levels(("3", "1"), ("2", "4"))


def test_a_change_sets_replaces_and_removes() -> None:
    book = OrderBook(levels(("1", "5"), ("2", "4")))
    book.apply(levels(("2", "7"), ("1", "0"), ("3", "1"), ("9", "0")), levels(("10", "1")))

    assert book.bids.levels() == levels(("3", "1"), ("2", "7"))
    assert book.asks.levels() == levels(("10", "1"))
    assert len(book.bids) == 2


def test_an_empty_side_has_no_best_and_crosses_nothing() -> None:
    book = OrderBook(asks=levels(("10", "1")))

    assert book.bids.best is None
    assert not book.crossed


def test_a_bid_at_an_asked_price_is_crossed() -> None:
    book = OrderBook(levels(("10", "1")), levels(("10", "1")))
    assert book.crossed
    book.apply(levels(("10", "0"), ("9", "1")), ())
    assert not book.crossed


CHANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=60)


@given(CHANGES, CHANGES)
def test_it_is_what_a_dictionary_of_sizes_is(first: list[tuple[int, int]], then: list[tuple[int, int]]) -> None:
    sizes = {Decimal(price): Decimal(size) for price, size in first}
    changes = [(Decimal(price), Decimal(size)) for price, size in then]
    book = OrderBook(sizes.items())
    book.apply(changes, ())
    sizes.update(changes)

    assert book.bids.levels() == tuple((price, size) for price, size in sorted(sizes.items(), reverse=True) if size)
