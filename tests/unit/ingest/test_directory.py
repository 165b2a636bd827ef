"""The venue's list of instruments, and what the feed adds to it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_ingest_btcturk.directory import Directory, MalformedDirectory, read_exchangeinfo
from spark_market.instruments import Instrument
from support.examples import an_instrument

ROW: dict[str, Any] = {
    "id": 1, "name": "BTCTRY", "nameNormalized": "BTC_TRY", "status": "TRADING", "numerator": "BTC",
    "denominator": "TRY", "numeratorScale": 8, "denominatorScale": 0, "hasFraction": False, "filters": [],
}  # fmt: skip


def an_answer(*rows: dict[str, Any], code: object = 0, success: bool = True) -> bytes:
    return json.dumps({"data": {"symbols": rows}, "success": success, "message": None, "code": code}).encode()


def test_instruments_are_read_under_our_symbols() -> None:
    assert read_exchangeinfo(an_answer(ROW)) == {
        "BTC_TRY": Instrument(
            symbol="BTC_TRY", base="BTC", quote="TRY", venue_symbol="BTCTRY", price_scale=0, size_scale=8
        )
    }


def test_success_is_what_the_venue_says_not_its_code() -> None:
    """The code is a number on some answers and a word on others."""
    assert set(read_exchangeinfo(an_answer(ROW, code="SUCCESS"))) == {"BTC_TRY"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"{}",
        b'{"success":false,"message":"busy","data":null}', b'{"success":true,"data":null}',
        b'{"success":true,"data":{"symbols":[{"name":"BTCTRY"}]}}', b"[" * 100_000, b"\xff", an_answer(success=False),
        b'{"success":true,"data":{"symbols":[' + b"[" * 50_000,
    ],
    ids=lambda body: str(body[:30]),
)  # fmt: skip
def test_an_answer_that_is_no_directory_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDirectory):
        read_exchangeinfo(body)


@given(st.binary(max_size=200))
def test_any_answer_is_a_directory_or_malformed(body: bytes) -> None:
    try:
        read_exchangeinfo(body)
    except MalformedDirectory:
        return


def test_what_the_feed_speaks_of_is_added_and_makes_a_new_mapping() -> None:
    """A reader sees that it is new by its being another one."""
    directory = Directory("*")
    before = directory.instruments

    directory.meet(an_instrument("NEW_TRY"))
    after = directory.instruments
    directory.meet(an_instrument("NEW_TRY"))

    assert before == {}
    assert after == {"NEW_TRY": an_instrument("NEW_TRY")}
    assert directory.instruments is after


def test_the_venues_list_keeps_what_only_the_feed_has_shown() -> None:
    directory = Directory("*")
    directory.meet(an_instrument("NEW_TRY"))
    directory.load({"BTC_TRY": an_instrument()})

    assert set(directory.instruments) == {"NEW_TRY", "BTC_TRY"}


def test_only_the_chosen_symbols_are_carried_and_those_not_listed_are_named() -> None:
    """A symbol that would stay silent for ever is not offered to readers."""
    directory = Directory(["BTC_TRY", "NOPE_TRY"])

    unlisted = directory.load({symbol: an_instrument(symbol) for symbol in ("BTC_TRY", "ETH_TRY")})

    assert set(directory.instruments) == {"BTC_TRY"}
    assert unlisted == ["NOPE_TRY"]
