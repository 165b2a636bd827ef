"""Tickers of the feed: exact, each told once, and every rule with one frame."""

import json
from decimal import Decimal
from typing import Any

import pytest

from spark_ingest_btcturk.channels import ALL
from spark_ingest_btcturk.protocol import BtcTurkProtocol, MalformedFrame
from spark_ingest_btcturk.received import Received, Tickers
from spark_market.instruments import Instrument, Mode
from spark_market.messages import Ticker
from support.examples import NOON
from support.frames import encoded, instruments, recorded, ticker_frame, with_raw, without


def a_protocol(*symbols: str) -> BtcTurkProtocol:
    return BtcTurkProtocol(Mode.MOCK, instruments(*(symbols or ("BTC_TRY", "ETH_TRY"))))


def heard(protocol: BtcTurkProtocol, frame: bytes) -> Tickers:
    said = protocol.receive(frame, NOON).said
    assert isinstance(said, Tickers)
    return said


def the_ticker(frame: bytes) -> Ticker:
    [ticker] = heard(a_protocol(), frame).changed
    return ticker


def test_a_ticker_frame_becomes_one_ticker() -> None:
    """Prices keep every digit and lose their padding; a frame without a time gets none."""
    received = a_protocol().receive(recorded("ticker_BTCTRY.json"), NOON)

    assert received == Received(
        "402",
        Tickers(
            event="BTCTRY",
            heard=("BTC_TRY",),
            changed=(
                Ticker(
                    venue="btcturk", symbol="BTC_TRY", mode=Mode.MOCK, price=Decimal(3780291), bid=Decimal(3779950),
                    ask=Decimal(3781912), bid_size=Decimal("0.00092482"), ask_size=Decimal("0.02976469"),
                    open=Decimal(3794559), high=Decimal(3891284), low=Decimal(3745640), volume=Decimal("31.53834999"),
                    vwap=Decimal("3824093.6008034"), change=Decimal(-14268), change_pct=Decimal("-0.38"),
                    venue_time=None, received_at=NOON,
                ),
            ),
        ),
    )  # fmt: skip


def test_the_change_is_from_the_last_price_not_the_venues_own_figure() -> None:
    """The venue's D is ask less open where its DP is last less open: they may even differ in sign."""
    ticker = the_ticker(ticker_frame(LA="99", O="100", D="5", DP="5.00"))

    assert (ticker.change, ticker.change_pct) == (Decimal(-1), Decimal(-1))


def test_the_change_follows_the_price_and_the_open() -> None:
    """It is kept while neither moves, and only then."""
    protocol = a_protocol()
    heard(protocol, ticker_frame(LA="99", O="100"))

    changes = [
        heard(protocol, ticker_frame(**figures)).changed[0].change
        for figures in (
            {"LA": "99", "O": "100", "B": "98"},
            {"LA": "101", "O": "100", "B": "98"},
            {"LA": "101", "O": "103", "B": "98"},
            {"LA": None, "O": "103", "B": "98"},
        )
    ]

    assert changes == [Decimal(-1), Decimal(1), Decimal(-2), None]


def test_an_unchanged_repeat_is_heard_and_no_tick() -> None:
    """Most frames repeat the one before: that proves the venue alive, and is no news."""
    protocol = a_protocol()
    protocol.receive(recorded("ticker_BTCTRY.json"), NOON)

    again = heard(protocol, recorded("ticker_BTCTRY.json"))

    assert again == Tickers("BTCTRY", ("BTC_TRY",), ())


@pytest.mark.parametrize("key", ["LA", "B", "A", "BA", "AA", "O", "H", "L", "V", "AV"])
@pytest.mark.parametrize("value", ["4000000", None])
def test_a_change_of_any_figure_is_a_tick(key: str, value: str | None) -> None:
    protocol = a_protocol()
    protocol.receive(ticker_frame(), NOON)

    assert len(heard(protocol, ticker_frame(**{key: value})).changed) == 1


def test_what_is_no_figure_makes_no_tick() -> None:
    """The venue's own change moves with the ask, and the order is its page's."""
    protocol = a_protocol()
    protocol.receive(ticker_frame(), NOON)

    assert heard(protocol, ticker_frame(D="1", DP="2", PId=7, Ord=9, New="x")).changed == ()


def test_a_ticker_is_new_to_its_subscription() -> None:
    """A frame for all that nobody has joined is not published: the pair's own ticker is no repeat of it."""
    protocol = a_protocol()
    row = json.loads(recorded("ticker_all.json"))[1]["items"][0]
    alone = encoded(402, {**row, "channel": "ticker", "event": "BTCTRY", "type": 402})
    heard(protocol, recorded("ticker_all.json"))

    assert len(heard(protocol, alone).changed) == 1
    assert heard(protocol, alone) == Tickers("BTCTRY", ("BTC_TRY",), ())
    assert heard(protocol, recorded("ticker_all.json")).changed == ()


def test_all_pairs_come_in_one_frame() -> None:
    said = heard(a_protocol(), recorded("ticker_all.json"))

    assert [ticker.symbol for ticker in said.changed] == ["BTC_TRY", "ETH_TRY"]
    assert (said.event, said.heard, said.malformed) == (ALL, ("BTC_TRY", "ETH_TRY"), ())


def test_only_the_rows_that_changed_are_ticks() -> None:
    protocol = a_protocol()
    protocol.receive(recorded("ticker_all.json"), NOON)
    kind, body = json.loads(recorded("ticker_all.json"))
    body["items"][1]["LA"] = "132501"

    said = heard(protocol, encoded(kind, body))

    assert [ticker.symbol for ticker in said.changed] == ["ETH_TRY"]
    assert said.heard == ("BTC_TRY", "ETH_TRY")


BROKEN_ROWS: list[Any] = [
    None, 7, "BTCTRY", [], [["BTCTRY"]], {}, {"PS": None}, {"PS": 7.5e999}, {"PS": ["BTCTRY"]},
    {"PS": "BTCTRY", "NS": "BTC", "DS": "USD", "LA": "1"}, {"PS": "BTCTRY", "NS": "X", "DS": "TRY", "LA": "1"},
    {"PS": "BTCTRY", "LA": "NaN"}, {"PS": "BTCTRY", "LA": "-1"}, {"PS": "BTCTRY", "LA": {}},
    {"PS": "BTCTRY", "LA": True}, {"PS": "BTCTRY", "NS": 7, "LA": "1"},
]  # fmt: skip


@pytest.mark.parametrize("row", BROKEN_ROWS, ids=str)
def test_a_malformed_row_costs_only_itself(row: Any) -> None:
    """One listing that the venue gets wrong must not blind us to the 378 others."""
    kind, body = json.loads(recorded("ticker_all.json"))
    body["items"].insert(1, row)

    said = heard(a_protocol(), encoded(kind, body).replace(b"Infinity", b"1e999"))

    assert [ticker.symbol for ticker in said.changed] == ["BTC_TRY", "ETH_TRY"]
    assert len(said.malformed) + len(said.unlisted) == 1


def test_a_frame_of_broken_rows_alone_proves_nothing() -> None:
    """A venue that sends only rubbish is silent, as far as anybody can use it."""
    said = heard(a_protocol(), b'[401,{"items":[{},{}]}]')

    assert said.heard == ()
    assert len(said.malformed) == 2


def test_pairs_that_are_not_wanted_are_named_and_left_alone() -> None:
    """One that the directory does not know is a listing, or a reason to read the directory again."""
    protocol = a_protocol("ETH_TRY")

    said = heard(protocol, recorded("ticker_all.json"))
    alone = heard(protocol, recorded("ticker_BTCTRY.json"))

    assert (said.heard, said.unlisted) == (("ETH_TRY",), ("BTCTRY",))
    assert alone == Tickers("BTCTRY", (), (), unlisted=("BTCTRY",))


def test_the_pairs_are_those_of_the_moment() -> None:
    """Listings appear and delistings disappear while the protocol lives."""
    pairs = instruments("ETH_TRY")
    protocol = BtcTurkProtocol(Mode.MOCK, pairs)
    before = heard(protocol, ticker_frame())
    pairs.update(instruments("BTC_TRY"))
    listed = heard(protocol, ticker_frame())
    del pairs["BTCTRY"]
    delisted = heard(protocol, ticker_frame())

    assert (before.heard, listed.heard, delisted.heard) == ((), ("BTC_TRY",), ())
    assert len(listed.changed) == 1


def test_a_directory_that_was_read_again_makes_no_tick() -> None:
    pairs = instruments("BTC_TRY")
    protocol = BtcTurkProtocol(Mode.MOCK, pairs)
    heard(protocol, ticker_frame())
    pairs.update(instruments("BTC_TRY"))

    assert heard(protocol, ticker_frame()) == Tickers("BTCTRY", ("BTC_TRY",), ())


def test_the_symbol_is_the_directorys() -> None:
    """A pair is never split by guess, and the venue's spelling goes no further than this."""
    odd = Instrument(symbol="ODD_ONE", base="BTC", quote="TRY", venue_symbol="BTCTRY")
    protocol = BtcTurkProtocol(Mode.MOCK, {"BTCTRY": odd})

    assert heard(protocol, ticker_frame()).heard == ("ODD_ONE",)


@pytest.mark.parametrize(
    "changes", [{"NS": "BT"}, {"DS": "USD"}, {"NS": "btc"}, {"NS": ""}, {"NS": "TRY", "DS": "BTC"}]
)
def test_other_currencies_than_the_directorys_are_malformed(changes: dict[str, Any]) -> None:
    """Whose price would it be?"""
    protocol = a_protocol()
    protocol.receive(ticker_frame(), NOON)

    with pytest.raises(MalformedFrame):
        protocol.receive(ticker_frame(**changes), NOON)


@pytest.mark.parametrize("changes", [{"event": "ETHTRY"}, {"channel": "trade"}, {"PS": "ETHTRY"}])
def test_a_ticker_by_another_pairs_event_or_another_channel_is_malformed(changes: dict[str, Any]) -> None:
    protocol = a_protocol()
    protocol.receive(ticker_frame(), NOON)

    with pytest.raises(MalformedFrame):
        protocol.receive(ticker_frame(**changes), NOON)


@pytest.mark.parametrize("frame", [b'[401,{"items":[],"event":"BTCTRY"}]', b'[401,{"items":[],"channel":"trade"}]'])
def test_all_tickers_by_a_pairs_event_are_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedFrame):
        a_protocol().receive(frame, NOON)


NOT_FIGURES = [
    b'"NaN"', b'"Infinity"', b'"-Infinity"', b'"-1"', b"-1", b"1e999", b'"1e999"', b'"1e15"', b'""', b'" 1"', b'"1,5"',
    b'"1_000"', b'"0x10"', '"١٢"'.encode(), b'"\\ud800"', b'"\\u0661"', b"true", b"false", b"[]", b"[1]", b"{}",
    b'{"a":"1"}', b"[" * 100 + b"]" * 100, b'"' + b"9" * 400 + b'"', b'"0.' + b"0" * 30 + b'1"', b"NaN", b"Infinity",
    b"9" * 5_000, b"0.1000000000000000055", b'"1\\n"',
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_FIGURES, ids=lambda value: str(value[:16]))
@pytest.mark.parametrize("key", ["LA", "BA", "O", "AV"])
def test_a_figure_that_turns_to_rubbish_is_malformed_and_forgotten(key: str, value: bytes) -> None:
    """What it was before stays what is known: that is no new tick when it comes back."""
    protocol = a_protocol()
    with pytest.raises(MalformedFrame):
        protocol.receive(with_raw(key, value), NOON)
    assert len(heard(protocol, ticker_frame()).changed) == 1
    with pytest.raises(MalformedFrame):
        protocol.receive(with_raw(key, value), NOON)

    assert heard(protocol, ticker_frame()).changed == ()


def test_figures_that_are_null_or_not_there_are_none() -> None:
    """The frames of 2020 have no sizes, and what a pair without trades has is not known."""
    frame = without(ticker_frame(LA=None, AV=None), "BA", "AA", "NS", "DS")

    ticker = the_ticker(frame)

    assert (ticker.price, ticker.vwap, ticker.bid_size, ticker.ask_size) == (None, None, None, None)
    assert (ticker.change, ticker.change_pct) == (None, None)
    assert ticker.bid == Decimal(3779950)


def test_a_ticker_of_nothing_is_one() -> None:
    protocol = a_protocol()

    first, again = heard(protocol, b'[402,{"PS":"BTCTRY"}]'), heard(protocol, b'[402,{"PS":"BTCTRY"}]')

    assert [ticker.price for ticker in first.changed] == [None]
    assert again == Tickers("BTCTRY", ("BTC_TRY",), ())


@pytest.mark.parametrize(
    ("value", "price"),
    [
        (b"100.617", "100.617"), (b"1e-7", "0.0000001"), (b'"1E-7"', "0.0000001"), (b"4.5e3", "4500"),
        (b'"100.6170"', "100.617"), (b'"\\u0031\\u0032"', "12"),
        (b'"123456789012345.123456789012345678"', "123456789012345.123456789012345678"),
        (b"123456789012345.123456789012345678", "123456789012345.123456789012345678"),
    ],
)  # fmt: skip
def test_numbers_are_exact_whichever_way_the_venue_writes_them(value: bytes, price: str) -> None:
    """As JSON numbers, as text, with an exponent: never through a float."""
    ticker = the_ticker(with_raw("LA", value))

    assert ticker.price is not None
    assert format(ticker.price, "f") == price


def test_a_number_where_text_was_is_the_same_figure() -> None:
    protocol = a_protocol()
    protocol.receive(ticker_frame(LA="100.5"), NOON)

    assert heard(protocol, with_raw("LA", b"100.5")).changed == ()


def test_a_change_keeps_every_digit() -> None:
    ticker = the_ticker(ticker_frame(LA="123456789012345.000000000000000001", O="1"))

    assert str(ticker.change) == "123456789012344.000000000000000001"
    assert ticker.change_pct is None  # beyond what a number may be: that costs the figure, not the frame


def test_there_is_no_change_from_an_open_of_nothing() -> None:
    ticker = the_ticker(ticker_frame(O="0"))

    assert (ticker.open, ticker.change, ticker.change_pct) == (None, None, None)


@pytest.mark.parametrize("nothing", [b'"0"', b'"0.00"', b'"-0"', b"-0.0"])
def test_a_price_of_0_is_none(nothing: bytes) -> None:
    """Nothing trades at 0: it would pass for a fall of 100 %. What a pair without trades or quotes has is not known."""
    ticker = the_ticker(with_raw("LA", nothing))

    assert (ticker.price, ticker.change, ticker.change_pct) == (None, None, None)


def test_sizes_and_volumes_may_be_0() -> None:
    ticker = the_ticker(ticker_frame(B="0", A="0", BA="0", AA="0", H="0", L="0", V="0", AV="0.000000000000"))

    assert (ticker.bid, ticker.ask, ticker.high, ticker.low, ticker.vwap) == (None,) * 5
    assert (ticker.bid_size, ticker.ask_size, ticker.volume) == (Decimal(0),) * 3
