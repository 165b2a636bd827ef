"""The wire format is a promise to every client: these tests read the bytes, as a client does."""

import json
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_market import wire
from spark_market.instruments import Mode
from spark_market.messages import Book, Gap, Goodbye, Heartbeat, Message, Side, Status, Ticker, Trade, VenueStatus
from spark_market.numbers import canonical

PRICES = st.decimals(min_value=0, max_value=Decimal("999999999999"), places=12, allow_nan=False)


def a_ticker(price: str = "4643580", **fields: Decimal | None) -> Ticker:
    return Ticker(
        venue="btcturk",
        symbol="BTC_TRY",
        mode=Mode.MOCK,
        price=canonical(price),
        venue_time=None,
        received_at=1766400000123,
        **fields,
    )


def test_a_ticker_has_the_documented_shape() -> None:
    body = json.loads(wire.encode(a_ticker()), parse_float=Decimal)

    assert body["type"] == "ticker"
    assert list(body["data"]) == [
        "venue", "symbol", "mode", "price", "bid", "ask", "bidSize", "askSize", "open", "previousClose", "high", "low",
        "volume", "vwap", "turnover", "referencePrice", "change", "changePct", "venueTime", "receivedAt",
    ]  # fmt: skip
    assert body["data"]["price"] == 4643580
    assert body["data"]["venueTime"] is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("100.6170", b"100.617"),
        ("0.000000000001", b"0.000000000001"),
        ("999999999999999", b"999999999999999"),
        ("0.00000015", b"0.00000015"),
        ("1.20e3", b"1200"),
    ],
)
def test_numbers_are_written_exactly_and_without_an_exponent(text: str, written: bytes) -> None:
    assert b'"price":' + written + b"," in wire.encode(a_ticker(text))


def test_a_number_is_spelled_out_wherever_it_is_and_text_is_left_alone() -> None:
    """What looks like an exponent in a name is no number."""
    tiny = Decimal("1E-9")
    book = Book(
        venue="btcturk", symbol="1E-9_TRY", mode=Mode.REAL, sequence="1E-9", previous=None,
        bids=((tiny, Decimal("5E-12")),), asks=(), venue_time=None, received_at=1,
    )  # fmt: skip

    body = wire.encode(book)

    assert b'"bids":[[0.000000001,0.000000000005]]' in body
    assert b'"symbol":"1E-9_TRY"' in body
    assert b'"sequence":"1E-9"' in body
    assert wire.decode(body) == book


@given(PRICES)
def test_any_price_comes_back_as_it_was(price: Decimal) -> None:
    body = json.loads(wire.encode(a_ticker(format(price, "f"))), parse_float=Decimal, parse_int=Decimal)

    assert body["data"]["price"] == price


MESSAGES: list[Message] = [
    a_ticker(bid=Decimal("4643000"), ask=None),
    Trade(
        venue="btcturk", symbol="BTC_TRY", mode=Mode.REAL, id="100163842129199947", price=Decimal("3765490"),
        size=Decimal("0.01273188"), side=Side.BUY, venue_time=1787692476996, received_at=1787692476999,
    ),
    Book(
        venue="btcturk", symbol="BTC_TRY", mode=Mode.REAL, sequence="2", previous=None,
        bids=((Decimal("10.5"), Decimal(1)),), asks=(), venue_time=None, received_at=1,
    ),
    Gap(venue="btcturk", channel="ticker", symbol=None, from_=1, to=2, cause="start"),
    VenueStatus(
        venue="btcturk", status=Status.MOCK, staleness_sec=0.5, mode=Mode.MOCK, reason="simulated data", since=1
    ),
    Goodbye(reason="shutdown", retry=1000),
    Heartbeat(venue="btcturk", mode=Mode.MOCK, sent_at=1, connected=True, ages={"ticker": 12}),
]  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES, ids=wire.type_of)
def test_a_message_reads_back_unchanged(message: Message) -> None:
    assert wire.decode(wire.encode(message)) == message


def test_unknown_types_and_fields_are_for_later_versions() -> None:
    assert wire.decode(b'{"type":"candle","data":{"venue":"btcturk"}}') is None
    assert wire.decode(b'{"type":"goodbye","data":{"reason":"x","retry":1,"more":2},"more":3}') == Goodbye(
        reason="x", retry=1
    )


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"type":"ticker","data":{}}', b'"\xff"', b"[" * 100_000])
def test_what_is_not_a_message_is_named_so(text: bytes) -> None:
    with pytest.raises(wire.MalformedMessage):
        wire.decode(text)


def test_every_message_has_a_name_of_its_own() -> None:
    assert set(wire.TYPES) == set(get_args(Message))
    assert len(set(wire.TYPES.values())) == len(wire.TYPES)
