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


def an_answer(*rows: Any, code: object = 0, success: bool = True) -> bytes:
    return json.dumps({"data": {"symbols": rows}, "success": success, "message": None, "code": code}).encode()


def test_instruments_are_read_under_our_symbols() -> None:
    instruments, malformed = read_exchangeinfo(an_answer(ROW))

    assert malformed == []
    assert instruments == {
        "BTC_TRY": Instrument(
            symbol="BTC_TRY", base="BTC", quote="TRY", venue_symbol="BTCTRY", venue_id="1", status="TRADING",
            price_scale=0, size_scale=8,
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        {"name": "ETHTRY"},
        ROW | {"name": None},
        ROW | {"numeratorScale": "eight"},
        ROW | {"id": 1.5},
        "ETHTRY",
        None,
        [],
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_costs_itself(row: Any) -> None:
    instruments, malformed = read_exchangeinfo(an_answer(row, ROW))

    assert set(instruments) == {"BTC_TRY"}
    assert len(malformed) == 1


def test_success_is_what_the_venue_says_not_its_code() -> None:
    """The code is a number on some answers and a word on others."""
    assert set(read_exchangeinfo(an_answer(ROW, code="SUCCESS"))[0]) == {"BTC_TRY"}


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


def carrying(*selected: str, listed: str = "BTC_TRY ETH_TRY BTC_USDT") -> Directory:
    directory = Directory(selected)
    directory.load(listing(listed))
    return directory


def listing(symbols: str) -> dict[str, Instrument]:
    return {symbol: an_instrument(symbol) for symbol in symbols.split()}


@pytest.mark.parametrize(
    ("selected", "carried"),
    [
        (["BTC_TRY"], {"BTC_TRY"}),
        (["*_TRY"], {"BTC_TRY", "ETH_TRY"}),
        (["*_TRY", "BTC_USDT"], {"BTC_TRY", "ETH_TRY", "BTC_USDT"}),
        (["*"], {"BTC_TRY", "ETH_TRY", "BTC_USDT"}),
        (["*_EUR"], set()),
    ],
)
def test_symbols_are_chosen_by_name_by_quote_or_all(selected: list[str], carried: set[str]) -> None:
    directory = carrying(*selected)

    assert set(directory.instruments) == carried
    assert {item.symbol for item in directory.pairs.values()} == carried
    assert set(directory.pairs) == {symbol.replace("_", "") for symbol in carried}


def test_named_symbols_that_the_venue_does_not_list_are_named_and_not_carried() -> None:
    """The venue acknowledges a join of anything: what would stay silent for ever is not offered to readers."""
    directory = Directory(["BTC_TRY", "NOPE_TRY", "*_USDT"])

    assert directory.load(listing("BTC_TRY ETH_TRY")) == ["NOPE_TRY"]
    assert set(directory.instruments) == {"BTC_TRY"}


def test_a_list_that_says_the_same_again_changes_nothing() -> None:
    """A reader sees that it is new by its being another one."""
    directory = carrying("*")
    before, changes = directory.instruments, []
    directory.changed = lambda: changes.append(1)

    directory.load(listing("BTC_TRY ETH_TRY BTC_USDT"))

    assert directory.instruments is before
    assert changes == []


def test_a_listing_appears_and_is_told() -> None:
    directory = carrying("*_TRY")
    changes: list[set[str]] = []
    directory.changed = lambda: changes.append(set(directory.pairs))

    directory.load(listing("BTC_TRY ETH_TRY NEW_TRY NEW_USDT"))

    assert changes == [{"BTCTRY", "ETHTRY", "NEWTRY"}]


def test_a_delisting_is_believed_when_it_is_said_twice() -> None:
    """One answer that the venue cut short must not end a subscription."""
    directory = carrying("*")
    directory.load(listing("BTC_TRY"))
    assert set(directory.instruments) == {"BTC_TRY", "ETH_TRY", "BTC_USDT"}

    directory.load(listing("BTC_TRY ETH_TRY"))

    assert set(directory.instruments) == {"BTC_TRY", "ETH_TRY"}


def test_a_list_with_rows_that_cannot_be_read_ends_nothing_however_often_it_comes() -> None:
    """Which pairs they are of is not known. A whole list says once what it lacks, and then again."""
    directory = carrying("*")
    for _ in range(3):
        assert directory.load(listing("BTC_TRY"), whole=False) == []
    assert set(directory.instruments) == {"BTC_TRY", "ETH_TRY", "BTC_USDT"}

    directory.load(listing("BTC_TRY BTC_USDT"))
    directory.load(listing("BTC_TRY"), whole=False)
    assert set(directory.instruments) == {"BTC_TRY", "ETH_TRY", "BTC_USDT"}

    directory.load(listing("BTC_TRY BTC_USDT"))
    assert set(directory.instruments) == {"BTC_TRY", "BTC_USDT"}


def test_a_named_symbol_is_not_said_to_be_unlisted_by_a_list_that_could_not_be_read_whole() -> None:
    directory = Directory(["ETH_TRY"])

    assert directory.load(listing("BTC_TRY"), whole=False) == []
    assert directory.load(listing("BTC_TRY")) == ["ETH_TRY"]


def test_without_the_venues_list_named_symbols_are_believed_and_patterns_wait() -> None:
    directory = Directory(["BTC_TRY", "*_USDT"])
    directory.assume()
    assert directory.pairs == {"BTCTRY": Instrument(symbol="BTC_TRY", base="BTC", quote="TRY", venue_symbol="BTCTRY")}

    directory.load(listing("BTC_TRY BTC_USDT"))
    directory.assume()

    assert set(directory.instruments) == {"BTC_TRY", "BTC_USDT"}
