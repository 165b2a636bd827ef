"""Whatever comes over the socket says something or is a malformed frame; nothing else ever leaves the protocol."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_btcturk.protocol import BtcTurkProtocol
from spark_market import wire
from spark_market.instruments import Mode
from support.examples import NOON
from support.frames import (
    difference_frame,
    encoded,
    instruments,
    of_every_kind,
    ticker_frame,
    trade_frame,
    trade_row,
)
from support.hostile import VALUES, places
from support.sane import receive_or_refuse

FRAMES = of_every_kind()
KEYS = sorted(
    {"PS", "symbol", "items", "event", "channel", "type", "ok", "message", "CS", "AO", "BO", "CP", "A", "P", "D", "I"}
    | set(json.loads(ticker_frame())[1])
)

_scalar = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(VALUES)
)  # fmt: skip
_json = st.recursive(
    _scalar,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.sampled_from(KEYS), children, max_size=6),
    max_leaves=16,
)
_kinds = st.sampled_from([100, 401, 402, 421, 422, 431, 432, 451, 991, 999])


@given(st.binary(max_size=200))
def test_any_bytes(frame: bytes) -> None:
    receive_or_refuse(frame)


@given(_kinds, _json)
def test_any_body_of_any_type(kind: int, body: Any) -> None:
    receive_or_refuse(_written([kind, body]))


@given(st.sampled_from(FRAMES), st.sampled_from(KEYS), _json)
def test_a_real_frame_with_anything_at_one_key(frame: bytes, key: str, value: Any) -> None:
    kind, body = json.loads(frame)

    receive_or_refuse(_written([kind, {**body, key: value}]))


@given(st.sampled_from(FRAMES), st.data())
def test_a_real_frame_with_a_hostile_value_anywhere_within(frame: bytes, data: st.DataObject) -> None:
    parsed = json.loads(frame)
    holder, key = data.draw(st.sampled_from(list(places(parsed))))
    holder[key] = data.draw(_scalar)

    receive_or_refuse(_written(parsed))


@given(st.sampled_from(FRAMES), st.binary(max_size=4), st.integers(min_value=0), st.integers(min_value=0, max_value=40))
def test_a_real_frame_with_bytes_overwritten_or_cut_out(frame: bytes, noise: bytes, at: int, gone: int) -> None:
    at %= len(frame)

    receive_or_refuse(frame[:at] + noise + frame[at + gone :])


@given(st.sampled_from(FRAMES), st.sampled_from(FRAMES), st.integers(min_value=0), st.integers(min_value=0))
def test_two_real_frames_run_into_one_another(first: bytes, second: bytes, cut: int, from_: int) -> None:
    receive_or_refuse(first[: cut % len(first)] + second[from_ % len(second) :])


_amounts = st.builds(
    lambda whole, fraction, padding: f"{whole}.{fraction}{'0' * padding}" if fraction else str(whole),
    st.integers(min_value=1, max_value=10**15 - 1),
    st.text("0123456789", max_size=18),
    st.integers(min_value=0, max_value=4),
)


@given(_amounts, _amounts)
def test_every_number_is_the_one_in_the_text(price: str, size: str) -> None:
    """Read back from the bytes that go on the bus, too."""
    protocol = BtcTurkProtocol(Mode.MOCK, instruments("BTC_TRY"))
    said: Any = protocol.receive(ticker_frame(LA=price, BA=size), NOON).said
    trade: Any = protocol.receive(trade_frame(P=price, A=size), NOON).said
    book: Any = protocol.receive(difference_frame(AO=[{"CP": 0, "P": price, "A": size}], BO=[]), NOON).said
    [ticker] = said.changed
    data = json.loads(wire.encode(ticker), parse_float=Decimal, parse_int=Decimal)["data"]

    expected = Decimal(price), Decimal(size)
    assert (ticker.price, ticker.bid_size) == expected
    assert (data["price"], data["bidSize"]) == expected
    assert (trade.row.price, trade.row.size) == expected
    assert book.asks[0][1:] == expected


@given(st.lists(st.integers(min_value=0, max_value=10**6), unique=True, max_size=50))
def test_a_list_of_trades_in_any_order_is_told_oldest_first(numbers: list[int]) -> None:
    body = {"symbol": "BTCTRY", "items": [trade_row(number) for number in numbers], "event": "BTCTRY"}

    said: Any = BtcTurkProtocol(Mode.MOCK, {}).receive(encoded(421, body), NOON).said

    assert [row.number for row in said.rows] == sorted(100_163_842_129_190_000 + number for number in numbers)


def _written(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")
