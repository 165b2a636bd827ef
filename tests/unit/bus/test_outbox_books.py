"""The outbox and order books: a book may skip changes, but no reader ever holds a wrong one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from spark_bus.outbox import Outbox
from spark_bus.publisher import Outgoing, outgoing, refreshed
from spark_market import wire
from spark_market.messages import Gap, Message
from support.examples import NOON, VENUE, a_book, a_gap, a_ticker, a_trade, tickers
from support.feed_model import SYMBOLS, Feed, StrictReader


def opened(taken: list[Outgoing]) -> list[Message | None]:
    return [wire.decode(message.data) for message in taken]


def overflow(from_: int, to: int, lost: int, symbol: str = "BTC_TRY", channel: str = "book") -> Gap:
    return a_gap(from_, to, channel=channel, symbol=symbol, cause="overflow", lost=lost)


def deltas(*sequences: int, symbol: str = "BTC_TRY") -> list[Outgoing]:
    return [outgoing(a_book(sequence, sequence - 1, symbol, NOON + sequence)) for sequence in sequences]


def test_when_full_all_of_a_book_goes_and_one_snapshot_behind_a_gap_replaces_it() -> None:
    """The rest of a chain that lacks a link is of no use to anyone."""
    now = a_book(5, received_at=NOON + 5)
    outbox = Outbox(VENUE, books=lambda: [now], most_messages=3)
    outbox.put([*deltas(1, 2), *tickers(3), *deltas(4, 5)])

    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 5, 4), now, a_ticker(3, received_at=NOON + 3)]
    assert outbox.drops == {"book": 4}


def test_what_comes_after_the_snapshot_is_queued_again() -> None:
    books = [a_book(3)]
    outbox = Outbox(VENUE, books=lambda: books, most_messages=2)
    outbox.put(deltas(1, 2, 3))
    outbox.take(10)
    outbox.put(deltas(4))

    assert opened(outbox.take(10)) == opened(deltas(4))


def test_books_go_before_trades_and_tickers() -> None:
    """What a snapshot replaces is no loss beside what nothing does."""
    books = [a_book(9, symbol="ETH_TRY"), a_book(5)]
    outbox = Outbox(VENUE, books=lambda: books, most_messages=4)
    trade = a_trade(7)
    outbox.put([outgoing(trade), *tickers(1), *deltas(2, 3, 4, 5), *deltas(9, symbol="ETH_TRY"), *tickers(6)])

    gaps = [overflow(NOON + 2, NOON + 5, 4), overflow(NOON + 9, NOON + 9, 1, "ETH_TRY")]
    ends = [trade, a_ticker(1, received_at=NOON + 1), a_ticker(6, received_at=NOON + 6)]
    assert opened(outbox.take(10)) == [*gaps, *books, *ends]


def test_a_book_of_which_nothing_was_dropped_is_not_published_anew() -> None:
    outbox = Outbox(VENUE, books=lambda: [a_book(3), a_book(8, symbol="ETH_TRY")], most_messages=2)
    outbox.put(deltas(1, 2, 3))

    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 3, 3), a_book(3)]


def test_a_book_that_is_broken_now_has_its_gap_alone() -> None:
    """Its snapshot comes when it has healed."""
    outbox = Outbox(VENUE, books=list, most_messages=2)
    outbox.put(deltas(1, 2, 3))

    assert opened(outbox.take(10)) == [overflow(NOON + 1, NOON + 3, 3)]


def test_the_gap_of_a_broken_book_goes_in_front_of_the_snapshot_that_heals_it() -> None:
    """Behind it, it would void the book, and no snapshot would follow."""
    outbox = Outbox(VENUE, books=lambda: [a_book(9)], most_messages=3)
    jump = a_gap(NOON + 1, NOON + 2, channel="book", symbol="BTC_TRY", cause="sequence")
    outbox.put([outgoing(jump), outgoing(a_book(7)), outgoing(a_trade(1)), outgoing(a_trade(2))])
    late = a_gap(NOON + 4, NOON + 5, channel="book", symbol="BTC_TRY", cause="sequence")
    outbox.put([outgoing(late), outgoing(a_book(9))])

    told = a_gap(NOON + 1, NOON + 5, channel="book", symbol="BTC_TRY", cause="sequence")
    assert opened(outbox.take(10)) == [told, a_book(9), a_trade(1), a_trade(2)]
    assert outbox.dropped == 0  # a snapshot that a newer one replaces is no loss


def test_a_refresh_that_is_dropped_is_neither_a_loss_nor_a_reason_for_a_snapshot() -> None:
    outbox = Outbox(VENUE, books=lambda: [a_book(1)], most_messages=2)
    outbox.put([refreshed(a_book(1)), outgoing(a_trade(1)), outgoing(a_trade(2))])

    assert opened(outbox.take(10)) == [a_trade(1), a_trade(2)]
    assert outbox.dropped == 0


def test_trades_that_are_dropped_are_counted_for_their_symbol() -> None:
    outbox = Outbox(VENUE, most_messages=1)
    outbox.put(
        outgoing(a_trade(at, symbol, NOON + at)) for at, symbol in enumerate(["A_TRY", "B_TRY", "B_TRY", "A_TRY"])
    )

    assert opened(outbox.take(10)) == [
        overflow(NOON, NOON, 1, "A_TRY", "trade"),
        overflow(NOON + 1, NOON + 2, 2, "B_TRY", "trade"),
        a_trade(3, "A_TRY", NOON + 3),
    ]
    assert outbox.drops == {"trade": 3}


def test_it_is_full_by_bytes_too() -> None:
    """Books are large: fifty thousand snapshots would be half a gigabyte."""
    size = len(outgoing(a_trade(1)).data)
    outbox = Outbox(VENUE, most_bytes=2 * size)
    outbox.put(outgoing(a_trade(id_)) for id_ in (1, 2, 3))

    assert opened(outbox.take(10)) == [overflow(NOON, NOON, 1, channel="trade"), a_trade(2), a_trade(3)]


def test_a_value_that_was_old_when_it_was_put_has_not_waited_for_long() -> None:
    """A writer that takes over publishes books and tickers that have not changed for an hour."""
    outbox = Outbox(VENUE, most_age_ms=1_000)
    hour_old = a_book(1, received_at=NOON - 3_600_000)
    outbox.put([*tickers(0), outgoing(hour_old), *tickers(900)])

    assert opened(outbox.take(10))[1] == hour_old
    assert outbox.dropped == 0


def test_a_new_epoch_begins_with_every_book_in_place_of_what_was_on_its_way() -> None:
    books = [a_book(3), a_book(8, symbol="ETH_TRY")]
    outbox = Outbox(VENUE, books=lambda: books)
    jump = outgoing(a_gap(channel="book", symbol="ETH_TRY", cause="sequence"))
    outbox.put([*tickers(1), *deltas(3), jump, outgoing(books[1])])

    first, left = outbox.start_over([*deltas(2), *tickers(0), refreshed(a_book(2))])

    assert opened(first) == [jump.gap, *books]
    assert left == tickers(0)
    assert outbox.take(10) == tickers(1)
    assert outbox.dropped == 0


_ACTIONS = st.sampled_from(
    ["change", "change", "change", "trade", "quote", "fail", "fail_loudly", "heal", "refresh", "take_over"]
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(_ACTIONS, st.sampled_from(SYMBOLS)),
        st.tuples(st.sampled_from(["take", "carry", "carry", "epoch"]), st.just("")),
    ),
    min_size=10,
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(_STEPS, st.integers(1, 8), st.integers(1, 5), st.integers(0, 9))
def test_whatever_happens_a_reader_never_holds_a_wrong_book(
    steps: list[tuple[str, str]], most_messages: int, most_taken: int, seed: int
) -> None:
    """The carrier in miniature: one batch in hand, on the stream when acknowledged, or met by a new epoch."""
    feed = Feed(lambda messages: outbox.put(messages), seed)
    outbox = Outbox(VENUE, books=feed.books, most_messages=most_messages)
    reader = StrictReader(feed)
    in_hand: list[Outgoing] = []

    def acknowledge() -> None:
        for message in in_hand:
            if message.kind:
                reader.take(message.data)
        in_hand.clear()

    for action, symbol in steps:
        if symbol:
            getattr(feed, action)(symbol)
        elif action == "carry":
            acknowledge()
            in_hand += outbox.take(most_taken)
            acknowledge()
        elif action == "take" and not in_hand:
            in_hand += outbox.take(most_taken)
        elif action == "epoch":
            reader.epoch()
            first, left = outbox.start_over(in_hand)
            in_hand[:] = first + left
    acknowledge()
    while taken := outbox.take(most_taken):
        in_hand += taken
        acknowledge()

    assert reader.is_up_to_date()
