"""Trades of the feed: ids as text, exact, and a frame that is in doubt is none."""

from decimal import Decimal
from typing import Any

import pytest

from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame
from spark_ingest_btcturk.received import Received, TradeList, TradeRow, TradeSingle
from spark_market.instruments import Mode
from support.examples import NOON
from support.frames import trade_frame, trade_list_frame, trade_row, without


def receive(frame: bytes) -> Received:
    return BtcTurkProtocol(Mode.MOCK, {}).receive(frame, NOON)


def the_row(frame: bytes) -> TradeRow:
    said = receive(frame).said
    assert isinstance(said, TradeSingle)
    return said.row


def the_list(frame: bytes) -> TradeList:
    said = receive(frame).said
    assert isinstance(said, TradeList)
    return said


def test_a_single_trade_is_exact() -> None:
    """18 digits of id are more than a float has, and prices come padded with zeros."""
    assert receive(trade_frame(I="100163842129199947", D="1787692476996")) == Received(
        "422",
        TradeSingle(
            "BTCTRY",
            TradeRow(
                id="100163842129199947", number=100163842129199947, price=Decimal("3765490"),
                size=Decimal("0.01273188"), code=0, venue_time=1787692476996,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
def test_a_list_is_told_oldest_first_whichever_way_it_comes(order: list[int]) -> None:
    said = the_list(trade_list_frame([trade_row(number) for number in order]))

    assert [row.number % 10 for row in said.rows] == [1, 2, 3]
    assert (said.pair, said.malformed) == ("BTCTRY", ())


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_restart_of_the_ids_within_a_list_leaves_its_order(newest_first: bool) -> None:
    """The ids fall while the times rise: neither alone gives the order, the venue's does."""
    rows = [trade_row(7), trade_row(8), trade_row(9, I="3"), trade_row(10, I="4")]

    said = the_list(trade_list_frame(rows[::-1] if newest_first else rows))

    assert [row.number % 10 for row in said.rows] == [7, 8, 3, 4]


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_clock_put_back_within_a_list_leaves_its_order(newest_first: bool) -> None:
    """The other way round: the times fall while the ids rise."""
    rows = [trade_row(number, D=trade_row(at)["D"]) for number, at in ((5, 8), (6, 9), (7, 1), (8, 2), (9, 3))]

    said = the_list(trade_list_frame(rows[::-1] if newest_first else rows))

    assert [row.number % 10 for row in said.rows] == [5, 6, 7, 8, 9]


def test_ids_that_stumble_within_one_millisecond_leave_the_order_of_the_times() -> None:
    rows = [trade_row(1), trade_row(2), trade_row(3, D=trade_row(2)["D"])]

    assert [row.number % 10 for row in the_list(trade_list_frame([rows[0], rows[2], rows[1]])).rows] == [1, 2, 3]


@pytest.mark.parametrize("items", [[], None])
def test_a_pair_that_never_traded_has_an_empty_list(items: Any) -> None:
    assert the_list(trade_list_frame(items)) == TradeList("BTCTRY", ())


@pytest.mark.parametrize(
    "changes",
    [
        {"P": "NaN"}, {"P": "0"}, {"A": "-1"}, {"A": "0.0000"}, {"I": "-5"}, {"I": "1" * 21}, {"I": ""}, {"I": "12a"},
        {"I": "١٢"}, {"I": "1_0"}, {"I": None}, {"D": "17876924769960"}, {"D": "178769247699"}, {"D": "soon"},
        {"D": "0787692476996"}, {"D": None}, {"D": True}, {"D": 1.5}, {"D": "1787692476996."}, {"S": "buy"},
        {"S": 0.5}, {"S": []}, {"P": None}, {"A": []}, {"D": -1787692476996},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_row_costs_itself_and_a_bad_trade_its_frame(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame):
        receive(trade_frame(2, **changes))

    said = the_list(trade_list_frame([trade_row(1), trade_row(2, **changes), trade_row(3)]))

    assert [row.number % 10 for row in said.rows] == [1, 3]
    assert len(said.malformed) == 1


@pytest.mark.parametrize("row", [None, 7, "x", [], {}, [{}]], ids=str)
def test_a_row_that_is_none_costs_itself(row: Any) -> None:
    said = the_list(trade_list_frame([trade_row(1), row]))

    assert ([row.number % 10 for row in said.rows], len(said.malformed)) == ([1], 1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"S": 1}, {"code": 1}), ({"S": None}, {"code": None}), ({"S": 2}, {"code": 2}),
        ({"D": 1787692476996}, {"venue_time": 1787692476996}), ({"D": 1787692476996.0}, {"venue_time": 1787692476996}),
        ({"P": 5.25}, {"price": Decimal("5.25")}), ({"I": 100163842129199947}, {"id": "100163842129199947"}),
        ({"A": "0.1909539327123324"}, {"size": Decimal("0.1909539327123324")}), ({"I": "9" * 20}, {"id": "9" * 20}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_unusual_and_clear_is_read(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    """The manual says that times are numbers, where every frame ever published has text."""
    row = the_row(trade_frame(**changes))

    assert {name: getattr(row, name) for name in expected} == expected


def test_frames_of_2020_have_no_side() -> None:
    assert the_row(without(trade_frame(), "S")).code is None


@pytest.mark.parametrize("changes", [{"PS": "AVAXTRY"}, {"event": "AVAXTRY"}, {"channel": "obdiff"}])
def test_a_trade_of_one_pair_on_anothers_event_is_malformed(changes: dict[str, Any]) -> None:
    """Whose trade would it be? What is known is by which subscription it came."""
    with pytest.raises(MalformedFrame) as caught:
        receive(trade_frame(**changes))

    assert (caught.value.kind, caught.value.channel) == ("422", "trade")
    assert caught.value.event == changes.get("event", "BTCTRY")


@pytest.mark.parametrize("changes", [{"symbol": "AVAXTRY"}, {"event": "AVAXTRY"}, {"channel": "ticker"}, {"items": {}}])
def test_a_list_of_one_pair_on_anothers_event_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame):
        receive(trade_list_frame([trade_row()], **changes))


def test_a_frame_that_names_its_pair_once_is_read() -> None:
    single, many = receive(without(trade_frame(), "PS")).said, receive(without(trade_list_frame([]), "event")).said

    assert isinstance(single, TradeSingle)
    assert isinstance(many, TradeList)
    assert (single.pair, many.pair) == ("BTCTRY", "BTCTRY")


@pytest.mark.parametrize("frame", [without(trade_frame(), "PS", "event"), without(trade_list_frame([]), "items")])
def test_a_frame_without_a_pair_or_a_list_is_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        receive(frame)
