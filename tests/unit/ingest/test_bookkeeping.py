"""A book of obdiff: at every moment it is the venue's, or it says that it is not."""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_ingest_btcturk.bookkeeping import Bookkeeper, Broken
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Change
from spark_market.instruments import Mode
from spark_market.messages import Book
from spark_market.orderbook import Level, OrderBook
from support.examples import NOON, VENUE

UPDATED, NEW, DELETED = 0, 1, 3


def nothing_counted() -> Counter[str]:
    return Counter()


def a_keeper(counts: Counter[str] | None = None) -> Bookkeeper:
    return Bookkeeper("BTC_TRY", mode=Mode.MOCK, counts=nothing_counted() if counts is None else counts)


def levels(*pairs: tuple[int | str, int | str]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def a_snapshot(
    change_set: int = 10,
    bids: tuple[Level, ...] = levels((99, 1), (98, 2)),
    asks: tuple[Level, ...] = levels((101, 3), (102, 4)),
) -> BookSnapshot:
    return BookSnapshot("obdiff", "BTCTRY", change_set, bids, asks)


def changes(
    change_set: int, bids: list[tuple[int, int, int]] | None = None, asks: list[tuple[int, int, int]] | None = None
) -> BookChanges:
    def side(rows: list[tuple[int, int, int]] | None) -> tuple[Change, ...]:
        return tuple((code, Decimal(price), Decimal(size)) for code, price, size in rows or [])

    return BookChanges("BTCTRY", change_set, side(bids), side(asks))


def a_book(
    sequence: str, previous: str | None, bids: tuple[Level, ...], asks: tuple[Level, ...], received_at: int
) -> Book:
    return Book(
        venue=VENUE, symbol="BTC_TRY", mode=Mode.MOCK, sequence=sequence, previous=previous, bids=bids, asks=asks,
        venue_time=None, received_at=received_at,
    )  # fmt: skip


def test_a_snapshot_becomes_a_book_that_follows_nothing() -> None:
    keeper = a_keeper()

    told = keeper.snapshot(a_snapshot(), NOON)

    assert told == a_book("10", None, levels((99, 1), (98, 2)), levels((101, 3), (102, 4)), NOON)
    assert keeper.book() == told
    assert keeper.best == (Decimal(99), Decimal(101))


def test_changes_become_a_delta_that_follows_the_frame_before() -> None:
    """Sizes are absolute, and what is deleted has size 0 whatever stands beside it."""
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(), NOON)

    told = keeper.changes(changes(11, [(NEW, 100, 5), (DELETED, 98, 2)], [(UPDATED, 101, 7)]), NOON + 1)

    assert told == a_book("11", "10", levels((100, 5), (98, 0)), levels((101, 7)), NOON + 1)
    assert keeper.book() == a_book("11", None, levels((100, 5), (99, 1)), levels((101, 7), (102, 4)), NOON + 1)
    assert counts == {}


def test_a_frame_that_changes_nothing_is_told_too() -> None:
    """Else a reader that started from a refreshed book would find a hole in the sequence that is none."""
    keeper = a_keeper()
    keeper.snapshot(a_snapshot(), NOON)

    assert keeper.changes(changes(11), NOON + 1) == a_book("11", "10", (), (), NOON + 1)


def test_changes_before_the_snapshot_are_left_out() -> None:
    keeper = a_keeper()

    assert keeper.changes(changes(11), NOON) is None
    assert (keeper.valid, keeper.broken, keeper.book(), keeper.best) == (False, None, None, (None, None))


@pytest.mark.parametrize(("change_set", "cause"), [(12, "jump"), (10, "older"), (9, "older"), (-1, "older")])
def test_a_number_out_of_turn_breaks_the_book_until_the_next_snapshot(change_set: int, cause: str) -> None:
    keeper = a_keeper()
    keeper.snapshot(a_snapshot(10), NOON)

    broken = keeper.changes(changes(change_set), NOON + 5)

    assert broken == keeper.broken == Broken(cause, NOON)
    assert keeper.book() is None
    assert keeper.changes(changes(11), NOON + 6) is None
    assert keeper.snapshot(a_snapshot(3), NOON + 7).sequence == "3"
    assert keeper.broken is None
    told = keeper.changes(changes(4), NOON + 8)
    assert isinstance(told, Book) and told.previous == "3"


def test_the_very_frame_just_had_is_dropped_and_the_chain_goes_on() -> None:
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(), NOON)
    keeper.changes(changes(11, [(NEW, 97, 1)]), NOON + 1)

    assert keeper.changes(changes(11, [(NEW, 97, 1)]), NOON + 2) is None

    assert counts == {"duplicate": 1}
    assert isinstance(keeper.changes(changes(12), NOON + 3), Book)


def test_another_frame_with_the_number_just_had_breaks_the_book() -> None:
    """One of the two is not of this chain, and nobody knows which."""
    keeper = a_keeper()
    keeper.snapshot(a_snapshot(), NOON)
    keeper.changes(changes(11, [(NEW, 97, 1)]), NOON + 1)

    assert keeper.changes(changes(11, [(NEW, 97, 2)]), NOON + 2) == Broken("older", NOON + 1)


@pytest.mark.parametrize(
    ("change", "delta", "counted"),
    [
        ((DELETED, 97, 9), (), "absent_delete"),
        ((UPDATED, 97, 9), levels((97, 9)), "absent_update"),
        ((NEW, 98, 9), levels((98, 9)), "held_insert"),
        ((UPDATED, 98, 0), levels((98, 0)), "zero_amount"),
    ],
)
def test_what_does_not_fit_is_applied_leniently_and_counted(
    change: tuple[int, int, int], delta: tuple[Level, ...], counted: str
) -> None:
    """The vendor's tracker has reports of such frames; the chain of numbers is what proves the book."""
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(), NOON)

    assert keeper.changes(changes(11, [change]), NOON + 1) == a_book("11", "10", delta, (), NOON + 1)
    assert counts == {counted: 1}


def test_more_levels_than_the_window_has_break_the_book() -> None:
    """A deletion was missed: the venue keeps 100 levels a side."""
    keeper = a_keeper()
    keeper.snapshot(a_snapshot(bids=levels(*((price, 1) for price in range(1, 101))), asks=()), NOON)

    assert isinstance(keeper.changes(changes(11, [(DELETED, 1, 1), (NEW, 101, 1)]), NOON + 1), Book)
    assert keeper.changes(changes(12, [(NEW, 102, 1)]), NOON + 2) == Broken("overfull", NOON + 1)


def test_a_snapshot_shows_how_wide_the_window_is_now() -> None:
    """Should the venue widen it, books go on; it is counted."""
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(bids=levels(*((price, 1) for price in range(1, 121))), asks=()), NOON)

    assert counts == {"window": 1}
    assert isinstance(keeper.changes(changes(11, [(DELETED, 1, 1), (NEW, 121, 1)]), NOON + 1), Book)
    assert keeper.changes(changes(12, [(NEW, 122, 1)]), NOON + 2) == Broken("overfull", NOON + 1)


def test_a_book_that_stays_crossed_for_five_frames_is_broken_since_before_it_was() -> None:
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(), NOON)
    keeper.changes(changes(11), NOON + 1)
    for number in range(12, 16):
        assert isinstance(keeper.changes(changes(number, [(NEW, number + 90, 1)]), NOON + number), Book)

    assert keeper.changes(changes(16), NOON + 16) == Broken("crossed", NOON + 1)
    assert counts["crossed"] == 5


def test_a_crossed_book_that_nothing_uncrosses_is_broken_after_five_seconds() -> None:
    """A pair that falls silent while crossed would else stay so for ever."""
    keeper = a_keeper()
    keeper.snapshot(a_snapshot(), NOON)
    keeper.changes(changes(11, [(NEW, 101, 1)]), NOON + 1)

    assert keeper.overdue(100.0) is None
    assert keeper.overdue(104.9) is None
    assert keeper.overdue(105.0) == Broken("crossed", NOON)
    assert keeper.overdue(106.0) is None


def test_a_moment_of_being_crossed_passes() -> None:
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(), NOON)
    keeper.changes(changes(11, [(NEW, 101, 1)]), NOON + 1)
    keeper.overdue(100.0)
    keeper.changes(changes(12, [(DELETED, 101, 1)]), NOON + 2)
    keeper.changes(changes(13, [(NEW, 101, 1)]), NOON + 3)

    assert keeper.overdue(105.0) is None
    assert keeper.valid
    assert counts == {"crossed": 2}


def test_an_interruption_is_the_gap_that_the_next_snapshot_ends() -> None:
    """The first cause stands, and a book that never was has nothing to disclose."""
    keeper = a_keeper()
    keeper.interrupted("closed")
    assert keeper.broken is None
    keeper.snapshot(a_snapshot(), NOON)

    keeper.interrupted("closed")
    keeper.interrupted("refused_503")

    assert keeper.broken == Broken("closed", NOON)
    assert keeper.changes(changes(11), NOON + 1) is None


def test_a_snapshot_that_nobody_waited_for_replaces_the_book() -> None:
    keeper = a_keeper(counts := nothing_counted())
    keeper.snapshot(a_snapshot(10), NOON)

    told = keeper.snapshot(a_snapshot(50, levels((5, 5)), ()), NOON + 1)

    assert told == a_book("50", None, levels((5, 5)), (), NOON + 1)
    assert keeper.best == (Decimal(5), None)
    assert counts == {"reseeded": 1}


def test_a_book_of_another_channel_cannot_be_its_beginning() -> None:
    """The `orderbook` channel numbers apart: its snapshot would join no chain of ours."""
    with pytest.raises(ValueError, match="orderbook"):
        a_keeper().snapshot(a_snapshot()._replace(channel="orderbook"), NOON)


class Truth(NamedTuple):
    """The venue's own book after each change set, and the frame that led there."""

    frame: BookChanges
    book: tuple[tuple[Level, ...], tuple[Level, ...]]


_PRICES = {"bids": range(80, 100), "asks": range(101, 121)}
_TOUCH = st.tuples(st.sampled_from(["bids", "asks"]), st.integers(0, 19), st.integers(0, 3))
_FRAMES = st.lists(st.lists(_TOUCH, max_size=4), min_size=4, max_size=30)
_FATES = st.sampled_from(
    ["pass", "pass", "pass", "drop", "repeat", "repeat later", "swap", "delay", "misnumber", "join"]
)


def history(touches: list[list[tuple[str, int, int]]], first: int) -> list[Truth]:
    """A venue that keeps to its protocol: codes fit what it holds, and no price is there twice in a frame."""
    held: dict[str, dict[int, int]] = {"bids": {99: 1}, "asks": {101: 1}}
    truth = [Truth(changes(first), _as_levels(held))]
    for number, frame in enumerate(touches, first + 1):
        rows: dict[str, dict[int, tuple[int, int, int]]] = {"bids": {}, "asks": {}}
        for side, at, size in frame:
            price = _PRICES[side][at]
            if price in rows[side] or (not size and price not in held[side]):
                continue
            rows[side][price] = (DELETED if not size else UPDATED if price in held[side] else NEW, price, size or 9)
            if size:
                held[side][price] = size
            else:
                del held[side][price]
        said = changes(number, list(rows["bids"].values()), list(rows["asks"].values()))
        truth.append(Truth(said, _as_levels(held)))
    return truth


def _as_levels(held: dict[str, dict[int, int]]) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    return levels(*sorted(held["bids"].items(), reverse=True)), levels(*sorted(held["asks"].items()))


def on_the_way(truth: list[Truth], fates: list[str]) -> list[BookChanges | BookSnapshot]:
    """What arrives of the frames after the first: each is lost, repeated, misnumbered or put out of its place."""
    arrived: list[tuple[float, BookChanges | BookSnapshot]] = [(0, _snapshot_of(truth[0]))]
    for at, (one, fate) in enumerate(zip(truth[1:], fates, strict=False), 1):
        frame = one.frame
        if fate == "misnumber":
            frame = frame._replace(change_set=frame.change_set + 1_000_000 * (1 if at % 2 else -1))
        if fate != "drop":
            arrived.append((at + {"swap": 1.5, "delay": 4.5}.get(fate, 0), frame))
        if fate == "repeat":
            arrived.append((at + 0.1, frame))
        if fate == "repeat later":
            arrived.append((at + 2.5, frame))
        if fate == "join":
            arrived.append((at + 0.2, _snapshot_of(one)))
    return [frame for _, frame in sorted(arrived, key=lambda item: item[0])]


def _snapshot_of(one: Truth) -> BookSnapshot:
    return BookSnapshot("obdiff", "BTCTRY", one.frame.change_set, *one.book)


@settings(max_examples=400, deadline=None)
@given(_FRAMES, st.lists(_FATES, min_size=30, max_size=30), st.integers(0, 10**7))
def test_every_lost_repeated_or_reordered_delta_is_caught(
    touches: list[list[tuple[str, int, int]]], fates: list[str], first: int
) -> None:
    """Ours and a reader's book are at every moment the venue's book of their sequence, or there is none."""
    truth = history(touches, first)
    books = {str(one.frame.change_set): one.book for one in truth}
    keeper = a_keeper()
    reader: OrderBook | None = None
    sequence: str | None = None

    expected: int | None = None  # what a keeper that has missed nothing so far must get next
    last: BookChanges | BookSnapshot | None = None
    for at, said in enumerate(on_the_way(truth, fates)):
        told = keeper.snapshot(said, at) if isinstance(said, BookSnapshot) else keeper.changes(said, at)

        if isinstance(said, BookSnapshot) or said.change_set == expected:
            expected, last = said.change_set + 1, said
        elif expected is not None and said != last:
            expected = None
        assert keeper.valid is (expected is not None)

        if isinstance(told, Book):
            if told.previous is None:
                reader = OrderBook(told.bids, told.asks)
            else:
                assert reader is not None and told.previous == sequence
                reader.apply(told.bids, told.asks)
            sequence = told.sequence
            assert (reader.bids.levels(), reader.asks.levels()) == books[sequence]
        whole = keeper.book()
        assert (whole is not None) is keeper.valid
        if whole is not None:
            assert (whole.sequence, whole.bids, whole.asks) == (sequence, *books[whole.sequence])
