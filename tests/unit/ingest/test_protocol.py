"""BtcTurk's frames: every rule with one frame. A frame that breaks one costs itself, and nothing else."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_btcturk.protocol import ALL, BtcTurkProtocol, MalformedFrame, Received
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Ticker
from support.examples import NOON
from support.frames import recorded, ticker_frame, with_raw


def a_conversation(*events: str) -> BtcTurkProtocol:
    return BtcTurkProtocol(Mode.MOCK, events or ["BTCTRY"])


def test_a_ticker_frame_becomes_one_ticker() -> None:
    """Prices keep every digit and lose their padding; a frame without a time gets none."""
    received = a_conversation().receive(recorded("ticker_BTCTRY.json"), NOON)

    assert received == Received(
        kind="402",
        proof="BTCTRY",
        heard=(Instrument(symbol="BTC_TRY", base="BTC", quote="TRY", venue_symbol="BTCTRY"),),
        tickers=(
            Ticker(
                venue="btcturk", symbol="BTC_TRY", mode=Mode.MOCK, price=Decimal(3780291), bid=Decimal(3779950),
                ask=Decimal(3781912), bid_size=Decimal("0.00092482"), ask_size=Decimal("0.02976469"),
                open=Decimal(3794559), high=Decimal(3891284), low=Decimal(3745640), volume=Decimal("31.53834999"),
                vwap=Decimal("3824093.6008034"), change=Decimal(-14268), change_pct=Decimal("-0.38"),
                venue_time=None, received_at=NOON,
            ),
        ),
    )  # fmt: skip


def test_the_change_is_from_the_last_price_not_the_venues_own_figure() -> None:
    """The venue's D is ask less open where its DP is last less open: they may even differ in sign."""
    [ticker] = a_conversation().receive(ticker_frame(LA="99", O="100", D="5", DP="5.00"), NOON).tickers

    assert (ticker.change, ticker.change_pct) == (Decimal(-1), Decimal(-1))


def test_an_unchanged_repeat_is_heard_and_no_tick() -> None:
    """Most frames repeat the one before: that proves the venue alive, and is no news."""
    conversation = a_conversation()
    conversation.receive(recorded("ticker_BTCTRY.json"), NOON)

    again = conversation.receive(recorded("ticker_BTCTRY.json"), NOON + 760)

    assert [instrument.symbol for instrument in again.heard] == ["BTC_TRY"]
    assert again.tickers == ()
    assert again.proof == "BTCTRY"


@pytest.mark.parametrize("key", ["LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV"])
def test_a_change_of_any_figure_is_a_tick(key: str) -> None:
    conversation = a_conversation()
    conversation.receive(ticker_frame(), NOON)

    assert len(conversation.receive(ticker_frame(**{key: "4000000"}), NOON).tickers) == 1


def test_a_new_conversation_knows_nothing_of_the_one_before() -> None:
    """After a break the current value is told, changed or not."""
    a_conversation().receive(ticker_frame(), NOON)

    assert len(a_conversation().receive(ticker_frame(), NOON).tickers) == 1


def test_all_pairs_come_in_one_frame() -> None:
    received = a_conversation(ALL).receive(recorded("ticker_all.json"), NOON)

    assert [ticker.symbol for ticker in received.tickers] == ["BTC_TRY", "ETH_TRY"]
    assert received.proof == ALL
    assert received.malformed == ()


def test_only_the_rows_that_changed_are_ticks() -> None:
    conversation = a_conversation(ALL)
    conversation.receive(recorded("ticker_all.json"), NOON)
    kind, body = json.loads(recorded("ticker_all.json"))
    body["items"][1]["LA"] = "132501"

    received = conversation.receive(json.dumps([kind, body]), NOON)

    assert [ticker.symbol for ticker in received.tickers] == ["ETH_TRY"]
    assert [instrument.symbol for instrument in received.heard] == ["BTC_TRY", "ETH_TRY"]


BROKEN_ROWS: list[Any] = [
    None, 7, "BTCTRY", [], [["BTCTRY"]], {}, {"PS": None}, {"PS": 7}, {"PS": "XTRY"},
    {"PS": "XTRY", "NS": "X", "DS": "USD", "LA": "1"}, {"PS": "XTRY", "NS": "X", "DS": "TRY", "LA": "NaN"},
    {"PS": "XTRY", "NS": "X", "DS": "TRY", "LA": "-1"}, {"PS": "XTRY", "NS": "X", "DS": "TRY", "LA": {}},
    {"PS": "x try", "NS": "x ", "DS": "try", "LA": "1"},
]  # fmt: skip


@pytest.mark.parametrize("row", BROKEN_ROWS, ids=str)
def test_a_malformed_row_costs_only_itself(row: Any) -> None:
    """One listing that the venue gets wrong must not blind us to the 378 others."""
    kind, body = json.loads(recorded("ticker_all.json"))
    body["items"].insert(1, row)

    received = a_conversation(ALL).receive(json.dumps([kind, body]), NOON)

    assert [ticker.symbol for ticker in received.tickers] == ["BTC_TRY", "ETH_TRY"]
    assert len(received.malformed) == 1


def test_a_frame_of_broken_rows_alone_proves_nothing() -> None:
    """A venue that sends only rubbish is silent, as far as anybody can use it."""
    received = a_conversation(ALL).receive(b'[401,{"items":[{},{}]}]', NOON)

    assert received.proof is None
    assert len(received.malformed) == 2


NOT_FIGURES = [
    b'"NaN"', b'"Infinity"', b'"-Infinity"', b'"-1"', b"-1", b"1e999", b'"1e999"', b'"1e15"', b'""', b'" 1"', b'"1,5"',
    b'"1_000"', b'"0x10"', '"١٢"'.encode(), b'"\\ud800"', b'"\\u0031"', b"true", b"false", b"[]", b"[1]", b"{}",
    b'{"a":"1"}', b"[" * 100 + b"]" * 100, b'"' + b"9" * 400 + b'"', b'"0.' + b"0" * 30 + b'1"',
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_FIGURES, ids=lambda value: str(value[:16]))
@pytest.mark.parametrize("key", ["LA", "BA", "O", "AV"])
def test_a_figure_that_is_not_a_plain_number_makes_the_frame_malformed(key: str, value: bytes) -> None:
    with pytest.raises(MalformedFrame):
        a_conversation().receive(with_raw(key, value), NOON)


@pytest.mark.parametrize("key", ["LA", "BA", "O", "AV"])
def test_a_figure_that_turns_to_rubbish_is_malformed_and_forgotten(key: str) -> None:
    """The row before it stays what is known: the value it had is no new tick when it comes back."""
    conversation = a_conversation()
    conversation.receive(ticker_frame(), NOON)
    with pytest.raises(MalformedFrame):
        conversation.receive(with_raw(key, b'"NaN"'), NOON)

    assert conversation.receive(ticker_frame(), NOON).tickers == ()


NOT_FRAMES = [
    b"", b" ", b"null", b"{}", b"[]", b"402", b"[402]", b'["402",{}]', b"[402,null]", b"[402,[]]", b"[402,7]",
    b"[null,{}]",
    b"[402.5,{}]", b"[401,{}]", b'[401,{"items":null}]', b'[401,{"items":{}}]', b"[100,{}]", b"[100,null]",
    b'[100,{"ok":"yes","message":"x"}]', b"[402,{", b"\xff\xfe", b'[402,{"PS":"\xff"}]', b'[402,{"PS":"\\ud800"}]',
    b"[" * 100_000, b"[402," + b"[" * 100_000, b'[402,{"PS":' + b"[" * 5_000 + b"]" * 5_000 + b"}]",
    b"[" + b"9" * 5_000 + b",{}]", b"[402,{}] x",
]  # fmt: skip


@pytest.mark.parametrize("frame", NOT_FRAMES, ids=lambda frame: str(frame[:24]))
def test_what_is_no_frame_is_malformed_and_nothing_else(frame: bytes) -> None:
    """Any other exception would end the connection, or the process, for one bad frame."""
    with pytest.raises(MalformedFrame):
        a_conversation("BTCTRY").receive(frame, NOON)


@given(st.binary(max_size=200))
def test_any_bytes_are_received_or_malformed(frame: bytes) -> None:
    _receive_or_refuse(frame)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["NaN", "1e999", "-1", "1"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=4),
    max_leaves=12,
)
_row = st.dictionaries(
    st.sampled_from(["PS", "NS", "DS", "event", "LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV", "items", "ok"]),
    _json | st.sampled_from(["BTC", "TRY", "BTCTRY"]),
)


@given(st.sampled_from([100, 401, 402, 431, 999]), _json | _row | st.fixed_dictionaries({"items": st.lists(_row)}))
def test_any_body_of_any_type_is_received_or_malformed(kind: int, body: Any) -> None:
    _receive_or_refuse(json.dumps([kind, body]).encode("utf-8", "surrogatepass"))


@given(st.binary(min_size=1, max_size=4), st.integers(min_value=0))
def test_a_ticker_with_bytes_overwritten_is_received_or_malformed(noise: bytes, at: int) -> None:
    frame = recorded("ticker_BTCTRY.json")
    at %= len(frame)

    _receive_or_refuse(frame[:at] + noise + frame[at + len(noise) :])


def _receive_or_refuse(frame: bytes) -> None:
    for events in (["BTCTRY"], [ALL]):
        try:
            received = BtcTurkProtocol(Mode.MOCK, events).receive(frame, NOON)
        except MalformedFrame:
            continue
        assert isinstance(received, Received)
        for ticker in received.tickers:
            figures = (ticker.price, ticker.bid, ticker.ask, ticker.volume, ticker.vwap)
            assert all(figure is None or (figure.is_finite() and figure >= 0) for figure in figures)


@pytest.mark.parametrize(
    "frame", [recorded("welcome.json"), recorded("join_accepted.json"), b"[431,{}]", b"[451,null]"]
)
def test_frames_that_bring_no_ticker_are_counted_by_their_type(frame: bytes) -> None:
    received = a_conversation().receive(frame, NOON)

    assert received == Received(str(json.loads(frame)[0]))


@pytest.mark.parametrize("kind", [0, -1, 7, 999, 2**63, 10**30])
def test_types_that_nobody_documented_are_counted_together(kind: int) -> None:
    """The venue announces that new ones may appear; each must not become a label of its own."""
    assert a_conversation().receive(f"[{kind},{{}}]", NOON) == Received("other")


def test_a_ticker_on_another_pairs_event_is_malformed() -> None:
    """Whose price would it be?"""
    with pytest.raises(MalformedFrame):
        a_conversation("BTCTRY", "ETHTRY").receive(ticker_frame(event="ETHTRY"), NOON)


def test_a_pair_that_was_not_asked_for_is_left_alone() -> None:
    assert a_conversation("ETHTRY").receive(ticker_frame(), NOON) == Received("402")


@pytest.mark.parametrize("changes", [{"NS": "BT"}, {"DS": "USD"}, {"NS": "btc"}, {"NS": None}, {"NS": ""}])
def test_a_pair_is_never_split_by_guess(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedFrame):
        a_conversation().receive(ticker_frame(**changes), NOON)


def test_figures_that_are_null_or_not_there_are_none() -> None:
    kind, body = json.loads(recorded("ticker_BTCTRY.json"))
    del body["BA"], body["AA"]
    body.update(LA=None, AV=None)

    [ticker] = a_conversation().receive(json.dumps([kind, body]), NOON).tickers

    assert (ticker.price, ticker.vwap, ticker.bid_size, ticker.ask_size) == (None, None, None, None)
    assert (ticker.change, ticker.change_pct) == (None, None)
    assert ticker.bid == Decimal(3779950)


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (b"100.617", "100.617"), (b"1e-7", "0.0000001"), (b'"1E-7"', "0.0000001"), (b"4.5e3", "4500"),
        (b'"100.6170"', "100.617"), (b"0.1000000000000000055", None), (b'"0"', "0"), (b'"-0"', "0"), (b"-0.0", "0"),
        (b'"123456789012345.123456789012345678"', "123456789012345.123456789012345678"),
    ],
)  # fmt: skip
def test_numbers_are_exact_whichever_way_the_venue_writes_them(value: bytes, price: str | None) -> None:
    """As JSON numbers, as text, with an exponent: never through a float."""
    if price is None:  # more decimals than a price has
        with pytest.raises(MalformedFrame):
            a_conversation().receive(with_raw("LA", value), NOON)
        return
    [ticker] = a_conversation().receive(with_raw("LA", value), NOON).tickers

    assert ticker.price is not None
    assert format(ticker.price, "f") == price


def test_a_change_keeps_every_digit() -> None:
    frame = ticker_frame(LA="123456789012345.000000000000000001", O="1")

    [ticker] = a_conversation().receive(frame, NOON).tickers

    assert str(ticker.change) == "123456789012344.000000000000000001"
    assert ticker.change_pct is None  # beyond what a number on the wire may be; that costs the figure, not the frame


def test_there_is_no_change_from_an_open_of_nothing() -> None:
    [ticker] = a_conversation().receive(ticker_frame(O="0"), NOON).tickers

    assert (ticker.open, ticker.change, ticker.change_pct) == (Decimal(0), None, None)


def test_one_join_is_sent_for_each_event() -> None:
    assert [json.loads(frame) for frame in a_conversation("ETHTRY", "BTCTRY").opening_frames()] == [
        [151, {"type": 151, "channel": "ticker", "event": event, "join": True}] for event in ("BTCTRY", "ETHTRY")
    ]
