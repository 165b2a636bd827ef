"""Order books of the feed: whole ones and changes, as the venue says them. What they add up to is not said here."""

from decimal import Decimal
from typing import Any

import pytest

from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame
from spark_ingest_btcturk.received import BookChanges, BookSnapshot, Received
from spark_market.instruments import Mode
from support.examples import NOON
from support.frames import book_frame, difference_frame, without


def receive(frame: bytes) -> Received:
    return BtcTurkProtocol(Mode.MOCK, {}).receive(frame, NOON)


def test_a_whole_book_is_exact() -> None:
    """Amounts have more decimals than the pair's scale."""
    assert receive(book_frame()) == Received(
        "431",
        BookSnapshot(
            channel="obdiff", pair="BTCTRY", change_set=3999242,
            bids=((Decimal(3779950), Decimal("0.400047254781")), (Decimal("3779949.5"), Decimal(2))),
            asks=((Decimal(3781912), Decimal("0.00288357")), (Decimal(3781950), Decimal("0.5"))),
        ),
    )  # fmt: skip


def test_changes_of_every_kind_are_exact() -> None:
    """A deleted level has some old amount beside it, which means nothing."""
    assert receive(difference_frame()) == Received(
        "432",
        BookChanges(
            pair="BTCTRY", change_set=3999243,
            bids=((0, Decimal(3779950), Decimal("0.25")),),
            asks=((1, Decimal(3781900), Decimal("1.83710101")), (3, Decimal(3781950), Decimal(0))),
        ),
    )  # fmt: skip


def test_the_channel_is_told_for_they_number_apart() -> None:
    said = receive(book_frame(channel="orderbook")).said

    assert isinstance(said, BookSnapshot)
    assert said.channel == "orderbook"


@pytest.mark.parametrize("side", ["AO", "BO"])
@pytest.mark.parametrize("frame", [book_frame, difference_frame])
def test_an_empty_side_may_be_empty_null_or_not_there(side: str, frame: Any) -> None:
    """Which of them the venue writes is not known."""
    saids = [receive(each).said for each in (frame(**{side: []}), frame(**{side: None}), without(frame(), side))]

    for said in saids:
        assert isinstance(said, BookSnapshot | BookChanges)
        assert (said.asks if side == "AO" else said.bids) == ()
        assert said.asks or said.bids


@pytest.mark.parametrize(
    "level",
    [
        None, 7, [], {}, ["1", "2"], {"P": "1"}, {"A": "1"}, {"P": "0", "A": "1"}, {"P": "1", "A": "0"},
        {"P": "-1", "A": "1"}, {"P": "1", "A": "-1"}, {"P": "NaN", "A": "1"}, {"P": "1", "A": ""},
        {"P": None, "A": "1"}, {"P": "3779950.0", "A": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_level_that_is_none_or_there_twice_costs_the_book(level: Any) -> None:
    """Half a book is none. The price that comes twice is written in two ways."""
    bids = [{"A": "0.400047254781", "P": "3779950"}, level]

    with pytest.raises(MalformedFrame) as caught:
        receive(book_frame(BO=bids))

    assert (caught.value.kind, caught.value.channel, caught.value.event) == ("431", "obdiff", "BTCTRY")


@pytest.mark.parametrize(
    "change",
    [
        None, 7, [], {}, {"CP": 1, "P": "1"}, {"CP": 0, "P": "1", "A": None}, {"P": "1", "A": "1"},
        {"CP": 2, "P": "1", "A": "1"}, {"CP": -1, "P": "1", "A": "1"}, {"CP": 10**30, "P": "1", "A": "1"},
        {"CP": None, "P": "1", "A": "1"}, {"CP": True, "P": "1", "A": "1"}, {"CP": 1, "P": "0", "A": "1"},
        {"CP": 1, "P": "1", "A": "-1"}, {"CP": 1, "P": "1", "A": "x"}, {"CP": 3, "P": "x", "A": "1"}, {"CP": 3},
        {"CP": 3, "P": "-1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_change_that_is_none_costs_the_frame(change: Any) -> None:
    """Without it the book would be wrong from here on."""
    with pytest.raises(MalformedFrame) as caught:
        receive(difference_frame(AO=[{"CP": 1, "P": "3781900", "A": "1"}, change]))

    assert (caught.value.kind, caught.value.channel, caught.value.event) == ("432", "obdiff", "BTCTRY")


@pytest.mark.parametrize("amount", ["9.05", "0", "NaN", "", None, 5, "-1"])
def test_the_amount_of_a_deleted_level_is_not_looked_at(amount: Any) -> None:
    said = receive(difference_frame(AO=[{"CP": 3, "P": "2900", "A": amount}], BO=[{"CP": 3, "P": "2550"}])).said

    assert isinstance(said, BookChanges)
    assert said.asks == ((3, Decimal(2900), Decimal(0)),)
    assert said.bids == ((3, Decimal(2550), Decimal(0)),)


def test_an_amount_of_nothing_is_told_as_the_venue_says_it() -> None:
    """Old reports have it: to be lenient with that, and to count it, is for those who apply it."""
    said = receive(difference_frame(AO=[{"CP": 0, "P": "2900", "A": "0.00"}], BO=[])).said

    assert isinstance(said, BookChanges)
    assert said.asks == ((0, Decimal(2900), Decimal(0)),)


def test_numbers_where_text_was_are_exact() -> None:
    frame = difference_frame(BO=[], AO=[{"CP": "1", "P": 1, "A": "1"}]).replace(
        b'"P":1', b'"P":2770.700000000000000001'
    )

    said = receive(frame).said

    assert isinstance(said, BookChanges)
    assert said.asks == ((1, Decimal("2770.700000000000000001"), Decimal(1)),)


@pytest.mark.parametrize("number", [-1, None, "x", 1.5, 2**63, True, []], ids=str)
@pytest.mark.parametrize("frame", [book_frame, difference_frame])
def test_a_change_set_is_a_whole_number(number: Any, frame: Any) -> None:
    with pytest.raises(MalformedFrame):
        receive(frame(CS=number))


@pytest.mark.parametrize(
    "frame",
    [
        book_frame(PS="ETHTRY"), book_frame(event="ETHTRY"), book_frame(channel="trade"),
        without(book_frame(), "channel"), without(book_frame(), "PS", "event"), difference_frame(PS="ETHTRY"),
        difference_frame(event="ETHTRY"), difference_frame(channel="orderbook"), without(difference_frame(), "CS"),
        b"[431,{}]", b"[432,{}]",
    ],
    ids=lambda frame: str(frame[-60:]),
)  # fmt: skip
def test_a_frame_of_an_uncertain_book_is_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        receive(frame)


def of_levels(count: int) -> list[bytes]:
    levels = [{"P": str(price + 1), "A": "1"} for price in range(count)]
    return [book_frame(AO=levels), difference_frame(AO=[{**level, "CP": 1} for level in levels], BO=[])]


def test_a_book_may_have_more_levels_than_it_does_now_but_not_without_end() -> None:
    """The venue's window is 100 a side, and was 25."""
    for frame in of_levels(1_000):
        receive(frame)
    for frame in of_levels(1_001):
        with pytest.raises(MalformedFrame):
            receive(frame)
