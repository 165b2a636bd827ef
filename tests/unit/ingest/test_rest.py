"""What the venue's REST says: tickers as exact as the feed's, and refusals by name."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_btcturk import rest
from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_ingest_btcturk.received import Tickers
from spark_ingest_btcturk.tickers import REST
from spark_market.instruments import Mode
from spark_market.messages import Ticker
from support.examples import NOON
from support.frames import instruments, ticker_frame

ROW = (
    b'{"pair":"BTCTRY","pairNormalized":"BTC_TRY","timestamp":1787525058187,"last":3713440,"high":3733751.00,'
    b'"low":3617080,"bid":3712281,"ask":3715990,"open":3686279,"volume":27.81911200,"average":3688109,"daily":29711,'
    b'"dailyPercent":0.74,"denominatorSymbol":"TRY","numeratorSymbol":"BTC","order":1000}'
)


def answer(*rows: bytes) -> bytes:
    return b'{"data":[' + b",".join(rows) + b'],"success":true,"message":null,"code":0}'


def a_protocol() -> BtcTurkProtocol:
    return BtcTurkProtocol(Mode.REAL, instruments("BTC_TRY", "ETH_TRY"))


def test_a_ticker_over_rest_is_exact_has_a_time_and_no_sizes() -> None:
    """Its figures are JSON numbers: they must not become floats on the way."""
    assert a_protocol().read_rest_tickers(answer(ROW), NOON) == Tickers(
        REST,
        ("BTC_TRY",),
        (
            Ticker(
                venue="btcturk", symbol="BTC_TRY", mode=Mode.REAL, price=Decimal(3713440), bid=Decimal(3712281),
                ask=Decimal(3715990), open=Decimal(3686279), high=Decimal(3733751), low=Decimal(3617080),
                volume=Decimal("27.819112"), vwap=Decimal(3688109), change=Decimal(27161), change_pct=Decimal("0.74"),
                venue_time=1787525058187, received_at=NOON,
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "price"),
    [(b"1E-7", "0.0000001"), (b"0.00001230", "0.0000123"), (b"123456789012345.123456789012345678",) * 2],
)
def test_numbers_are_the_text_that_they_were_written_with(text: bytes, price: bytes | str) -> None:
    expected = price.decode() if isinstance(price, bytes) else price

    [ticker] = a_protocol().read_rest_tickers(answer(ROW.replace(b"3713440", text)), NOON).changed

    assert ticker.price is not None
    assert format(ticker.price, "f") == expected


def test_a_repeat_is_no_tick_though_its_time_has_moved() -> None:
    protocol = a_protocol()
    protocol.read_rest_tickers(answer(ROW), NOON)

    again = protocol.read_rest_tickers(answer(ROW.replace(b"1787525058187", b"1787525060000")), NOON)

    assert again == Tickers(REST, ("BTC_TRY",), ())


def test_the_feed_and_rest_tell_different_things() -> None:
    """REST has no sizes and rounds the average: what one has told is no repeat of the other."""
    protocol = a_protocol()
    feed: Any = protocol.receive(ticker_frame(), NOON).said
    over_rest = protocol.read_rest_tickers(answer(ROW), NOON)

    assert (len(feed.changed), len(over_rest.changed)) == (1, 1)
    assert over_rest.changed[0].bid_size is None
    assert feed.changed[0].venue_time is None
    assert protocol.read_rest_tickers(answer(ROW), NOON).changed == ()


@pytest.mark.parametrize(
    "row",
    [
        b"null", b"7", b"{}", ROW.replace(b"3713440", b"-1"), ROW.replace(b"1787525058187", b"1787525058"),
        ROW.replace(b'"BTC"', b'"ETH"'), ROW.replace(b"3713440", b"1e99"), ROW.replace(b"1787525058187", b"null"),
    ],
)  # fmt: skip
def test_a_bad_row_costs_itself(row: bytes) -> None:
    said = a_protocol().read_rest_tickers(answer(row, ROW), NOON)

    assert (said.heard, len(said.changed), len(said.malformed)) == (("BTC_TRY",), 1, 1)


def test_a_pair_that_is_not_wanted_is_named() -> None:
    said = BtcTurkProtocol(Mode.REAL, {}).read_rest_tickers(answer(ROW), NOON)

    assert (said.heard, said.changed, said.unlisted) == ((), (), ("BTCTRY",))


def test_no_tickers_are_an_answer() -> None:
    """So the venue answers for a pair that it does not know."""
    assert a_protocol().read_rest_tickers(answer(), NOON) == Tickers(REST, (), ())


def test_trades_are_oldest_first_and_their_side_is_the_venues_word() -> None:
    rows = [
        b'{"pair":"BTCTRY","date":1787524940009,"tid":"100163842129189737","price":"3705781","amount":"0.00134776",'
        b'"side":"buy"}',
        b'{"pair":"BTCTRY","date":1787524940009,"tid":"100163842129189732","price":"3708000","amount":"0.00269390"}',
    ]

    assert rest.read_trades(answer(*rows)) == [
        rest.Trade(
            "BTCTRY", "100163842129189732", 100163842129189732, Decimal(3708000), Decimal("0.0026939"), None,
            1787524940009,
        ),
        rest.Trade(
            "BTCTRY", "100163842129189737", 100163842129189737, Decimal(3705781), Decimal("0.00134776"), "buy",
            1787524940009,
        ),
    ]  # fmt: skip


def test_an_order_book_is_exact_and_its_time_may_have_a_fraction() -> None:
    body = b'{"data":{"timestamp":1568899482709.0,"bids":[["5.74","4788.5979"]],"asks":[["5.76","1802.156328839724"]]},'

    assert rest.read_book(body + b'"success":true,"message":null,"code":"SUCCESS"}') == rest.Book(
        1568899482709,
        ((Decimal("5.74"), Decimal("4788.5979")),),
        ((Decimal("5.76"), Decimal("1802.156328839724")),),
    )


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (b'{"success":false,"message":"Pair NOPEUSDT does not exists.","code":1037}', "Pair NOPEUSDT does not exists.",
         "1037"),
        (b'{"data":null,"success":false,"message":"SYSTEM_ERROR","code":1000,"extensions":null}', "SYSTEM_ERROR",
         "1000"),
        (b'{"success":false,"message":null,"code":"FAILED"}', "", "FAILED"),
    ],
)  # fmt: skip
def test_a_refusal_says_why(body: bytes, message: str, code: str) -> None:
    """It may come with HTTP 200: only ``success`` tells."""
    for read in (a_protocol().read_rest_tickers, lambda body, _: rest.read_trades(body)):
        with pytest.raises(rest.Refused) as caught:
            read(body, NOON)
        assert (caught.value.message, caught.value.code) == (message, code)
        assert message in str(caught.value)


NOT_ANSWERS = [
    b"", b"<html>503 Service Unavailable</html>", b"[]", b"null", b"{}", b'{"data":[]}', b'{"success":"maybe"}',
    b'{"success":true}', b'{"success":true,"data":null}', b'{"success":true,"data":{}}', b"[" * 100_000, b"\xff",
    b'{"success":true,"data":7}', b'{"success":true,"data":NaN}', b'{"data":[],"success":true',
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_ANSWERS, ids=lambda body: str(body[:30]))
def test_what_is_no_answer_is_named_so(body: bytes) -> None:
    """In an outage the venue answers with pages."""
    for read in (
        a_protocol().read_rest_tickers,
        lambda body, _: rest.read_trades(body),
        lambda b, _: rest.read_book(b),
    ):
        with pytest.raises(rest.MalformedAnswer):
            read(body, NOON)


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":true,"data":[{"pair":"BTCTRY","date":1,"tid":"1","price":"1","amount":"1"}]}',
        b'{"success":true,"data":[{"pair":"BTCTRY","date":1787524940009,"tid":"x","price":"1","amount":"1"}]}',
    ],
)
def test_a_bad_trade_costs_the_answer(body: bytes) -> None:
    with pytest.raises(rest.MalformedAnswer):
        rest.read_trades(body)


@pytest.mark.parametrize("level", [b'["1"]', b'["1","0"]', b'["x","1"]', b"{}", b'["-1","1"]', b'["1","2","3"]'])
def test_a_bad_level_costs_the_answer(level: bytes) -> None:
    with pytest.raises(rest.MalformedAnswer):
        rest.read_book(b'{"success":true,"data":{"timestamp":1568899482709,"asks":[' + level + b"]}}")


@given(st.binary(max_size=200), st.integers(min_value=0), st.binary(max_size=4))
def test_anything_is_an_answer_or_a_malformed_one(body: bytes, at: int, noise: bytes) -> None:
    whole = answer(ROW)
    at %= len(whole)
    protocol = a_protocol()
    for each in (body, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            said = protocol.read_rest_tickers(each, NOON)
        except rest.MalformedAnswer:
            continue
        assert json.loads(each)
        assert said.event == REST
