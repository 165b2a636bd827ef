"""Exact decimals: a wrong digit here is a wrong price everywhere."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_market.numbers import canonical, change_percent

finite = st.decimals(
    min_value=Decimal("-999999999999999"), max_value=Decimal("999999999999999"), places=12, allow_nan=False
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (b"3779950", "3779950"),
        (b"586950.0000000000", "586950"),
        (b"86078.604090120000", "86078.60409012"),
        (b"100.6170", "100.617"),
        (b"0.00", "0"),
        (b"-0.173", "-0.173"),
        (b"1.5e-7", "0.00000015"),
        (b"4.5E3", "4500"),
        (b"0.400047254781", "0.400047254781"),
    ],
)
def test_a_number_keeps_its_value_and_loses_its_padding(text: bytes, written: str) -> None:
    assert format(canonical(text), "f") == written


@pytest.mark.parametrize(
    "text",
    [
        b"", b"NaN", b"Infinity", b"-Infinity", b"1_000", "١٢".encode(), b"1e99", b"1e999999999", b"1000000000000000",
        b"0.0000000000000000001", b"1,5", b" 1", b"1 ", b"+1", b".5", b"5.", b"0x10", b"--1", b"1e-40",
    ],
)  # fmt: skip
def test_what_is_not_a_plain_number_in_a_sane_range_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        canonical(text)


@given(finite)
def test_every_number_in_range_survives_unchanged(number: Decimal) -> None:
    assert canonical(format(number, "f").encode()) == number


@given(st.binary(max_size=60))
def test_any_bytes_are_a_number_or_a_value_error(text: bytes) -> None:
    try:
        number = canonical(text)
    except ValueError:
        return
    assert number.is_finite()
    assert abs(number) < Decimal("1e15")


@pytest.mark.parametrize(
    ("price", "reference", "percent"),
    [("3780291", "3794559", "-0.38"), ("86766", "85459", "1.53"), ("100.005", "100", "0.01"), ("1", "3", "-66.67")],
)
def test_change_in_percent_is_rounded_half_up_to_two_decimals(price: str, reference: str, percent: str) -> None:
    assert change_percent(Decimal(price), Decimal(reference)) == Decimal(percent)


def test_there_is_no_change_without_a_reference() -> None:
    assert change_percent(Decimal(1), Decimal(0)) is None
