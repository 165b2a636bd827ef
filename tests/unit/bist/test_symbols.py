"""Symbols: one spelling everywhere outside, Yahoo's at its door."""

import pytest

from spark_ingest_bist.symbols import from_yahoo, is_index, symbol_of, to_yahoo


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("THYAO", "THYAO"), (" thyao\n", "THYAO"), ("isctr", "ISCTR"), ("İSCTR", "ISCTR"), ("ıSCTR", "ISCTR"),
        ("siSe", "SISE"), ("xu100", "XU100"), ("a1cap", "A1CAP"),
    ],
)  # fmt: skip
def test_a_symbol_is_in_capitals_without_any_locale(text: str, symbol: str) -> None:
    """In a Turkish locale the capital of i is İ, and no market knows İSCTR."""
    assert symbol_of(text) == symbol
    assert from_yahoo(to_yahoo(symbol)) == symbol


@pytest.mark.parametrize(
    "text",
    ["", " T", "THYAO.IS", "THYAO.E", "BIST:THYAO", "F_THYAO0426", "ŞİŞE", "straße", "THY AO", "*", "١٢٣", 13 * "A"],
)  # fmt: skip
def test_what_is_no_symbol_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no symbol"):
        symbol_of(text)


@pytest.mark.parametrize(
    "spelling", ["THYAO", "AAPL", ".IS", "THYAO.E", "THYAO.ISX", "TH YAO.IS", "THYAO.İS", "EURUSD=X"]
)
def test_spellings_of_other_markets_are_none_of_ours(spelling: str) -> None:
    assert from_yahoo(spelling) is None


def test_yahoos_spelling_may_come_in_small_letters() -> None:
    assert from_yahoo("thyao.is") == "THYAO"


def test_an_index_is_known_by_its_spelling() -> None:
    assert [symbol for symbol in ("XU100", "XBANK", "THYAO", "XU1000") if is_index(symbol)] == ["XU100", "XBANK"]
