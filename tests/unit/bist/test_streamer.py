"""Yahoo's streamer: what its frames say, and by which name each bad one is known."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_bist.pricing_data import decode
from spark_ingest_bist.quotes import Answer, MalformedAnswer, Quote
from spark_ingest_bist.sources import PushProtocol
from spark_ingest_bist.streamer import StreamerProtocol
from support.examples import NOON
from support.sane_quotes import ERRORS, check_quote
from support.streamer import TIME_MS, field, frame, pricing, varint

THYAO = Quote(
    symbol="THYAO", price=Decimal("304.25"), venue_time=TIME_MS, volume=Decimal(1234567), change_pct=Decimal("1.25")
)


def receive(data: bytes, *symbols: str) -> Answer:
    protocol: PushProtocol = StreamerProtocol()
    protocol.opening(symbols or ("THYAO", "GARAN", "XU100"))
    return protocol.receive(data, NOON)


def quote(**changes: Any) -> Quote:
    answer = receive(frame(pricing(**changes)))
    assert (answer.malformed, answer.ignored) == ((), 0)
    [only] = answer.quotes
    return only


def test_it_asks_for_100_symbols_at_most() -> None:
    """The venue drops any more without a word."""
    protocol = StreamerProtocol()
    assert protocol.opening(["THYAO", "XU100"]) == ['{"subscribe":["THYAO.IS","XU100.IS"]}']
    assert protocol.keepalive() == (60.0, '{"subscribe":["THYAO.IS","XU100.IS"]}')
    for symbols in ([], ["THYAO"] * 101):
        with pytest.raises(ValueError, match="1 to 100 symbols"):
            protocol.opening(symbols)


def test_a_frame_is_one_symbols_state() -> None:
    assert receive(frame(pricing())) == Answer(quotes=(THYAO,))


def test_prices_lose_the_noise_of_32_bits() -> None:
    found = quote(
        price=114.3, day_high=306.2, day_low=0.01, previous_close=2502.5, open_price=19.99, bid=114.2, ask=114.4
    )
    assert [
        str(each)
        for each in (found.price, found.high, found.low, found.previous_close, found.open, found.bid, found.ask)
    ] == ["114.3", "306.2", "0.01", "2502.5", "19.99", "114.2", "114.4"]
    assert quote(change_percent=-0.61).change_pct == Decimal("-0.61")


def test_an_index_has_two_decimals() -> None:
    assert quote(id="XU100.IS", quote_type=9, price=14516.32).price == Decimal("14516.32")
    assert quote(id="XU100.IS", quote_type=None, price=14516.32).price == Decimal("14516.32")


def test_what_is_not_sent_is_not_told() -> None:
    assert quote(day_volume=None, change_percent=None, change=None, price_hint=None, quote_type=None) == Quote(
        symbol="THYAO", price=Decimal("304.25"), venue_time=TIME_MS
    )
    assert quote(day_high=0, change_percent=float("nan")).high is None


@pytest.mark.parametrize(
    "data",
    [
        frame(pricing(id="AAPL", exchange="NMS")), frame(pricing(id="ASELS.IS")), frame(pricing(id=None)), frame(b""),
        b'{"type":"heartbeat"}', b'{"type":7,"message":"x"}',
    ],
)  # fmt: skip
def test_what_is_none_of_ours_is_ignored(data: bytes) -> None:
    assert receive(data) == Answer(ignored=1)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"price": None}, "no_price"), ({"price": 0}, "no_price"), ({"price": -1}, "bad_number"),
        ({"price": float("nan")}, "bad_number"), ({"price": float("inf")}, "bad_number"),
        ({"price": 2e9}, "bad_number"),
        ({"day_low": -1}, "bad_number"), ({"previous_close": float("nan")}, "bad_number"),
        ({"bid": 1e-3}, "bad_number"),
        ({"day_volume": -1}, "bad_number"), ({"day_volume": 10**15}, "bad_number"), ({"time": None}, "bad_time"),
        ({"time": 0}, "bad_time"), ({"time": TIME_MS // 1000}, "bad_time"), ({"time": -TIME_MS}, "bad_time"),
        ({"exchange": "NMS"}, "wrong_market"), ({"exchange": None}, "wrong_market"),
        ({"currency": "USD"}, "wrong_market"),
    ],
)  # fmt: skip
def test_a_bad_state_has_a_name_and_says_nothing_else(changes: dict[str, Any], name: str) -> None:
    answer = receive(frame(pricing(**changes)))
    assert (answer.quotes, answer.ignored) == ((), 0)
    assert [(bad.error, bad.symbol) for bad in answer.malformed] == [(name, "THYAO")]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "not_json"), (b"\xff", "not_json"), (b'{"type":"pricing"', "not_json"), (b"[" * 100_000, "not_json"),
        (b"<html>", "html"), (b"[]", "shape"), (b"null", "shape"), (b"{}", "shape"), (b'{"type":"pricing"}', "shape"),
        (b'{"type":"pricing","message":7}', "shape"), (b'{"type":"pricing","message":"\xc3\xbc"}', "shape"),
        (b'{"type":"pricing","message":"CghU"}', "shape"), (frame(pricing()[:-1] + b"\xff"), "shape"),
        (frame(pricing() + varint(40 << 3 | 3)), "shape"), (frame(field(1, "text", b"\xff")), "shape"),
        (frame(b"\x18" + b"\xff" * 11), "shape"), (frame(b"\x12\xff\xff\xff\xff\x0f"), "shape"),
    ],
)  # fmt: skip
def test_a_frame_that_is_none_has_a_name(data: bytes, name: str) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        receive(data)
    assert caught.value.error == name


def test_fields_that_are_not_known_are_skipped() -> None:
    """New ones may come, and known ones in another form, which protobuf's rules make another field."""
    more = field(60, "text", b"\xff\xfe") + field(61, "float", 1.5) + field(62, "enum", 7)
    more += varint(63 << 3 | 1) + b"\x00" * 8 + field(13, "float", 1.5) + field(23, "text", "x")
    assert receive(frame(pricing() + more)) == Answer(quotes=(THYAO,))


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_whole_number_is_zig_zag_coded(number: int) -> None:
    assert decode(field(3, "signed", number)) == {"time": number}


@given(st.binary(max_size=120))
def test_any_message(body: bytes) -> None:
    check(frame(body))


@given(st.binary(max_size=12), st.integers(min_value=0), st.integers(min_value=0, max_value=12))
def test_a_real_message_with_bytes_overwritten_or_cut_out(noise: bytes, at: int, gone: int) -> None:
    body = pricing()
    at %= len(body)
    check(frame(body[:at] + noise + body[at + gone :]))


@given(st.floats(width=32), st.integers(min_value=-(2**63), max_value=2**63 - 1), st.floats(width=32))
def test_any_figures(price: float, whole: int, other: float) -> None:
    check(frame(pricing(price=price, day_volume=whole, price_hint=whole, bid=other, change_percent=other)))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists) | st.dictionaries(
    st.sampled_from(["type", "message"]), st.none() | st.sampled_from(["pricing"]) | st.text(max_size=20)
))  # fmt: skip
def test_any_json(value: Any) -> None:
    check(json.dumps(value).encode())


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    check(data)


def check(data: bytes) -> None:
    error: str | None = None
    try:
        answer = receive(data)
    except MalformedAnswer as exc:
        error = exc.error
    else:
        assert len(answer.quotes) + len(answer.malformed) + answer.ignored == 1
        assert {bad.error for bad in answer.malformed} <= ERRORS
        for each in answer.quotes:
            check_quote(each)
    assert error is None or error in ERRORS
