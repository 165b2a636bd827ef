"""Frames as such: what is read, what is counted only, and what a bad one may have been."""

import json
from typing import Any

import pytest

from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame, join, leave
from spark_ingest_btcturk.received import Ignored, Received, Result, TradeSingle
from spark_market.instruments import Mode
from support.examples import NOON
from support.frames import (
    book_frame,
    difference_frame,
    encoded,
    instruments,
    of_every_kind,
    recorded,
    ticker_frame,
    trade_frame,
    trade_list_frame,
    trade_row,
)


def receive(frame: bytes) -> Received:
    return BtcTurkProtocol(Mode.MOCK, instruments("BTC_TRY", "ETH_TRY")).receive(frame, NOON)


def refused(frame: bytes) -> MalformedFrame:
    with pytest.raises(MalformedFrame) as caught:
        receive(frame)
    return caught.value


def test_a_join_and_a_leave_are_strict_json() -> None:
    """One channel and one event a frame; the venue's own examples lack quotes, and are not for copying."""
    assert join("obdiff", "BTCUSDT") == '[151,{"type":151,"channel":"obdiff","event":"BTCUSDT","join":true}]'
    assert leave("ticker", "all") == '[151,{"type":151,"channel":"ticker","event":"all","join":false}]'


@pytest.mark.parametrize(
    "body",
    [
        {"type": 100, "ok": True, "message": "join|ticker:BTCTRY"}, {"ok": True, "message": "join|ticker:BTCTRY"},
        {"type": 100, "id": 0, "ok": True, "message": "join|ticker:BTCTRY"},
    ],
)  # fmt: skip
def test_an_answer_to_a_join_is_a_result(body: dict[str, Any]) -> None:
    assert receive(encoded(100, body)) == Received("100", Result(True, "join|ticker:BTCTRY"))


def test_a_refusal_is_a_result() -> None:
    """It says the same as a success, and most likely that it is joined already."""
    assert receive(b'[100,{"type":100,"ok":false,"message":"join|obdiff:BTCUSDT"}]') == Received(
        "100", Result(False, "join|obdiff:BTCUSDT")
    )


@pytest.mark.parametrize("body", [{}, None, [], {"ok": "yes", "message": "x"}, {"ok": True}])
def test_a_result_that_is_none_is_malformed(body: Any) -> None:
    assert refused(encoded(100, body)).kind == "100"


@pytest.mark.parametrize(
    "frame", [recorded("welcome.json"), b'[423,{"id":1}]', b"[451,null]", b"[114]", b"[801,7,8]", b"[428,[]]"]
)
def test_what_is_not_ours_to_read_is_counted_by_its_type(frame: bytes) -> None:
    """A body need not repeat the type, and that of a private packet on our socket is nobody's business."""
    assert receive(frame) == Received(str(json.loads(frame)[0]), Ignored())


@pytest.mark.parametrize("kind", [0, -1, 7, 116, 999, 4020, 2**63, 10**30])
def test_types_that_nobody_documented_are_counted_together(kind: int) -> None:
    """The venue announces that new ones may appear; each must not become a label of its own."""
    assert receive(f"[{kind},{{}}]".encode()) == Received("other", Ignored())


@pytest.mark.parametrize("frame", of_every_kind(), ids=lambda frame: str(frame[:40]))
def test_spaces_and_more_elements_change_nothing(frame: bytes) -> None:
    """What a later version of the feed may add is not ours to refuse."""
    kind, body = json.loads(frame)
    spaced = json.dumps([kind, body, {"more": 1}], indent=3).encode()

    assert receive(spaced) == receive(frame)


def test_the_order_of_the_keys_is_not_the_venues_to_keep() -> None:
    kind, body = json.loads(trade_frame())

    assert receive(encoded(kind, dict(reversed(body.items())))) == receive(trade_frame())


def test_element_0_is_the_type() -> None:
    """There are bodies without a type, and none that contradicts was ever seen."""
    kind, body = json.loads(trade_frame())

    assert isinstance(receive(encoded(kind, {**body, "type": 402})).said, TradeSingle)


NOT_FRAMES = [
    b"", b" ", b"null", b"{}", b"[]", b"402", b"[402]", b'["402",{}]', b"[402,null]", b"[402,[]]", b"[402,7]",
    b"[null,{}]", b"[402.5,{}]", b"[401,{}]", b'[401,{"items":{}}]', b"[402,{", b"\xff\xfe", b'[402,{"PS":"\xff"}]',
    b'[402,{"PS":"\\ud800"}]', b"[" * 100_000, b"[402," + b"[" * 100_000, b"[991," + b"[" * 100_000,
    b'[402,{"PS":' + b"[" * 5_000 + b"]" * 5_000 + b"}]", b"[" + b"9" * 5_000 + b",{}]", b"[402,{}] x",
    '[402,{"PS":"BTCTRY"}]'.encode("utf-16"), b'[402,{"PS":"BTCTRY","LA":NaN}]', b"\x00", b"[431,null]", b"[422,{}]",
    b'[100,{"ok":1,"message":"\\ud800"}]', b'[401,{"items":[{"PS":"\\udfff"},7]}]',
    b'\xef\xbb\xbf[402,{"PS":"BTCTRY"}]',
]  # fmt: skip


@pytest.mark.parametrize("frame", NOT_FRAMES, ids=lambda frame: str(frame[:24]))
def test_what_is_no_frame_is_malformed_and_nothing_else(frame: bytes) -> None:
    """Any other exception would end the connection, or the process, for one bad frame."""
    refused(frame)


ATTRIBUTED = [
    (ticker_frame(LA="x"), "402", "ticker", "BTCTRY"),
    (trade_frame(P="x"), "422", "trade", "BTCTRY"),
    (trade_frame(P="x", event="ETHTRY"), "422", "trade", "ETHTRY"),
    (trade_list_frame({}), "421", "trade", "BTCTRY"),
    (difference_frame(CS=-1), "432", "obdiff", "BTCTRY"),
    (book_frame(CS=-1), "431", "obdiff", "BTCTRY"),
    (book_frame(CS=-1, channel="orderbook"), "431", "orderbook", "BTCTRY"),
    (b'[401,{"items":{"PS":"BTCTRY"},"event":"all"}]', "401", "ticker", "all"),
    (b" [ 422 , {\"event\" : \"BTCTRY\"}]", "422", "trade", "BTCTRY"),
    (b"[422,{}]", "422", "trade", None),
    (b'[999,{"event":"BTCTRY","channel":"trade"', "other", "trade", "BTCTRY"),
    (b"rubbish", "other", None, None),
    (b'[431,{"channel":"\xff","event":"BTC TRY"}]', "431", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "kind", "channel", "event"), ATTRIBUTED, ids=lambda value: str(value)[:40])
def test_a_bad_frame_says_whose_it_was(frame: bytes, kind: str, channel: str | None, event: str | None) -> None:
    """So that the subscription that it came by can be proven anew, and what it told asked for again."""
    malformed = refused(frame)

    assert (malformed.kind, malformed.channel, malformed.event) == (kind, channel, event)
    assert str(malformed)


HALVES = [
    (trade_frame(), "422", "trade"), (trade_list_frame([trade_row()] * 9), "421", "trade"),
    (difference_frame(), "432", "obdiff"), (ticker_frame(), "402", "ticker"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "kind", "channel"), HALVES, ids=lambda value: str(value)[:12])
def test_a_frame_cut_short_still_says_whose_it_was(frame: bytes, kind: str, channel: str) -> None:
    """The type stands at its beginning; the pair is known from where it is named."""
    named = min(at for at in (frame.find(b'"PS"'), frame.find(b'"symbol"')) if at > 0) + len('"symbol": "BTCTRY"')
    for length in range(6, len(frame) - 1):
        malformed = refused(frame[:length])
        assert (malformed.kind, malformed.channel) == (kind, channel)
        assert malformed.event in (None, "BTCTRY")
        assert malformed.event == "BTCTRY" or length <= named


def test_a_list_of_all_tickers_cut_short_was_of_no_pairs_event() -> None:
    frame = recorded("ticker_all.json")

    assert {refused(frame[:length]).event for length in range(6, len(frame) - 1)} == {"all"}
