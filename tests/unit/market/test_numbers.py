"""Exact decimals: a wrong digit here is a wrong price everywhere."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_market.numbers import all_canonical, canonical, change, unpadded

finite = st.decimals(
    min_value=Decimal("-999999999999999"), max_value=Decimal("999999999999999"), places=12, allow_nan=False
)
amounts = st.builds(
    lambda digits, places: canonical(format(Decimal(digits).scaleb(-places), "f")),
    st.integers(min_value=0, max_value=10**15 - 1),
    st.integers(min_value=0, max_value=18),
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("3779950", "3779950"), ("586950.0000000000", "586950"), ("86078.604090120000", "86078.60409012"),
        ("100.6170", "100.617"), ("0.00", "0"), ("-0.173", "-0.173"), ("1.5e-7", "0.00000015"), ("4.5E3", "4500"),
        ("0.400047254781", "0.400047254781"), ("3779900", "3779900"), ("0", "0"), ("-0", "0"), ("-0.0", "0"),
        ("007", "7"), ("00.50", "0.5"), ("1.50e1", "15"), ("1e2", "100"), ("10.0", "10"),
        ("999999999999999.999999999999999999", "999999999999999.999999999999999999"),
        ("0.000000000000000001", "0.000000000000000001"), ("0.10000000000000000000000", "0.1"),
    ],
)  # fmt: skip
def test_a_number_keeps_its_value_and_loses_its_padding(text: str, written: str) -> None:
    number = canonical(text)

    assert format(number, "f") == written
    assert number.as_tuple() == Decimal(written).as_tuple()  # one form for one value
    assert all_canonical(["1", text]) in ([Decimal(1), number], None)


NOT_NUMBERS = [
    "", "NaN", "sNaN", "Infinity", "-Infinity", "1_000", "١٢", "1e99", "1e999999999", "1000000000000000",
    "0.0000000000000000001", "1,5", " 1", "1 ", "+1", ".5", "5.", "0x10", "--1", "1e-40", "1\n", "5..0", ".0", ".",
    "-", "1.2.3", "1e", "1234567890123450.0", "9" * 400, ",", "1,", "\ud800", "1\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_not_a_plain_number_in_a_sane_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        canonical(text)
    assert all_canonical(["1", text, "2"]) is None


@given(finite)
def test_every_number_in_range_survives_unchanged(number: Decimal) -> None:
    assert canonical(format(number, "f")) == number


@given(st.lists(st.from_regex(r"[0-9]{1,16}(\.[0-9]{1,19})?|-?[0-9.,]{0,4}", fullmatch=True), min_size=1))
def test_several_at_once_are_canonical_or_none(texts: list[str]) -> None:
    """If they are numbers, they are those, digit by digit; that all plain ones are taken shows below."""
    numbers = all_canonical(texts)

    assert numbers is None or repr(numbers) == repr([canonical(text) for text in texts])


@given(st.lists(finite.map(abs).map("{:f}".format).map(unpadded), min_size=1))
def test_several_that_are_canonical_are_taken_at_once(texts: list[str]) -> None:
    assert repr(all_canonical(texts)) == repr([canonical(text) for text in texts])


@given(st.text(max_size=60) | st.text("0123456789.-+eE_ ,", max_size=40))
def test_any_text_is_a_canonical_number_or_a_value_error(text: str) -> None:
    try:
        number = canonical(text)
    except ValueError:
        return
    assert abs(number) < Decimal("1e15")
    assert Decimal(text) == number
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    assert -18 <= exponent <= 0
    assert exponent == 0 or digits[-1] != 0


@pytest.mark.parametrize(
    ("price", "reference", "difference", "percent"),
    [
        ("3780291", "3794559", "-14268", "-0.38"), ("86766", "85459", "1307", "1.53"),
        ("100.005", "100", "0.005", "0.01"), ("99.995", "100", "-0.005", "-0.01"), ("100.004", "100", "0.004", "0"),
        ("99.996", "100", "-0.004", "0"), ("1", "3", "-2", "-66.67"), ("110", "10", "100", "1000"),
        ("1.5", "0.5", "1", "200"), ("7", "7", "0", "0"),
        # Just below a tie, by a digit that 28 of them do not show.
        ("100.004999999999999999", "100", "0.004999999999999999", "0"),
    ],
)  # fmt: skip
def test_a_change_is_exact_and_its_percentage_rounded_half_up(
    price: str, reference: str, difference: str, percent: str
) -> None:
    assert [str(number) for number in change(canonical(price), canonical(reference))] == [difference, percent]


@given(amounts, amounts)
def test_any_change_is_exact(price: Decimal, reference: Decimal) -> None:
    difference, percent = change(price, reference)

    if not reference:
        assert (difference, percent) == (None, None)
        return
    assert difference is not None
    assert Fraction(difference) == Fraction(price) - Fraction(reference)
    exactly = (Fraction(price) - Fraction(reference)) / Fraction(reference) * 100
    if percent is None:
        assert exactly > 10**14
        return
    off = Fraction(percent) - exactly
    assert abs(off) <= Fraction(1, 200)
    assert abs(off) < Fraction(1, 200) or (off > 0) == (exactly > 0)  # a tie goes away from zero


def test_there_is_no_change_without_a_price_or_a_reference() -> None:
    assert change(Decimal(1), Decimal(0)) == (None, None)
    assert change(Decimal(1), None) == (None, None)
    assert change(None, Decimal(1)) == (None, None)


def test_a_percentage_too_large_for_a_number_is_left_out() -> None:
    difference, percent = change(canonical("123456789012345.000000000000000001"), Decimal("0.000000000000000001"))

    assert (difference, percent) == (Decimal("123456789012345"), None)
