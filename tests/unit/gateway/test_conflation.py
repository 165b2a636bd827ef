"""What is left of a window: one delta that says the same, or the whole book, and every trade."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spark_gateway.conflation import Window, conflate
from spark_gateway.events import Frame
from spark_gateway.livebook import LiveBook, decoded
from spark_market.messages import Book, Gap, Trade
from spark_market.orderbook import OrderBook
from support.examples import VENUE

from .examples import HERE, a_book, a_frame, a_trade

DEEP = [(price, 1) for price in range(1, 100)]


def told(window: Window, book: LiveBook | None) -> list[Frame]:
    """Return what a flush writes."""
    found = [item if isinstance(item, Frame) else item.frame(HERE, lambda _: book) for item in window.take()]
    return [item for item in found if item is not None]


def data(item: Frame) -> dict[str, Any]:
    body = json.loads(item.data, parse_float=Decimal, parse_int=Decimal)["data"]
    assert isinstance(body, dict)
    return body


def window_of(*messages: Book, book: LiveBook | None = None) -> Window:
    """Return a window in which these came, and bring the book up to them."""
    window = Window(throttled=True)
    for number, message in enumerate(messages):
        window.add(a_frame(message, number))
        if book is not None:
            book.follow(message, a_position(number))
    return window


def a_position(number: int) -> Any:
    return HERE._replace(entry=a_frame(a_trade("1"), number).entry)


def test_one_delta_goes_out_as_it_came_in() -> None:
    book = LiveBook(a_book("1", None, bids=DEEP), HERE)
    delta = a_book("2", "1", bids=[(5, 0), (7, 3)])

    [item] = told(window_of(delta, book=book), book)

    assert item == a_frame(delta, 0)


def test_deltas_merge_to_the_newest_size_of_each_price() -> None:
    book = LiveBook(a_book("1", None, bids=DEEP), HERE)
    deltas = [
        a_book("2", "1", bids=[(5, 0), (7, 3)], asks=[("200.5", 1)]),
        a_book("3", "2", bids=[(5, 2), (9, 4)]),
        a_book("4", "3", bids=[(9, 0)], asks=[("200.5", 0), (199, 8)]),
    ]

    [item] = told(window_of(*deltas, book=book), book)

    merged = data(item)
    assert (merged["previous"], merged["sequence"]) == ("1", "4")
    assert merged["bids"] == [[9, 0], [7, 3], [5, 2]]
    assert merged["asks"] == [[199, 8], [Decimal("200.5"), 0]]
    assert item.event.startswith(b"id: btcturk.e0.2000-2\n")


def test_a_snapshot_among_them_makes_it_the_whole_book() -> None:
    book = LiveBook(a_book("1", None, bids=DEEP), HERE)

    messages = [a_book("2", "1", bids=[(5, 0)]), a_book("50", None, bids=DEEP[:50]), a_book("51", "50")]

    [item] = told(window_of(*messages, book=book), book)

    whole = data(item)
    assert (whole["previous"], whole["sequence"], len(whole["bids"])) == (None, "51", 50)


def test_as_many_changes_as_there_are_levels_make_it_the_whole_book() -> None:
    book = LiveBook(a_book("1", None, bids=[(1, 1), (2, 1)]), HERE)

    [item] = told(window_of(a_book("2", "1", bids=[(1, 0)]), a_book("3", "2", bids=[(3, 1)]), book=book), book)

    assert (data(item)["previous"], data(item)["bids"]) == (None, [[3, 1], [2, 1]])


def test_a_book_that_was_lost_within_the_window_is_not_told_whole() -> None:
    """Its gap follows. What can be told without it still is."""
    replaced = window_of(a_book("50", None, bids=DEEP), a_book("51", "50"))
    changed = window_of(a_book("2", "1", bids=[(5, 0)]), a_book("3", "2", bids=[(6, 0)]))

    assert told(replaced, None) == []
    assert [data(item)["previous"] for item in told(changed, None)] == ["1"]


def test_trades_and_gaps_are_never_conflated_and_keep_their_order() -> None:
    book = LiveBook(a_book("1", None, bids=DEEP), HERE)
    gap = Gap(venue=VENUE, channel="trade", symbol=None, from_=0, to=1, cause="closed")
    window = Window(throttled=True)
    messages: list[Book | Trade | Gap] = [
        a_trade("1"),
        a_book("2", "1"),
        gap,
        a_trade("2"),
        a_trade("3"),
        a_book("3", "2"),
        a_trade("4"),
    ]
    overtaken = [window.add(a_frame(message, number)) for number, message in enumerate(messages)]

    kinds = [(item.kind, item.entry.seq) for item in told(window, book)]

    assert kinds == [("trade", 0), ("gap", 2), ("trade", 3), ("trade", 4), ("book", 5), ("trade", 6)]
    assert overtaken.count(True) == 1


def test_at_full_pace_everything_comes() -> None:
    window = Window(throttled=False)
    frames = [a_frame(a_book("2", "1"), 0), a_frame(a_book("3", "2"), 1)]

    assert [window.add(item) for item in frames] == [False, False]
    assert window.take() == frames
    assert window.take() == []


def test_a_resume_is_given_the_whole_of_each_book_that_has_news() -> None:
    book = LiveBook(a_book("1", None, bids=DEEP), HERE)
    delta = a_book("2", "1", bids=[(5, 0)])
    book.follow(delta, a_position(0))

    found = conflate([a_frame(delta, 0), a_frame(a_trade("1"), 1)], lambda _: book)
    without = conflate([a_frame(delta, 0), a_frame(a_trade("1"), 1)], lambda _: None)

    assert [(item.kind, item.entry.seq) for item in found] == [("book", 0), ("trade", 1)]
    assert (data(found[0])["previous"], len(data(found[0])["bids"])) == (None, 98)
    assert [item.kind for item in without] == ["trade"]


LEVELS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2)), max_size=5)


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=1, max_size=12))
def test_what_is_left_leads_to_the_same_book(changes: list[tuple[Any, Any]]) -> None:
    start = a_book("0", None, bids=[(price, 1) for price in range(1, 9)], asks=[(price, 1) for price in range(20, 40)])
    book = LiveBook(start, HERE)
    deltas = [a_book(str(n + 1), str(n), bids=bids, asks=asks) for n, (bids, asks) in enumerate(changes)]

    [item] = told(window_of(*deltas, book=book), book)

    message = decoded(item.data)
    reader = OrderBook(start.bids, start.asks) if message.previous == "0" else OrderBook()
    reader.apply(message.bids, message.asks)
    truth = decoded(book.message())
    assert message.previous in ("0", None)
    assert (reader.bids.levels(), reader.asks.levels()) == (truth.bids, truth.asks)
    assert message.sequence == truth.sequence == str(len(changes))
